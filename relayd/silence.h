#ifndef RELAYD_SILENCE_H
#define RELAYD_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sdp.h"
#include "relayd/learn.h"

/*
 * When silence means that a call is dead. Pure: descriptions and times go in,
 * a verdict comes out. Times are milliseconds of one monotonic clock.
 *
 * Only a line that both sides use in both directions is bound to be heard: on
 * hold (RFC 3264 8.4: sendonly, recvonly, inactive, or c= of all zeros) nobody
 * has to send, with comfort noise (RFC 3389) agreed upon a pause has no
 * packets, and what is not RTP keeps times of its own. RTCP is a sign of life
 * as good as any.
 */
struct silence {
	uint16_t talks[LEARN_SIDES]; /* a bit for each such line */
	uint16_t open[LEARN_SIDES];  /* the same, with comfort noise */
	uint64_t since;              /* no silence before counts */
	bool told;                   /* it has been reported */
};

struct silence_limits {
	uint32_t both_ms; /* neither side heard; 0: never counts */
	uint32_t side_ms; /* one of them; 0: never counts */
};

enum silence_verdict {
	SILENCE_NONE,
	SILENCE_BOTH,
	SILENCE_FIRST,
	SILENCE_SECOND
};

/* What signalling says of one side; silence counts from `now`. */
void silence_signal(struct silence *s, enum learn_side side,
		    const struct sdp *sdp, uint64_t now);

/* Begin to count anew at `now`. */
void silence_again(struct silence *s, uint64_t now);

/* Whether a line is in use that is not on hold: what has become idle then is
 * dead whatever was agreed upon. */
bool silence_is_open(const struct silence *s);

/*
 * When it is to be looked at next, if nothing is heard until then; UINT64_MAX
 * where silence says nothing or was reported. `last` is when each side was
 * heard, 0: never.
 */
uint64_t silence_due(const struct silence *s, const uint64_t last[LEARN_SIDES],
		     const struct silence_limits *lim);

enum silence_verdict silence_judge(const struct silence *s,
				   const uint64_t last[LEARN_SIDES],
				   const struct silence_limits *lim,
				   uint64_t now);

#endif
