#ifndef COMMON_SENDQ_H
#define COMMON_SENDQ_H

#include <stddef.h>
#include <stdint.h>

struct addr;

enum { SENDQ_DATAGRAMS_MAX = 4096, SENDQ_BYTES_MAX = 16 << 20 };

/*
 * Datagrams on their way out of one socket, back to back in one block of
 * memory that is kept between bursts, so that queueing one costs a copy and
 * no allocation. Zero-initialised it is empty.
 */
struct sendq {
	struct sendq_item *items;
	size_t head, n, items_cap; /* items[head..n) are waiting */
	char *data;
	size_t len, data_cap;
};

/* What a flush did; added to, never reset. */
struct sendq_counts {
	uint64_t sent, sent_bytes, errors;
};

/*
 * Copy one datagram of at most 65535 bytes. 0, or -ENOBUFS at the bounds or
 * without memory.
 */
int sendq_add(struct sendq *q, const struct addr *dst, const void *data,
	      size_t len);

/*
 * Send what waits with sendmmsg. A datagram the kernel refuses is counted and
 * dropped. 0 when empty, -EAGAIN when the socket buffer is full.
 */
int sendq_flush(struct sendq *q, int fd, struct sendq_counts *counts);

size_t sendq_count(const struct sendq *q);

/* Drop what waits and free the memory; `q` is empty again. */
void sendq_reset(struct sendq *q);

#endif
