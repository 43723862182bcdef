#ifndef RELAYD_FASTPATH_PRIV_H
#define RELAYD_FASTPATH_PRIV_H

#include <stdbool.h>

#include "relayd/fastflow.h"
#include "relayd/fastpath.h"

/* Shared by fastpath.c and fastpath_user.c, and by nobody else. */

struct bpf_object;

enum { FASTPATH_LINKS_MAX = 16 };

/* The flow that a slot has, if any. Written only by the worker whose session
 * has the slot's port. */
struct fastpath_entry {
	struct fastflow flow;
	struct fastpath_hop hop;
	uint32_t next, prev; /* slots of the same worker */
	bool used;
};

/* Nothing but `nflows` and what a slot's owner writes into its slot and entry
 * changes once it is open. */
struct fastpath {
	struct fastpath_config cfg;
	struct bpf_object *object;
	int flows4, flows6; /* the tables */
	/* of the addresses configured, those on an interface of ours */
	bool attached[FASTPATH_ADDRESSES];
	struct fastpath_slot *slots;
	struct fastpath_beat *beat;
	size_t slots_size;
	struct fastpath_entry *entries; /* one a slot */
	uint32_t nslots;
	size_t nflows; /* of all workers, atomic */
	int links[FASTPATH_LINKS_MAX];
	unsigned nlinks;
};

#endif
