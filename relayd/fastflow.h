#ifndef RELAYD_FASTFLOW_H
#define RELAYD_FASTFLOW_H

#include <stdbool.h>

#include "common/addr.h"
#include "relayd/fastpath_abi.h"
#include "relayd/learn.h"

struct route;

/*
 * One direction of a stream as the kernel could forward it: RTP from `source`
 * to the relay's own address `in` leaves from its address `out` for `to`. Pure
 * functions.
 */
struct fastflow {
	struct addr source, in, out, to;
};

/* Whether nothing is left to be learned or settled: both sides have a proven
 * source and a place to send to, and no signalling is younger than those. And
 * all of one address family: another takes another header. */
bool fastflow_ready(const struct learn *l);

/* The direction that comes from `side`; of a state that is ready. `local`: the
 * relay's own address and port at which each side is served. */
void fastflow_of(struct fastflow *out, const struct learn *l,
		 enum learn_side side, const struct addr local[LEARN_SIDES]);

bool fastflow_eq(const struct fastflow *a, const struct fastflow *b);

/* The key of its family, in the kernel's form: a struct fastpath_key4 or
 * fastpath_key6. */
union fastflow_key {
	struct fastpath_key4 v4;
	struct fastpath_key6 v6;
};
void fastflow_key(union fastflow_key *out, const struct fastflow *f);

/* How it leaves. `dscp` 0 to 63. */
void fastflow_hop(struct fastpath_hop *out, const struct fastflow *f,
		  const struct route *route, uint32_t slot, int dscp);

/* The flow back from both of these; `family` as of the key. */
void fastflow_from(struct fastflow *out, const union fastflow_key *key,
		   const struct fastpath_hop *hop, int family);

#endif
