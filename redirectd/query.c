#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "common/table.h"
#include "proto/dialect.h"
#include "proto/redirect.h"
#include "redirectd/answer.h"
#include "redirectd/routes.h"

#include "redirectd/query.h"

#define RETRY_AFTER "Retry-After: 5\r\n"

/* One query on its way through the steps. What is large stands last, and is not
 * cleared: it is written before it is read. */
struct query {
	const struct directory *dir;
	struct asking *asking;
	const sip_t *sip;
	struct addr asker;
	size_t nv;
	size_t eligible; /* the first so many are targets */
	size_t n;
	const char *phrase;
	char id[REDIRECT_ID_MAX];
	struct binding v[BINDINGS_MAX]; /* strings are the store's */
	struct redirect_target targets[REDIRECT_TARGETS_MAX];
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

/* Routes cost money, or lead to others' networks: those who are let in because
 * they come from there are not led out again, nor is what another proxy of the
 * site has led in. */
static bool may_leave(const struct query *q)
{
	return !q->asking->stranger && !redirect_query_limited(q->sip);
}

/* Nobody of that name has ever registered. */
static int unknown(struct query *q)
{
	if (table_get(q->dir->expected, q->id, strlen(q->id)))
		return stop(q, 480, "Client Not Registered");
	if (q->dir->routes && may_leave(q))
		q->n = routes_find(q->targets, q->dir->routes, q->id);
	q->dir->n->queries_routed += q->n > 0;
	return q->n ? 302 : stop(q, 404, "Client Unknown");
}

/* Who is asked for by an alias is sent to under its own id. */
static int take_client(struct query *q, const struct client *c)
{
	size_t i;

	q->dir->n->queries_stale += c->stale;
	if (c->id != q->id)
		(void)snprintf(q->id, sizeof(q->id), "%s", c->id);
	if (!c->n)
		return stop(q, 480, "Client Not Registered");
	for (i = 0; i < c->n && i < BINDINGS_MAX; i++)
		q->v[i] = c->v[i];
	q->nv = i;
	binding_sort(q->v, q->nv);
	return 0;
}

static int step_lookup(struct query *q)
{
	struct client c = {.id = q->id};

	switch (store_get(&c, q->dir->store, q->id, &q->asking->view)) {
	case 0:
		return take_client(q, &c);
	case -ENOENT:
		return unknown(q);
	case -EAGAIN:
		return asking_await(q->asking, q->id);
	default:
		return stop(q, 503, "Directory Out Of Reach");
	}
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
	n->queries_failed += status == 503;
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
		 struct asking *a)
{
	struct query q;
	const char *at = "";
	size_t i;
	int err, status = 0;

	memset(&q, 0, offsetof(struct query, v));
	q.dir = dir;
	q.asking = a;
	q.sip = a->sip;
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]) && !status; i++) {
		at = steps[i].name;
		status = steps[i].run(&q);
	}
	if (status < 0)
		return status;
	note(&q, status, at);
	if (status != 302)
		return answer_print(out, q.sip, status, q.phrase,
				    status == 503 ? RETRY_AFTER : NULL);
	err = redirect_answer_print(out, q.sip, q.targets, q.n);
	return err ? err : status;
}
