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

/* The relay to ask: the one the dialog's route names, or the next choice. */
static bool next_relay(struct branch *b)
{
	struct addr relay;
	relay_id id = 0;

	if (b->r->initial) {
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
	if (b->r->initial && next_choice(&other, b))
		return FAILOVER_MS;
	return SETUP_MS - FAILOVER_MS * (uint32_t)(b->relays_asked - 1);
}

/* Step 144b: what the relay is told, from the message as rewritten so far. */
static int describe(struct relay_request *q, const char *session, msg_t *msg,
		    const sip_t *sip)
{
	memset(q, 0, sizeof(*q));
	q->call_id = session;
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
static void add_toward(struct relay_request *q, const struct branch *b)
{
	struct addr *toward = &q->options.toward;
	url_t *url;

	/* a proxy in between says nothing of a party that has been placed */
	if (!b->r->initial && b->sip->sip_route)
		return;
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

/* An answer is known by the tag in To: the offer of a re-INVITE goes without,
 * or the relay would take it for the other party's. */
static const char *to_untagged(const struct branch *b)
{
	su_home_t *home = msg_home(b->msg);
	const char *url = url_as_string(home, b->sip->sip_to->a_url);

	return url ? su_sprintf(home, "<%s>", url) : NULL;
}

static enum step_result ask(struct branch *b);

/* Silence: what a relay grants too late would be held by nobody. */
static void give_up(struct branch *b)
{
	if (b->r->initial)
		relaying_release(b);
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
	if (status == 488)
		(void)branch_fail(b, 488, "Session Description Not Usable");
	else if (!b->ended)
		(void)ask(b);
	branch_answered(b);
}

/* Step 148b: the resource is written to the session table. */
static void granted(struct branch *b, const struct sdp *resource,
		    const sip_t *sip)
{
	struct proxy *p = b->r->p;
	struct addr near = {0};

	b->owns_resource = b->r->initial;
	free(b->resource);
	b->resource = malloc(sizeof(*b->resource));
	if (b->resource)
		*b->resource = *resource;
	b->has_near = relay_answer_near(&near, sip);
	if (!b->resource ||
	    sessions_put(p->sessions, branch_session(b), proxy_now(p),
			 &b->route.relay, resource) ||
	    sessions_place(p->sessions, branch_session(b), &near,
			   b->sip->sip_from->a_tag)) {
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
	int err = describe(&q, branch_session(b), b->msg, b->sip);
	bool sdp;

	if (err)
		return err;
	q.to = to_untagged(b);
	add_options(&q, p->conf);
	add_toward(&q, b);
	b->said_toward = !addr_is_none(&q.options.toward);
	q.sdp = sipmsg_body(&q.sdp_len, &sdp, b->sip);
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
	return b->r->initial &&
	       sessions_get(b->r->p->sessions, branch_session(b));
}

enum step_result relaying_start(struct branch *b)
{
	if (in_use(b)) {
		b->r->p->n.rejected_call_id++;
		return branch_fail(b, 482, "Call-ID In Use");
	}
	b->relays_asked = 0;
	return ask(b);
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

void relaying_record(struct branch *b, msg_t *response)
{
	struct proxy *p = b->r->p;
	const sip_t *sip = sip_object(response);
	const struct session *s = sessions_get(p->sessions, branch_session(b));
	char branch[TXN_BRANCH_LEN];
	struct relay_request q;
	struct proto_hop hop;
	struct channel to;
	struct strbuf sb;
	bool sdp;

	if (!s || !sip->sip_to->a_tag ||
	    describe(&q, branch_session(b), response, sip))
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

static void release(struct proxy *p, const char *session, msg_t *msg,
		    const struct addr *relay)
{
	const sip_t *sip = sip_object(msg);
	char branch[TXN_BRANCH_LEN];
	struct proto_hop hop = {edge_self_for(p, relay), branch, relay};
	struct channel to = channel_udp(relay);
	struct relay_request q;
	struct strbuf sb;

	if (addr_is_none(relay) || describe(&q, session, msg, sip))
		return;
	q.to_tag = sip->sip_to->a_tag;
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, out, sizeof(out));
	if (!relay_release_print(&sb, &hop, &q))
		(void)txn_request(NULL, p->txns, proxy_now(p), &to, branch, out,
				  sb.len, 0, released, 0);
}

void relaying_release(struct branch *b)
{
	sessions_del(b->r->p->sessions, branch_session(b));
	release(b->r->p, branch_session(b), b->msg, &b->route.relay);
}

void relaying_release_gone(struct proxy *p, msg_t *gone,
			   const struct addr *relay)
{
	const char *session = sip_object(gone)->sip_call_id->i_id;

	release(p, session, gone, relay);
	sessions_del(p->sessions, session);
}
