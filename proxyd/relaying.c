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
static bool asked_before(const struct request *r, relay_id id)
{
	for (size_t i = 0; i < r->relays_asked; i++)
		if (r->asked[i] == id)
			return true;
	return false;
}

/* The best choice for a new call that was not asked yet. */
static relay_id next_choice(struct addr *relay, const struct request *r)
{
	const struct relays *all = r->p->relays;
	relay_id id;

	if (r->relays_asked == REQUEST_RELAYS_MAX)
		return 0;
	for (size_t nth = 0;
	     relays_nth(relay, all, request_id(r), nth, proxy_now(r->p));
	     nth++) {
		id = relays_id(all, relay);
		if (!asked_before(r, id))
			return id;
	}
	return 0;
}

/* The relay to ask: the one the dialog's route names, or the next choice. */
static bool next_relay(struct request *r)
{
	struct addr relay;
	relay_id id = 0;

	if (r->initial) {
		id = next_choice(&relay, r);
		if (!id)
			return false;
		r->route.relay = relay;
	} else if (r->relays_asked) {
		return false;
	}
	r->asked[r->relays_asked++] = id;
	return true;
}

/* While another one can be asked, nobody waits long for this one. */
static uint32_t patience(const struct request *r)
{
	struct addr other;

	if (r->resource) /* asked again: no other one will do */
		return SETUP_MS;
	if (r->initial && next_choice(&other, r))
		return FAILOVER_MS;
	return SETUP_MS - FAILOVER_MS * (uint32_t)(r->relays_asked - 1);
}

/* Step 144b: what the relay is told, from the message as rewritten so far. */
static int describe(struct relay_request *q, msg_t *msg, const sip_t *sip)
{
	memset(q, 0, sizeof(*q));
	q->call_id = sip->sip_call_id->i_id;
	q->from = sipmsg_header_text(msg_home(msg), sip->sip_from);
	q->to = sipmsg_header_text(msg_home(msg), sip->sip_to);
	q->from_tag = sip->sip_from->a_tag;
	q->cseq = sip->sip_cseq->cs_seq;
	if (sip->sip_contact)
		(void)sipmsg_url_addr(&q->observed, sip->sip_contact->m_url);
	return q->from && q->to ? 0 : -ENOMEM;
}

/* What this site wants of every session. */
static void add_options(struct relay_request *q, const struct proxyd_conf *conf)
{
	if (conf->relay_resequence >= 0) {
		q->options.has_resequence = true;
		q->options.resequence_ms = (uint16_t)conf->relay_resequence;
	}
	(void)snprintf(q->options.learn, sizeof(q->options.learn), "%s",
		       conf->relay_learn);
}

/* Where the request is going to, as far as that is known by now: there the
 * relay serves the other party. */
static void add_toward(struct relay_request *q, const struct request *r)
{
	struct addr *toward = &q->options.toward;
	url_t *url;

	/* a proxy in between says nothing of a party that has been placed */
	if (!r->initial && r->sip->sip_route)
		return;
	*toward = r->dest.addr;
	if (addr_is_none(toward) && r->target) {
		url = url_make(msg_home(r->msg), r->target);
		if (!url || sipmsg_url_addr(toward, url))
			*toward = (struct addr){0};
	}
	if (addr_class(toward) == ADDR_ANY ||
	    addr_class(toward) == ADDR_MULTICAST)
		*toward = (struct addr){0};
}

/* An answer is known by the tag in To: the offer of a re-INVITE goes without,
 * or the relay would take it for the other party's. */
static const char *to_untagged(const struct request *r)
{
	su_home_t *home = msg_home(r->msg);
	const char *url = url_as_string(home, r->sip->sip_to->a_url);

	return url ? su_sprintf(home, "<%s>", url) : NULL;
}

static enum step_result ask(struct request *r);

/* Silence: what a relay grants too late would be held by nobody. */
static void give_up(struct request *r)
{
	if (r->initial)
		relaying_release(r);
}

/* What the refusal says of the relay itself, for the calls to come. */
static void note_refusal(struct request *r, int status, const sip_t *sip)
{
	const sip_retry_after_t *ra = sip ? sip->sip_retry_after : NULL;

	if (!sip)
		pooling_silent(r->p->pooling, &r->route.relay);
	else if (status == 503 || status == 486)
		pooling_refused(r->p->pooling, &r->route.relay,
				ra ? (unsigned long)ra->af_delta : 0);
}

/* Asked again where both would be served; it goes on holding the resource. */
static bool refused_again(struct request *r, int status)
{
	if (!r->resource)
		return false;
	log_warn("relay cannot serve the called party",
		 LOG_S("call_id", request_id(r)),
		 LOG_A("relay", &r->route.relay), LOG_I("status", status));
	(void)request_fail(r, 503, "No Media Relay Available");
	return true;
}

static void refused(struct request *r, int status, const sip_t *sip)
{
	r->p->n.relay_refused++;
	note_refusal(r, status, sip);
	if (refused_again(r, status)) {
		request_answered(r);
		return;
	}
	if (status == 408)
		give_up(r);
	log_warn("relay request failed", LOG_S("call_id", request_id(r)),
		 LOG_A("relay", &r->route.relay), LOG_I("status", status),
		 LOG_I("try", r->relays_asked));
	if (status == 488)
		(void)request_fail(r, 488, "Session Description Not Usable");
	else if (!r->ended)
		(void)ask(r);
	request_answered(r);
}

/* Step 148b: the resource is written to the session table. */
static void granted(struct request *r, const struct sdp *resource,
		    const sip_t *sip)
{
	struct proxy *p = r->p;
	struct addr near = {0};

	r->owns_resource = r->initial;
	free(r->resource);
	r->resource = malloc(sizeof(*r->resource));
	if (r->resource)
		*r->resource = *resource;
	r->has_near = relay_answer_near(&near, sip);
	if (!r->resource ||
	    sessions_put(p->sessions, request_id(r), proxy_now(p),
			 &r->route.relay, resource) ||
	    sessions_place(p->sessions, request_id(r), &near,
			   r->sip->sip_from->a_tag)) {
		p->n.overload++;
		(void)request_fail(r, 503, NULL);
	}
	request_answered(r);
}

static void answered(txn_id id, int status, msg_t *msg, bool last, uint64_t ref,
		     void *arg)
{
	struct request *r = request_find(arg, ref);
	struct sdp resource;

	(void)id;
	(void)last;
	if (!r || status < 200)
		return;
	if (status == 302 && msg &&
	    !relay_answer_parse(&resource, sip_object(msg)))
		granted(r, &resource, sip_object(msg));
	else
		refused(r, status, msg ? sip_object(msg) : NULL);
}

/* Steps 144b, 148a. */
static int send_request(struct request *r)
{
	struct proxy *p = r->p;
	char branch[TXN_BRANCH_LEN];
	struct proto_hop hop = {edge_self_for(p, &r->route.relay), branch,
				&r->route.relay};
	struct channel to = channel_udp(&r->route.relay);
	struct relay_request q;
	struct strbuf sb;
	int err = describe(&q, r->msg, r->sip);
	bool sdp;

	if (err)
		return err;
	q.to = to_untagged(r);
	add_options(&q, p->conf);
	add_toward(&q, r);
	r->said_toward = !addr_is_none(&q.options.toward);
	q.sdp = sipmsg_body(&q.sdp_len, &sdp, r->sip);
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, out, sizeof(out));
	err = relay_request_print(&sb, &hop, &q);
	if (!err)
		err = txn_request(NULL, p->txns, proxy_now(p), &to, branch, out,
				  sb.len, patience(r), answered, r->server);
	return err;
}

static enum step_result ask(struct request *r)
{
	if (!next_relay(r))
		return request_fail(r, 503, "No Media Relay Available");
	r->p->n.relay_requests++;
	if (send_request(r)) {
		r->p->n.overload++;
		return request_fail(r, 503, NULL);
	}
	r->waiting++;
	return STEP_WAIT;
}

/* Nobody who knows a Call-ID gets at its resource with a new INVITE. */
static bool in_use(const struct request *r)
{
	return r->initial && sessions_get(r->p->sessions, request_id(r));
}

enum step_result relaying_start(struct request *r)
{
	if (in_use(r)) {
		r->p->n.rejected_call_id++;
		return request_fail(r, 482, "Call-ID In Use");
	}
	r->relays_asked = 0;
	return ask(r);
}

/* Whether the relay might serve the other party elsewhere, knowing where it is.
 */
static bool is_misplaced(const struct request *r)
{
	struct relay_request q = {0};
	const struct addr *toward = &q.options.toward;

	if (!r->resource || r->said_toward)
		return false;
	add_toward(&q, r);
	return !addr_is_none(toward) &&
	       (r->has_near ||
		addr_family(toward) != addr_family(&r->resource->media[0].rtp));
}

enum step_result relaying_place(struct request *r)
{
	if (!is_misplaced(r))
		return STEP_NEXT;
	r->p->n.relay_requests++;
	if (send_request(r)) {
		r->p->n.overload++;
		return request_fail(r, 503, NULL);
	}
	r->waiting++;
	return STEP_WAIT;
}

/* Nothing depends on the answer but the operator's knowledge of it. */
static void recorded(txn_id id, int status, msg_t *msg, bool last, uint64_t ref,
		     void *arg)
{
	(void)id;
	(void)msg;
	(void)last;
	(void)ref;
	(void)arg;
	if (status >= 300 && status != 302)
		log_warn("relay did not record the second channel",
			 LOG_I("status", status));
}

void relaying_record(struct request *r, msg_t *response)
{
	struct proxy *p = r->p;
	const sip_t *sip = sip_object(response);
	const struct session *s = sessions_get(p->sessions, request_id(r));
	char branch[TXN_BRANCH_LEN];
	struct relay_request q;
	struct proto_hop hop;
	struct channel to;
	struct strbuf sb;
	bool sdp;

	if (!s || !sip->sip_to->a_tag || describe(&q, response, sip))
		return;
	q.to_tag = sip->sip_to->a_tag;
	q.sdp = sipmsg_body(&q.sdp_len, &sdp, sip);
	add_options(&q, p->conf);
	hop = (struct proto_hop){edge_self_for(p, &s->relay), branch,
				 &s->relay};
	to = channel_udp(&s->relay);
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, out, sizeof(out));
	if (!relay_request_print(&sb, &hop, &q))
		(void)txn_request(NULL, p->txns, proxy_now(p), &to, branch, out,
				  sb.len, 0, recorded, 0);
}

static void log_statistics(const char *call_id, const sip_t *sip)
{
	json_t *body = sip ? relay_json_answer_parse(sip) : NULL;
	char *text =
		body ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(6))
		     : NULL;

	log_info("relay resource released", LOG_S("call_id", call_id),
		 LOG_S("statistics", text));
	free(text);
	json_decref(body);
}

static void released(txn_id id, int status, msg_t *msg, bool last, uint64_t ref,
		     void *arg)
{
	struct proxy *p = arg;
	const sip_t *sip = msg ? sip_object(msg) : NULL;

	(void)id;
	(void)last;
	(void)ref;
	if (status == 200 && sip) {
		p->n.relay_releases++;
		log_statistics(sip->sip_call_id->i_id, sip);
	} else if (status >= 300 && status != 481) {
		log_warn("relay did not confirm the release; its idle expiry "
			 "will free the resource",
			 LOG_I("status", status),
			 LOG_S("call_id", sip ? sip->sip_call_id->i_id : NULL));
	}
}

static void release(struct proxy *p, msg_t *msg, const struct addr *relay)
{
	const sip_t *sip = sip_object(msg);
	char branch[TXN_BRANCH_LEN];
	struct proto_hop hop = {edge_self_for(p, relay), branch, relay};
	struct channel to = channel_udp(relay);
	struct relay_request q;
	struct strbuf sb;

	if (addr_is_none(relay) || describe(&q, msg, sip))
		return;
	q.to_tag = sip->sip_to->a_tag;
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, out, sizeof(out));
	if (!relay_release_print(&sb, &hop, &q))
		(void)txn_request(NULL, p->txns, proxy_now(p), &to, branch, out,
				  sb.len, 0, released, 0);
}

void relaying_release(struct request *r)
{
	sessions_del(r->p->sessions, request_id(r));
	release(r->p, r->msg, &r->route.relay);
}

void relaying_release_gone(struct proxy *p, msg_t *gone,
			   const struct addr *relay)
{
	release(p, gone, relay);
	sessions_del(p->sessions, sip_object(gone)->sip_call_id->i_id);
}
