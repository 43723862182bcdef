#ifndef RELAYD_LEARN_H
#define RELAYD_LEARN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "relayd/candidate.h"
#include "relayd/learn_policy.h"

/*
 * Where the media of a stream really comes from (003 Fig. 11, steps 78-84; 004
 * Figs. 6a/6b, steps 154-176). A pure decision: state, one packet's facts and
 * the time go in, a verdict comes out. Times are milliseconds of one monotonic
 * clock. One `struct learn` per component, RTP and RTCP apart.
 *
 * What a stranger can do, state by state:
 * - One side not signalled yet (between offer and answer): nothing. No packet
 *   leaves a trace, so nobody can be there first.
 * - Both signalled, a side without a source: a source that fits (by policy)
 *   must send LEARN_PROOF consecutive packets of one SSRC before any of its
 *   packets is forwarded or one is sent to it; a phone loses those two at its
 *   start (40 ms). Only the very address of a public SDP is believed at once,
 *   as packets go there anyway. Who does not fit has no place to keep anything
 *   in; who does is one with the phone's own IP.
 * - A known source: nothing, whatever it sends. A side moves by LEARN_CAUSES.
 * What is left: a stranger behind the phone's own NAT who finds the port and
 * sends a stream to it, after the answer and before the phone's third packet,
 * is taken for the phone until there is new signalling. Random ports make that
 * a matter of luck, SRTP makes it worthless.
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

/*
 * Why the source of a side moved: name, suffix of the counter, the evidence.
 * M is applied to X and each row.
 */
#define LEARN_CAUSES(M, X)                                                     \
	M(X, BY_RANK, rank, "source fits the signalling better")               \
	M(X, BY_SIGNALLING, signalling, "new signalling")                      \
	M(X, BY_REPEAT, repeat, "signalled again, known source silent")        \
	M(X, BY_STREAM, stream, "same SSRC and sequence after silence")        \
	M(X, BY_RTP, rtp, "RTP, where the known source sent none")             \
	M(X, BY_RTCP, rtcp, "RTCP follows RTP")

enum learn_cause {
#define LEARN_CAUSE_ENUM(X, name, field, evidence) LEARN_##name,
	LEARN_CAUSES(LEARN_CAUSE_ENUM, )
#undef LEARN_CAUSE_ENUM
		LEARN_CAUSE_COUNT
};

/* Who a stranger is, likewise. */
#define LEARN_STRANGERS(M, X)                                                  \
	M(X, FROM_ELSEWHERE, elsewhere, "source fits no side")                 \
	M(X, FROM_BESIDE, beside, "source fits a side that has another one")   \
	M(X, FROM_RELAY, relay, "source is the relay itself")

enum learn_stranger {
#define LEARN_STRANGER_ENUM(X, name, field, evidence) LEARN_##name,
	LEARN_STRANGERS(LEARN_STRANGER_ENUM, )
#undef LEARN_STRANGER_ENUM
		LEARN_STRANGER_COUNT
};

enum {
	/* Consecutive packets that prove a source which fits the signalling:
	 * three are no accident, and 40 ms of speech at the start. */
	LEARN_PROOF = 3,
	/* one from elsewhere */
	LEARN_PROOF_ELSEWHERE = 5,
	/* What is not RTP has no sequence: STUN, DTLS, T.38, and RTCP whose
	 * SSRC is not that of its side's RTP. Few, as some come once a second.
	 */
	LEARN_PROOF_OTHER = 2,
	/* silence of the known source before SSRC and sequence may move it */
	LEARN_SILENCE_MS = 1000,
	LEARN_SILENCE_GAP = 1000, /* largest step forward over the silence */
	/* the same where something else says that it is to move */
	LEARN_QUIET_MS = 200,
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

struct learn {
	struct learn_channel ch[LEARN_SIDES];
	/* Apart, so that no stranger takes a place of one that fits. */
	struct candidates plausible, elsewhere;
	enum learn_policy policy;
};

/* One packet. */
struct learn_facts {
	struct addr src;
	uint32_t ssrc; /* with is_rtp and is_rtcp only, host order */
	uint16_t seq;  /* with is_rtp only */
	bool is_rtp;
	bool is_rtcp;
	uint8_t elsewhere; /* bit mask of sides not served where it came in */
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
	enum learn_side from;   /* with FORWARD, LEARNED, RELEARNED */
	const char *reason;     /* evidence, static text; NULL with FORWARD */
	enum learn_cause cause; /* with RELEARNED */
	enum learn_stranger stranger; /* with STRANGER */
};

void learn_init(struct learn *l, enum learn_policy policy);

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

/* RTP, RTCP or neither, SSRC and sequence number (RFC 3550 5.1, 6.4; told apart
 * by RFC 5761 4). */
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

/* A packet from one of the relay's own addresses, which is not to be judged. */
void learn_result_relay(struct learn_result *r);

const char *learn_rank_name(enum learn_rank rank);
const char *learn_side_name(enum learn_side side); /* "first", "second" */

#endif
