#ifndef RELAYD_REORDER_H
#define RELAYD_REORDER_H

#include <stddef.h>
#include <stdint.h>

/*
 * Media datagrams are sequenced and written to memory, then retrieved and sent
 * (004 steps 178-186 one way, 190-198 the other): the RTP of one side leaves in
 * the order of its numbers. What comes in order goes on at once, uncopied. What
 * comes ahead of a missing packet is held; the missing one is waited for until
 * so long after the first packet behind it came, then given up: should it come
 * later, it is dropped. No socket and no clock; times are milliseconds of one
 * monotonic clock.
 */
struct reorder;

enum {
	REORDER_HELD_MAX = 32,  /* packets; one more gives up the first gap */
	REORDER_LEN_MAX = 2048, /* a longer packet waits for nothing */
	/* numbers so far apart belong together; beyond, the sequence began
	 * anew: what is held leaves, nothing is waited for */
	REORDER_SPAN = 128,
	/* so many packets in a row, in sequence and all behind: it began anew,
	 * a little back */
	REORDER_ANEW = 8,
};

/* One RTP packet, host order. */
struct reorder_packet {
	const uint8_t *data;
	size_t len;
	uint32_t ssrc;
	uint16_t seq;
};

enum reorder_verdict {
	REORDER_PASSED,
	REORDER_HELD,
	REORDER_LATE,      /* given up, or before the first: dropped */
	REORDER_DUPLICATE, /* dropped */
};

struct reorder_counts {
	uint64_t held;     /* packets that waited for another */
	uint64_t given_up; /* numbers that were waited for in vain */
	uint64_t late;     /* packets dropped, as above */
	uint64_t duplicates;
};

/* A packet leaves. The bytes are good until this returns; it must not call
 * back. */
typedef void reorder_out_h(const uint8_t *data, size_t len, void *arg);

/* One direction. The memory for what is held (about REORDER_HELD_MAX *
 * REORDER_LEN_MAX bytes, touched as needed) comes with the first packet that
 * is. 0 or -ENOMEM. */
int reorder_alloc(struct reorder **rp, uint32_t wait_ms, reorder_out_h *out,
		  void *arg);
void reorder_free(struct reorder *r); /* what is held is gone */

/* A packet came: it leaves through `out`, and what waited for it behind it, or
 * it is held or dropped. Nothing is given up for the time that has passed: the
 * owner may be late and have more packets to push. */
enum reorder_verdict reorder_push(struct reorder *r,
				  const struct reorder_packet *p, uint64_t now);

/* Give up what has been waited for long enough; UINT64_MAX lets everything
 * go. */
void reorder_run(struct reorder *r, uint64_t now);

/* When reorder_run() is to be called; UINT64_MAX: nothing is held. */
uint64_t reorder_due(const struct reorder *r);

const struct reorder_counts *reorder_counts(const struct reorder *r);

#endif
