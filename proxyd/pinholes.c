#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/deadlines.h"
#include "common/siphash.h"
#include "common/table.h"

#include "proxyd/pinholes.h"

enum {
	SOON = 4,        /* this part of the interval */
	PROBE_MS = 2000, /* no second question to one pinhole in this time */
	IP_MAX = 16,
};

struct key {
	uint8_t ip[IP_MAX];
	uint16_t port;
	uint8_t family, transport;
};

struct pinhole {
	struct pinholes *owner;
	struct key key;
	struct channel channel;
	size_t users;
	deadline_id keepalive;
	uint64_t asked; /* when, while an answer is owed */
	uint64_t heard;
	unsigned misses;
	bool answers; /* has answered a question, ever */
	bool marked;
	char *target;
};

struct pinholes {
	struct table *table;
	struct pinholes_config cfg;
	size_t marked;
};

static struct key key_of(const struct channel *at)
{
	const struct addr *a = &at->addr;
	struct key k = {
		.port = addr_port(a),
		.family = (uint8_t)addr_family(a),
		.transport = (uint8_t)at->transport,
	};

	if (k.family == AF_INET)
		memcpy(k.ip, &a->u.in.sin_addr, sizeof(a->u.in.sin_addr));
	else
		memcpy(k.ip, &a->u.in6.sin6_addr, sizeof(a->u.in6.sin6_addr));
	return k;
}

static struct pinhole *find(const struct pinholes *p, const struct channel *at)
{
	struct key k = key_of(at);

	return table_get(p->table, &k, sizeof(k));
}

static void pinhole_free(void *value)
{
	struct pinhole *h = value;

	deadlines_cancel(h->owner->cfg.deadlines, h->keepalive);
	free(h->target);
	free(h);
}

static void mark(struct pinhole *h, const char *why)
{
	struct pinholes *p = h->owner;

	if (h->marked)
		return;
	h->marked = true;
	p->marked++;
	p->cfg.news(&h->channel, PINHOLES_MARKED, why, p->cfg.arg);
}

/* The answer to the last question has not come. */
static void count_miss(struct pinhole *h)
{
	const struct pinholes_config *cfg = &h->owner->cfg;

	if (!h->asked || !h->answers || !cfg->misses)
		return;
	if (++h->misses >= cfg->misses)
		mark(h, "no answer to keepalives");
}

static void ask(struct pinhole *h, uint64_t now)
{
	const struct pinholes_config *cfg = &h->owner->cfg;

	h->asked = cfg->send(&h->channel, h->target, h->marked, cfg->arg) ? now
									  : 0;
}

/* The next moment after `now` that is this pinhole's own. */
static uint64_t next_slot(const struct pinhole *h, uint64_t now)
{
	uint64_t interval = h->owner->cfg.interval_ms;
	uint64_t slot = siphash_secret(&h->key, sizeof(h->key)) % interval;
	uint64_t ahead = (slot + interval - now % interval) % interval;

	return now + (ahead ? ahead : interval);
}

static void keepalive(void *arg);

static int keepalive_at(struct pinhole *h, uint64_t when)
{
	return deadlines_add(&h->keepalive, h->owner->cfg.deadlines, when,
			     keepalive, h);
}

/* Without memory for the next turn this pinhole gets no more keepalives, and
 * is marked when a call finds it shut. */
static void keepalive(void *arg)
{
	struct pinhole *h = arg;
	const struct pinholes_config *cfg = &h->owner->cfg;
	uint64_t now = cfg->now(cfg->arg);

	h->keepalive = 0;
	count_miss(h);
	ask(h, now);
	(void)keepalive_at(h, next_slot(h, now));
}

int pinholes_alloc(struct pinholes **pp, const struct pinholes_config *cfg)
{
	struct pinholes *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->cfg = *cfg;
	err = table_alloc(&p->table, cfg->max);
	if (err) {
		free(p);
		return err;
	}
	*pp = p;
	return 0;
}

void pinholes_free(struct pinholes *p)
{
	if (!p)
		return;
	table_free_values(p->table, pinhole_free);
	free(p);
}

static void forget(struct pinhole *h)
{
	struct pinholes *p = h->owner;

	p->marked -= h->marked;
	(void)table_del(p->table, &h->key, sizeof(h->key));
	pinhole_free(h);
}

static int pinhole_new(struct pinhole **hp, struct pinholes *p,
		       const struct channel *at)
{
	struct pinhole *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->owner = p;
	h->key = key_of(at);
	err = table_put(p->table, &h->key, sizeof(h->key), h);
	if (err) {
		free(h);
		return err;
	}
	*hp = h;
	return 0;
}

static int retarget(struct pinhole *h, const char *target)
{
	char *copy;

	if (h->target && !strcmp(h->target, target))
		return 0;
	copy = strdup(target);
	if (!copy)
		return -ENOMEM;
	free(h->target);
	h->target = copy;
	return 0;
}

static int first_keepalive(struct pinhole *h, uint64_t now, bool soon)
{
	uint64_t interval = h->owner->cfg.interval_ms;

	if (!interval)
		return 0;
	if (!soon)
		return keepalive_at(h, next_slot(h, now));
	return keepalive_at(h, now + 1 +
				       siphash_secret(&h->key, sizeof(h->key)) %
					       (interval / SOON + 1));
}

int pinholes_open(struct pinholes *p, const struct channel *at,
		  const char *target, uint64_t now, bool soon)
{
	struct pinhole *h = find(p, at);
	int err = 0;

	if (!h)
		err = pinhole_new(&h, p, at);
	if (err)
		return err;
	err = retarget(h, target);
	if (!err && !h->keepalive)
		err = first_keepalive(h, now, soon);
	if (err && !h->users) {
		forget(h);
		return err;
	}
	if (err)
		return err;
	if (at->conn || at->local || !h->users)
		h->channel = *at;
	h->users++;
	return 0;
}

void pinholes_close(struct pinholes *p, const struct channel *at)
{
	struct pinhole *h = find(p, at);

	if (h && !--h->users)
		forget(h);
}

bool pinholes_heard(struct pinholes *p, const struct channel *at, bool answer,
		    uint64_t now)
{
	struct pinhole *h = find(p, at);

	if (!h)
		return false;
	h->channel = *at;
	h->answers = h->answers || answer;
	h->asked = 0;
	h->misses = 0;
	h->heard = now;
	if (h->marked) {
		h->marked = false;
		p->marked--;
		p->cfg.news(&h->channel, PINHOLES_HEARD, "heard from",
			    p->cfg.arg);
	}
	return true;
}

void pinholes_mark(struct pinholes *p, const struct channel *at,
		   const char *why)
{
	struct pinhole *h = find(p, at);

	if (h)
		mark(h, why);
}

void pinholes_gone(struct pinholes *p, const struct channel *at,
		   const char *why)
{
	struct pinhole *h = find(p, at);

	if (h && (!h->channel.conn || h->channel.conn == at->conn))
		mark(h, why);
}

bool pinholes_marked(const struct pinholes *p, const struct channel *at)
{
	const struct pinhole *h = find(p, at);

	return h && h->marked;
}

void pinholes_probe(struct pinholes *p, const struct channel *at, uint64_t now)
{
	struct pinhole *h = find(p, at);

	if (h && (!h->asked || now - h->asked >= PROBE_MS))
		ask(h, now);
}

bool pinholes_channel(struct channel *at, const struct pinholes *p)
{
	const struct pinhole *h = find(p, at);

	if (h)
		*at = h->channel;
	return h != NULL;
}

uint64_t pinholes_last_heard(const struct pinholes *p, const struct channel *at)
{
	const struct pinhole *h = find(p, at);

	return h ? h->heard : 0;
}

size_t pinholes_count(const struct pinholes *p)
{
	return table_count(p->table);
}

size_t pinholes_count_marked(const struct pinholes *p)
{
	return p->marked;
}
