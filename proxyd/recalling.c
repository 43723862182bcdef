#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "proto/recall.h"
#include "proxyd/binding.h"
#include "proxyd/edge.h"
#include "proxyd/proxy.h"

#include "proxyd/recalling.h"

enum {
	PATIENCE_MS = 1500,
	AGAIN_MS = 1000, /* after a round of questions in vain */
	RESTARTS_MAX = 5,
	TOKEN_LEN = 17,
	REQUEST_MAX = 2048,
};

struct recalling {
	struct proxy *p;
	size_t redirect; /* the redirectd to ask */
	size_t restarts; /* because our place in the list was lost */
	size_t bindings;
	uint32_t cseq;
	deadline_id again;
	char after[REDIRECT_ID_MAX];
	char tag[TOKEN_LEN];
	char call_id[TOKEN_LEN];
	char out[REQUEST_MAX];
};

static void ask(struct recalling *r);

static void ask_again(void *arg)
{
	struct recalling *r = arg;

	r->again = 0;
	ask(r);
}

/* Another directory has an order of its own. */
static void start_over(struct recalling *r, uint32_t ms)
{
	*r->after = '\0';
	(void)deadlines_add(&r->again, r->p->deadlines, proxy_now(r->p) + ms,
			    ask_again, r);
}

/* Each redirectd in turn, and then all of them again after a while. */
static void failed(struct recalling *r, int status)
{
	struct proxy *p = r->p;

	p->n.recall_failed++;
	log_info("the directory does not tell our clients yet",
		 LOG_A("redirect", &p->redirect[r->redirect]),
		 LOG_I("status", status));
	r->redirect = (r->redirect + 1) % p->nredirect;
	start_over(r, r->redirect ? 0 : AGAIN_MS);
}

static void finish(struct recalling *r)
{
	log_info("clients recalled from the directory",
		 LOG_I("bindings", r->bindings), LOG_I("pages", r->cseq));
}

static void take_binding(struct recalling *r, const json_t *body, size_t i)
{
	struct recall_binding b;
	struct binding_told told;
	char text[REDIRECT_URL_MAX];
	url_t url;

	if (recall_answer_binding(&b, body, i))
		return;
	memcpy(text, b.url, strlen(b.url) + 1);
	if (url_d(&url, text))
		return;
	told = (struct binding_told){
		.id = b.id,
		.url = &url,
		.instance = b.instance,
		.reg_id = b.reg_id,
		.expires = b.expires,
	};
	binding_recalled(r->p, &told);
	r->bindings++;
}

static void take_page(struct recalling *r, const json_t *body, size_t n)
{
	const char *next = recall_answer_next(body);

	for (size_t i = 0; i < n; i++)
		take_binding(r, body, i);
	if (!next || !strcmp(next, r->after)) {
		finish(r);
		return;
	}
	memcpy(r->after, next, strlen(next) + 1);
	ask(r);
}

static void answered(txn_id id, int status, msg_t *msg, bool last, uint64_t ref,
		     void *arg)
{
	struct recalling *r = ((struct proxy *)arg)->recalling;
	json_t *body = NULL;
	int n;

	(void)id;
	(void)last;
	(void)ref;
	if (!r || status < 200)
		return;
	n = msg ? recall_answer_parse(&body, sip_object(msg)) : -ETIMEDOUT;
	if (n >= 0)
		take_page(r, body, (size_t)n);
	else if (status == 404 && r->restarts++ < RESTARTS_MAX)
		start_over(r, 0);
	else if (msg && status != 503)
		log_warn("the directory does not tell our clients: each has to "
			 "register again",
			 LOG_I("status", status));
	else
		failed(r, status);
	json_decref(body);
}

static void ask(struct recalling *r)
{
	struct proxy *p = r->p;
	const struct addr *to = &p->redirect[r->redirect];
	struct relay_request q = {
		.call_id = r->call_id,
		.from_tag = r->tag,
		.cseq = ++r->cseq,
	};
	char branch[TXN_BRANCH_LEN];
	struct proto_hop hop = {edge_self_for(p, to), branch, to};
	struct channel at = channel_udp(to);
	struct strbuf sb;

	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, r->out, sizeof(r->out));
	if (recall_query_print(&sb, &hop, &q, r->after) ||
	    txn_request(NULL, p->txns, proxy_now(p), &at, branch, r->out,
			sb.len, PATIENCE_MS, answered, 0))
		start_over(r, AGAIN_MS);
}

int recalling_start(struct recalling **rp, struct proxy *p)
{
	struct recalling *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	*rp = r;
	r->p = p;
	sipmsg_token(r->tag, sizeof(r->tag));
	sipmsg_token(r->call_id, sizeof(r->call_id));
	ask(r);
	proxy_arm(p);
	return 0;
}

void recalling_stop(struct recalling *r)
{
	if (!r)
		return;
	deadlines_cancel(r->p->deadlines, r->again);
	free(r);
}

bool recalling_owns(const struct recalling *r, const char *call_id)
{
	return r && !strcmp(r->call_id, call_id);
}
