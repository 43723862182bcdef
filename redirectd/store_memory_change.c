#include <errno.h>
#include <stdlib.h>

#include "redirectd/store_memory_internal.h"

struct store_change {
	struct entry *entry;
	struct entry *victim;
	struct binding *v;
	size_t n;
};

/* The client that has been unregistered the longest makes room. */
static int choose_victim(struct store_change *ch, struct store_memory *m)
{
	if (!entry_is_full(m))
		return 0;
	ch->victim = TAILQ_FIRST(&m->idle);
	if (!ch->victim)
		return -ENOSPC;
	TAILQ_REMOVE(&m->idle, ch->victim, link);
	ch->victim->busy = ch->victim->leaving = true;
	m->leaving++;
	return 0;
}

static void spare_victim(struct store_change *ch)
{
	struct entry *e = ch->victim;

	if (!e)
		return;
	e->busy = e->leaving = false;
	e->store->leaving--;
	TAILQ_INSERT_HEAD(&e->store->idle, e, link);
}

static void forget_victim(struct store_change *ch)
{
	struct entry *e = ch->victim;

	if (!e)
		return;
	e->store->leaving--;
	e->store->counts.known--;
	TAILQ_REMOVE(&e->store->all, e, known);
	entry_drop(e);
}

static int take_newcomer(struct store_change *ch, struct store_memory *m,
			 const char *id)
{
	int err = choose_victim(ch, m);

	if (err)
		return err;
	err = entry_add(&ch->entry, m, id);
	if (err) {
		spare_victim(ch);
		return err;
	}
	ch->entry->busy = ch->entry->unborn = true;
	m->unborn++;
	return 0;
}

static int take_entry(struct store_change *ch, struct store_memory *m,
		      const char *id)
{
	struct entry *e = entry_find(m, id);

	if (!e)
		return take_newcomer(ch, m, id);
	if (e->of)
		return -EINVAL;
	if (e->busy)
		return -EAGAIN;
	if (!e->n)
		TAILQ_REMOVE(&m->idle, e, link);
	e->busy = true;
	ch->entry = e;
	return 0;
}

int store_memory_prepare(struct store_change **chp, struct store *s,
			 const char *id, const struct binding *v, size_t n)
{
	struct store_change *ch = calloc(1, sizeof(*ch));
	int err;

	if (!ch)
		return -ENOMEM;
	ch->n = n;
	ch->v = n ? binding_copy(v, n) : NULL;
	err = n && !ch->v ? -ENOMEM : take_entry(ch, store_memory_of(s), id);
	if (err) {
		free(ch->v);
		free(ch);
		return err;
	}
	*chp = ch;
	return 0;
}

/* It is a client like any other from now on. */
static void settle(struct entry *e)
{
	struct store_memory *m = e->store;

	e->busy = false;
	if (!e->n)
		TAILQ_INSERT_TAIL(&m->idle, e, link);
}

void store_memory_commit(struct store_change *ch)
{
	struct entry *e = ch->entry;
	struct store_memory *m = e->store;

	if (e->unborn) {
		e->unborn = false;
		m->unborn--;
		m->counts.known++;
		TAILQ_INSERT_TAIL(&m->all, e, known);
	}
	entry_set(e, ch->v, ch->n);
	settle(e);
	forget_victim(ch);
	free(ch);
}

void store_memory_abort(struct store_change *ch)
{
	struct entry *e = ch->entry;

	spare_victim(ch);
	if (e->unborn) {
		e->store->unborn--;
		entry_drop(e);
	} else {
		settle(e);
	}
	free(ch->v);
	free(ch);
}

const char *store_memory_id(const struct store_change *ch)
{
	return ch->entry->id;
}

const char *store_memory_victim(const struct store_change *ch)
{
	return ch->victim ? ch->victim->id : NULL;
}

const struct binding *store_memory_bindings(size_t *n,
					    const struct store_change *ch)
{
	*n = ch->n;
	return ch->v;
}

bool store_memory_is_new(const struct store_change *ch)
{
	return ch->entry->unborn;
}
