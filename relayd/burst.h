#ifndef RELAYD_BURST_H
#define RELAYD_BURST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * Packets of one burst on their way to one peer: those of one size leave as one
 * (UDP_SEGMENT, udp(7)), which costs the kernel little more than a single one.
 * All zero is an empty one. The data stays the caller's and in place until it
 * is flushed.
 */
enum {
	BURST_MAX = 8,
	/* larger ones may not fit the way's MTU, which segments must */
	BURST_LEN_MAX = 1200,
};

struct burst {
	int fd; /* connected */
	unsigned n;
	bool whole; /* a shorter one has ended it */
	struct iovec iov[BURST_MAX];
};

/* Whether this one may go with those there are; an empty burst takes any of up
 * to BURST_LEN_MAX bytes. */
bool burst_fits(const struct burst *b, int fd, size_t len);
void burst_add(struct burst *b, int fd, const uint8_t *data, size_t len);

/* Send them; how many of them the kernel did not take, and their bytes. Empty
 * again. */
unsigned burst_flush(size_t *bytes, struct burst *b);

#endif
