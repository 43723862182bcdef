#ifdef FASTPATH_OBJECT /* else: fastpath_none.c */

#include <bpf/bpf.h>
#include <string.h>
#include <sys/socket.h>

#include "relayd/fastpath_priv.h"

/* A slot has one flow; what claims to be another is nobody's. */
static bool enter(struct fastpath *fp, const union fastflow_key *key,
		  const struct fastpath_hop *hop, int family)
{
	struct fastpath_entry *e;

	if (hop->slot >= fp->nslots)
		return false;
	e = &fp->entries[hop->slot];
	if (e->state != FASTPATH_FREE)
		return false;
	fastflow_from(&e->flow, key, hop, family);
	e->hop = *hop;
	e->state = FASTPATH_ORPHAN;
	return true;
}

static void find(struct fastpath *fp, int table, int family)
{
	union fastflow_key key, next;
	struct fastpath_hop hop;
	int end = bpf_map_get_next_key(table, NULL, &next);

	for (uint32_t n = 0; !end && n < fp->nslots; n++) {
		key = next;
		end = bpf_map_get_next_key(table, &key, &next);
		if (!bpf_map_lookup_elem(table, &key, &hop) &&
		    !enter(fp, &key, &hop, family))
			bpf_map_delete_elem(table, &key);
	}
}

void fastpath_find_orphans(struct fastpath *fp)
{
	find(fp, fp->flows4, AF_INET);
	find(fp, fp->flows6, AF_INET6);
}

size_t fastpath_sweep(struct fastpath *fp)
{
	union fastflow_key key;
	size_t n = 0;

	for (uint32_t i = 0; i < fp->nslots; i++) {
		const struct fastflow *f = &fp->entries[i].flow;

		if (!fastpath_become(fp, i, FASTPATH_ORPHAN, FASTPATH_SWEPT))
			continue;
		fastflow_key(&key, f);
		bpf_map_delete_elem(addr_family(&f->in) == AF_INET6
					    ? fp->flows6
					    : fp->flows4,
				    &key);
		fastpath_become(fp, i, FASTPATH_SWEPT, FASTPATH_FREE);
		n++;
	}
	return n;
}

#endif
