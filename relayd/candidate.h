#ifndef RELAYD_CANDIDATE_H
#define RELAYD_CANDIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"

/*
 * Sources on their way to proof: what came from them so far in sequence, RTP
 * apart from all else, as one port may carry both in turn (RFC 5761, ICE). A
 * few places and no memory beyond, so the question is who gets one. A place is
 * kept for the next packet of who has it, shortly after a first one, longer
 * after a second in sequence; only packets in sequence keep it longer. So who
 * sprays from many sources, or numbers at random, holds a place for one packet
 * time, and a stream gets in between.
 */
enum {
	CANDIDATE_PLACES = 4,
	CANDIDATE_GAP = 3, /* largest step forward between two packets */
	CANDIDATE_FIRST_MS = 150,
	CANDIDATE_UNEVEN_MS = 100, /* up to so much longer */
	CANDIDATE_HOLD_MS = 500,
};

/* One of them; as a packet: `count` is not looked at. */
struct candidate {
	struct addr source;
	uint64_t last; /* ms, of the last packet in sequence */
	uint32_t ssrc; /* with is_rtp only, as seq */
	uint16_t seq;
	bool is_rtp;
	uint8_t count;
};

/* All zero is empty. */
struct candidates {
	struct candidate place[CANDIDATE_PLACES];
};

/* A packet has come: how many of its source there are in sequence now (what is
 * not RTP has none: how many in a row). 0: this one adds nothing, it is out of
 * sequence or there is no place. */
unsigned candidates_hear(struct candidates *cs, const struct candidate *packet);

/* The source needs no place any more, nor two. */
void candidates_drop(struct candidates *cs, const struct addr *source);

#endif
