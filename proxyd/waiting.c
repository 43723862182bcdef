#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/channel.h"
#include "common/deadlines.h"
#include "common/table.h"

#include "proxyd/waiting.h"

/* Where calls wait: a channel. It goes with its last call. */
struct place {
	TAILQ_HEAD(calls, call) calls;
	size_t n;
	char key[CHANNEL_STRLEN];
};

struct call {
	TAILQ_ENTRY(call) link;
	struct waiting *owner;
	struct place *place; /* NULL: woken, goes on at `to` */
	struct channel to;
	struct waiting_ref ref;
	uint64_t until;
	deadline_id deadline;
};

struct waiting {
	struct table *calls;  /* ref -> struct call */
	struct table *places; /* channel -> struct place */
	struct waiting_config cfg;
};

static struct place *place_find(const struct waiting *w,
				const struct channel *at)
{
	char key[CHANNEL_STRLEN];

	channel_str(key, at);
	return table_get(w->places, key, strlen(key));
}

static int place_get(struct place **pp, struct waiting *w,
		     const struct channel *at)
{
	struct place *p = place_find(w, at);
	int err;

	if (p) {
		*pp = p;
		return p->n < w->cfg.max_per_channel ? 0 : -ENOSPC;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	TAILQ_INIT(&p->calls);
	channel_str(p->key, at);
	err = table_put(w->places, p->key, strlen(p->key), p);
	if (err)
		free(p);
	else
		*pp = p;
	return err;
}

static void place_leave(struct call *c)
{
	struct place *p = c->place;

	if (!p)
		return;
	c->place = NULL;
	TAILQ_REMOVE(&p->calls, c, link);
	if (--p->n)
		return;
	(void)table_del(c->owner->places, p->key, strlen(p->key));
	free(p);
}

static void call_free(struct call *c)
{
	deadlines_cancel(c->owner->cfg.deadlines, c->deadline);
	place_leave(c);
	(void)table_del(c->owner->calls, &c->ref, sizeof(c->ref));
	free(c);
}

static void finish(void *arg)
{
	struct call *c = arg;
	const struct waiting_config *cfg = &c->owner->cfg;
	struct channel to = c->to;
	struct waiting_ref ref = c->ref;

	c->deadline = 0;
	call_free(c);
	cfg->end(&ref, channel_is_none(&to) ? NULL : &to, cfg->arg);
}

static int finish_at(struct call *c, uint64_t when)
{
	struct deadlines *deadlines = c->owner->cfg.deadlines;

	deadlines_cancel(deadlines, c->deadline);
	c->deadline = 0;
	return deadlines_add(&c->deadline, deadlines, when, finish, c);
}

/* The turn for its end is taken first, as the handler may cancel it. */
static void say(void *arg)
{
	struct call *c = arg;
	const struct waiting_config *cfg = &c->owner->cfg;
	struct waiting_ref ref = c->ref;

	c->deadline = 0;
	if (finish_at(c, c->until))
		finish(c);
	else
		cfg->queued(&ref, cfg->arg);
}

int waiting_alloc(struct waiting **wp, const struct waiting_config *cfg)
{
	struct waiting *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->cfg = *cfg;
	err = table_alloc(&w->calls, cfg->max);
	if (!err)
		err = table_alloc(&w->places, cfg->max);
	if (err) {
		table_free(w->calls);
		free(w);
		return err;
	}
	*wp = w;
	return 0;
}

static int free_entry(const void *key, size_t len, void *value, void *arg)
{
	(void)key;
	(void)len;
	(void)arg;
	call_free(value);
	return 0;
}

void waiting_free(struct waiting *w)
{
	if (!w)
		return;
	(void)table_apply(w->calls, free_entry, NULL);
	table_free(w->calls);
	table_free(w->places);
	free(w);
}

static int enter(struct call *c, const struct channel *at, uint64_t now)
{
	struct waiting *w = c->owner;
	uint64_t first = now + w->cfg.say_ms;
	int err = place_get(&c->place, w, at);

	if (err) {
		c->place = NULL;
		return err;
	}
	TAILQ_INSERT_TAIL(&c->place->calls, c, link);
	c->place->n++;
	if (first < c->until)
		return deadlines_add(&c->deadline, w->cfg.deadlines, first, say,
				     c);
	return finish_at(c, c->until);
}

int waiting_add(struct waiting *w, const struct waiting_ref *ref,
		const struct channel *at, uint64_t now, uint64_t until)
{
	struct call *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->owner = w;
	c->ref = *ref;
	c->until = until;
	err = table_put(w->calls, ref, sizeof(*ref), c);
	if (err) {
		free(c);
		return err;
	}
	err = enter(c, at, now);
	if (err)
		call_free(c);
	return err;
}

bool waiting_cancel(struct waiting *w, const struct waiting_ref *ref)
{
	struct call *c = table_get(w->calls, ref, sizeof(*ref));

	if (c)
		call_free(c);
	return c != NULL;
}

/* Without memory for a turn of its own it goes on when its time is over. */
static void wake(struct call *c, const struct channel *to, uint64_t now)
{
	deadline_id old = c->deadline;

	c->to = *to;
	c->deadline = 0;
	if (finish_at(c, now))
		c->deadline = old;
	else
		deadlines_cancel(c->owner->cfg.deadlines, old);
}

size_t waiting_wake(struct waiting *w, const struct channel *from,
		    const struct channel *to, uint64_t now)
{
	struct place *p = place_find(w, from);
	struct call *c, *next;
	size_t n = 0, left = p ? p->n : 0;

	for (c = left ? TAILQ_FIRST(&p->calls) : NULL; left; c = next, left--) {
		next = TAILQ_NEXT(c, link);
		wake(c, to, now);
		place_leave(c);
		n++;
	}
	return n;
}

size_t waiting_count(const struct waiting *w)
{
	return table_count(w->calls);
}
