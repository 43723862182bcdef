#include "common/log.h"
#include "proto/record.h"
#include "proto/relay.h"
#include "proxyd/calls.h"
#include "proxyd/ending.h"
#include "proxyd/flow.h"
#include "proxyd/proxy.h"
#include "proxyd/relays.h"
#include "proxyd/session.h"

#include "proxyd/gone.h"

/* A call of before the restart: its relay has kept who speaks in it. */
static void recall(struct proxy *p, const sip_t *sip, const struct addr *src)
{
	const char *session = sip->sip_call_id->i_id;
	const char *text = relay_dialog(sip);
	char room[RECORD_ROOM];
	struct parties *parties = NULL;
	struct record r;

	if (!text || record_open(&r, room, text, session, p->secret) ||
	    !addr_eq(&r.relay, src) || parties_restore(&parties, &r) ||
	    calls_put(p->calls, session, proxy_now(p), parties, &r.relay, true))
		return;
	log_info("call recalled from its relay's record",
		 LOG_S("call_id", r.call_id), LOG_A("relay", &r.relay));
}

/* What is known of the call, or comes with the notice where that is less. */
static const struct call *find_call(struct proxy *p, const sip_t *sip,
				    const struct addr *src)
{
	const char *session = sip->sip_call_id->i_id;
	const struct call *call = calls_get(p->calls, session);
	struct channel way;

	if (!call || parties_way(&way, call->parties, PARTY_CALLER) ||
	    parties_way(&way, call->parties, PARTY_CALLEE))
		recall(p, sip, src);
	return calls_get(p->calls, session);
}

static int judge(const struct proxy *p, const struct session *s,
		 const struct call *call, const sip_t *sip,
		 const struct addr *src)
{
	const struct addr *relay = call ? &call->relay : s ? &s->relay : NULL;

	if (relay ? !addr_eq(relay, src) : !relays_id(p->relays, src))
		return 403;
	if (!call && !s)
		return 481;
	/* it has the tag of who offered first, the callee where that was late
	 */
	if (call &&
	    !parties_has_tag(call->parties, PARTY_CALLER,
			     sip->sip_from->a_tag) &&
	    !parties_has_tag(call->parties, PARTY_CALLEE, sip->sip_from->a_tag))
		return 481;
	return call || s->confirmed ? 200 : 491;
}

static void end(struct proxy *p, const struct session *s,
		const struct call *call, msg_t *msg)
{
	const sip_t *sip = sip_object(msg);
	const char *reason = sipmsg_header_text(msg_home(msg), sip->sip_reason);

	if (call) {
		(void)ending_call(p, call->id, ENDING_MEDIA,
				  reason ? reason : "SIP;cause=408");
		return;
	}
	p->n.calls_gone++;
	log_info("call given up: its media is gone, and its parties are not "
		 "known",
		 LOG_S("call_id", sip->sip_call_id->i_id),
		 LOG_A("relay", &s->relay), LOG_S("reason", reason));
	relaying_release_gone(p, msg, &s->relay);
}

bool gone_received(struct proxy *p, txn_id id, msg_t *msg,
		   const struct channel *src)
{
	const sip_t *sip = sip_object(msg);
	const struct session *s;
	const struct call *call;
	int status;

	if (src->transport != TRANSPORT_UDP || !relay_is_gone(sip) ||
	    !proxy_is_self(p, sip->sip_request->rq_url))
		return false;
	s = sessions_get(p->sessions, sip->sip_call_id->i_id);
	call = find_call(p, sip, &src->addr);
	status = judge(p, s, call, sip, &src->addr);
	p->n.gone_refused += status == 403;
	request_answer_at_once(p, id, msg, status);
	log_debug("media-gone notice", LOG_S("call_id", sip->sip_call_id->i_id),
		  LOG_A("src", &src->addr), LOG_I("status", status));
	if (status == 200)
		end(p, s, call, msg);
	return true;
}
