#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "proxyd/choice.h"

#include "proxyd/relays.h"

enum rank { RANK_GOOD, RANK_SPARE, RANK_DOUBTFUL };

struct member {
	relay_id id;
	struct addr at;
	unsigned q;
	bool configured;
	bool joined; /* redirectd named it in its last answer */
	bool silent;
	bool draining;
	uint64_t named; /* last, by redirectd */
	uint64_t avoid_until;
};

struct relays {
	size_t n;
	relay_id last;
	struct member v[POOL_RELAYS_MAX];
};

static struct member *by_id(struct relays *r, relay_id id)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].id == id)
			return &r->v[i];
	return NULL;
}

static const struct member *by_addr(const struct relays *r,
				    const struct addr *at)
{
	for (size_t i = 0; i < r->n; i++)
		if (addr_eq(&r->v[i].at, at))
			return &r->v[i];
	return NULL;
}

static struct member *add(struct relays *r, const struct addr *at, unsigned q)
{
	struct member *m;

	if (r->n == POOL_RELAYS_MAX)
		return NULL;
	m = &r->v[r->n++];
	*m = (struct member){.id = ++r->last, .at = *at, .q = q};
	return m;
}

static enum rank rank_of(const struct member *m, uint64_t now)
{
	if (m->silent || !m->q || m->avoid_until > now)
		return RANK_DOUBTFUL;
	return m->configured || m->joined ? RANK_GOOD : RANK_SPARE;
}

int relays_alloc(struct relays **rp)
{
	*rp = calloc(1, sizeof(**rp));
	return *rp ? 0 : -ENOMEM;
}

void relays_free(struct relays *r)
{
	free(r);
}

int relays_add(struct relays *r, const struct addr *at)
{
	struct member *m;

	if (by_addr(r, at))
		return 0;
	m = add(r, at, POOL_Q_MAX);
	if (!m)
		return -ENOSPC;
	m->configured = true;
	return 0;
}

/* What it refused while it drained says nothing any more. */
static void serves_again(struct member *m)
{
	if (!m->draining)
		return;
	m->draining = false;
	m->avoid_until = 0;
	log_info("relay drains no more", LOG_A("relay", &m->at));
}

static void named(struct relays *r, const struct pool_relay *one, uint64_t now)
{
	struct member *m = by_id(r, relays_id(r, &one->at));

	if (!m)
		m = add(r, &one->at, one->q);
	if (!m)
		return;
	if (!m->joined && !m->configured)
		log_info("relay has joined", LOG_A("relay", &m->at),
			 LOG_I("q", one->q));
	m->joined = true;
	m->named = now;
	m->q = one->q;
	serves_again(m);
}

void relays_listed(struct relays *r, const struct pool_relay *v, size_t n,
		   uint64_t now)
{
	for (size_t i = 0; i < n; i++)
		named(r, &v[i], now);
	for (size_t i = 0; i < r->n; i++) {
		struct member *m = &r->v[i];

		if (m->joined && m->named != now) {
			m->joined = false;
			log_info("relay has left", LOG_A("relay", &m->at));
		}
	}
	relays_expire(r, now);
}

void relays_expire(struct relays *r, uint64_t now)
{
	for (size_t i = r->n; i-- > 0;) {
		const struct member *m = &r->v[i];

		if (m->configured || now - m->named < RELAYS_KEEP_MS)
			continue;
		log_info("relay is forgotten: the directory names it no more",
			 LOG_A("relay", &m->at));
		r->v[i] = r->v[--r->n];
	}
}

void relays_answered(struct relays *r, relay_id id, unsigned q, bool draining)
{
	struct member *m = by_id(r, id);

	if (!m)
		return;
	if (m->silent)
		log_info("relay answers again", LOG_A("relay", &m->at));
	if (draining && !m->draining)
		log_info("relay drains", LOG_A("relay", &m->at));
	if (!draining)
		serves_again(m);
	m->silent = false;
	m->draining = draining;
	m->q = q;
}

void relays_silent(struct relays *r, relay_id id)
{
	struct member *m = by_id(r, id);

	if (!m)
		return;
	if (!m->silent)
		log_warn("relay is silent: new calls go elsewhere",
			 LOG_A("relay", &m->at));
	m->silent = true;
}

void relays_avoid(struct relays *r, relay_id id, uint64_t until)
{
	struct member *m = by_id(r, id);

	if (m && until > m->avoid_until)
		m->avoid_until = until;
}

bool relays_nth(struct addr *out, const struct relays *r, const char *call_id,
		size_t nth, uint64_t now)
{
	struct choice v[POOL_RELAYS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct member *m = &r->v[i];

		if (!m->draining)
			v[n++] = (struct choice){m->at, m->q, rank_of(m, now)};
	}
	return choice_nth(out, v, n, call_id, nth);
}

relay_id relays_id(const struct relays *r, const struct addr *at)
{
	const struct member *m = by_addr(r, at);

	return m ? m->id : 0;
}

relay_id relays_each(struct addr *at, const struct relays *r, size_t i)
{
	if (i >= r->n)
		return 0;
	*at = r->v[i].at;
	return r->v[i].id;
}

size_t relays_count(const struct relays *r)
{
	return r->n;
}

size_t relays_usable(const struct relays *r, uint64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += !r->v[i].draining && rank_of(&r->v[i], now) == RANK_GOOD;
	return n;
}

static json_t *member_json(const struct member *m, uint64_t now)
{
	uint64_t left = m->avoid_until > now ? m->avoid_until - now : 0;
	char at[ADDR_STRLEN];

	return json_pack("{s:s, s:f, s:b, s:b, s:b, s:b, s:I}", "relay",
			 addr_str(at, &m->at), "q", (double)m->q / POOL_Q_MAX,
			 "configured", m->configured, "joined", m->joined,
			 "silent", m->silent, "draining", m->draining,
			 "avoided_ms", (json_int_t)left);
}

json_t *relays_json(const struct relays *r, uint64_t now)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < r->n; i++)
		(void)json_array_append_new(list, member_json(&r->v[i], now));
	return list;
}
