#include "common/log.h"
#include "common/strbuf.h"
#include "proto/relay.h"
#include "proxyd/edge.h"
#include "proxyd/flow.h"
#include "proxyd/parties.h"
#include "proxyd/proxy.h"
#include "proxyd/relays.h"
#include "proxyd/session.h"

#include "proxyd/gone.h"

static char out[SIPMSG_MAX];

static bool from_its_relay(const struct proxy *p, const struct session *s,
			   const struct addr *src)
{
	return s ? addr_eq(&s->relay, src) : relays_id(p->relays, src) != 0;
}

/* Nobody waits for it: a party that has vanished answers nothing. */
static void bye_answered(txn_id id, int status, msg_t *msg, bool last,
			 uint64_t ref, void *arg)
{
	(void)id;
	(void)last;
	(void)ref;
	(void)arg;
	if (status >= 200)
		log_debug(
			"BYE for want of media answered",
			LOG_S("call_id",
			      msg ? sip_object(msg)->sip_call_id->i_id : NULL),
			LOG_I("status", status));
}

/* Whether it is under way. */
static bool end_side(struct proxy *p, const struct session *s, enum party to,
		     const char *reason)
{
	char branch[TXN_BRANCH_LEN];
	struct channel self, dst;
	const struct parties_bye bye = {
		.self = &self,
		.branch = branch,
		.reason = reason,
	};
	struct strbuf sb;

	if (!s->parties || parties_way(&dst, s->parties, to) ||
	    !proxy_may_contact(p, &dst.addr))
		return false;
	edge_self(&self, p, &dst);
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, out, sizeof(out));
	return !parties_bye(&sb, s->parties, to, &bye) &&
	       !txn_request(NULL, p->txns, proxy_now(p), &dst, branch, out,
			    sb.len, 0, bye_answered, 0);
}

static void end_call(struct proxy *p, const struct session *s, msg_t *msg)
{
	const sip_t *sip = sip_object(msg);
	const char *reason = sipmsg_header_text(msg_home(msg), sip->sip_reason);
	bool caller, callee;

	caller = reason && end_side(p, s, PARTY_CALLER, reason);
	callee = reason && end_side(p, s, PARTY_CALLEE, reason);
	p->n.calls_gone++;
	log_info("call ended: its media is gone",
		 LOG_S("call_id", sip->sip_call_id->i_id),
		 LOG_A("relay", &s->relay), LOG_S("reason", reason),
		 LOG_S("caller", caller ? "told" : "unknown"),
		 LOG_S("callee", callee ? "told" : "unknown"));
	proxy_note(p, sip->sip_call_id->i_id, "media gone: %s", reason);
}

static int judge(const struct proxy *p, const struct session *s,
		 const sip_t *sip, const struct addr *src)
{
	if (!from_its_relay(p, s, src))
		return 403;
	if (!s)
		return 481;
	/* it has the tag of who offered first, the callee where that was late
	 */
	if (s->parties &&
	    !parties_has_tag(s->parties, PARTY_CALLER, sip->sip_from->a_tag) &&
	    !parties_has_tag(s->parties, PARTY_CALLEE, sip->sip_from->a_tag))
		return 481;
	return s->confirmed ? 200 : 491;
}

bool gone_received(struct proxy *p, txn_id id, msg_t *msg,
		   const struct channel *src)
{
	const sip_t *sip = sip_object(msg);
	const struct session *s;
	int status;

	if (src->transport != TRANSPORT_UDP || !relay_is_gone(sip) ||
	    !proxy_is_self(p, sip->sip_request->rq_url))
		return false;
	s = sessions_get(p->sessions, sip->sip_call_id->i_id);
	status = judge(p, s, sip, &src->addr);
	p->n.gone_refused += status == 403;
	request_answer_at_once(p, id, msg, status);
	log_debug("media-gone notice", LOG_S("call_id", sip->sip_call_id->i_id),
		  LOG_A("src", &src->addr), LOG_I("status", status));
	if (status == 200) {
		end_call(p, s, msg);
		relaying_release_gone(p, msg, &s->relay);
	}
	return true;
}
