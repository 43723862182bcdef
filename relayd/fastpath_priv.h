#ifndef RELAYD_FASTPATH_PRIV_H
#define RELAYD_FASTPATH_PRIV_H

#include <stdbool.h>

#include "relayd/fastflow.h"
#include "relayd/fastpath.h"

/* Shared by fastpath.c and fastpath_user.c, and by nobody else. */

struct bpf_object;

enum { FASTPATH_LINKS_MAX = 16, FASTPATH_PIN_MAX = 160 };

/* The flow that a slot has, if any. Written only by the worker whose session
 * has the slot's port. */
struct fastpath_entry {
	struct fastflow flow;
	struct fastpath_hop hop;
	uint32_t next, prev; /* slots of the same worker */
	uint32_t state;      /* enum fastpath_state, atomic */
};

enum fastpath_state {
	FASTPATH_FREE,
	FASTPATH_USED,
	FASTPATH_ORPHAN, /* with the kernel since another process had it */
	FASTPATH_SWEPT,  /* on its way from there to free */
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
	bool yielded;               /* atomic */
	char pin[FASTPATH_PIN_MAX]; /* where the maps are; empty: nowhere */
	char unpinned[FASTPATH_WHY];
};

static inline uint32_t fastpath_state(const struct fastpath *fp, uint32_t slot)
{
	return __atomic_load_n(&fp->entries[slot].state, __ATOMIC_ACQUIRE);
}

/* False: it no longer was in state `from`. */
static inline bool fastpath_become(struct fastpath *fp, uint32_t slot,
				   uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&fp->entries[slot].state, &from, to,
					   false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

/* Of the addresses and the first port, which no two relayds have in common. */
uint32_t fastpath_handle(const struct fastpath_config *cfg);

/* What maps need to have in common to be used one for the other. */
void fastpath_identify(struct fastpath_beat *out, const struct fastpath *fp);

/* What the kernel's tables hold of another process becomes orphans. */
void fastpath_find_orphans(struct fastpath *fp);

/* fastpath_pin.c. Before the program is loaded: have it use the maps that are
 * pinned and fit. True: it will. */
bool fastpath_pin_find(struct fastpath *fp);
/* Once it is loaded with maps of its own: pin these in place of what is
 * there. */
void fastpath_pin_new(struct fastpath *fp);
void fastpath_pin_remove(struct fastpath *fp);

#endif
