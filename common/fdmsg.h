#ifndef COMMON_FDMSG_H
#define COMMON_FDMSG_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Messages with descriptors over a Unix socket that keeps their borders
 * (SOCK_SEQPACKET, SOCK_DGRAM). They wait, but not for ever.
 */
enum {
	FDMSG_FDS = 253, /* descriptors a message (SCM_MAX_FD) */
	FDMSG_MAX = 1 << 19,
};

/* Room for messages of FDMSG_MAX bytes. */
void fdmsg_prepare(int sock);

/* 0, -ETIMEDOUT, -EMSGSIZE or another negative errno. */
int fdmsg_send(int sock, const void *data, size_t len, const int *fds,
	       size_t nfds, int timeout_ms);

/*
 * One message into `buf`, its descriptors (FDMSG_FDS at most) into `fds`: the
 * caller closes them. The length; -ECONNRESET where the other end has closed,
 * -EMSGSIZE where it was cut, -ETIMEDOUT or another negative errno.
 */
ssize_t fdmsg_recv(int sock, void *buf, size_t cap, int *fds, size_t *nfds,
		   int timeout_ms);

#endif
