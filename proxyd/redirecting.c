#include <errno.h>
#include <stdio.h>

#include "common/log.h"
#include "proto/dialect.h"
#include "proto/redirect.h"
#include "proxyd/conf.h"
#include "proxyd/credentials.h"
#include "proxyd/foreign.h"
#include "proxyd/guard.h"
#include "proxyd/keeping.h"
#include "proxyd/proxy.h"

#include "proxyd/flow.h"
#include "proxyd/forking.h"

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

/* In our own words, but for when it is worth while to ask again. */
static void fail(struct branch *b, int status, const sip_t *sip)
{
	const sip_retry_after_t *ra = sip->sip_retry_after;
	char extra[40] = "";

	if (ra)
		(void)snprintf(extra, sizeof(extra), "Retry-After: %lu\r\n",
			       (unsigned long)ra->af_delta);
	if (status < 300)
		(void)branch_fail(b, 502, NULL);
	else if (status >= 500 && status < 600)
		(void)branch_fail_with(b, 503, "No Directory Available",
				       ra ? extra : "Retry-After: 5\r\n");
	else
		(void)branch_fail_with(b, status, sip->sip_status->st_phrase,
				       ra ? extra : NULL);
}

/* The phone is asked for its credentials by redirectd itself: it comes again
 * with a request that has them. */
static void refused(struct branch *b, int status, msg_t *msg)
{
	struct request *r = b->r;

	r->p->n.redirect_failed++;
	if (r->foreign && (status == 404 || status == 480)) {
		foreign_refuse(b);
	} else if (status == 401 || status == 407) {
		(void)sip_via_remove(msg, sip_object(msg));
		branch_pass(b, status, msg);
	} else {
		fail(b, status, sip_object(msg));
	}
}

/* Step 150c. */
static void answered(struct branch *b, int status, msg_t *msg)
{
	struct request *r = b->r;
	const sip_t *sip = sip_object(msg);

	if (b->ended)
		return;
	guard_answered(r, status, sip);
	credentials_answered(r, status, sip);
	if (status != 302) {
		refused(b, status, msg);
		return;
	}
	keeping_seen(r);
	if (r->foreign)
		(void)foreign_sender(b, sip);
	else if (forking_targets(r, sip))
		(void)branch_fail(b, 502, "Directory Answer Unusable");
}

/* Whom another proxy of the site lets through has been asked there, and who
 * comes from a gateway has no credentials. */
static int write_query(const struct request *r, msg_t *query,
		       const struct addr *redirect)
{
	int err = redirect_query_make(query, redirect, r->client_id);

	if (!err && r->trusted)
		return redirect_query_limit(query);
	if (!err && guard_is_gateway(r->p->guard, &r->src.addr))
		return redirect_query_vouch(query);
	if (!err && r->foreign)
		return redirect_query_abroad(query,
					     r->sip->sip_request->rq_url);
	return err;
}

/* Steps 150a, 150b. */
enum step_result redirecting_ask(struct branch *b)
{
	static const struct directory_question query = {write_query, answered};

	b->r->p->n.redirect_queries++;
	return directory_ask(b, &query);
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
