#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "common/deadlines.h"
#include "common/log.h"
#include "common/paging.h"
#include "common/table.h"
#include "proxyd/pinholes.h"

#include "proxyd/clients.h"

struct binding {
	SLIST_ENTRY(binding) link;
	struct client *client;
	struct channel registered; /* as the directory has it */
	struct channel live;       /* where its pinhole is */
	uint64_t expires;
	deadline_id expiry;
	uint32_t reg_id;
	char *target;
	char *instance;
};

struct client {
	struct clients *owner;
	SLIST_HEAD(bindings, binding) bindings;
	size_t n;
	char id[];
};

struct clients {
	struct table *table; /* client id -> struct client */
	struct clients_config cfg;
	size_t count;
};

static struct client *find(const struct clients *c, const char *id)
{
	return table_get(c->table, id, strlen(id));
}

static void binding_free(struct binding *b)
{
	struct clients *c = b->client->owner;

	deadlines_cancel(c->cfg.deadlines, b->expiry);
	if (!channel_is_none(&b->live))
		pinholes_close(c->cfg.pinholes, &b->live);
	free(b->target);
	free(b->instance);
	free(b);
}

static void client_free(void *value)
{
	struct client *cl = value;
	struct binding *b;

	while ((b = SLIST_FIRST(&cl->bindings))) {
		SLIST_REMOVE_HEAD(&cl->bindings, link);
		binding_free(b);
	}
	free(cl);
}

/* The client goes with its last binding. */
static void forget_if_empty(struct client *cl)
{
	if (cl->n)
		return;
	(void)table_del(cl->owner->table, cl->id, strlen(cl->id));
	client_free(cl);
}

/* The client stays. */
static void unlink_binding(struct binding *b)
{
	struct client *cl = b->client;

	SLIST_REMOVE(&cl->bindings, b, binding, link);
	cl->n--;
	cl->owner->count--;
	binding_free(b);
}

static void expired(void *arg)
{
	struct binding *b = arg;
	struct client *cl = b->client;

	log_info("registration of a client behind a NAT expired",
		 LOG_S("client", cl->id), LOG_A("channel", &b->live.addr));
	unlink_binding(b);
	forget_if_empty(cl);
}

int clients_alloc(struct clients **cp, const struct clients_config *cfg)
{
	struct clients *c = calloc(1, sizeof(*c));
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

void clients_free(struct clients *c)
{
	if (!c)
		return;
	table_free_values(c->table, client_free);
	free(c);
}

static int client_get(struct client **clp, struct clients *c, const char *id)
{
	struct client *cl = find(c, id);
	int err = 0;

	if (!cl) {
		cl = calloc(1, sizeof(*cl) + strlen(id) + 1);
		if (!cl)
			return -ENOMEM;
		cl->owner = c;
		SLIST_INIT(&cl->bindings);
		memcpy(cl->id, id, strlen(id) + 1);
		err = table_put(c->table, id, strlen(id), cl);
	}
	if (err)
		free(cl);
	else
		*clp = cl;
	return err;
}

static int binding_new(struct binding **bp, struct client *cl)
{
	struct clients *c = cl->owner;
	struct binding *b;

	if (cl->n == CLIENT_BINDINGS_MAX || c->count == c->cfg.max)
		return -ENOSPC;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->client = cl;
	SLIST_INSERT_HEAD(&cl->bindings, b, link);
	cl->n++;
	c->count++;
	*bp = b;
	return 0;
}

static bool same_nat(const struct channel *a, const struct channel *b)
{
	return a->transport == b->transport && addr_ip_eq(&a->addr, &b->addr);
}

static bool same_phone(const struct binding *b,
		       const struct clients_phone *phone)
{
	if (*phone->instance || *b->instance)
		return b->reg_id == phone->reg_id &&
		       !strcmp(b->instance, phone->instance);
	return !strcmp(b->target, phone->target) &&
	       (same_nat(&b->live, &phone->channel) ||
		same_nat(&b->registered, &phone->channel));
}

static struct binding *find_phone(const struct client *cl,
				  const struct clients_phone *phone)
{
	struct binding *b;

	SLIST_FOREACH(b, &cl->bindings, link)
	if (same_phone(b, phone))
		return b;
	return NULL;
}

static int set_text(char **at, const char *text)
{
	char *copy;

	if (*at && !strcmp(*at, text))
		return 0;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*at);
	*at = copy;
	return 0;
}

/* The new pinhole is opened before the old one is left, which is mostly the
 * same. */
static int move(struct binding *b, const struct channel *to, uint64_t now,
		bool soon)
{
	const struct clients_config *cfg = &b->client->owner->cfg;
	struct channel from = b->live;
	int err = pinholes_open(cfg->pinholes, to, b->target, now, soon);

	if (err)
		return err;
	b->live = *to;
	if (channel_is_none(&from))
		return 0;
	if (!channel_eq(&from, to)) {
		log_info("client is reached on another channel",
			 LOG_S("client", b->client->id),
			 LOG_A("from", &from.addr), LOG_A("to", &to->addr));
		cfg->moved(b->client->id, &from, to, cfg->arg);
	}
	pinholes_close(cfg->pinholes, &from);
	return 0;
}

static int binding_write(struct binding *b, const struct clients_phone *phone,
			 uint64_t now, uint64_t expires)
{
	struct deadlines *deadlines = b->client->owner->cfg.deadlines;
	int err = set_text(&b->target, phone->target);

	if (!err)
		err = set_text(&b->instance, phone->instance);
	if (!err)
		err = move(b, &phone->channel, now, phone->soon);
	if (err)
		return err;
	b->reg_id = phone->reg_id;
	b->registered = phone->channel;
	b->expires = expires;
	deadlines_cancel(deadlines, b->expiry);
	b->expiry = 0;
	return deadlines_add(&b->expiry, deadlines, expires, expired, b);
}

int clients_put(struct clients *c, const char *id,
		const struct clients_phone *phone, uint64_t now,
		uint64_t expires)
{
	struct client *cl = NULL;
	struct binding *b = NULL;
	int err = client_get(&cl, c, id);

	if (err)
		return err;
	b = find_phone(cl, phone);
	if (!b)
		err = binding_new(&b, cl);
	if (!err) {
		err = binding_write(b, phone, now, expires);
		if (err)
			unlink_binding(b);
	}
	forget_if_empty(cl);
	return err;
}

/* The phone of a binding that goes is reached at another of the client's by
 * now: behind another NAT, or the NAT has got another address. */
static void tell_moved(const struct binding *b)
{
	const struct clients_config *cfg = &b->client->owner->cfg;
	const struct binding *to;

	SLIST_FOREACH(to, &b->client->bindings, link)
	if (to != b && !strcmp(to->target, b->target) &&
	    !strcmp(to->instance, b->instance))
		cfg->moved(b->client->id, &b->live, &to->live, cfg->arg);
}

static bool listed_at(const struct channel *at, const struct channel *listed,
		      size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (channel_eq(at, &listed[i]))
			return true;
	return false;
}

void clients_retain(struct clients *c, const char *id,
		    const struct channel *listed, size_t n)
{
	struct client *cl = find(c, id);
	struct binding *b, *next;

	if (!cl)
		return;
	for (b = SLIST_FIRST(&cl->bindings); b; b = next) {
		next = SLIST_NEXT(b, link);
		if (listed_at(&b->registered, listed, n))
			continue;
		tell_moved(b);
		unlink_binding(b);
	}
	forget_if_empty(cl);
}

static const char *own_of(const char *target)
{
	const char *at = strrchr(target, '@');

	return at ? at + 1 : target;
}

bool clients_moved(struct clients *c, const char *id, const char *own,
		   const struct channel *src, uint64_t now)
{
	const struct client *cl = find(c, id);
	struct binding *b, *found = NULL;

	if (!cl)
		return false;
	SLIST_FOREACH(b, &cl->bindings, link)
	{
		if (channel_eq(&b->live, src))
			return false;
		if (strcasecmp(own_of(b->target), own) ||
		    !same_nat(&b->live, src))
			continue;
		if (found)
			return false;
		found = b;
	}
	return found && !move(found, src, now, false);
}

bool clients_has(const struct clients *c, const char *id)
{
	return find(c, id) != NULL;
}

static const struct binding *binding_at(const struct clients *c, const char *id,
					const struct channel *at)
{
	const struct client *cl = find(c, id);
	const struct binding *b;

	if (!cl)
		return NULL;
	SLIST_FOREACH(b, &cl->bindings, link)
	if (channel_eq(&b->live, at))
		return b;
	return NULL;
}

bool clients_at(const struct clients *c, const char *id,
		const struct channel *channel)
{
	return binding_at(c, id, channel) != NULL;
}

bool clients_live(struct channel *at, const struct clients *c, const char *id)
{
	const struct binding *b = binding_at(c, id, at);
	const struct client *cl = find(c, id);

	if (!cl)
		return false;
	if (!b)
		SLIST_FOREACH(b, &cl->bindings, link)
	if (channel_eq(&b->registered, at))
		break;
	if (!b)
		return false;
	*at = b->live;
	return pinholes_channel(at, c->cfg.pinholes);
}

size_t clients_count(const struct clients *c)
{
	return c->count;
}

struct view {
	struct paging *page;
	uint64_t now;
};

/* How long something will last, or has: 0 for what is over, or never was. */
static json_int_t span(uint64_t from, uint64_t to)
{
	return from && to > from ? (json_int_t)(to - from) : 0;
}

static json_t *binding_json(const struct binding *b, uint64_t now)
{
	const struct client *cl = b->client;
	const struct pinholes *p = cl->owner->cfg.pinholes;
	char live[CHANNEL_STRLEN], registered[CHANNEL_STRLEN];
	uint64_t heard = pinholes_last_heard(p, &b->live);

	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b}", "id",
			 cl->id, "channel", channel_str(live, &b->live),
			 "registered", channel_str(registered, &b->registered),
			 "expires_ms", (json_int_t)b->expires, "expires_in_ms",
			 span(now, b->expires), "heard_ms", (json_int_t)heard,
			 "heard_ago_ms", span(heard, now), "marked",
			 pinholes_marked(p, &b->live));
}

static int show(const void *key, size_t len, void *value, void *arg)
{
	const struct client *cl = value;
	struct view *v = arg;
	const struct binding *b;

	(void)key;
	(void)len;
	SLIST_FOREACH(b, &cl->bindings, link)
	if (paging_wants(v->page))
		paging_add(v->page, binding_json(b, v->now));
	return paging_full(v->page);
}

void clients_page(struct paging *page, const struct clients *c, const char *id,
		  uint64_t now)
{
	struct view v = {page, now};
	struct client *one = id ? find(c, id) : NULL;

	if (one)
		(void)show(NULL, 0, one, &v);
	else if (!id)
		(void)table_apply(c->table, show, &v);
}
