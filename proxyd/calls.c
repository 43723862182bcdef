#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/deadlines.h"
#include "common/paging.h"
#include "common/table.h"

#include "proxyd/calls.h"

enum { FORGET_MS = CALLS_HOURS * 3600 * 1000 };

struct calls {
	struct calls_config cfg;
	struct table *table;
};

struct entry {
	struct call call;
	struct calls *owner;
	deadline_id deadline;
	char id[];
};

static void entry_free(void *value)
{
	struct entry *e = value;

	deadlines_cancel(e->owner->cfg.deadlines, e->deadline);
	parties_free(e->call.parties);
	free(e);
}

static struct entry *find(const struct calls *c, const char *id)
{
	return table_get(c->table, id, strlen(id));
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return b && b < a ? b : a;
}

uint64_t call_next(const struct call *call)
{
	uint64_t next = earlier(UINT64_MAX, call->forget);

	next = earlier(next, call->expires);
	for (size_t i = 0; i < PARTIES; i++)
		if (!call->probe[i].under_way)
			next = earlier(next, call->probe[i].when);
	return call->leaving > next ? call->leaving : next;
}

static bool is_due(uint64_t when, uint64_t now)
{
	return when && when <= now;
}

enum call_due call_due(const struct call *call, uint64_t now)
{
	if (call->leaving > now)
		return CALL_NOTHING;
	if (is_due(call->expires, now))
		return CALL_EXPIRED;
	if (is_due(call->forget, now))
		return CALL_FORGOTTEN;
	for (size_t i = 0; i < PARTIES; i++)
		if (!call->probe[i].under_way &&
		    is_due(call->probe[i].when, now))
			return i == PARTY_CALLER ? CALL_ASK_CALLER
						 : CALL_ASK_CALLEE;
	return CALL_NOTHING;
}

static void on_deadline(void *arg)
{
	struct entry *e = arg;

	e->deadline = 0;
	e->owner->cfg.due(e->id, e->owner->cfg.arg);
}

static int arm(struct entry *e)
{
	struct deadlines *d = e->owner->cfg.deadlines;

	deadlines_cancel(d, e->deadline);
	e->deadline = 0;
	return deadlines_add(&e->deadline, d, call_next(&e->call), on_deadline,
			     e);
}

static struct entry *entry_add(struct calls *c, const char *id, uint64_t now,
			       int *err)
{
	size_t len = strlen(id);
	struct entry *e = calloc(1, sizeof(*e) + len + 1);

	*err = -ENOMEM;
	if (!e)
		return NULL;
	e->owner = c;
	e->call.id = e->id;
	e->call.since = now;
	memcpy(e->id, id, len + 1);
	*err = table_put(c->table, id, len, e);
	if (*err) {
		free(e);
		return NULL;
	}
	return e;
}

int calls_alloc(struct calls **cp, const struct calls_config *cfg)
{
	struct calls *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->cfg = *cfg;
	err = table_alloc(&c->table, cfg->max);
	if (err) {
		free(c);
		return err;
	}
	*cp = c;
	return 0;
}

void calls_free(struct calls *c)
{
	if (!c)
		return;
	table_free_values(c->table, entry_free);
	free(c);
}

int calls_put(struct calls *c, const char *id, uint64_t now,
	      struct parties *parties, const struct addr *relay, bool first)
{
	struct entry *e = find(c, id);
	int err = 0;

	if (!e)
		e = entry_add(c, id, now, &err);
	if (!e) {
		parties_free(parties);
		return err;
	}
	parties_free(e->call.parties);
	e->call.parties = parties;
	e->call.relay = relay ? *relay : (struct addr){0};
	e->call.first = first;
	e->call.forget = now + FORGET_MS;
	err = arm(e);
	if (err)
		calls_del(c, id);
	return err;
}

void calls_del(struct calls *c, const char *id)
{
	struct entry *e = table_del(c->table, id, strlen(id));

	if (e)
		entry_free(e);
}

void calls_hold(struct calls *c, const char *id, const struct addr *relay)
{
	struct entry *e = find(c, id);

	if (e)
		e->call.relay = *relay;
}

void calls_natted(struct calls *c, const char *id, bool caller, bool callee)
{
	struct entry *e = find(c, id);

	if (!e)
		return;
	e->call.natted[PARTY_CALLER] = caller;
	e->call.natted[PARTY_CALLEE] = callee;
}

const struct call *calls_get(const struct calls *c, const char *id)
{
	const struct entry *e = find(c, id);

	return e ? &e->call : NULL;
}

size_t calls_count(const struct calls *c)
{
	return table_count(c->table);
}

/* One that nobody can look after is not kept. */
static void again(struct entry *e)
{
	if (arm(e))
		calls_del(e->owner, e->id);
}

void calls_expire(struct calls *c, const char *id, uint64_t when)
{
	struct entry *e = find(c, id);

	if (!e || e->call.expires == when)
		return;
	e->call.expires = when;
	again(e);
}

void calls_leave(struct calls *c, const char *id, uint64_t until)
{
	struct entry *e = find(c, id);

	if (!e)
		return;
	e->call.leaving = until;
	again(e);
}

void calls_ask(struct calls *c, const char *id, enum party who, uint64_t when,
	       unsigned missed)
{
	struct entry *e = find(c, id);

	if (!e)
		return;
	e->call.probe[who].when = when;
	e->call.probe[who].missed = missed;
	again(e);
}

void calls_asking(struct calls *c, const char *id, enum party who,
		  bool under_way)
{
	struct entry *e = find(c, id);

	if (!e)
		return;
	e->call.probe[who].under_way = under_way;
	again(e);
}

void calls_again(struct calls *c, const char *id)
{
	struct entry *e = find(c, id);

	if (e)
		again(e);
}

struct walk {
	int (*fn)(const struct call *call, void *arg);
	void *arg;
};

static int walk_one(const void *key, size_t len, void *value, void *arg)
{
	const struct entry *e = value;
	const struct walk *w = arg;

	(void)key;
	(void)len;
	return w->fn(&e->call, w->arg);
}

void calls_apply(const struct calls *c,
		 int (*fn)(const struct call *call, void *arg), void *arg)
{
	struct walk w = {fn, arg};

	(void)table_apply(c->table, walk_one, &w);
}

struct view {
	struct paging *page;
	uint64_t now;
};

static json_t *call_json(const struct call *call, uint64_t now)
{
	char relay[ADDR_STRLEN];
	json_t *one = json_pack("{s:s, s:I, s:[ii]}", "session", call->id,
				"since_ms", (json_int_t)(now - call->since),
				"missed", (int)call->probe[PARTY_CALLER].missed,
				(int)call->probe[PARTY_CALLEE].missed);

	if (!addr_is_none(&call->relay))
		(void)json_object_set_new(
			one, "relay",
			json_string(addr_str(relay, &call->relay)));
	if (call->expires > now)
		(void)json_object_set_new(
			one, "expires_ms",
			json_integer((json_int_t)(call->expires - now)));
	return one;
}

static int show(const struct call *call, void *arg)
{
	struct view *v = arg;

	if (paging_wants(v->page))
		paging_add(v->page, call_json(call, v->now));
	return paging_full(v->page);
}

void calls_page(struct paging *page, const struct calls *c, uint64_t now)
{
	struct view v = {page, now};

	calls_apply(c, show, &v);
}
