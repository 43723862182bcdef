#ifndef RELAYD_FASTPATH_H
#define RELAYD_FASTPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

/*
 * The kernel's part of forwarding, where relayd may have it (CAP_BPF,
 * CAP_NET_ADMIN and CAP_PERFMON): the program of fastpath.bpf.c at the
 * interfaces of the media addresses, and its table of flows. What is not in the
 * table reaches relayd as ever. Each flow has a slot of its own: its counters,
 * in memory shared with the kernel. What the kernel forwards passes this host's
 * netfilter by.
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
	/* how long the kernel goes on without a sign of life */
	uint32_t dead_ms;
	/* a folder on a bpffs, made where its parent is there, in which the
	 * maps survive a relayd that was killed or is replaced; NULL or empty:
	 * they do not */
	const char *pin;
};

/*
 * Load and attach. The program of another process with the same addresses and
 * first port is replaced between two packets. Where the maps it had were pinned
 * and are as this version's would be, they go on with all flows in them, which
 * now are orphans: each is adopted when its session is restored here and puts
 * the very flow (fastpath_user_put), without a packet handed up, or ends with
 * fastpath_sweep(). 0, or a negative errno and why: without libbpf, without the
 * capabilities, with no address but loopback, wildcard or one of no Ethernet
 * interface …
 */
int fastpath_open(struct fastpath **fp, const struct fastpath_config *cfg,
		  char why[FASTPATH_WHY]);

/* `keep`: another process has the flows now or will have them, so that all
 * stays as it is. Else the program is detached and nothing left behind. */
void fastpath_close(struct fastpath *fp, bool keep);

/* Whatever was not adopted by now leaves the table; from any thread. How many
 * flows that were. */
size_t fastpath_sweep(struct fastpath *fp);

/*
 * From now on another process has the flows: workers change nothing in the
 * kernel, and closing their sessions ends no flow. To be followed by
 * fastpath_close(keep), or by fastpath_resume() where the other one failed: 0
 * or a negative errno, then there is no fast path any more. No worker may be
 * at work during either.
 */
void fastpath_yield(struct fastpath *fp);
int fastpath_resume(struct fastpath *fp);

/* Several times a second: a sign of life to the kernel's part. */
void fastpath_beat(struct fastpath *fp);

/* How many there are of all workers; from any thread. */
size_t fastpath_flows(const struct fastpath *fp);

#endif
