#include <string.h>

#include "common/log.h"
#include "proto/redirect.h"
#include "proxyd/conf.h"
#include "proxyd/identity.h"
#include "proxyd/proxy.h"
#include "proxyd/request.h"

#include "proxyd/speaking.h"

/* A name may be anywhere: none. */
static struct addr place_of(const url_t *url)
{
	struct addr a = {0};

	(void)sipmsg_url_addr(&a, url);
	return a;
}

static void add(const struct branch *b, enum identity_side side,
		const struct addr *a, bool peer)
{
	const struct request *r = b->r;

	identity_add(r->p->identity, proxy_now(r->p), request_id(r),
		     b->sip->sip_from->a_tag, side, a, peer);
}

static void name(const struct branch *b, enum identity_side side,
		 const char *id)
{
	const struct request *r = b->r;

	identity_name(r->p->identity, proxy_now(r->p), request_id(r),
		      b->sip->sip_from->a_tag, side, id);
}

/* Through an element that is not ours its further requests come either from
 * that, by its Record-Route, or from the phone itself. */
static void add_callers_way(const struct branch *b)
{
	const sip_t *sip = b->r->sip;
	struct addr a = {0};

	if (!sip->sip_via->v_next)
		return;
	if (sip->sip_record_route)
		a = place_of(sip->sip_record_route->r_url);
	else if (sip->sip_contact)
		a = place_of(sip->sip_contact->m_url);
	add(b, IDENTITY_CALLER, &a, false);
}

void speaking_begins(const struct branch *b)
{
	const struct request *r = b->r;
	struct proxy *p = r->p;
	char id[REDIRECT_ID_MAX];

	if (!r->initial || r->method != sip_method_invite || r->spiral ||
	    identity_begin(p->identity, proxy_now(p), request_id(r),
			   b->sip->sip_from->a_tag, &r->src.addr, r->trusted))
		return;
	if (!r->trusted && !redirect_client_id(id, b->sip->sip_from->a_url))
		name(b, IDENTITY_CALLER, id);
	if (!r->trusted)
		add_callers_way(b);
}

/* Who stands above us in the route set is next to us on the callee's side. */
static const sip_record_route_t *next_above(const struct proxy *p,
					    const sip_record_route_t *rr)
{
	const sip_record_route_t *above = NULL;

	for (; rr && !proxy_is_self(p, rr->r_url); rr = rr->r_next)
		above = rr;
	return above;
}

static void add_callees_way(const struct branch *b, const sip_t *answer)
{
	const sip_record_route_t *rr =
		next_above(b->r->p, answer->sip_record_route);
	const sip_contact_t *m = answer->sip_contact;
	struct addr a;

	if (!rr && !m)
		return;
	a = place_of(rr ? rr->r_url : m->m_url);
	add(b, IDENTITY_CALLEE, &a, false);
}

/* A further 2xx finds the branch without its message, and says nothing new. A
 * phone that is only reached where it was seen speaks from there as well. */
void speaking_answers(const struct branch *b, const sip_t *answer)
{
	const struct request *r = b->r;
	bool peer = proxy_trusts(r->p, &b->dest);

	if (!b->sip || !r->initial || r->method != sip_method_invite ||
	    !answer->sip_to->a_tag || answer->sip_status->st_status <= 100 ||
	    answer->sip_status->st_status >= 300)
		return;
	add(b, IDENTITY_CALLEE, &b->dest.addr, peer);
	if (peer)
		return;
	if (!b->dest_marked)
		add_callees_way(b, answer);
	if (r->client_id)
		name(b, IDENTITY_CALLEE, r->client_id);
}

static enum identity_verdict judge(struct proxy *p, const struct speaking *s)
{
	const sip_t *sip = s->sip;

	return identity_judge(
		p->identity, proxy_now(p), sip->sip_call_id->i_id,
		s->from_caller ? sip->sip_from->a_tag : sip->sip_to->a_tag,
		s->from_caller ? IDENTITY_CALLER : IDENTITY_CALLEE,
		&s->src->addr, proxy_trusts(p, s->src));
}

bool speaking_allowed(struct proxy *p, const struct speaking *s)
{
	enum identity_verdict v;
	char at[CHANNEL_STRLEN], ip[ADDR_STRLEN];

	if (!p->conf->dialogs_verify || s->spiral)
		return true;
	v = judge(p, s);
	if (v == IDENTITY_MOVED)
		log_info("a party of the call has moved",
			 LOG_S("call_id", s->sip->sip_call_id->i_id),
			 LOG_S("side", s->from_caller ? "caller" : "callee"),
			 LOG_S("src", channel_str(at, s->src)),
			 LOG_S("evidence", "registered from there"));
	if (v != IDENTITY_STRANGER)
		return true;
	p->n.rejected_identity++;
	log_warn("request within a call from where its party is not",
		 LOG_S("ip", addr_ip_str(ip, &s->src->addr)),
		 LOG_S("call_id", s->sip->sip_call_id->i_id),
		 LOG_S("method", sipmsg_method(s->sip)),
		 LOG_S("side", s->from_caller ? "caller" : "callee"),
		 LOG_S("src", channel_str(at, s->src)));
	return false;
}

void speaking_ended(const struct branch *b, int status)
{
	const struct request *r = b->r;

	if (r->method != sip_method_bye || status == 401 || status == 407)
		return;
	identity_end(r->p->identity, request_id(r),
		     r->from_caller ? b->sip->sip_from->a_tag
				    : b->sip->sip_to->a_tag);
}
