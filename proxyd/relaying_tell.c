#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "proxyd/calls.h"
#include "proxyd/conf.h"
#include "proxyd/edge.h"
#include "proxyd/following.h"
#include "proxyd/proxy.h"
#include "proxyd/relaying.h"
#include "proxyd/session.h"

#include "proxyd/flow.h"

static char out[SIPMSG_MAX];

/* The call as a message names it. */
static int describe_call(struct relay_request *q, const char *session,
			 msg_t *msg)
{
	const sip_t *sip = sip_object(msg);

	memset(q, 0, sizeof(*q));
	q->call_id = session;
	q->from = sipmsg_header_text(msg_home(msg), sip->sip_from);
	q->to = sipmsg_header_text(msg_home(msg), sip->sip_to);
	q->from_tag = sip->sip_from->a_tag;
	q->cseq = sip->sip_cseq->cs_seq;
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

/* An answer is known by the tag in To: an offer goes without, or the relay
 * would take it for the other party's. */
static const char *untagged(msg_t *msg, const sip_addr_t *a)
{
	su_home_t *home = msg_home(msg);
	const char *url = url_as_string(home, a->a_url);

	return url ? su_sprintf(home, "<%s>", url) : NULL;
}

/* A response is of the other party's, whose CSeq it does not say. */
static int turn_around(struct relay_request *q, const sip_t *sip)
{
	const char *from = q->from;

	if (!sip->sip_to->a_tag)
		return -EBADMSG;
	q->from = q->to;
	q->to = from;
	q->from_tag = sip->sip_to->a_tag;
	q->cseq = 0;
	return 0;
}

static int name_offerer(struct relay_request *q, msg_t *msg, const sip_t *sip)
{
	int err = sip->sip_request ? 0 : turn_around(q, sip);

	if (err)
		return err;
	q->to = untagged(msg, sip->sip_request ? sip->sip_to : sip->sip_from);
	return q->to ? 0 : -ENOMEM;
}

static int name_answerer(struct relay_request *q, const sip_t *sip)
{
	int err = sip->sip_request ? turn_around(q, sip) : 0;

	q->to_tag =
		sip->sip_request ? sip->sip_from->a_tag : sip->sip_to->a_tag;
	return err || q->to_tag ? err : -EBADMSG;
}

/* Where the speaker was seen: in its Contact as rewritten; an ACK and a PRACK
 * have none, and were seen where they came from unless that is a proxy. */
static void add_observed(struct relay_request *q, const struct proxy *p,
			 const sip_t *sip, const struct channel *from)
{
	if (sip->sip_contact)
		(void)sipmsg_url_addr(&q->observed, sip->sip_contact->m_url);
	else if (!proxy_trusts(p, from))
		q->observed = from->addr;
}

int relaying_describe(struct relay_request *q, const struct proxy *p,
		      const char *session, msg_t *msg, enum offer_kind kind,
		      const struct channel *from)
{
	const sip_t *sip = sip_object(msg);
	int err = describe_call(q, session, msg);

	if (!err)
		err = kind == OFFER_ANSWER ? name_answerer(q, sip)
					   : name_offerer(q, msg, sip);
	if (err)
		return err;
	add_observed(q, p, sip, from);
	add_options(q, p->conf);
	return 0;
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
		log_warn("relay did not record a channel",
			 LOG_I("status", status));
}

/* What no branch waits for: nobody but the log hears of the answer. */
static void tell(struct proxy *p, const struct addr *relay,
		 const struct relay_request *q,
		 int (*print)(struct strbuf *out, const struct proto_hop *hop,
			      const struct relay_request *q),
		 txn_response_h *fn)
{
	char branch[TXN_BRANCH_LEN];
	struct proto_hop hop = {edge_self_for(p, relay), branch, relay};
	struct channel to = channel_udp(relay);
	struct strbuf sb;

	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, out, sizeof(out));
	if (!print(&sb, &hop, q))
		(void)txn_request(NULL, p->txns, proxy_now(p), &to, branch, out,
				  sb.len, 0, fn, 0);
}

void relaying_record(struct proxy *p, const char *session, msg_t *msg,
		     const struct channel *from)
{
	const struct session *s = sessions_get(p->sessions, session);
	struct relay_request q;
	bool sdp;

	if (!s || relaying_describe(&q, p, session, msg, OFFER_ANSWER, from))
		return;
	q.sdp = sipmsg_body(&q.sdp_len, &sdp, sip_object(msg));
	q.dialog = following_record(p, session);
	tell(p, &s->relay, &q, relay_request_print, recorded);
}

void relaying_commit(struct branch *b)
{
	struct proxy *p = b->r->p;
	const struct session *s = sessions_get(p->sessions, branch_session(b));
	struct relay_request q;

	if (!s || !b->offer || !b->msg ||
	    relaying_describe(&q, p, branch_session(b), b->msg, OFFER_OFFER,
			      &b->r->src))
		return;
	q.sdp = b->offer;
	q.sdp_len = b->offer_len;
	b->offer = NULL;
	tell(p, &s->relay, &q, relay_request_print, recorded);
}

static void log_statistics(const char *call_id, const sip_t *sip)
{
	size_t len;
	const char *text = relay_json_answer_text(&len, sip);

	log_info("relay resource released", LOG_S("call_id", call_id),
		 LOG_N("statistics", text, len));
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
	struct relay_request q;

	if (!addr_is_none(relay) && !describe_call(&q, session, msg))
		tell(p, relay, &q, relay_release_print, released);
}

void relaying_release(struct branch *b)
{
	sessions_del(b->r->p->sessions, branch_session(b));
	release(b->r->p, branch_session(b), b->msg, &b->route.relay);
}

void relaying_decline(struct branch *b)
{
	const struct session *s =
		sessions_get(b->r->p->sessions, branch_session(b));

	if (s && addr_eq(&s->relay, &b->route.relay))
		return;
	release(b->r->p, branch_session(b), b->msg, &b->route.relay);
}

void relaying_release_call(struct proxy *p, const struct call *call)
{
	const struct parties *parties = call->parties;
	const struct relay_request q = {
		.call_id = call->id,
		.from = parties_name(parties, PARTY_CALLER),
		.to = parties_name(parties, PARTY_CALLEE),
		.cseq = parties_cseq(parties, PARTY_CALLER),
	};

	if (!addr_is_none(&call->relay))
		tell(p, &call->relay, &q, relay_release_print, released);
}

void relaying_release_gone(struct proxy *p, msg_t *gone,
			   const struct addr *relay)
{
	const char *session = sip_object(gone)->sip_call_id->i_id;

	release(p, session, gone, relay);
	sessions_del(p->sessions, session);
}
