#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "proto/registration.h"
#include "proxyd/following.h"
#include "proxyd/guard.h"
#include "proxyd/keeping.h"
#include "proxyd/locating.h"
#include "proxyd/offer.h"
#include "proxyd/outbound.h"
#include "proxyd/parties.h"
#include "proxyd/proxy.h"
#include "proxyd/session.h"
#include "proxyd/speaking.h"
#include "proxyd/strip.h"

#include "proxyd/context.h"
#include "proxyd/flow.h"
#include "proxyd/forking.h"
#include "proxyd/hunting.h"

enum { FLOW_FAILED = 430 };

static char out[SIPMSG_MAX];

static void strip(const struct branch *b, msg_t *msg)
{
	if (!b->dest_foreign)
		strip_response(msg);
	if (!guard_is_gateway(b->r->p->guard, &b->dest.addr))
		strip_identity(msg);
}

/* Step 144's rule for the party that answers. */
static int write_observed(const struct branch *b, msg_t *msg, sip_t *sip)
{
	int err = 0;

	if (!proxy_trusts(b->r->p, &b->dest))
		strip(b, msg);
	if (!b->dest_marked)
		return 0;
	for (sip_contact_t *m = sip->sip_contact; !err && m; m = m->m_next) {
		if (m->m_url->url_type == url_any)
			continue;
		err = registration_mark(msg_home(msg), m->m_url, &b->dest,
					b->dest_natted);
		msg_fragment_clear(m->m_common);
	}
	return err;
}

/* Another branch's early media is what the caller hears. */
static int mute(struct branch *b, int status, msg_t *msg)
{
	sip_t *sip = sip_object(msg);

	(void)forking_hears(b, status, msg);
	if (sip->sip_content_type)
		(void)sip_header_remove(msg, sip,
					(sip_header_t *)sip->sip_content_type);
	return sipmsg_set_body(msg, "", 0);
}

/* What the relay is told of an answer as it came: within a call, where it may
 * still come to nothing, only once it will not (RFC 6141). */
static void tell_relay(struct branch *b, int status, msg_t *msg)
{
	struct request *r = b->r;

	if (!r->initial) {
		if (!offer_is_settled(status,
				      offer_is_reliable(sip_object(msg))))
			return;
		relaying_commit(b);
	}
	relaying_record(r->p, branch_session(b), msg, &b->dest);
}

/* Steps 222-226: a session of ours has its SDP replaced. */
static int replace_sdp(struct branch *b, int status, msg_t *msg)
{
	struct sessions *all = b->r->p->sessions;
	const struct session *s = sessions_get(all, branch_session(b));
	const struct sdp *resource;
	enum offer_kind kind;
	struct sdp room;
	struct strbuf sb;
	size_t len;
	bool sdp;
	const char *body = sipmsg_body(&len, &sdp, sip_object(msg));
	int err;

	kind = offer_of_response(b->r->method, status, b->r->has_sdp,
				 sdp && len);
	if (kind == OFFER_NONE)
		return 0;
	if (forking_mutes(b, status, sip_object(msg)))
		return mute(b, status, msg);
	if (kind == OFFER_OFFER)
		sessions_offered(all, branch_session(b),
				 !following_sender(b->r));
	else if (forking_hears(b, status, msg) && s)
		tell_relay(b, status, msg);
	if (!s)
		return 0;
	strbuf_init(&sb, out, sizeof(out));
	resource = session_resource_for(s, sip_object(msg)->sip_from->a_tag,
					&room);
	err = sdp_replace(&sb, body, len, resource);
	return err ? err : sipmsg_set_body(msg, out, sb.len);
}

void response_forward(struct request *r, int status, msg_t *msg)
{
	struct strbuf sb;

	strbuf_init(&sb, out, sizeof(out));
	if (sipmsg_print(&sb, msg))
		log_warn("response too long to print",
			 LOG_S("call_id", request_id(r)));
	else
		(void)txn_respond(r->p->txns, r->server, proxy_now(r->p),
				  status, out, sb.len);
}

static void count(const struct branch *b, int status)
{
	struct request *r = b->r;

	if (!r->initial || r->method != sip_method_invite || status < 200)
		return;
	r->p->n.calls_answered += status < 300 && !r->ended;
	log_info(status < 300 ? "call answered" : "call failed",
		 LOG_S("call_id", request_id(r)), LOG_I("status", status),
		 LOG_A("dst", &b->dest.addr), LOG_A("relay", &b->route.relay));
}

/* What a final response means for the relay resource: an answered call keeps
 * it, a BYE gives it back whatever the other side thinks of it, unless it will
 * be sent again with credentials (RFC 3261 15.1.1). */
static void settle(struct branch *b, int status)
{
	const struct request *r = b->r;

	if (r->method == sip_method_bye && status != 401 && status != 407)
		b->owns_resource =
			following_ended(b) && !addr_is_none(&b->route.relay);
	if ((r->method == sip_method_invite ||
	     r->method == sip_method_update) &&
	    status < 300) {
		b->owns_resource = false;
		sessions_confirm(r->p->sessions, branch_session(b));
	}
}

static void log_unusable(const struct branch *b, int status, int err)
{
	log_warn("response could not be rewritten",
		 LOG_S("call_id", request_id(b->r)), LOG_I("status", status),
		 LOG_A("dst", &b->dest.addr), LOG_S("error", strerror(-err)));
}

/* Step 220: make it a response of ours, but for its SDP. 0 or negative. */
static int take_over(struct branch *b, msg_t *msg)
{
	sip_t *sip = sip_object(msg);

	(void)sip_via_remove(msg, sip);
	speaking_answers(b, sip);
	if (sip->sip_status->st_status >= 200)
		speaking_ended(b, sip->sip_status->st_status);
	return sip->sip_via ? write_observed(b, msg, sip) : -EBADMSG;
}

/* A final response of 300 and above, or silence. */
static void rejected(struct branch *b, int status, msg_t *msg)
{
	if (b->ended)
		return;
	if (status == FLOW_FAILED && outbound_next_flow(b)) {
		branch_run(b);
		return;
	}
	if (status == FLOW_FAILED && !b->r->trusted) {
		(void)branch_fail(b, 480, NULL);
		return;
	}
	if (hunting_follow(b, status, msg))
		return;
	if (msg)
		count(b, status);
	settle(b, status);
	branch_release(b);
	following_failed(b, status);
	b->ended = true;
	context_final(b, status, msg, NULL, NULL);
}

/* Every 2xx goes back at once, also a further one (RFC 3261 16.7 step 5). */
static void accepted(struct branch *b, int status, msg_t *msg)
{
	struct request *r = b->r;

	response_forward(r, status, msg); /* 228 */
	if (!b->ended) {
		count(b, status);
		settle(b, status);
		forking_won(b, sip_object(msg));
	}
	b->ended = r->ended = true;
	forking_stop(r);
	if (request_has_open(r, b))
		request_cancel_branches(r, b);
	else if (r->method == sip_method_invite)
		request_drop_message(r);
}

/* What nobody can use; who sent a 2xx takes the call for answered. */
static void unusable(struct branch *b, int status, msg_t *msg)
{
	bool answered = status >= 200 && status < 300 &&
			b->r->method == sip_method_invite;

	if (answered && !b->ended) {
		following_refused(b);
		hanging_up(b, msg);
	}
	if (status >= 200)
		(void)branch_fail(b, 502, "Answer Not Usable");
}

/* Nothing came in time, or it could not be kept. */
static void silent(struct branch *b, int status)
{
	if (status == 408)
		keeping_silent(b);
	rejected(b, status, NULL);
}

static void passed_on(struct branch *b, int status, msg_t *msg)
{
	int err;

	following_answer(b, status, msg);
	err = replace_sdp(b, status, msg);
	if (err) {
		log_unusable(b, status, err);
		unusable(b, status, msg);
	} else if (status >= 300) {
		rejected(b, status, msg);
	} else if (status >= 200) {
		accepted(b, status, msg);
	} else if (!b->r->ended) {
		response_forward(b->r, status, msg);
	}
}

/* We have answered for the branch: what it says now comes too late. */
static void too_late(struct branch *b, int status, msg_t *msg)
{
	if (status >= 200 && status < 300 && b->r->method == sip_method_invite)
		hanging_up(b, msg);
}

static void received(struct branch *b, int status, msg_t *msg)
{
	int err = take_over(b, msg);

	if (err) {
		log_unusable(b, status, err);
		unusable(b, status, msg);
	} else if (b->refused) {
		too_late(b, status, msg);
	} else if (holding_wanted(b, status, msg)) {
		holding_start(b, status, msg);
	} else {
		passed_on(b, status, msg);
	}
}

void response_resume(struct branch *b, int status, msg_t *msg)
{
	struct request *r = b->r;

	r->held++;
	passed_on(b, status, msg);
	r->held--;
	request_done(r);
}

void response_received(txn_id id, int status, msg_t *msg, bool last,
		       uint64_t ref, void *arg)
{
	struct branch *b = request_branch(arg, ref, id);
	struct request *r = b ? b->r : NULL;

	if (!b)
		return;
	r->held++;
	if (last)
		b->forward = 0;
	b->hunting.rang |= status > 100 && status < 200;
	if (locating_goes_on(b, status, msg))
		; /* somewhere else */
	else if (msg)
		received(b, status, msg); /* 218 */
	else if (status)
		silent(b, status);
	r->held--;
	request_done(r);
}
