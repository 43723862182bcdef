#ifndef COMMON_FDBAG_H
#define COMMON_FDBAG_H

#include <stddef.h>

struct addr;

/*
 * Sockets that came from another process. Nothing but what the kernel says of
 * one tells which it is, so that their order does not matter.
 */
struct fdbag {
	int *fds; /* -1: taken */
	size_t n;
};

/* Take over `n` descriptors, which are closed where it fails. 0 or -ENOMEM. */
int fdbag_add(struct fdbag *b, const int *fds, size_t n);

/*
 * The socket of this type (SOCK_DGRAM …) that is bound to `local`, or a
 * negative errno (-ENOENT). With `peer` NULL one that is not connected, else
 * one that is, and to whom. The caller closes it.
 */
int fdbag_take(struct fdbag *b, int type, const struct addr *local,
	       struct addr *peer);

/* Close what nobody took. */
void fdbag_close(struct fdbag *b);

#endif
