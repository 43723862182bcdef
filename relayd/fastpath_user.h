#ifndef RELAYD_FASTPATH_USER_H
#define RELAYD_FASTPATH_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "relayd/fastflow.h"
#include "relayd/quality.h"

struct fastpath;

/*
 * One worker's hold on the fast path: the flows that it has put there. A slot
 * is used by the one worker whose session has the port; it may be another one
 * later, once the port went through the pool. All of this is called by that
 * worker alone, takes no lock, and outlives no fastpath_close().
 */
struct fastpath_user;

/* What the kernel has forwarded of one flow, since ever. */
struct fastpath_count {
	uint64_t packets, bytes;
	uint64_t last; /* ms, CLOCK_MONOTONIC */
};

/* 0 or a negative errno. */
int fastpath_user_open(struct fastpath_user **up, struct fastpath *fp);

/* Its flows leave the table. */
void fastpath_user_close(struct fastpath_user *u);

/* The slot of one direction of the stream at this even port. */
uint32_t fastpath_user_slot(const struct fastpath_user *u, uint16_t port,
			    enum learn_side from);

/*
 * Have the kernel forward a flow, in place of the slot's last one. It begins
 * once relayd is done (fastpath_user_done) with all that it was handed up, so
 * that no packet overtakes another. Costs nothing where the slot has the very
 * flow. 0 or a negative errno
 * (-ENETUNREACH: not to another host; -EADDRNOTAVAIL: comes to an address that
 * is not among those configured, or on no Ethernet interface).
 */
int fastpath_user_put(struct fastpath_user *u, uint32_t slot,
		      const struct fastflow *f);

/* No packet of it is forwarded any more; the counts stay. */
void fastpath_user_del(struct fastpath_user *u, uint32_t slot);
bool fastpath_user_has(const struct fastpath_user *u, uint32_t slot);

/* The flow that another process left in a slot and nobody has put yet: both
 * ends of it were proven. False: none. */
bool fastpath_user_orphan(struct fastflow *out, const struct fastpath_user *u,
			  uint32_t slot);

/* A packet that relayd has forwarded or dropped. */
struct fastpath_done {
	uint64_t mark; /* fastpath_mark() */
	uint32_t rate; /* of its payload type, Hz; 0: not timed */
	uint8_t type;
	const struct quality *heard; /* of the flow, with this packet */
};
void fastpath_user_done(struct fastpath_user *u, uint32_t slot,
			const struct fastpath_done *d);

void fastpath_user_read(struct fastpath_count *out,
			const struct fastpath_user *u, uint32_t slot);

/* What has become of the last fastpath_done's `heard`. */
void fastpath_user_heard(struct quality *out, const struct fastpath_user *u,
			 uint32_t slot);

/*
 * Several times a second: a look at the routes of some flows; one whose route
 * is gone leaves the table. True after every FASTPATH_ROUND calls, when all
 * have been looked at: then take the counts of all flows, before a sequence
 * number can have wrapped.
 */
enum { FASTPATH_ROUND = 20 };
bool fastpath_user_tick(struct fastpath_user *u);

#endif
