#ifndef RELAYD_LEARN_ADMIT_H
#define RELAYD_LEARN_ADMIT_H

#include "relayd/learn.h"

/*
 * Whether a source unknown so far may become that of a side, by policy, by what
 * the signalling said and by the source the side has. Part of learn.c alone.
 */
struct learn_admission {
	enum learn_rank rank;   /* how well it fits */
	bool admitted;          /* and whether that will do */
	bool wait;              /* until the known source is quiet */
	enum learn_cause cause; /* where the side has a source */
	unsigned proof;         /* consecutive packets that it takes */
};

/* `rtp`: the RTP channel of the side, where `ch` is that of RTCP; or NULL. */
void learn_admit(struct learn_admission *a, enum learn_policy policy,
		 const struct learn_channel *ch,
		 const struct learn_channel *rtp, const struct learn_facts *f,
		 uint64_t now);

enum learn_rank learn_rank_of(const struct learn_channel *ch,
			      const struct learn_channel *rtp,
			      const struct addr *src);

/*
 * Whether packets may be sent to the SDP's address before anything came from
 * there: a public one, or one the signalling really came from. This keeps the
 * relay from being aimed at hosts only it can reach.
 */
bool learn_sdp_usable(const struct learn_channel *ch);

#endif
