#ifndef RELAYD_FDTABLE_H
#define RELAYD_FDTABLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The table of fdstore.h: memory behind a descriptor, with room for two texts
 * in each slot. The older one is overwritten and is good again once its sum is,
 * so that there is a whole one whenever the writer is killed.
 */
struct fdtable;

enum { FDTABLE_TEXT_MAX = 8168 };

/* A new one of slots 1 to `slots`, or (fd >= 0, taken over) one that another
 * process made: -EBADMSG where it is none. */
int fdtable_open(struct fdtable **tp, uint32_t slots, int fd);
void fdtable_close(struct fdtable *t);
int fdtable_fd(const struct fdtable *t);

/* 0 or -EMSGSIZE. */
int fdtable_write(struct fdtable *t, uint32_t slot, const char *text,
		  size_t len);
void fdtable_erase(struct fdtable *t, uint32_t slot);

/* The last whole text, which is not NUL-terminated; NULL: none. */
const char *fdtable_read(size_t *len, const struct fdtable *t, uint32_t slot);

#endif
