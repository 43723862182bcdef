#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/deadlines.h"
#include "common/log.h"
#include "common/siphash.h"
#include "common/table.h"

#include "proxyd/clients.h"

struct clients {
	struct table *table;
	struct clients_config cfg;
};

struct client {
	struct clients *owner;
	struct channel channel;
	uint64_t expires;
	deadline_id expiry;
	deadline_id keepalive;
	uint64_t due; /* the next keepalive */
	char id[];
};

static void client_free(void *value)
{
	struct client *cl = value;

	deadlines_cancel(cl->owner->cfg.deadlines, cl->expiry);
	deadlines_cancel(cl->owner->cfg.deadlines, cl->keepalive);
	free(cl);
}

static void client_expired(void *arg)
{
	struct client *cl = arg;

	log_info("registration of a client behind a NAT expired",
		 LOG_S("client", cl->id), LOG_A("channel", &cl->channel.addr));
	clients_del(cl->owner, cl->id);
}

static void keepalive(void *arg);

static int keepalive_at(struct client *cl, uint64_t due)
{
	cl->due = due;
	return deadlines_add(&cl->keepalive, cl->owner->cfg.deadlines, due,
			     keepalive, cl);
}

static void keepalive(void *arg)
{
	struct client *cl = arg;
	const struct clients_config *cfg = &cl->owner->cfg;

	cl->keepalive = 0;
	cfg->keepalive(&cl->channel, cfg->arg);
	if (keepalive_at(cl, cl->due + cfg->keepalive_ms))
		log_error("out of memory: no more keepalives to this client",
			  LOG_S("client", cl->id));
}

/* A moment of the first interval that is the client's own. */
static uint64_t first_keepalive(const struct client *cl, uint64_t now)
{
	return now + 1 +
	       siphash_secret(cl->id, strlen(cl->id)) %
		       cl->owner->cfg.keepalive_ms;
}

static struct client *find(const struct clients *c, const char *id)
{
	return table_get(c->table, id, strlen(id));
}

static int client_add(struct client **clp, struct clients *c, const char *id)
{
	struct client *cl = calloc(1, sizeof(*cl) + strlen(id) + 1);
	int err;

	if (!cl)
		return -ENOMEM;
	cl->owner = c;
	memcpy(cl->id, id, strlen(id) + 1);
	err = table_put(c->table, id, strlen(id), cl);
	if (err) {
		free(cl);
		return err;
	}
	*clp = cl;
	return 0;
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

int clients_put(struct clients *c, const char *id,
		const struct channel *channel, uint64_t now, uint64_t expires)
{
	struct deadlines *deadlines = c->cfg.deadlines;
	struct client *cl = find(c, id);
	int err = 0;

	if (!cl)
		err = client_add(&cl, c, id);
	if (err)
		return err;
	cl->channel = *channel;
	cl->expires = expires;
	deadlines_cancel(deadlines, cl->expiry);
	cl->expiry = 0;
	err = deadlines_add(&cl->expiry, deadlines, expires, client_expired,
			    cl);
	if (!err && c->cfg.keepalive_ms && !cl->keepalive)
		err = keepalive_at(cl, first_keepalive(cl, now));
	if (err)
		clients_del(c, id);
	return err;
}

void clients_del(struct clients *c, const char *id)
{
	struct client *cl = find(c, id);

	if (!cl)
		return;
	(void)table_del(c->table, id, strlen(id));
	client_free(cl);
}

bool clients_has(const struct clients *c, const char *id)
{
	return find(c, id) != NULL;
}

bool clients_at(const struct clients *c, const char *id,
		const struct channel *channel)
{
	const struct client *cl = find(c, id);

	return cl && channel_eq(&cl->channel, channel);
}

size_t clients_count(const struct clients *c)
{
	return table_count(c->table);
}

static int entry_json(const void *key, size_t len, void *value, void *arg)
{
	const struct client *cl = value;
	char channel[CHANNEL_STRLEN];

	(void)key;
	(void)len;
	return json_array_append_new(
		arg, json_pack("{s:s, s:s, s:I}", "id", cl->id, "channel",
			       channel_str(channel, &cl->channel), "expires_ms",
			       (json_int_t)cl->expires));
}

json_t *clients_json(const struct clients *c)
{
	json_t *list = json_array();

	if (list)
		(void)table_apply(c->table, entry_json, list);
	return list;
}
