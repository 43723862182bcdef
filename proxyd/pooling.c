#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/pool.h"
#include "proxyd/conf.h"
#include "proxyd/edge.h"
#include "proxyd/proxy.h"
#include "proxyd/relays.h"

#include "proxyd/pooling.h"

enum {
	QUERY_MS = 5000,
	QUERY_SOON_MS = 1000, /* where no relay is known */
	QUERY_PATIENCE_MS = 1000,
	HEALTH_MS = 2000,
	HEALTH_PATIENCE_MS = 1000, /* the question goes out twice in it */
	TOKEN_LEN = 17,
	REQUEST_MAX = 2048,
};

struct pooling {
	struct proxy *p;
	size_t redirect; /* the redirectd to ask next */
	size_t tries;    /* asked in this round */
	uint32_t cseq;
	deadline_id query, health;
	char tag[TOKEN_LEN];
	char call_id[TOKEN_LEN + ADDR_STRLEN];
	char out[REQUEST_MAX];
};

static struct relay_request request_of(struct pooling *g)
{
	return (struct relay_request){
		.call_id = g->call_id,
		.from_tag = g->tag,
		.cseq = ++g->cseq,
	};
}

static void query(void *arg);
static void health(void *arg);

static void query_in(struct pooling *g, uint32_t ms)
{
	deadlines_cancel(g->p->deadlines, g->query);
	g->query = 0;
	(void)deadlines_add(&g->query, g->p->deadlines, proxy_now(g->p) + ms,
			    query, g);
}

/* Another redirectd is asked: at once, but all of them once a round. False:
 * all have been. */
static bool query_next(struct pooling *g)
{
	bool more = g->tries + 1 < g->p->nredirect;

	g->redirect = (g->redirect + 1) % g->p->nredirect;
	g->tries = more ? g->tries + 1 : 0;
	if (more)
		query_in(g, 0);
	return more;
}

static void query_failed(struct pooling *g, int status)
{
	struct proxy *p = g->p;

	p->n.pool_failed++;
	log_debug("the directory does not tell the relays",
		  LOG_A("redirect", &p->redirect[g->redirect]),
		  LOG_I("status", status));
	relays_expire(p->relays, proxy_now(p));
	(void)query_next(g);
}

static void query_answered(txn_id id, int status, msg_t *msg, bool last,
			   uint64_t ref, void *arg)
{
	struct proxy *p = arg;
	struct pooling *g = p->pooling;
	struct pool_relay v[POOL_RELAYS_MAX];
	int n = -EBADMSG;

	(void)id;
	(void)last;
	(void)ref;
	if (!g || status < 200)
		return;
	if (msg && status == 480)
		n = 0;
	else if (msg)
		n = pool_answer_parse(v, sip_object(msg));
	if (n < 0) {
		query_failed(g, status);
		return;
	}
	/* One that has just been restarted has none before they join again,
	 * which the others know of. */
	if (n == 0 && query_next(g))
		return;
	g->tries = 0;
	relays_listed(p->relays, v, (size_t)n, proxy_now(p));
}

static void query(void *arg)
{
	struct pooling *g = arg;
	struct proxy *p = g->p;
	const struct addr *to = &p->redirect[g->redirect];
	struct relay_request r = request_of(g);
	char branch[TXN_BRANCH_LEN];
	struct proto_hop hop = {edge_self_for(p, to), branch, to};
	struct channel at = channel_udp(to);
	struct strbuf sb;

	g->query = 0;
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, g->out, sizeof(g->out));
	if (!pool_query_print(&sb, &hop, &r, p->conf->cluster))
		(void)txn_request(NULL, p->txns, proxy_now(p), &at, branch,
				  g->out, sb.len, QUERY_PATIENCE_MS,
				  query_answered, 0);
	query_in(g, relays_usable(p->relays, proxy_now(p)) ? QUERY_MS
							   : QUERY_SOON_MS);
}

/* What the load of a relay says of its room; one that says nothing has some. */
static unsigned room_q(const json_t *load)
{
	const json_t *value = json_object_get(load, "room");
	json_int_t room = json_integer_value(value);

	if (!json_is_integer(value))
		return POOL_Q_MAX;
	return room > 0 ? pool_q((uint64_t)room) : 0;
}

static void health_answered(txn_id id, int status, msg_t *msg, bool last,
			    uint64_t ref, void *arg)
{
	struct proxy *p = arg;
	json_t *load;

	(void)id;
	(void)last;
	if (!p->pooling || status < 200)
		return;
	if (!msg) {
		relays_silent(p->relays, ref);
		return;
	}
	load = status == 200 ? relay_json_answer_parse(sip_object(msg)) : NULL;
	if (load)
		relays_answered(
			p->relays, ref, room_q(load),
			json_is_true(json_object_get(load, "draining")));
	else if (status == 503)
		relays_answered(p->relays, ref, POOL_Q_MAX, true);
	else
		relays_avoid(p->relays, ref, proxy_now(p) + RELAYS_AVOID_MS);
	json_decref(load);
}

static void ask(struct pooling *g, relay_id id, const struct addr *relay)
{
	struct proxy *p = g->p;
	struct relay_request r = request_of(g);
	char branch[TXN_BRANCH_LEN], from[2 * ADDR_STRLEN], to[2 * ADDR_STRLEN];
	char at[ADDR_STRLEN];
	struct proto_hop hop = {edge_self_for(p, relay), branch, relay};
	struct channel door = channel_udp(relay);
	struct strbuf sb;

	(void)snprintf(from, sizeof(from), "<sip:%s>;tag=%s",
		       addr_str(at, &p->self), g->tag);
	(void)snprintf(to, sizeof(to), "<sip:" PROTO_RELAY_USER "@%s>",
		       addr_str(at, relay));
	r.from = from;
	r.to = to;
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, g->out, sizeof(g->out));
	if (!relay_health_print(&sb, &hop, &r))
		(void)txn_request(NULL, p->txns, proxy_now(p), &door, branch,
				  g->out, sb.len, HEALTH_PATIENCE_MS,
				  health_answered, id);
}

static void health(void *arg)
{
	struct pooling *g = arg;
	struct proxy *p = g->p;
	struct addr at;
	relay_id id;

	for (size_t i = 0; (id = relays_each(&at, p->relays, i)); i++)
		ask(g, id, &at);
	g->health = 0;
	(void)deadlines_add(&g->health, p->deadlines, proxy_now(p) + HEALTH_MS,
			    health, g);
}

static bool learns(const struct proxy *p)
{
	for (size_t i = 0; i < p->conf->relays.n; i++)
		if (proxyd_conf_is_auto(p->conf->relays.v[i]))
			return true;
	return false;
}

int pooling_start(struct pooling **gp, struct proxy *p)
{
	struct pooling *g = calloc(1, sizeof(*g));
	char token[TOKEN_LEN], at[ADDR_STRLEN];

	if (!g)
		return -ENOMEM;
	*gp = g;
	g->p = p;
	sipmsg_token(g->tag, sizeof(g->tag));
	sipmsg_token(token, sizeof(token));
	(void)snprintf(g->call_id, sizeof(g->call_id), "%s@%s", token,
		       addr_host_str(at, &p->self));
	if (learns(p))
		query(g);
	health(g);
	proxy_arm(p);
	return 0;
}

void pooling_stop(struct pooling *g)
{
	if (!g)
		return;
	deadlines_cancel(g->p->deadlines, g->query);
	deadlines_cancel(g->p->deadlines, g->health);
	free(g);
}

void pooling_silent(struct pooling *g, const struct addr *relay)
{
	relay_id id = g ? relays_id(g->p->relays, relay) : 0;

	if (!id)
		return;
	relays_silent(g->p->relays, id);
	ask(g, id, relay);
}

void pooling_refused(struct pooling *g, const struct addr *relay,
		     unsigned long retry_s)
{
	uint64_t ms = retry_s ? (uint64_t)retry_s * 1000 : RELAYS_AVOID_MS;
	relay_id id = g ? relays_id(g->p->relays, relay) : 0;

	if (!id)
		return;
	relays_avoid(g->p->relays, id,
		     proxy_now(g->p) + (ms < RELAYS_AVOID_MAX_MS
						? ms
						: RELAYS_AVOID_MAX_MS));
	ask(g, id, relay);
}

bool pooling_owns(const struct pooling *g, const char *call_id)
{
	return g && !strcmp(g->call_id, call_id);
}
