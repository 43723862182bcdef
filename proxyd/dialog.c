#include <string.h>

#include "common/log.h"
#include "common/netset.h"
#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/registration.h"
#include "proxyd/conduct.h"
#include "proxyd/credentials.h"
#include "proxyd/edge.h"
#include "proxyd/following.h"
#include "proxyd/foreign.h"
#include "proxyd/locating.h"
#include "proxyd/offer.h"
#include "proxyd/parties.h"
#include "proxyd/proxy.h"
#include "proxyd/routing.h"
#include "proxyd/session.h"
#include "proxyd/speaking.h"
#include "proxyd/strip.h"

#include "proxyd/flow.h"

/* The same proxy once more, named by its end towards the other side (RFC 5658);
 * what it carries is what the first one did. */
static void take_other_end(const struct proxy *p, sip_t *sip, msg_t *msg)
{
	if (sip->sip_route && proxy_is_self(p, sip->sip_route->r_url))
		(void)sip_route_remove(msg, sip);
}

/* Take our own entry off the Route and read what it carries. 0 or negative. */
static int take_route(struct route_state *st, bool *from_caller,
		      struct proxy *p, msg_t *msg, sip_t *sip)
{
	int err;

	if (!sip->sip_route || !proxy_is_self(p, sip->sip_route->r_url))
		return -1;
	err = route_parse(st, from_caller, sip->sip_route->r_url, p->secret,
			  sip->sip_call_id->i_id, sip->sip_from->a_tag,
			  sip->sip_to->a_tag);
	if (err)
		return err;
	(void)sip_route_remove(msg, sip);
	take_other_end(p, sip, msg);
	return 0;
}

/* What says where a request within a dialog goes next. */
static const url_t *next_url(const sip_t *sip)
{
	return sip->sip_route ? sip->sip_route->r_url
			      : sip->sip_request->rq_url;
}

/* Where that is: the next Route, or the remote target, whose own host:port is
 * restored if it is behind a NAT here. Negative where it is a name. A strict
 * router gets it as it understands it (16.6 step 6). */
static int next_hop(struct channel *dest, bool *marked, bool *natted,
		    msg_t *msg, sip_t *sip)
{
	url_t *url = sip->sip_request->rq_url;

	*marked = *natted = false;
	if (sip->sip_route) {
		int err = sipmsg_url_channel(dest, sip->sip_route->r_url);

		(void)routing_to_strict(msg);
		return err;
	}
	if (!registration_marked(url))
		return sipmsg_url_channel(dest, url);
	*marked = true;
	*natted = registration_natted(url);
	if (registration_restore(msg_home(msg), url, dest))
		return -1;
	msg_fragment_clear(sip->sip_request->rq_common);
	return 0;
}

/* A Record-Route URI of ours, by its hash and not only by its host. */
static bool our_route(const url_t *url, const void *arg)
{
	char mac[2];

	return proxy_is_self(arg, url) &&
	       sipmsg_url_param(mac, sizeof(mac), url,
				proto_uri_param_name(PROTO_MAC)) != -ENOENT;
}

/* Nobody speaks in a dialog through us without the route we gave to it. */
static enum step_result step_route(struct branch *b)
{
	struct request *r = b->r;
	struct proxy *p = r->p;

	(void)routing_from_strict(r->msg, our_route, p);
	if (!take_route(&b->route, &r->from_caller, p, r->msg, r->sip))
		return STEP_NEXT;
	p->n.rejected_route++;
	log_warn("request in a dialog without a valid route of ours",
		 LOG_S("call_id", request_id(r)),
		 LOG_S("method", sipmsg_method(r->sip)),
		 LOG_A("src", &r->src.addr));
	return branch_fail(b, 481, NULL);
}

static enum step_result step_identity(struct branch *b)
{
	struct request *r = b->r;
	const struct speaking s = {r->sip, &r->src, r->from_caller, r->spiral};

	if (!speaking_allowed(r->p, &s))
		return branch_fail(b, 403, "Not A Party Of This Call");
	following_request(b);
	return STEP_NEXT;
}

/* The party that has offered in a response waits for this one's answer. */
static bool is_awaited(const struct request *r, const struct session *s)
{
	return s && s->late && s->late_by != following_sender(r);
}

/* A proxy ahead has a resource for this call. */
static bool is_relayed_ahead(const struct request *r)
{
	for (const sip_route_t *rt = r->sip->sip_route; rt; rt = rt->r_next)
		if (route_has_relay(rt->r_url))
			return true;
	return false;
}

/* The relay is that of the session, which may be another than the route names:
 * that one was silent when the late offer came. A call that needed none gets
 * one where a party has moved behind a NAT. */
static bool has_relay(struct branch *b, const struct session *s)
{
	const struct request *r = b->r;

	if (s)
		b->route.relay = s->relay;
	return !addr_is_none(&b->route.relay) ||
	       (!r->trusted && r->natted && !is_relayed_ahead(r));
}

/* A new offer: the same session gets the same resource. An answer is recorded
 * as it came. */
static enum step_result step_reoffer(struct branch *b)
{
	struct request *r = b->r;
	struct sessions *all = r->p->sessions;
	const struct session *s = sessions_get(all, branch_session(b));

	switch (offer_of_request(r->method, r->has_sdp, is_awaited(r, s))) {
	case OFFER_OFFER:
		if (!r->has_media || !has_relay(b, s))
			return STEP_NEXT;
		return relaying_start(b);
	case OFFER_ANSWER:
		sessions_answered(all, branch_session(b));
		relaying_record(r->p, branch_session(b), r->msg, &r->src);
		return STEP_NEXT;
	default:
		(void)has_relay(b, s);
		return STEP_NEXT;
	}
}

static enum step_result step_next_hop(struct branch *b)
{
	if (next_hop(&b->dest, &b->dest_marked, &b->dest_natted, b->msg,
		     b->sip))
		return locating_start(b, next_url(b->sip));
	return STEP_NEXT;
}

const struct step dialog_steps[] = {
	{"Fig. 4a 134", flow_receive},
	{"RFC 3261 16.4", step_route},
	{"RFC 3261 26.2", step_identity},
	{"Fig. 4a 140-142", flow_compare},
	{"Fig. 4a 144", flow_write_observed},
	{"RFC 4028 8.1", following_timer},
	{"Fig. 4a 151", step_next_hop},
	{"Fig. 4a 146", step_reoffer},
	{"Fig. 4a 148", flow_replace_sdp},
	{"Fig. 4a 136, 155", flow_forward},
};

/* The answer of a late offer travels in the ACK. */
static void ack_sdp(struct proxy *p, msg_t *msg, sip_t *sip, uint32_t fork,
		    const struct channel *src)
{
	static char out[SIPMSG_MAX];
	char id[ROUTE_SESSION_MAX];
	const struct session *s = NULL;
	const struct sdp *resource;
	struct sdp room;
	struct strbuf sb;
	size_t len;
	bool sdp;
	const char *body = sipmsg_body(&len, &sdp, sip);

	if (!route_session(id, sizeof(id), sip->sip_call_id->i_id, fork))
		s = sessions_get(p->sessions, id);
	if (!s || !sdp || !len)
		return;
	sessions_answered(p->sessions, id);
	relaying_record(p, id, msg, src);
	strbuf_init(&sb, out, sizeof(out));
	resource = session_resource_for(s, sip->sip_to->a_tag, &room);
	if (!sdp_replace(&sb, body, len, resource))
		(void)sipmsg_set_body(msg, out, sb.len);
}

static void ack_send(struct proxy *p, msg_t *msg, struct channel *dest)
{
	static char out[SIPMSG_MAX];
	const sip_via_t *via = sip_object(msg)->sip_via;
	char branch[TXN_BRANCH_LEN];
	struct strbuf sb;

	credentials_strip(p, msg);
	txn_branch(branch, via->v_branch ? via->v_branch : "",
		   via->v_branch ? strlen(via->v_branch) : 0);
	strbuf_init(&sb, out, sizeof(out));
	if (!flow_push_via(p, msg, branch, dest) && !sipmsg_print(&sb, msg))
		(void)edge_send(dest, out, sb.len, p);
}

static void ack_go_on(struct proxy *p, msg_t *msg, struct channel *dest)
{
	ack_send(p, msg, dest);
	msg_destroy(msg);
}

/* What is checked of any request (16.3); nobody answers an ACK. */
static bool ack_is_good(struct proxy *p, msg_t *msg, const struct channel *src,
			struct speaking *s)
{
	struct conduct c;

	flow_judge(&c, p, s->sip);
	p->n.rejected_hops += c.status != 0;
	s->spiral = c.spiral;
	if (!proxy_trusts(p, src))
		strip_request(msg, false, foreign_sent(s->sip, src));
	return !c.status && !conduct_count_hop(msg);
}

void dialog_ack(struct proxy *p, msg_t *msg, const struct channel *src)
{
	sip_t *sip = sip_object(msg);
	struct speaking s = {.sip = sip, .src = src};
	struct route_state st;
	struct channel dest;
	bool marked, natted;

	if (!ack_is_good(p, msg, src, &s))
		goto out;
	(void)routing_from_strict(msg, our_route, p);
	if (take_route(&st, &s.from_caller, p, msg, sip)) {
		p->n.rejected_route++;
		log_debug("ACK without a valid route of ours dropped",
			  LOG_S("call_id", sip->sip_call_id->i_id),
			  LOG_A("src", &src->addr));
		goto out;
	}
	if (!speaking_allowed(p, &s))
		goto out;
	ack_sdp(p, msg, sip, st.fork, src);
	if (next_hop(&dest, &marked, &natted, msg, sip)) {
		locating_ack(p, msg, next_url(sip), ack_go_on);
		return;
	}
	if (proxy_may_contact(p, &dest.addr)) {
		ack_go_on(p, msg, &dest);
		return;
	}
out:
	msg_destroy(msg);
}
