#include <errno.h>
#include <string.h>

#include "redirectd/changeset.h"

void changeset_init(struct changeset *cs, const struct binding *v, size_t n)
{
	size_t i;

	memset(cs, 0, sizeof(*cs));
	for (i = 0; i < n && i < BINDINGS_MAX; i++)
		cs->items[i].b = v[i];
	cs->n = i;
	cs->before = i;
}

/* A request of the same Call-ID has to be newer than what it changes. */
static bool is_stale(const struct change_item *it, const char *call_id,
		     uint32_t cseq)
{
	return it->change == CHANGE_NONE && cseq <= it->b.cseq &&
	       !strcmp(it->b.call_id, call_id);
}

/* Whether the request has made this very binding already. */
static bool is_retransmission(const struct binding *old,
			      const struct binding *b)
{
	return old->cseq == b->cseq && old->q == b->q &&
	       !strcmp(old->url, b->url) &&
	       old->expires - old->registered == b->expires - b->registered;
}

static struct change_item *find(struct changeset *cs, const struct binding *b)
{
	size_t i;

	for (i = 0; i < cs->n; i++)
		if (cs->items[i].change != CHANGE_REMOVED &&
		    binding_same(&cs->items[i].b, b))
			return &cs->items[i];
	return NULL;
}

static int add(struct changeset *cs, const struct binding *b)
{
	if (cs->n == CHANGESET_MAX)
		return -ENOSPC;
	cs->items[cs->n++] = (struct change_item){*b, CHANGE_ADDED};
	cs->changed = true;
	return 0;
}

static void remove_item(struct changeset *cs, struct change_item *it)
{
	it->change = CHANGE_REMOVED;
	cs->changed = true;
}

int changeset_apply(struct changeset *cs, const struct binding *b)
{
	struct change_item *it = find(cs, b);
	bool ends = b->expires == b->registered;

	if (!it)
		return ends ? 0 : add(cs, b);
	if (is_stale(it, b->call_id, b->cseq))
		return is_retransmission(&it->b, b) ? -EALREADY : -ESTALE;
	if (ends) {
		remove_item(cs, it);
		return 0;
	}
	it->b = *b;
	if (it->change == CHANGE_NONE)
		it->change = CHANGE_REFRESHED;
	cs->changed = true;
	return 0;
}

int changeset_remove_all(struct changeset *cs, const char *call_id,
			 uint32_t cseq)
{
	size_t i;

	for (i = 0; i < cs->n; i++) {
		if (is_stale(&cs->items[i], call_id, cseq))
			return -ESTALE;
		remove_item(cs, &cs->items[i]);
	}
	return 0;
}

size_t changeset_result(struct binding v[CHANGESET_MAX],
			const struct changeset *cs)
{
	size_t i, n = 0;

	for (i = 0; i < cs->n; i++)
		if (cs->items[i].change != CHANGE_REMOVED)
			v[n++] = cs->items[i].b;
	binding_sort(v, n);
	return n;
}
