#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "proto/relay.h"
#include "proxyd/conf.h"
#include "proxyd/edge.h"
#include "proxyd/pooling.h"
#include "proxyd/proxy.h"
#include "proxyd/relaying.h"
#include "proxyd/relays.h"
#include "proxyd/session.h"

#include "proxyd/flow.h"

enum {
	SETUP_MS = 3000,   /* for all relays tried together */
	FAILOVER_MS = 400, /* for one while another can be asked */
};

static char out[SIPMSG_MAX];

/* The order changes while a call goes on to the next, for what the last one
 * said counts at once. */
static bool asked_before(const struct branch *b, relay_id id)
{
	for (size_t i = 0; i < b->relays_asked; i++)
		if (b->asked[i] == id)
			return true;
	return false;
}

/* The best choice for a new call that was not asked yet. */
static relay_id next_choice(struct addr *relay, const struct branch *b)
{
	const struct relays *all = b->r->p->relays;
	relay_id id;

	if (b->relays_asked == BRANCH_RELAYS_MAX)
		return 0;
	for (size_t nth = 0;
	     relays_nth(relay, all, branch_session(b), nth, proxy_now(b->r->p));
	     nth++) {
		id = relays_id(all, relay);
		if (!asked_before(b, id))
			return id;
	}
	return 0;
}

/* Whether any relay will do: a session has its own, and within a call the route
 * names one. */
static bool is_free_to_choose(struct branch *b)
{
	const struct session *s =
		sessions_get(b->r->p->sessions, branch_session(b));

	if (s)
		b->route.relay = s->relay;
	return !s && (b->r->initial || addr_is_none(&b->route.relay));
}

/* The relay to ask: the one the dialog's route names, or the next choice. */
static bool next_relay(struct branch *b)
{
	struct addr relay;
	relay_id id = 0;

	if (b->chooses) {
		id = next_choice(&relay, b);
		if (!id)
			return false;
		b->route.relay = relay;
	} else if (b->relays_asked) {
		return false;
	}
	b->asked[b->relays_asked++] = id;
	return true;
}

/* While another one can be asked, nobody waits long for this one. */
static uint32_t patience(const struct branch *b)
{
	struct addr other;

	if (b->resource) /* asked again: no other one will do */
		return SETUP_MS;
	if (b->chooses && next_choice(&other, b))
		return FAILOVER_MS;
	return SETUP_MS - FAILOVER_MS * (uint32_t)(b->relays_asked - 1);
}

static bool has_route(const struct branch *b)
{
	return b->sip && b->sip->sip_route;
}

/* Where the caller is: a proxy before us has told in the Contact (step 144). */
static void caller_at(struct addr *a, const struct branch *b)
{
	const sip_contact_t *m = b->r->sip->sip_contact;

	if (!b->r->trusted || !m || sipmsg_url_addr(a, m->m_url))
		*a = b->r->src.addr;
}

/* Where the offer is going to, as far as that is known by now: there the
 * relay serves the other party. */
static void add_toward(struct relay_request *q, const struct branch *b)
{
	struct addr *toward = &q->options.toward;
	url_t *url;

	/* a proxy in between says nothing of a party that has been placed */
	if (!b->r->initial && (b->held ? b->r->trusted : has_route(b)))
		return;
	if (b->held)
		caller_at(toward, b);
	else
		*toward = b->dest.addr;
	if (addr_is_none(toward) && b->target) {
		url = url_make(msg_home(b->msg), b->target);
		if (!url || sipmsg_url_addr(toward, url))
			*toward = (struct addr){0};
	}
	if (addr_class(toward) == ADDR_ANY ||
	    addr_class(toward) == ADDR_MULTICAST)
		*toward = (struct addr){0};
}

static enum step_result ask(struct branch *b);

/* Silence: what a relay grants too late would be held by nobody. */
static void give_up(struct branch *b)
{
	if (b->r->initial || b->chooses)
		relaying_decline(b);
}

/* What the refusal says of the relay itself, for the calls to come. */
static void note_refusal(struct branch *b, int status, const sip_t *sip)
{
	const sip_retry_after_t *ra = sip ? sip->sip_retry_after : NULL;

	if (!sip)
		pooling_silent(b->r->p->pooling, &b->route.relay);
	else if (status == 503 || status == 486)
		pooling_refused(b->r->p->pooling, &b->route.relay,
				ra ? (unsigned long)ra->af_delta : 0);
}

/* Asked again where both would be served; it goes on holding the resource. */
static bool refused_again(struct branch *b, int status)
{
	if (!b->resource)
		return false;
	log_warn("relay cannot serve the called party",
		 LOG_S("call_id", branch_session(b)),
		 LOG_A("relay", &b->route.relay), LOG_I("status", status));
	(void)branch_fail(b, 503, "No Media Relay Available");
	return true;
}

static void refused(struct branch *b, int status, const sip_t *sip)
{
	b->r->p->n.relay_refused++;
	note_refusal(b, status, sip);
	if (refused_again(b, status)) {
		branch_answered(b);
		return;
	}
	if (status == 408)
		give_up(b);
	log_warn("relay request failed", LOG_S("call_id", branch_session(b)),
		 LOG_A("relay", &b->route.relay), LOG_I("status", status),
		 LOG_I("try", b->relays_asked));
	if (status == 488) {
		(void)branch_fail(b, 488, "Session Description Not Usable");
	} else if (status == 482) { /* over a restart the relay knows it */
		b->r->p->n.rejected_call_id++;
		(void)branch_fail(b, 482, "Call-ID In Use");
	} else if (!b->ended) {
		(void)ask(b);
	}
	branch_answered(b);
}

static const char *offerer_tag(const struct branch *b)
{
	return b->held ? sip_object(b->held)->sip_to->a_tag
		       : b->sip->sip_from->a_tag;
}

/* The request has been answered meanwhile: a caller that was asked for its
 * credentials may have come again. */
static bool is_late(const struct branch *b)
{
	return b->ended && !b->owns_resource && (b->r->initial || b->chooses);
}

/* Step 148b: the resource is written to the session table. */
static void granted(struct branch *b, const struct sdp *resource,
		    const sip_t *sip)
{
	struct proxy *p = b->r->p;
	struct addr near = {0};

	if (is_late(b)) {
		relaying_decline(b);
		branch_answered(b);
		return;
	}
	b->owns_resource = b->r->initial || b->chooses;
	free(b->resource);
	b->resource = malloc(sizeof(*b->resource));
	if (b->resource)
		*b->resource = *resource;
	b->has_near = relay_answer_near(&near, sip);
	if (!b->resource ||
	    sessions_put(p->sessions, branch_session(b), proxy_now(p),
			 &b->route.relay, resource) ||
	    sessions_place(p->sessions, branch_session(b), &near,
			   offerer_tag(b))) {
		p->n.overload++;
		(void)branch_fail(b, 503, NULL);
	}
	branch_answered(b);
}

static void answered(txn_id id, int status, msg_t *msg, bool last, uint64_t ref,
		     void *arg)
{
	struct branch *b = request_branch(arg, ref, id);
	struct sdp resource;

	(void)id;
	(void)last;
	if (!b || status < 200)
		return;
	if (status == 302 && msg &&
	    !relay_answer_parse(&resource, sip_object(msg)))
		granted(b, &resource, sip_object(msg));
	else
		refused(b, status, msg ? sip_object(msg) : NULL);
}

/* The offer is in the request, or in the response that waits for us. */
static int describe_offer(struct relay_request *q, struct branch *b)
{
	msg_t *msg = b->held ? b->held : b->msg;
	const struct channel *from = b->held ? &b->dest : &b->r->src;
	int err = relaying_describe(q, b->r->p, branch_session(b), msg,
				    OFFER_OFFER, from);
	bool sdp;

	if (err)
		return err;
	add_toward(q, b);
	q->options.tentative = !b->r->initial && !b->held;
	q->sdp = sipmsg_body(&q->sdp_len, &sdp, sip_object(msg));
	if (q->options.tentative) {
		b->offer = q->sdp;
		b->offer_len = q->sdp_len;
	}
	return 0;
}

/* Steps 144b, 148a. */
static int send_request(struct branch *b)
{
	struct proxy *p = b->r->p;
	char branch[TXN_BRANCH_LEN];
	struct proto_hop hop = {edge_self_for(p, &b->route.relay), branch,
				&b->route.relay};
	struct channel to = channel_udp(&b->route.relay);
	struct relay_request q;
	struct strbuf sb;
	int err = describe_offer(&q, b);

	if (err)
		return err;
	q.options.begins = b->r->initial;
	b->said_toward = !addr_is_none(&q.options.toward);
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, out, sizeof(out));
	err = relay_request_print(&sb, &hop, &q);
	if (!err)
		err = txn_request(&b->asking, p->txns, proxy_now(p), &to,
				  branch, out, sb.len, patience(b), answered,
				  b->r->server);
	return err;
}

static enum step_result ask(struct branch *b)
{
	if (!next_relay(b))
		return branch_fail(b, 503, "No Media Relay Available");
	b->r->p->n.relay_requests++;
	if (send_request(b)) {
		b->r->p->n.overload++;
		return branch_fail(b, 503, NULL);
	}
	b->waiting++;
	return STEP_WAIT;
}

/* Nobody who knows a Call-ID gets at its resource with a new INVITE. */
static bool in_use(const struct branch *b)
{
	return b->r->initial && !b->held &&
	       sessions_get(b->r->p->sessions, branch_session(b));
}

enum step_result relaying_start(struct branch *b)
{
	if (in_use(b)) {
		b->r->p->n.rejected_call_id++;
		return branch_fail(b, 482, "Call-ID In Use");
	}
	b->relays_asked = 0;
	b->chooses = is_free_to_choose(b);
	return ask(b);
}

enum step_result relaying_later(struct branch *b)
{
	if (in_use(b)) {
		b->r->p->n.rejected_call_id++;
		return branch_fail(b, 482, "Call-ID In Use");
	}
	b->relays_asked = 0;
	b->chooses = true;
	if (!next_relay(b))
		return branch_fail(b, 503, "No Media Relay Available");
	b->late = true;
	return STEP_NEXT;
}

/* Whether the relay might serve the other party elsewhere, knowing where it is.
 */
static bool is_misplaced(const struct branch *b)
{
	struct relay_request q = {0};
	const struct addr *toward = &q.options.toward;

	if (!b->resource || b->said_toward)
		return false;
	add_toward(&q, b);
	return !addr_is_none(toward) &&
	       (b->has_near ||
		addr_family(toward) != addr_family(&b->resource->media[0].rtp));
}

enum step_result relaying_place(struct branch *b)
{
	if (!is_misplaced(b))
		return STEP_NEXT;
	b->r->p->n.relay_requests++;
	if (send_request(b)) {
		b->r->p->n.overload++;
		return branch_fail(b, 503, NULL);
	}
	b->waiting++;
	return STEP_WAIT;
}
