#ifndef RELAYD_FASTPATH_H
#define RELAYD_FASTPATH_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

/*
 * The kernel's part of forwarding, where relayd may have it (CAP_BPF and
 * CAP_NET_ADMIN): the program of fastpath.bpf.c at the interfaces of the media
 * addresses, and its table of flows. What is not in the table reaches relayd as
 * ever. Each flow has a slot of its own: its counters, in memory shared with
 * the kernel. What the kernel forwards passes this host's netfilter by.
 *
 * This much is shared by all workers and does not change once it is open; what
 * a worker does with it is in fastpath_user.h.
 */
struct fastpath;

enum { FASTPATH_WHY = 160, FASTPATH_ADDRESSES = 16 };

struct fastpath_config {
	/* where media is received, of either family */
	struct addr addresses[FASTPATH_ADDRESSES];
	size_t naddresses;
	uint16_t ports_lo, ports_hi;
	int dscp; /* 0-63 */
};

/*
 * Load and attach. A program left by a relayd that was killed is replaced, and
 * forwards nothing in the meantime. 0, or a negative errno and why: without
 * libbpf, without the capabilities, with no address but loopback, wildcard or
 * one of no Ethernet interface …
 */
int fastpath_open(struct fastpath **fp, const struct fastpath_config *cfg,
		  char why[FASTPATH_WHY]);
void fastpath_close(struct fastpath *fp); /* detaches */

/* Several times a second: a sign of life to the kernel's part. */
void fastpath_beat(struct fastpath *fp);

/* How many there are of all workers; from any thread. */
size_t fastpath_flows(const struct fastpath *fp);

#endif
