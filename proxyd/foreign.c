#include <errno.h>

#include "common/log.h"
#include "proto/dialect.h"
#include "proto/redirect.h"
#include "proto/registration.h"
#include "proxyd/clients.h"
#include "proxyd/conf.h"
#include "proxyd/flow.h"
#include "proxyd/proxy.h"

#include "proxyd/foreign.h"

static bool is_sip(const url_t *url)
{
	return (url->url_type == url_sip || url->url_type == url_sips) &&
	       url->url_host;
}

/* On to the domain itself. */
static enum step_result go_on(struct branch *b)
{
	const url_t *url = b->sip->sip_request->rq_url;

	b->target = url_as_string(msg_home(b->msg), url);
	if (!b->target)
		return branch_fail(b, 500, NULL);
	b->r->p->n.foreign++;
	log_info("goes to a domain that is not served here",
		 LOG_S("call_id", request_id(b->r)),
		 LOG_S("method", sipmsg_method(b->sip)),
		 LOG_S("domain", url->url_host));
	return STEP_WAIT; /* for the relay, if it has been asked already */
}

void foreign_refuse(struct branch *b)
{
	b->r->p->n.foreign_refused++;
	(void)branch_fail(b, 403, "Caller Not Registered Here");
}

enum step_result foreign_start(struct branch *b)
{
	struct request *r = b->r;
	const url_t *from = r->sip->sip_from->a_url;

	if (!r->p->conf->allow_foreign || !is_sip(r->sip->sip_request->rq_url))
		return branch_fail(b, 404, "Domain Not Served Here");
	if (!is_sip(from) || !proxy_serves(r->p, from) ||
	    redirecting_client(r, from)) {
		foreign_refuse(b);
		return STEP_END;
	}
	r->foreign = true;
	if (clients_at(r->p->clients, r->client_id, &r->src))
		return go_on(b);
	return redirecting_ask(b);
}

/* A marked one is where it was seen; a phone without a NAT may send from
 * another port than it listens on. */
static bool is_sender(su_home_t *home, const char *text,
		      const struct channel *src)
{
	url_t *url = url_make(home, text);
	struct channel at;

	if (url && !registration_channel(&at, url))
		return channel_eq(&at, src);
	if (!url || url_has_param(url, proto_uri_param_name(PROTO_ROUTE)))
		return false; /* nobody has registered there */
	return !sipmsg_url_addr(&at.addr, url) &&
	       addr_ip_eq(&at.addr, &src->addr);
}

int foreign_sender(struct branch *b, const sip_t *answer)
{
	struct redirect_target v[REDIRECT_TARGETS_MAX];
	int n = redirect_answer_parse(v, REDIRECT_TARGETS_MAX, answer);

	for (int i = 0; i < n; i++)
		if (is_sender(msg_home(b->msg), v[i].url, &b->r->src))
			return go_on(b) == STEP_END ? -EACCES : 0;
	foreign_refuse(b);
	return -EACCES;
}

bool foreign_sent(const sip_t *sip, const struct channel *src)
{
	const sip_via_t *via = sip->sip_via;
	struct addr at;

	if (!via->v_next)
		return false;
	return sipmsg_via_addr(&at, via) || addr_ip_eq(&at, &src->addr);
}

bool foreign_came(const struct request *r)
{
	return !r->trusted && foreign_sent(r->sip, &r->src);
}
