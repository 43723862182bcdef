#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/siphash.h"

#include "redirectd/relays.h"

struct entry {
	char cluster[REDIRECT_ID_MAX];
	struct addr at;
	unsigned q;
	bool left; /* remembered, so that no earlier message brings it back */
	uint64_t call; /* hash of the Call-ID */
	uint32_t cseq;
	dir_time expires;
};

struct relays {
	size_t n;
	struct entry v[POOL_RELAYS_MAX];
};

static void drop(struct relays *r, size_t i)
{
	if (!r->v[i].left)
		log_warn("a relay has run out: it left without a word",
			 LOG_A("relay", &r->v[i].at),
			 LOG_S("cluster", r->v[i].cluster));
	r->v[i] = r->v[--r->n];
}

static void expire(struct relays *r, dir_time now)
{
	for (size_t i = r->n; i-- > 0;)
		if (r->v[i].expires <= now)
			drop(r, i);
}

static struct entry *find(struct relays *r, const char *cluster,
			  const struct addr *at)
{
	for (size_t i = 0; i < r->n; i++)
		if (addr_eq(&r->v[i].at, at) &&
		    !strcmp(r->v[i].cluster, cluster))
			return &r->v[i];
	return NULL;
}

static void leave(struct entry *e, const struct relays_news *news)
{
	if (!e->left)
		log_info("relay has left the pool", LOG_A("relay", &e->at),
			 LOG_S("cluster", e->cluster));
	e->left = true;
	e->cseq = news->cseq;
}

static int add(struct entry **out, struct relays *r,
	       const struct relays_news *news)
{
	struct entry *e = &r->v[r->n];

	if (strlen(news->cluster) >= sizeof(e->cluster))
		return -EMSGSIZE;
	if (r->n == POOL_RELAYS_MAX)
		return -ENOSPC;
	r->n++;
	memset(e, 0, sizeof(*e));
	strcpy(e->cluster, news->cluster);
	e->at = news->join.relay;
	e->left = true;
	*out = e;
	return 0;
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

int relays_put(struct relays *r, const struct relays_news *news, dir_time now)
{
	uint64_t call = siphash_secret(news->call_id, strlen(news->call_id));
	struct entry *e;
	int err = 0;

	expire(r, now);
	e = find(r, news->cluster, &news->join.relay);
	if (e && e->call == call && news->cseq <= e->cseq)
		return news->cseq == e->cseq ? 0 : -ESTALE;
	if (!news->join.expires) {
		/* A relay begun anew is not sent away by its former self. */
		if (e && e->call == call)
			leave(e, news);
		return 0;
	}
	if (!e)
		err = add(&e, r, news);
	if (err)
		return err;
	if (e->left)
		log_info("relay has joined the pool", LOG_A("relay", &e->at),
			 LOG_S("cluster", e->cluster),
			 LOG_I("q", news->join.q));
	e->left = false;
	e->q = news->join.q;
	e->call = call;
	e->cseq = news->cseq;
	e->expires = now + (dir_time)news->join.expires * 1000;
	return 0;
}

size_t relays_list(struct pool_relay v[POOL_RELAYS_MAX], struct relays *r,
		   const char *cluster, dir_time now)
{
	size_t n = 0;

	expire(r, now);
	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].left && !strcmp(r->v[i].cluster, cluster))
			v[n++] = (struct pool_relay){r->v[i].at, r->v[i].q};
	return n;
}

size_t relays_count(struct relays *r, dir_time now)
{
	size_t n = 0;

	expire(r, now);
	for (size_t i = 0; i < r->n; i++)
		n += !r->v[i].left;
	return n;
}

json_t *relays_json(struct relays *r, dir_time now)
{
	json_t *list = json_array();
	char at[ADDR_STRLEN];

	expire(r, now);
	for (size_t i = 0; list && i < r->n; i++) {
		const struct entry *e = &r->v[i];

		if (!e->left)
			(void)json_array_append_new(
				list,
				json_pack(
					"{s:s, s:s, s:f, s:I}", "cluster",
					e->cluster, "relay",
					addr_str(at, &e->at), "q",
					(double)e->q / POOL_Q_MAX, "expires",
					(json_int_t)((e->expires - now + 999) /
						     1000)));
	}
	return list;
}
