#ifdef FASTPATH_OBJECT /* else: fastpath_none.c */

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/fastpath_priv.h"
#include "relayd/fastpath_user.h"
#include "relayd/route.h"

#define NONE UINT32_MAX

enum {
	NS_PER_MS = 1000000,
	READ_TRIES = 8,
};

struct fastpath_user {
	struct fastpath *fp;
	struct routes *routes;
	uint32_t first;  /* its slots, in a list */
	uint32_t cursor; /* whose route is looked at next */
	uint32_t n;
	unsigned ticks; /* of this round */
};

int fastpath_user_open(struct fastpath_user **up, struct fastpath *fp)
{
	struct fastpath_user *u = calloc(1, sizeof(*u));
	int err;

	if (!u)
		return -ENOMEM;
	u->fp = fp;
	u->first = u->cursor = NONE;
	err = routes_open(&u->routes);
	if (err)
		free(u);
	else
		*up = u;
	return err;
}

void fastpath_user_close(struct fastpath_user *u)
{
	if (!u)
		return;
	while (u->first != NONE)
		fastpath_user_del(u, u->first);
	routes_close(u->routes);
	free(u);
}

uint32_t fastpath_user_slot(const struct fastpath_user *u, uint16_t port,
			    enum learn_side from)
{
	uint16_t first = (uint16_t)((u->fp->cfg.ports_lo + 1U) & ~1U);

	return (uint32_t)(port - first) / 2 * LEARN_SIDES + (uint32_t)from;
}

static bool is_used(const struct fastpath_user *u, uint32_t slot)
{
	return fastpath_state(u->fp, slot) == FASTPATH_USED;
}

static bool has_yielded(const struct fastpath_user *u)
{
	return __atomic_load_n(&u->fp->yielded, __ATOMIC_ACQUIRE);
}

static void link_slot(struct fastpath_user *u, uint32_t slot)
{
	struct fastpath_entry *entries = u->fp->entries;

	__atomic_store_n(&entries[slot].state, FASTPATH_USED, __ATOMIC_RELEASE);
	entries[slot].prev = NONE;
	entries[slot].next = u->first;
	if (u->first != NONE)
		entries[u->first].prev = slot;
	u->first = slot;
	u->n++;
	__atomic_fetch_add(&u->fp->nflows, 1, __ATOMIC_RELAXED);
}

static void unlink_slot(struct fastpath_user *u, uint32_t slot)
{
	struct fastpath_entry *entries = u->fp->entries;
	struct fastpath_entry *e = &entries[slot];

	if (e->prev != NONE)
		entries[e->prev].next = e->next;
	else
		u->first = e->next;
	if (e->next != NONE)
		entries[e->next].prev = e->prev;
	if (u->cursor == slot)
		u->cursor = e->next;
	__atomic_store_n(&e->state, FASTPATH_FREE, __ATOMIC_RELEASE);
	u->n--;
	__atomic_fetch_sub(&u->fp->nflows, 1, __ATOMIC_RELAXED);
}

static int table_of(const struct fastpath_user *u, const struct fastflow *f)
{
	return addr_family(&f->in) == AF_INET6 ? u->fp->flows6 : u->fp->flows4;
}

/* Into the kernel's table, by the route of now. */
static int install(struct fastpath_user *u, uint32_t slot,
		   const struct fastflow *f)
{
	struct fastpath_entry *e = &u->fp->entries[slot];
	struct fastpath_hop hop;
	union fastflow_key key;
	struct route route;
	bool used = is_used(u, slot);
	int err = routes_find(&route, u->routes, &f->out, &f->to);

	if (err)
		return err;
	fastflow_hop(&hop, f, &route, slot, u->fp->cfg.dscp);
	if (used && !memcmp(&hop, &e->hop, sizeof(hop)))
		return 0;
	fastflow_key(&key, f);
	err = bpf_map_update_elem(table_of(u, f), &key, &hop, BPF_ANY);
	if (err)
		return err;
	if (!used)
		link_slot(u, slot);
	e->flow = *f;
	e->hop = hop;
	return 0;
}

/* The next one of this slot is handed up until relayd is done with all. */
static void reset(struct fastpath_slot *s)
{
	s->fast = 0;
	s->up = 0;
	s->done = 0;
	memset(s->types, FASTPATH_TYPE_NONE, sizeof(s->types));
}

/* Whether the program sees what comes to this address. */
static bool serves(const struct fastpath *fp, const struct addr *in)
{
	for (size_t i = 0; i < fp->cfg.naddresses; i++)
		if (fp->attached[i] && addr_ip_eq(&fp->cfg.addresses[i], in))
			return true;
	return false;
}

/* What another process left there is this worker's from now on. -EAGAIN: it is
 * just being swept. */
static int adopt(struct fastpath_user *u, uint32_t slot)
{
	if (fastpath_become(u->fp, slot, FASTPATH_ORPHAN, FASTPATH_USED))
		link_slot(u, slot);
	return fastpath_state(u->fp, slot) == FASTPATH_SWEPT ? -EAGAIN : 0;
}

int fastpath_user_put(struct fastpath_user *u, uint32_t slot,
		      const struct fastflow *f)
{
	struct fastpath_entry *e = &u->fp->entries[slot];
	int err;

	if (is_used(u, slot) && fastflow_eq(&e->flow, f))
		return 0;
	if (has_yielded(u))
		return -EBUSY;
	if (!serves(u->fp, &f->in))
		return -EADDRNOTAVAIL;
	err = adopt(u, slot);
	if (err)
		return err;
	if (is_used(u, slot) && (!addr_eq(&e->flow.source, &f->source) ||
				 !addr_eq(&e->flow.in, &f->in)))
		fastpath_user_del(u, slot);
	if (!is_used(u, slot))
		reset(&u->fp->slots[slot]);
	return install(u, slot, f);
}

void fastpath_user_del(struct fastpath_user *u, uint32_t slot)
{
	struct fastpath_entry *e = &u->fp->entries[slot];
	union fastflow_key key;

	if (!is_used(u, slot))
		return;
	fastflow_key(&key, &e->flow);
	if (!has_yielded(u))
		bpf_map_delete_elem(table_of(u, &e->flow), &key);
	unlink_slot(u, slot);
}

bool fastpath_user_has(const struct fastpath_user *u, uint32_t slot)
{
	return is_used(u, slot);
}

bool fastpath_user_orphan(struct fastflow *out, const struct fastpath_user *u,
			  uint32_t slot)
{
	if (fastpath_state(u->fp, slot) != FASTPATH_ORPHAN)
		return false;
	*out = u->fp->entries[slot].flow;
	return true;
}

/* Where there are too many types the first ones take turns. */
static void learn_type(struct fastpath_slot *s, uint8_t type, uint32_t rate)
{
	unsigned last = FASTPATH_TYPES - 1;

	for (unsigned i = 0; i < FASTPATH_TYPES; i++)
		if (s->types[i] == type && s->rates[i] == rate)
			return;
	memmove(s->types, s->types + 1, last * sizeof(s->types[0]));
	memmove(s->rates, s->rates + 1, last * sizeof(s->rates[0]));
	s->types[last] = type;
	s->rates[last] = rate;
}

void fastpath_user_done(struct fastpath_user *u, uint32_t slot,
			const struct fastpath_done *d)
{
	struct fastpath_slot *s = &u->fp->slots[slot];

	if (has_yielded(u))
		return;
	/* one that the program did not know for a packet of the flow */
	if (__atomic_load_n(&s->fast, __ATOMIC_RELAXED))
		__atomic_store_n(&s->fast, 0, __ATOMIC_SEQ_CST);
	learn_type(s, d->type, d->rate);
	s->heard = *d->heard;
	__atomic_store_n(&s->done, d->mark, __ATOMIC_RELEASE);
}

void fastpath_user_read(struct fastpath_count *out,
			const struct fastpath_user *u, uint32_t slot)
{
	const struct fastpath_slot *s = &u->fp->slots[slot];

	out->packets = __atomic_load_n(&s->packets, __ATOMIC_ACQUIRE);
	out->bytes = __atomic_load_n(&s->bytes, __ATOMIC_RELAXED);
	out->last = __atomic_load_n(&s->last, __ATOMIC_RELAXED) / NS_PER_MS;
}

/* In words, each before the next: so is the turn behind them. */
static void copy(struct quality *out, const struct quality *q)
{
	typedef uint64_t __attribute__((may_alias)) word;
	const word *from = (const word *)(const void *)q;
	word *to = (word *)(void *)out;

	_Static_assert(sizeof(*q) % sizeof(word) == 0, "in whole words");
	for (size_t i = 0; i < sizeof(*q) / sizeof(word); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
}

/* A packet may come meanwhile, seldom two; if more do, the next look is
 * right. */
void fastpath_user_heard(struct quality *out, const struct fastpath_user *u,
			 uint32_t slot)
{
	const struct fastpath_slot *s = &u->fp->slots[slot];
	uint32_t turn;

	for (unsigned i = 0; i < READ_TRIES; i++) {
		turn = __atomic_load_n(&s->turn, __ATOMIC_ACQUIRE);
		copy(out, &s->heard);
		if (turn % 2 == 0 &&
		    turn == __atomic_load_n(&s->turn, __ATOMIC_RELAXED))
			return;
	}
}

bool fastpath_user_tick(struct fastpath_user *u)
{
	uint32_t some = u->n / FASTPATH_ROUND + 1;

	if (has_yielded(u))
		return false;
	if (u->ticks == 0)
		u->cursor = u->first;
	if (++u->ticks == FASTPATH_ROUND)
		some = u->n; /* whatever is left */
	while (some-- && u->cursor != NONE) {
		uint32_t slot = u->cursor;

		u->cursor = u->fp->entries[slot].next;
		if (install(u, slot, &u->fp->entries[slot].flow))
			fastpath_user_del(u, slot);
	}
	if (u->ticks < FASTPATH_ROUND)
		return false;
	u->ticks = 0;
	return true;
}

#endif
