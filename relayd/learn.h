#ifndef RELAYD_LEARN_H
#define RELAYD_LEARN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

/*
 * Where the media of a stream really comes from (003 Fig. 11, steps 78-84; 004
 * Figs. 6a/6b, steps 154-176). A pure decision: state, one packet's facts and
 * the time go in, a verdict comes out. Times are milliseconds of one monotonic
 * clock. One `struct learn` per component, RTP and RTCP apart.
 */
enum learn_side { LEARN_FIRST, LEARN_SECOND, LEARN_SIDES };

/*
 * How well a source fits what the signalling said of a side, worst first:
 * name in the code, word in logs and JSON, the evidence.
 */
#define LEARN_RANKS(X)                                                         \
	X(NONE, "none", "nothing received")                                    \
	X(ELSEWHERE, "elsewhere", "5 consecutive RTP packets of one SSRC")     \
	X(PAIRED, "paired", "source has the IP of the side's RTP source")      \
	X(OBSERVED, "observed", "source has the IP the signalling came from")  \
	X(SDP_IP, "sdp-ip", "source has the IP of the SDP, another port")      \
	X(EXACT, "exact", "source is the address of the SDP")

enum learn_rank {
#define LEARN_RANK_ENUM(name, word, evidence) LEARN_##name,
	LEARN_RANKS(LEARN_RANK_ENUM)
#undef LEARN_RANK_ENUM
};

enum {
	/* a source from elsewhere must show this many packets in sequence */
	LEARN_PROOF_PACKETS = 5,
	LEARN_PROOF_GAP = 3, /* largest step forward between two of them */
	/* a live candidate is not evicted by others for so long */
	LEARN_PROOF_HOLD_MS = 500,
	/* silence of the known source before SSRC and sequence may move it */
	LEARN_SILENCE_MS = 1000,
	LEARN_SILENCE_GAP = 1000, /* largest step forward over the silence */
	/* RTCP has no sequence: three report intervals (RFC 3550 6.2) */
	LEARN_RTCP_SILENCE_MS = 15000,
	/* a source still heard so long after new signalling is the right one */
	LEARN_SETTLE_MS = 5000,
};

/* What signalling did since the source was learned. */
enum learn_fresh { LEARN_SETTLED, LEARN_REPEATED, LEARN_CHANGED };

/* One side: signalled and learned. All "none" until it was signalled. */
struct learn_channel {
	struct addr source; /* learned; none while rank is NONE */
	struct addr sendto; /* where packets for this side go; none: nowhere */
	uint64_t last;      /* when the source was last heard */
	uint32_t ssrc;      /* of its last RTP packet, if has_rtp */
	uint16_t seq;
	bool has_rtp;
	bool signalled; /* an offer or answer named this side */
	enum learn_rank rank;
	enum learn_fresh fresh;
	uint64_t fresh_at;
	struct addr sdp;      /* of the SDP; none where that was a name */
	struct addr observed; /* where the signalling came from; may be none */
};

/* A source from elsewhere on its way to proof. */
struct learn_candidate {
	struct addr source;
	uint64_t last;
	uint32_t ssrc;
	uint16_t seq;
	uint16_t count;
};

struct learn {
	struct learn_channel ch[LEARN_SIDES];
	struct learn_candidate candidate;
};

/* One packet. */
struct learn_facts {
	struct addr src;
	uint32_t ssrc; /* with is_rtp only, host order */
	uint16_t seq;
	bool is_rtp;
};

enum learn_verdict {
	LEARN_FORWARD,   /* known source (step 84) */
	LEARN_LEARNED,   /* first source of this side: forward */
	LEARN_RELEARNED, /* the side's source moved: forward */
	LEARN_PROBATION, /* not proven yet: drop */
	LEARN_STRANGER,  /* drop */
	LEARN_EARLY,     /* one side is not signalled yet: drop */
};

struct learn_result {
	enum learn_verdict verdict;
	enum learn_side from; /* with FORWARD, LEARNED, RELEARNED */
	const char *reason;   /* evidence, static text; NULL with FORWARD */
};

void learn_init(struct learn *l);

/*
 * New signalling for a side: `sdp` (none: a name, or not to be used) and the
 * address its signalling came from (none: unknown). The learned source stays
 * until a better one shows up; unchanged signalling resets nothing.
 */
void learn_signal(struct learn *l, enum learn_side side, const struct addr *sdp,
		  const struct addr *observed, uint64_t now);

/* The side refused or removed the line (port 0): nothing is learned for it or
 * sent to it until it is signalled again. */
void learn_close(struct learn *l, enum learn_side side);

/* RTP or not, SSRC and sequence number (RFC 3550 5.1; RTCP by RFC 5761 4). */
void learn_read(struct learn_facts *f, const uint8_t *data, size_t len);

/*
 * Judge one packet and update the state. `rtp` is the RTP component's state
 * when `l` is that of RTCP, NULL otherwise. The packet goes to
 * l->ch[!from].sendto.
 */
enum learn_verdict learn_packet(struct learn_result *r, struct learn *l,
				const struct learn *rtp,
				const struct learn_facts *f, uint64_t now);

/* What the known source of a side sent past this: the last packet's time and
 * SSRC, and the highest number of that SSRC. */
void learn_heard(struct learn *l, enum learn_side side, uint32_t ssrc,
		 uint16_t seq, uint64_t last);

const char *learn_rank_name(enum learn_rank rank);
const char *learn_side_name(enum learn_side side); /* "first", "second" */

#endif
