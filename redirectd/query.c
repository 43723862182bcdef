#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "common/table.h"
#include "proto/dialect.h"
#include "proto/redirect.h"
#include "redirectd/answer.h"
#include "redirectd/store.h"

#include "redirectd/query.h"

/* One query on its way through the steps. */
struct query {
	const struct directory *dir;
	const sip_t *sip;
	dir_time now;
	char id[REDIRECT_ID_MAX];
	struct addr asker;
	struct binding v[BINDINGS_MAX]; /* strings are the store's */
	size_t nv;
	size_t eligible; /* the first so many are targets */
	struct redirect_target targets[REDIRECT_TARGETS_MAX];
	size_t n;
	const char *phrase;
};

/* 0: go on; otherwise the status to answer. */
typedef int step_h(struct query *q);

static int stop(struct query *q, int status, const char *phrase)
{
	q->phrase = phrase;
	return status;
}

static int step_client(struct query *q)
{
	if (redirect_client_id(q->id, q->sip->sip_request->rq_url))
		return stop(q, 404, "No Client Id In Request-URI");
	return 0;
}

static int step_lookup(struct query *q)
{
	struct client c;
	size_t i;

	if (store_get(&c, q->dir->store, q->id, q->now)) {
		if (table_get(q->dir->expected, q->id, strlen(q->id)))
			return stop(q, 480, "Client Not Registered");
		return stop(q, 404, "Client Unknown");
	}
	if (!c.n)
		return stop(q, 480, "Client Not Registered");
	for (i = 0; i < c.n && i < BINDINGS_MAX; i++)
		q->v[i] = c.v[i];
	q->nv = i;
	binding_sort(q->v, q->nv);
	return 0;
}

/* A sent-by that is a name matches no serving proxy: that is a stranger. */
static int step_asker(struct query *q)
{
	if (sipmsg_via_addr(&q->asker, q->sip->sip_via))
		memset(&q->asker, 0, sizeof(q->asker));
	return 0;
}

/* Those that the asker serves come first, and are all that it is sent to,
 * where there are any; the others may still be another flow of these. */
static void serve_first(struct query *q)
{
	struct binding rest[BINDINGS_MAX] = {0};
	size_t own = 0, others = 0;

	for (size_t i = 0; i < q->nv; i++)
		if (addr_eq(&q->v[i].serving, &q->asker))
			q->v[own++] = q->v[i];
		else
			rest[others++] = q->v[i];
	memcpy(q->v + own, rest, others * sizeof(*rest));
	if (own)
		q->eligible = own;
}

static int step_limit(struct query *q)
{
	q->eligible = q->nv;
	if (redirect_query_limited(q->sip))
		serve_first(q);
	return 0;
}

static int target_url(char url[REDIRECT_URL_MAX], const struct query *q,
		      const struct binding *b)
{
	int n;

	if (!addr_eq(&b->serving, &q->asker))
		return redirect_proxy_url(url, q->id, &b->serving);
	n = snprintf(url, REDIRECT_URL_MAX, "%s", b->url);
	return n < REDIRECT_URL_MAX ? 0 : -EMSGSIZE;
}

static bool said_already(const struct query *q, const char *url)
{
	size_t i;

	for (i = 0; i < q->n; i++)
		if (!strcmp(q->targets[i].url, url))
			return true;
	return false;
}

static bool is_flow(const struct binding *b)
{
	return *b->instance && b->reg_id;
}

/* The best binding of the same phone in front of this one; NULL: this is it.
 * Of several flows one is called (RFC 5626 section 7). */
static const struct binding *better_flow(const struct query *q, size_t i)
{
	size_t k;

	for (k = 0; k < i && is_flow(&q->v[i]); k++)
		if (is_flow(&q->v[k]) &&
		    !strcmp(q->v[k].instance, q->v[i].instance))
			return &q->v[k];
	return NULL;
}

/* Name the other flow in the URL of the better one, where there is none yet and
 * it is no longer than it may be. */
static void add_flow(struct query *q, const struct binding *better,
		     const struct binding *other)
{
	const char *name = proto_uri_param_name(PROTO_ELSE);
	char url[REDIRECT_URL_MAX], more[REDIRECT_URL_MAX];
	struct strbuf sb;

	if (target_url(url, q, better) || target_url(more, q, other) ||
	    !strcmp(url, more))
		return;
	for (size_t i = 0; i < q->n; i++) {
		if (strcmp(q->targets[i].url, url))
			continue;
		strbuf_init(&sb, q->targets[i].url, REDIRECT_URL_MAX);
		strbuf_str(&sb, url);
		sipmsg_param_add(&sb, name, more);
		if (strbuf_err(&sb))
			memcpy(q->targets[i].url, url, sizeof(url));
	}
}

static void add_flows(struct query *q)
{
	const struct binding *better;

	for (size_t i = 0; i < q->nv; i++) {
		better = better_flow(q, i);
		if (better)
			add_flow(q, better, &q->v[i]);
	}
}

static int step_targets(struct query *q)
{
	struct redirect_target *t;
	size_t i;

	for (i = 0; i < q->eligible; i++) {
		t = &q->targets[q->n];
		if (better_flow(q, i))
			continue;
		if (target_url(t->url, q, &q->v[i]) || said_already(q, t->url))
			continue;
		t->q = q->v[i].q;
		q->n++;
	}
	add_flows(q);
	return q->n ? 302 : stop(q, 480, "Client Not Reachable");
}

/* Fig. 7a to Fig. 7b: what answers step 150b of Fig. 4c. */
static const struct {
	const char *name;
	step_h *run;
} steps[] = {
	{"client id (Fig. 7a, 164)", step_client},
	{"client table (Fig. 1, 104-110)", step_lookup},
	{"asking proxy (Fig. 7a, 168)", step_asker},
	{"only its own (proto/README.md)", step_limit},
	{"redirect addresses (Fig. 7b, 178-182)", step_targets},
};

static void note(const struct query *q, int status, const char *at)
{
	struct redirectd_counters *n = q->dir->n;
	const char *call_id = q->sip->sip_call_id->i_id;

	n->queries++;
	n->queries_redirected += status == 302;
	n->queries_unknown += status == 404;
	n->queries_unregistered += status == 480;
	if (status == 302)
		log_debug("query answered", LOG_S("call_id", call_id),
			  LOG_S("client", q->id), LOG_A("asker", &q->asker),
			  LOG_S("to", q->targets[0].url),
			  LOG_I("contacts", q->n));
	else
		log_info("query refused", LOG_S("call_id", call_id),
			 LOG_S("client", q->id), LOG_I("status", status),
			 LOG_S("reason", q->phrase), LOG_S("at", at));
}

int query_answer(struct strbuf *out, const struct directory *dir,
		 const sip_t *sip, dir_time now)
{
	struct query q = {.dir = dir, .sip = sip, .now = now};
	const char *at = "";
	size_t i;
	int err, status = 0;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]) && !status; i++) {
		at = steps[i].name;
		status = steps[i].run(&q);
	}
	note(&q, status, at);
	if (status != 302)
		return answer_print(out, sip, status, q.phrase, NULL);
	err = redirect_answer_print(out, sip, q.targets, q.n);
	return err ? err : status;
}
