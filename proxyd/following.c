#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proto/record.h"
#include "proto/route.h"
#include "proxyd/calls.h"
#include "proxyd/conf.h"
#include "proxyd/expiry.h"
#include "proxyd/flow.h"
#include "proxyd/proxy.h"
#include "proxyd/session.h"
#include "proxyd/vigil.h"

#include "proxyd/following.h"

enum {
	ROUTE_LEN = 512,
	LEAVING_MS = 40 * 1000, /* Timer F, and the way there */
	LATER_MS = 5 * 1000,    /* so that one proxy of a site ends a call */
};

static void policy_of(struct expiry_policy *policy, const struct proxy *p)
{
	policy->insert = (uint32_t)p->conf->session_expires;
	policy->min = (uint32_t)p->conf->session_min;
}

static bool refreshes(const struct request *r)
{
	return r->method == sip_method_invite || r->method == sip_method_update;
}

enum party following_sender(const struct request *r)
{
	return r->initial || r->from_caller ? PARTY_CALLER : PARTY_CALLEE;
}

enum step_result following_timer(struct branch *b)
{
	struct proxy *p = b->r->p;
	char line[EXPIRY_LINE];
	struct expiry_policy policy;

	if (!refreshes(b->r))
		return STEP_NEXT;
	policy_of(&policy, p);
	switch (expiry_request(b->msg, &policy)) {
	case 0:
		return STEP_NEXT;
	case -ERANGE:
		p->n.timers_refused++;
		expiry_min_line(line, &policy);
		return branch_fail_with(b, 422, "Session Interval Too Small",
					line);
	default:
		return branch_fail(b, 500, NULL);
	}
}

/* The call of a request within its dialog, and of no other with the same
 * Call-ID; NULL: none. */
static const struct call *find_call(const struct branch *b)
{
	const struct request *r = b->r;
	const struct call *call = calls_get(r->p->calls, branch_session(b));
	enum party from = following_sender(r);

	if (!call || !b->sip ||
	    !parties_has_tag(call->parties, from, b->sip->sip_from->a_tag) ||
	    !parties_has_tag(call->parties, (enum party) !from,
			     b->sip->sip_to->a_tag))
		return NULL;
	return call;
}

void following_request(const struct branch *b)
{
	const struct request *r = b->r;
	const struct call *call = find_call(b);

	if (!call)
		return;
	parties_heard(call->parties, following_sender(r),
		      r->sip->sip_cseq->cs_seq);
	vigil_heard(r->p, call->id, following_sender(r));
	if (r->method == sip_method_bye)
		calls_leave(r->p->calls, branch_session(b),
			    proxy_now(r->p) + LEAVING_MS);
}

/* A target refresh request has been accepted (RFC 3261 12.2.1.2, RFC 3311). */
static void note_targets(struct parties *parties, enum party from,
			 const sip_t *req, const sip_t *answer)
{
	if (req->sip_contact)
		parties_moved(parties, from, req->sip_contact->m_url);
	if (answer->sip_contact)
		parties_moved(parties, (enum party) !from,
			      answer->sip_contact->m_url);
}

/* Back to the sender of a request: straight to a phone of ours; over the one
 * proxy before us by a route like those it makes itself, as all of a site have
 * one secret. False: it came a longer way. */
static bool way_back(struct parties_way *way, char route[ROUTE_LEN],
		     const struct request *r)
{
	const struct route_state nothing = {0};
	const sip_via_t *via = r->sip->sip_via;
	const char *caller = r->from_caller ? r->sip->sip_from->a_tag
					    : r->sip->sip_to->a_tag;

	*way = (struct parties_way){.route = "", .dst = r->src};
	if (!r->trusted)
		return true;
	way->route = route;
	return via && via->v_next && !via->v_next->v_next &&
	       !sipmsg_via_addr(&way->dst.addr, via) &&
	       !route_print(route, ROUTE_LEN, &way->dst, &nothing, r->p->secret,
			    request_id(r), caller);
}

static bool ours(const url_t *url, const void *arg)
{
	return proxy_is_self(arg, url);
}

int following_parties(struct parties **pp, const struct branch *b,
		      const sip_t *answer)
{
	const struct request *r = b->r;
	enum party from = following_sender(r);
	char route[ROUTE_LEN];
	struct parties_way back;
	int err;

	if (r->initial)
		err = parties_alloc(pp, b->sip, answer, ours, r->p);
	else
		err = parties_alloc_within(
			pp, from, way_back(&back, route, r) ? &back : NULL,
			b->sip, answer);
	if (err)
		return err;
	parties_reached(*pp, from, &r->src);
	parties_reached(*pp, (enum party) !from, &b->dest);
	return 0;
}

/* What ending the call will need, from what was sent on and goes back. */
static int begin(const struct branch *b, const sip_t *answer)
{
	struct proxy *p = b->r->p;
	const char *id = branch_session(b);
	const struct session *s = sessions_get(p->sessions, id);
	struct parties *parties = NULL;
	int err = following_parties(&parties, b, answer);

	if (!err)
		err = calls_put(p->calls, id, proxy_now(p), parties,
				s ? &s->relay : NULL, !b->r->trusted);
	if (err)
		log_warn("the call could not be ended by this proxy",
			 LOG_S("call_id", request_id(b->r)),
			 LOG_S("error", strerror(-err)));
	else
		vigil_begin(p, id);
	calls_natted(p->calls, id, b->route.caller_natted,
		     b->route.callee_natted);
	return err;
}

/* A call that has nothing to be given back, nor a timer, ends by itself. */
static bool is_followed(const struct branch *b, uint32_t seconds)
{
	const struct proxy *p = b->r->p;

	return seconds || p->conf->session_probe ||
	       sessions_get(p->sessions, branch_session(b));
}

/* A proxy behind another of its site leaves it to that one, if it is there. */
static uint64_t expires(const struct proxy *p, const struct call *call,
			uint32_t seconds)
{
	if (!seconds)
		return 0;
	return expiry_ends(proxy_now(p), seconds) +
	       (call->first ? 0 : LATER_MS);
}

static void note_change(const struct branch *b, const struct call *call,
			enum party from, const sip_t *answer)
{
	struct proxy *p = b->r->p;
	const struct session *s = sessions_get(p->sessions, call->id);

	note_targets(call->parties, from, b->sip, answer);
	if (s)
		calls_hold(p->calls, call->id, &s->relay);
}

static void note_answer(const struct branch *b, uint32_t seconds,
			const sip_t *answer)
{
	struct proxy *p = b->r->p;
	const struct call *call = b->r->initial ? NULL : find_call(b);
	enum party from = following_sender(b->r);

	if (call)
		note_change(b, call, from, answer);
	else if (b->r->method != sip_method_invite ||
		 !is_followed(b, seconds) || begin(b, answer))
		return;
	call = calls_get(p->calls, branch_session(b));
	if (!call)
		return;
	calls_expire(p->calls, call->id, expires(p, call, seconds));
	vigil_heard(p, branch_session(b), (enum party) !from);
}

/* With a description the relay is told anyway. */
static bool has_sdp(msg_t *msg)
{
	size_t len;
	bool sdp;

	(void)sipmsg_body(&len, &sdp, sip_object(msg));
	return sdp && len;
}

void following_answer(struct branch *b, int status, msg_t *msg)
{
	struct expiry_policy policy;
	uint32_t seconds;

	if (b->ended || !b->sip || status < 200 || status >= 300)
		return;
	if (!refreshes(b->r)) {
		if (!b->r->initial && find_call(b))
			vigil_heard(b->r->p, branch_session(b),
				    (enum party) !following_sender(b->r));
		return;
	}
	policy_of(&policy, b->r->p);
	if (expiry_answer(&seconds, msg, b->sip, &policy))
		seconds = 0;
	note_answer(b, seconds, sip_object(msg));
	if (!has_sdp(msg) && following_record(b->r->p, branch_session(b)))
		relaying_record(b->r->p, branch_session(b), msg, &b->dest);
}

/* The methods whose 481 and 408 are of the call, not of a subscription or a
 * transaction in it (RFC 5057 5.1). */
static bool is_of_call(const struct request *r)
{
	return refreshes(r) || r->method == sip_method_info;
}

void following_failed(const struct branch *b, int status)
{
	const struct request *r = b->r;

	if (r->initial || !is_of_call(r) || (status != 481 && status != 408) ||
	    !find_call(b))
		return;
	proxy_note(r->p, request_id(r), "%s answered %d: in doubt",
		   r->from_caller ? "callee" : "caller", status);
	vigil_doubt(r->p, branch_session(b), (enum party) !following_sender(r));
}

bool following_ended(const struct branch *b)
{
	struct calls *calls = b->r->p->calls;
	const char *id = branch_session(b);

	if (!calls_get(calls, id))
		return true;
	if (!find_call(b))
		return false;
	calls_del(calls, id);
	return true;
}

/* The session id is the Call-ID with the branch behind (proto/route.h). */
static unsigned fork_of(const struct call *call)
{
	size_t len = strlen(parties_call_id(call->parties));

	return strlen(call->id) > len
		       ? (uint32_t)strtoul(call->id + len + 1, NULL, 16)
		       : 0;
}

void following_refused(const struct branch *b)
{
	if (b->r->initial)
		calls_del(b->r->p->calls, branch_session(b));
}

const char *following_record(struct proxy *p, const char *session)
{
	static char text[RECORD_LEN];
	const struct call *call = calls_get(p->calls, session);
	struct record r = {0};

	if (!call || addr_is_none(&call->relay) ||
	    parties_record(&r, call->parties))
		return NULL;
	r.fork = fork_of(call);
	r.relay = call->relay;
	return record_seal(text, &r, p->secret) ? NULL : text;
}
