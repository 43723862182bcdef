#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/nat.h"
#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/registration.h"
#include "proxyd/breadth.h"
#include "proxyd/conduct.h"
#include "proxyd/credentials.h"
#include "proxyd/edge.h"
#include "proxyd/foreign.h"
#include "proxyd/guard.h"
#include "proxyd/hunting.h"
#include "proxyd/locating.h"
#include "proxyd/outbound.h"
#include "proxyd/proxy.h"
#include "proxyd/session.h"
#include "proxyd/speaking.h"
#include "proxyd/strip.h"

#include "proxyd/flow.h"

enum { ROUTE_LEN = 512 };

/* What we have put there ourselves, which a spiral brings back (loops.h). */
static bool has_our_hash(const struct request *r, const url_t *url)
{
	struct route_state st;
	bool from_caller;

	return !route_parse(&st, &from_caller, url, r->p->secret, request_id(r),
			    r->sip->sip_from->a_tag, r->sip->sip_to->a_tag);
}

/* A proxy of another site records its routes, but none of ours. */
static void strip_own_routes(struct request *r)
{
	sip_record_route_t *rr, *next;

	for (rr = r->sip->sip_record_route; rr; rr = next) {
		next = rr->r_next;
		if (proxy_is_self(r->p, rr->r_url) &&
		    !has_our_hash(r, rr->r_url))
			(void)sip_header_remove(r->msg, r->sip,
						(sip_header_t *)rr);
	}
}

/* Over a proxy of another site; who registers is a phone, whatever it says it
 * came over, and is where it was seen. */
static bool is_foreign(const struct request *r)
{
	return r->method != sip_method_register && foreign_came(r);
}

/* Words of our dialect mean nothing in a phone's mouth. */
static void strip(struct request *r)
{
	bool foreign = is_foreign(r);

	if (r->trusted)
		return;
	strip_request(r->msg, r->initial, foreign);
	if (foreign)
		strip_own_routes(r);
	if (!guard_is_gateway(r->p->guard, &r->src.addr))
		strip_identity(r->msg);
}

/* A phone's preloaded route may name us, its outbound proxy, and nobody else;
 * a name instead of an address is ours, or it would not have come here. */
static bool take_preloaded_route(struct request *r)
{
	sip_t *sip = r->sip;
	struct addr a;

	while (sip->sip_route && (proxy_is_self(r->p, sip->sip_route->r_url) ||
				  sipmsg_url_addr(&a, sip->sip_route->r_url)))
		(void)sip_route_remove(r->msg, sip);
	return !sip->sip_route;
}

/* RFC 3261 16.3 step 5: no extension that a proxy must know is known here. */
static enum step_result refuse_extension(struct branch *b)
{
	struct request *r = b->r;
	const sip_header_t *h = (sip_header_t *)r->sip->sip_proxy_require;
	char extra[512];
	char *names = sipmsg_header_text(msg_home(r->msg), h);

	(void)snprintf(extra, sizeof(extra), "Unsupported: %.400s\r\n",
		       names ? names : "");
	return branch_fail_with(b, 420, NULL, extra);
}

static bool is_sip(const url_t *url)
{
	return url->url_type == url_sip || url->url_type == url_sips;
}

/* RFC 3261 16.3 step 2. */
static enum step_result check_scheme(struct branch *b)
{
	struct request *r = b->r;

	if (is_sip(r->sip->sip_request->rq_url))
		return STEP_NEXT;
	r->p->n.rejected_scheme++;
	return branch_fail(b, 416, NULL);
}

/* A Request-URI of this proxy and no user means the proxy itself, which is
 * asked whether it lives; a method it does not know is not sent on. */
static enum step_result answer_as_target(struct branch *b)
{
	const struct request *r = b->r;
	const url_t *url = r->sip->sip_request->rq_url;

	if (url->url_user || !proxy_is_self(r->p, url))
		return STEP_NEXT;
	if (r->method == sip_method_options)
		return branch_fail(b, 200, NULL);
	if (r->method == sip_method_unknown && r->initial)
		return branch_fail(b, 501, NULL);
	return STEP_NEXT;
}

static bool ours(const struct addr *a, const void *arg)
{
	return edge_is_self(arg, a);
}

void flow_judge(struct conduct *c, const struct proxy *p, const sip_t *req)
{
	conduct_judge(c, req, ours, p);
}

/* RFC 3261 16.3, of the request as it came. */
static enum step_result check(struct branch *b)
{
	struct request *r = b->r;
	struct conduct c;

	flow_judge(&c, r->p, r->sip);
	r->spiral = c.spiral;
	r->print = c.print;
	r->breadth = c.breadth;
	if (!c.status)
		return r->sip->sip_proxy_require ? refuse_extension(b)
						 : STEP_NEXT;
	r->p->n.rejected_hops += c.status != 200;
	return branch_fail(b, c.status, c.phrase);
}

enum step_result flow_receive(struct branch *b)
{
	struct request *r = b->r;

	if (check_scheme(b) == STEP_END || check(b) == STEP_END)
		return STEP_END;
	strip(r);
	if (r->initial && outbound_route(b) == STEP_END)
		return STEP_END;
	if (r->initial && !take_preloaded_route(r)) {
		r->p->n.rejected_route++;
		return branch_fail(b, 403, "Route Names Another Proxy");
	}
	if (answer_as_target(b) == STEP_END)
		return STEP_END;
	request_read_sdp(r);
	return STEP_NEXT;
}

static void read_claims(struct nat_claims *c, const struct request *r)
{
	const sip_contact_t *m = r->sip->sip_contact;

	memset(c, 0, sizeof(*c));
	c->source = r->src.addr;
	c->stream = transport_is_stream(r->src.transport);
	(void)sipmsg_via_addr(&c->via, r->sip->sip_via);
	if (is_foreign(r)) /* these are of somebody behind it */
		return;
	c->media = r->media;
	if (m)
		(void)sipmsg_url_addr(&c->contact, m->m_url);
}

enum step_result flow_compare(struct branch *b)
{
	struct request *r = b->r;
	struct nat_claims claims;
	struct nat_verdict v;

	if (r->trusted)
		return STEP_NEXT;
	read_claims(&claims, r);
	nat_detect(&v, &claims);
	r->natted = v.natted;
	r->p->n.nat_detected += v.natted;
	r->p->n.nat_none += !v.natted;
	log_info(v.natted ? "client is behind a NAT" : "client has no NAT",
		 LOG_S("call_id", request_id(r)),
		 LOG_S("method", sipmsg_method(r->sip)),
		 LOG_A("src", &r->src.addr), LOG_S("evidence", v.evidence));
	proxy_note(r->p, request_id(r), "%s: %s",
		   v.natted ? "behind a NAT" : "no NAT", v.evidence);
	return STEP_NEXT;
}

bool flow_keeps_channel(const struct request *r)
{
	return r->natted || outbound_offered(r) ||
	       (!r->trusted && !r->sip->sip_via->v_next &&
		transport_is_stream(r->src.transport));
}

/* The Via has got received and rport at the door (RFC 3581); the Contact gets
 * the observed address here. */
enum step_result flow_write_observed(struct branch *b)
{
	struct request *r = b->r;

	if (!flow_keeps_channel(r))
		return STEP_NEXT;
	for (sip_contact_t *m = r->sip->sip_contact; m; m = m->m_next) {
		if (m->m_url->url_type == url_any)
			continue;
		if (registration_mark(msg_home(r->msg), m->m_url, &r->src,
				      r->natted))
			return branch_fail(b, 500, NULL);
		msg_fragment_clear(m->m_common);
	}
	return STEP_NEXT;
}

/* What the relay has for this offer; without asking it, what it has for the
 * call. */
static const struct sdp *resource_of(const struct branch *b, struct sdp *room)
{
	const struct session *s;

	if (b->resource || b->r->initial)
		return b->resource;
	s = sessions_get(b->r->p->sessions, branch_session(b));
	return s ? session_resource_for(s, b->sip->sip_to->a_tag, room) : NULL;
}

enum step_result flow_replace_sdp(struct branch *b)
{
	static char out[SIPMSG_MAX];
	struct strbuf sb;
	size_t len;
	bool sdp;
	const char *body = sipmsg_body(&len, &sdp, b->sip);
	struct sdp room;
	const struct sdp *resource = resource_of(b, &room);

	if (!b->r->has_sdp || !resource || b->replaced)
		return STEP_NEXT;
	strbuf_init(&sb, out, sizeof(out));
	if (sdp_replace(&sb, body, len, resource))
		return branch_fail(b, 488, "Session Description Not Usable");
	if (sipmsg_set_body(b->msg, out, sb.len))
		return branch_fail(b, 500, NULL);
	b->replaced = true;
	return STEP_NEXT;
}

int flow_push_via(struct proxy *p, msg_t *msg, const char *branch,
		  const struct channel *dst)
{
	char text[256], host[ADDR_STRLEN];
	struct channel self;
	sip_via_t *via;

	edge_self(&self, p, dst);
	(void)snprintf(text, sizeof(text), "SIP/2.0/%s %s;branch=%s",
		       transport_via(self.transport),
		       addr_str(host, &self.addr), branch);
	via = sip_via_make(msg_home(msg), text);
	if (!via || msg_header_insert(msg, (msg_pub_t *)sip_object(msg),
				      (msg_header_t *)via) < 0)
		return -ENOMEM;
	return 0;
}

static bool makes_dialog(const struct request *r)
{
	return r->initial && (r->method == sip_method_invite ||
			      r->method == sip_method_subscribe ||
			      r->method == sip_method_refer);
}

static int push_route(struct branch *b, const struct channel *self)
{
	char text[ROUTE_LEN];
	sip_record_route_t *rr;
	int err = route_print(text, sizeof(text), self, &b->route,
			      b->r->p->secret, request_id(b->r),
			      b->sip->sip_from->a_tag);

	if (err)
		return err;
	rr = sip_record_route_make(msg_home(b->msg), text);
	if (!rr || msg_header_insert(b->msg, (msg_pub_t *)b->sip,
				     (msg_header_t *)rr) < 0)
		return -ENOMEM;
	return 0;
}

/* Where the two sides are reached from different ends of ours, each gets the
 * one that it can reach: the caller's below, the callee's on top (RFC 5658). */
static int push_record_route(struct branch *b)
{
	const struct request *r = b->r;
	struct channel in, out;
	int err = 0;

	if (!makes_dialog(r))
		return 0;
	b->route.caller_natted = r->natted;
	b->route.callee_natted = b->dest_natted;
	edge_self(&in, r->p, &r->src);
	edge_self(&out, r->p, &b->dest);
	if (!channel_eq(&in, &out))
		err = push_route(b, &in);
	return err ? err : push_route(b, &out);
}

int flow_send(txn_id *id, struct proxy *p, msg_t *msg, const char *branch,
	      const struct channel *dst, uint32_t timeout_ms,
	      txn_response_h *fn, uint64_t ref)
{
	static char out[SIPMSG_MAX];
	struct strbuf sb;
	int err;

	strbuf_init(&sb, out, sizeof(out));
	err = sipmsg_print(&sb, msg);
	if (!err)
		err = txn_request(id, p->txns, proxy_now(p), dst, branch, out,
				  sb.len, timeout_ms, fn, ref);
	return err;
}

/* While there is somewhere else to go to. */
static uint32_t patience(const struct branch *b)
{
	uint32_t ms = locating_patience(b);

	return ms ? ms : hunting_patience(b);
}

/* Print and send; what is put on top for this destination goes again, so that
 * it may be another's, and what we may have to answer ourselves is not ours. */
static int send_on(struct branch *b)
{
	struct proxy *p = b->r->p;
	sip_record_route_t *below = b->sip->sip_record_route;
	char branch[TXN_BRANCH_LEN];
	int err = locating_connect(b);

	loops_branch(branch, b->r->print, request_id(b->r));
	if (!err)
		err = push_record_route(b);
	if (!err)
		err = flow_push_via(p, b->msg, branch, &b->dest);
	if (err)
		return err;
	err = flow_send(&b->forward, p, b->msg, branch, &b->dest, patience(b),
			response_received, b->r->server);
	(void)sip_via_remove(b->msg, b->sip);
	while (b->sip->sip_record_route != below)
		(void)sip_header_remove(
			b->msg, b->sip,
			(sip_header_t *)b->sip->sip_record_route);
	return err;
}

static enum step_result sent(struct branch *b, int err)
{
	if (err == -EMSGSIZE)
		return branch_fail(b, 513, NULL);
	if (err && locating_goes_on(b, 503, NULL))
		return STEP_END;
	if (err) {
		b->r->p->n.overload++;
		return branch_fail(b, 503, NULL);
	}
	return STEP_END;
}

enum step_result flow_forward_again(struct branch *b)
{
	return sent(b, send_on(b));
}

enum step_result flow_forward(struct branch *b)
{
	struct proxy *p = b->r->p;
	int err;

	if (edge_is_self(p, &b->dest.addr)) {
		p->n.rejected_hops++;
		return branch_fail(b, 482, NULL);
	}
	if (!proxy_may_contact(p, &b->dest.addr)) {
		p->n.rejected_target++;
		return branch_fail(b, 403, "Address Never Contacted");
	}
	b->dest_foreign =
		b->r->foreign || b->sip->sip_route || b->hunting.route;
	speaking_begins(b);
	credentials_strip(p, b->msg);
	err = conduct_count_hop(b->msg);
	if (!err && b->r->initial)
		err = breadth_write(b->msg,
				    b->breadth ? b->breadth : b->r->breadth);
	return sent(b, err ? err : send_on(b));
}
