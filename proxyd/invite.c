#include <string.h>

#include "common/log.h"
#include "common/nat.h"
#include "proto/dialect.h"
#include "proto/redirect.h"
#include "proto/registration.h"
#include "proxyd/binding.h"
#include "proxyd/clients.h"
#include "proxyd/conf.h"
#include "proxyd/credentials.h"
#include "proxyd/following.h"
#include "proxyd/keeping.h"
#include "proxyd/locating.h"
#include "proxyd/outbound.h"
#include "proxyd/proxy.h"
#include "proxyd/strip.h"

#include "proxyd/flow.h"
#include "proxyd/forking.h"

static enum step_result step_134(struct branch *b)
{
	b->r->p->n.calls++;
	return flow_receive(b);
}

static bool caller_is_known(const struct request *r)
{
	char id[REDIRECT_ID_MAX];

	return !redirect_client_id(id, r->sip->sip_from->a_url) &&
	       clients_at(r->p->clients, id, &r->src);
}

/*
 * Step 146 for a caller that is registered on this very channel: the relay
 * request goes out beside the redirect query. Others have to be let through by
 * redirectd first, so that nobody takes relay ports without being known; and so
 * have those that it will ask for their credentials.
 */
static enum step_result step_146_beside(struct branch *b)
{
	struct request *r = b->r;

	if (!r->natted || !r->has_media || !caller_is_known(r) ||
	    credentials_missing(r))
		return STEP_NEXT;
	return relaying_start(b) == STEP_END ? STEP_END : STEP_NEXT;
}

/* Without media to carry yet: the offer comes in a response, or the media with
 * an offer within the call. */
static enum step_result start_relaying(struct branch *b)
{
	return b->r->has_media ? relaying_start(b) : relaying_later(b);
}

static enum step_result step_146(struct branch *b)
{
	struct request *r = b->r;

	if (!r->natted || b->resource)
		return STEP_NEXT;
	return start_relaying(b);
}

/* The redirect answer becomes the Request-URI; a client behind a NAT is named
 * by its NAT's address and port (Fig. 5g). */
static enum step_result step_151(struct branch *b)
{
	struct request *r = b->r;
	struct proxy *p = r->p;
	su_home_t *home = msg_home(b->msg);
	url_t *url = b->target ? url_make(home, b->target) : NULL;
	char domain[REDIRECT_ID_MAX];

	if (!b->target && !channel_is_none(&b->dest))
		return STEP_NEXT;
	if (!url || (!locating_has(b) && registration_channel(&b->dest, url) &&
		     sipmsg_url_channel(&b->dest, url)))
		return branch_fail(b, 502, "Contact Is Not An Address");
	outbound_note_flow(b, url);
	b->dest_marked = registration_marked(url);
	b->dest_natted = registration_natted(url);
	b->dest_proxy =
		!b->hunting.route &&
		sipmsg_url_param(domain, sizeof(domain), url,
				 proto_uri_param_name(PROTO_DOMAIN)) >= 0;
	if (b->dest_marked) {
		binding_reached(&b->dest, p, r->client_id, url);
		(void)strip_url(home, url);
	}
	if (b->dest_proxy && route_fork_set(home, url, b->route.fork))
		return branch_fail(b, 500, NULL);
	*b->sip->sip_request->rq_url = *url;
	msg_fragment_clear(b->sip->sip_request->rq_common);
	return STEP_NEXT;
}

/* Step 152b: a proxy of ours before us has got the resource already. */
static bool already_relayed(const struct branch *b)
{
	const struct request *r = b->r;
	const sip_record_route_t *rr =
		r->trusted ? b->sip->sip_record_route : NULL;
	struct route_state st;
	bool from_caller;

	/* another site's says nothing of a relay of ours */
	for (; rr; rr = rr->r_next)
		if (!route_parse(&st, &from_caller, rr->r_url, r->p->secret,
				 request_id(r), r->sip->sip_from->a_tag,
				 NULL) &&
		    !addr_is_none(&st.relay))
			return true;
	return b->resource || b->late;
}

/* Step 152a, and the two whose addresses cannot reach each other. */
static bool callee_needs_relay(const struct branch *b)
{
	return b->dest_natted ||
	       (!b->dest_proxy && !nat_reachable(&b->r->media, &b->dest.addr));
}

/* Their media could not be told apart behind one NAT, were they told the same
 * port by a proxy before us: all but one get another. */
static bool shares_nat(const struct branch *b)
{
	for (const struct branch *o = b->r->branches; o; o = o->next)
		if (o != b && b->dest_natted && o->dest_natted &&
		    addr_ip_eq(&o->dest.addr, &b->dest.addr))
			return true;
	return false;
}

/* The relay serves it only in the family of the proxy before us, which did not
 * know where the callee is. */
static bool is_of_other_family(const struct branch *b)
{
	const struct addr *media = &b->r->media;

	return !b->dest_proxy && !addr_is_none(media) &&
	       addr_family(media) != addr_family(&b->dest.addr);
}

static bool needs_own_resource(const struct branch *b)
{
	return !b->resource && !b->late &&
	       (shares_nat(b) || is_of_other_family(b));
}

static enum step_result step_152_153(struct branch *b)
{
	struct request *r = b->r;
	char dest[CHANNEL_STRLEN];

	if (!callee_needs_relay(b) ||
	    (already_relayed(b) && !needs_own_resource(b)))
		return STEP_NEXT;
	if (already_relayed(b))
		branch_number(b); /* the Call-ID is the other proxy's */
	proxy_note(r->p, request_id(r), "callee %s at %s",
		   b->dest_natted ? "is behind a NAT" : "is out of reach",
		   channel_str(dest, &b->dest));
	return start_relaying(b);
}

const struct step invite_steps[] = {
	{"Fig. 4a 134", step_134},
	{"Fig. 4a 140-142", flow_compare},
	{"Fig. 4a 144", flow_write_observed},
	{"RFC 4028 8.1", following_timer},
	{"Fig. 4a 146", step_146_beside},
	{"Fig. 4a 150", redirecting_start},
	{"RFC 3261 16.6", forking_start},
	{"RFC 3263 4", locating_target},
	{"Fig. 4a 146", step_146},
	{"Fig. 4a 146", relaying_place},
	{"Fig. 4a 148", flow_replace_sdp},
	{"Fig. 4a 151", step_151},
	{"seed 004 44, 100", keeping_await},
	{"Fig. 4a 152a-153", step_152_153},
	{"Fig. 4a 154", flow_replace_sdp},
	{"Fig. 4a 136, 138, 155", flow_forward},
};

const struct step outside_steps[] = {
	{"Fig. 4a 134", flow_receive},
	{"Fig. 4a 140-142", flow_compare},
	{"Fig. 4a 144", flow_write_observed},
	{"Fig. 4a 150", redirecting_start},
	{"RFC 3261 16.6", forking_start},
	{"RFC 3263 4", locating_target},
	{"Fig. 4a 151", step_151},
	{"Fig. 4a 136, 138, 155", flow_forward},
};
