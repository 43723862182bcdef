#ifndef RELAYD_QUALITY_H
#define RELAYD_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "relayd/quality_step.h"

/*
 * How well one side's RTP reaches the relay: sequence numbers by RFC 3550 A.1,
 * loss by A.3, jitter by A.8. No socket and no clock: facts of one packet go
 * in, figures come out. All zero is a stream not heard yet.
 */

/* What they add up to. */
struct quality_figures {
	uint64_t expected;   /* sequence numbers from first to highest */
	uint64_t received;   /* of these */
	uint64_t lost;       /* the others: on the way to the relay */
	uint64_t duplicates; /* came before */
	uint64_t reordered;  /* came behind a higher number; not lost */
	uint64_t strays;     /* out of every sequence: counted, else ignored */
	uint32_t restarts;   /* a sequence began anew under its SSRC */
	uint32_t sources;    /* SSRCs that took over, the first included */
	bool timed;          /* whether there is any jitter measured */
	uint64_t jitter_us;  /* at the last packet (RFC 3550 6.4.1) */
	uint64_t jitter_mean_us;
	uint64_t jitter_max_us;
};

/*
 * Another SSRC, or a number far from the last, takes over with the second
 * packet in sequence and nothing of the old in between; until then it is a
 * stray. Jitter is measured once per timestamp, as video has many packets of
 * one.
 */
void quality_packet(struct quality *q, const struct quality_packet *p);

void quality_figures(struct quality_figures *out, const struct quality *q);

#endif
