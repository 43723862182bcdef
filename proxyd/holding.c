#include "common/nat.h"
#include "proto/route.h"
#include "proxyd/forking.h"
#include "proxyd/offer.h"
#include "proxyd/proxy.h"
#include "proxyd/session.h"

#include "proxyd/flow.h"

/* Whether every line has its port already. */
static bool covers(const struct sdp *resource, const struct sdp *offer)
{
	if (offer->n > resource->n)
		return false;
	for (size_t i = 0; i < offer->n; i++)
		if (sdp_needs_port(&offer->media[i]) &&
		    resource->media[i].port == 0)
			return false;
	return true;
}

/* A reliable response is repeated until it is acknowledged, and the 2xx may say
 * the same once more. */
static bool is_known(const struct branch *b, const struct sdp *offer)
{
	const struct session *s =
		sessions_get(b->r->p->sessions, branch_session(b));

	return b->offered && s && covers(s->resource, offer);
}

static bool is_relayed(const struct branch *b)
{
	return !addr_is_none(&b->route.relay) && (!b->r->initial || b->late);
}

/* Two whose addresses cannot reach each other, as only the offer shows: a phone
 * of ours is to get it, and nobody has a relay for the call. */
static bool is_out_of_reach(const struct branch *b, const struct sdp *offer,
			    const sip_t *sip)
{
	const struct addr *media = sdp_first_address(offer);

	if (b->r->trusted || !media || nat_reachable(media, &b->r->src.addr))
		return false;
	for (const sip_record_route_t *rr = sip->sip_record_route; rr;
	     rr = rr->r_next)
		if (route_has_relay(rr->r_url))
			return false;
	return true;
}

bool holding_wanted(const struct branch *b, int status, msg_t *msg)
{
	const sip_t *sip = sip_object(msg);
	struct sdp offer;
	size_t len;
	bool sdp;
	const char *body = sipmsg_body(&len, &sdp, sip);

	if (b->ended || forking_mutes(b, status, sip) ||
	    offer_of_response(b->r->method, status, b->r->has_sdp,
			      sdp && len) != OFFER_OFFER)
		return false;
	if (sdp_parse(&offer, body, len))
		return is_relayed(b);
	return sdp_needs_ports(&offer) && !is_known(b, &offer) &&
	       (is_relayed(b) || is_out_of_reach(b, &offer, sip));
}

static enum step_result step_ask(struct branch *b)
{
	b->r->p->n.late_offers++;
	return relaying_start(b);
}

static enum step_result step_resume(struct branch *b)
{
	msg_t *msg = b->held;

	b->held = NULL;
	b->offered = true;
	response_resume(b, b->held_status, msg);
	msg_destroy(msg);
	return STEP_END;
}

static const struct step held_steps[] = {
	{"Fig. 4d 222, 146", step_ask},
	{"Fig. 4d 224-228", step_resume},
};

/* One at a time: a final response takes the place of a provisional one, and
 * what is repeated is there already. */
void holding_start(struct branch *b, int status, msg_t *msg)
{
	bool waits = b->held != NULL;

	if (waits && (status < 200 || b->held_status >= 200))
		return;
	msg_destroy(b->held);
	b->held = msg_ref_create(msg);
	b->held_status = status;
	if (waits)
		return;
	b->step = held_steps;
	branch_run(b);
}

void holding_abandon(struct branch *b)
{
	struct proxy *p = b->r->p;
	msg_t *msg = b->held;

	b->held = NULL;
	if (b->held_status >= 200)
		hanging_up(b, msg);
	else if (b->forward)
		(void)txn_cancel(p->txns, b->forward, proxy_now(p), NULL);
	msg_destroy(msg);
}
