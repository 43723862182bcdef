#ifndef RELAYD_FASTPATH_H
#define RELAYD_FASTPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "relayd/fastflow.h"

/*
 * The kernel's part of forwarding, where relayd may have it (CAP_BPF and
 * CAP_NET_ADMIN): the program of fastpath.bpf.c at the interfaces of the media
 * address, and its table of flows. What is not in the table reaches relayd as
 * ever. Each flow has a slot of its own: its counters, in memory shared with
 * the kernel. What the kernel forwards passes this host's netfilter by.
 */
struct fastpath;

enum { FASTPATH_WHY = 160 };

struct fastpath_config {
	struct addr address; /* where media is received */
	uint16_t ports_lo, ports_hi;
	int dscp; /* 0-63 */
};

/* What the kernel has forwarded of one flow, since ever. */
struct fastpath_count {
	uint64_t packets, bytes;
	uint64_t last; /* ms, CLOCK_MONOTONIC */
	uint32_t ssrc; /* of the last packet */
	uint16_t seq;  /* highest of that SSRC */
};

/*
 * Load and attach. A program left by a relayd that was killed is replaced, and
 * forwards nothing in the meantime. 0, or a negative errno and why: without
 * libbpf, without the capabilities, on a loopback or wildcard address …
 */
int fastpath_open(struct fastpath **fp, const struct fastpath_config *cfg,
		  char why[FASTPATH_WHY]);
void fastpath_close(struct fastpath *fp); /* detaches */

/* The slot of one direction of the stream at this even port. */
uint32_t fastpath_slot(const struct fastpath *fp, uint16_t port,
		       enum learn_side from);

/*
 * Have the kernel forward a flow, in place of the slot's last one. It begins
 * once relayd is done (fastpath_done) with all that it was handed up, so that
 * no packet overtakes another. `ssrc` and `seq`: of its last packet so far.
 * Costs nothing where the slot has the very flow. 0 or a negative errno
 * (-ENETUNREACH: not to another host).
 */
int fastpath_put(struct fastpath *fp, uint32_t slot, const struct fastflow *f,
		 uint32_t ssrc, uint16_t seq);

/* No packet of it is forwarded any more; the counts stay. */
void fastpath_del(struct fastpath *fp, uint32_t slot);
bool fastpath_has(const struct fastpath *fp, uint32_t slot);

/* relayd has forwarded or dropped the packet of this mark. */
void fastpath_done(struct fastpath *fp, uint32_t slot, uint64_t mark);
void fastpath_read(struct fastpath_count *out, const struct fastpath *fp,
		   uint32_t slot);

/* Several times a second: a sign of life to the kernel's part, and a look at
 * the routes of some flows; one whose route is gone leaves the table. True
 * after every FASTPATH_ROUND calls, when all have been looked at: then take the
 * counts of all flows, before a sequence number can have wrapped. */
enum { FASTPATH_ROUND = 20 };
bool fastpath_tick(struct fastpath *fp);

size_t fastpath_flows(const struct fastpath *fp);

#endif
