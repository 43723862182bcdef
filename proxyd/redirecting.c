#include <errno.h>

#include "common/log.h"
#include "proto/dialect.h"
#include "proto/redirect.h"
#include "proxyd/conf.h"
#include "proxyd/foreign.h"
#include "proxyd/guard.h"
#include "proxyd/keeping.h"
#include "proxyd/proxy.h"

#include "proxyd/flow.h"
#include "proxyd/forking.h"

enum { QUERY_MS = 3000, TRIES_MAX = 3 };

static uint32_t patience(const struct proxy *p)
{
	size_t n = p->nredirect;

	return QUERY_MS / (uint32_t)(n > TRIES_MAX ? TRIES_MAX : n);
}

/* A URI that names this proxy means its first domain, where it has been given
 * domains. */
int redirecting_client(struct request *r, const url_t *url)
{
	const struct conf_strings *domains = &r->p->conf->domains;
	char domain[REDIRECT_ID_MAX], id[REDIRECT_ID_MAX];
	url_t copy = *url;

	if (domains->n && proxy_is_self(r->p, url) &&
	    sipmsg_url_param(domain, sizeof(domain), url,
			     proto_uri_param_name(PROTO_DOMAIN)) == -ENOENT) {
		copy.url_host = domains->v[0];
		copy.url_port = NULL;
	}
	if (redirect_client_id(id, &copy))
		return -EINVAL;
	r->client_id = su_strdup(msg_home(r->msg), id);
	return r->client_id ? 0 : -ENOMEM;
}

static void refused(struct branch *b, int status, const char *phrase)
{
	struct request *r = b->r;

	r->p->n.redirect_failed++;
	if (!b->ended && (status == 408 || status == 503) &&
	    r->redirect_try < r->p->nredirect && r->redirect_try < TRIES_MAX)
		(void)redirecting_ask(b);
	else if (r->foreign && (status == 404 || status == 480))
		foreign_refuse(b);
	else if (status == 408 || status >= 500)
		(void)branch_fail(b, 503, "No Directory Available");
	else
		(void)branch_fail(b, status, phrase);
	branch_answered(b);
}

/* Step 150c. */
static void answered(txn_id id, int status, msg_t *msg, bool last, uint64_t ref,
		     void *arg)
{
	struct request *r = request_find(arg, ref);
	const sip_t *sip = msg ? sip_object(msg) : NULL;
	struct branch *first;

	(void)id;
	(void)last;
	if (!r || status < 200)
		return;
	first = r->branches;
	if (!first->ended)
		guard_answered(r, status, sip);
	if (status == 302 && sip) {
		keeping_seen(r);
		if (r->foreign)
			(void)foreign_sender(first, sip);
		else if (forking_targets(r, sip))
			(void)branch_fail(first, 502,
					  "Directory Answer Unusable");
		branch_answered(first);
		return;
	}
	refused(first, status < 300 ? 502 : status,
		sip ? sip->sip_status->st_phrase : NULL);
}

/* Steps 150a, 150b. */
static int send_query(struct request *r, const struct addr *redirect)
{
	char branch[TXN_BRANCH_LEN];
	struct channel to = channel_udp(redirect);
	msg_t *query = sipmsg_copy(r->msg);
	int err = -1;

	if (!query)
		return err;
	txn_branch(branch, NULL, 0);
	err = flow_push_via(r->p, query, branch, &to);
	if (!err)
		err = redirect_query_make(query, redirect, r->client_id);
	if (!err && r->trusted)
		err = redirect_query_limit(query);
	if (!err)
		err = flow_send(NULL, r->p, query, branch, &to, patience(r->p),
				answered, r->server);
	msg_destroy(query);
	return err;
}

enum step_result redirecting_ask(struct branch *b)
{
	struct request *r = b->r;

	r->p->n.redirect_queries++;
	if (send_query(r, &r->p->redirect[r->redirect_try++])) {
		r->p->n.overload++;
		return branch_fail(b, 503, NULL);
	}
	b->waiting++;
	return STEP_WAIT;
}

enum step_result redirecting_start(struct branch *b)
{
	struct request *r = b->r;

	if (!channel_is_none(&b->dest)) /* a flow token has named it */
		return STEP_NEXT;
	if (!r->trusted && !proxy_serves(r->p, r->sip->sip_request->rq_url))
		return foreign_start(b);
	if (redirecting_client(r, r->sip->sip_request->rq_url))
		return branch_fail(b, 404, "Request-URI Names No Client");
	return redirecting_ask(b);
}
