#include "common/log.h"
#include "common/strbuf.h"
#include "proxyd/calls.h"
#include "proxyd/edge.h"
#include "proxyd/flow.h"
#include "proxyd/parties.h"
#include "proxyd/proxy.h"
#include "proxyd/session.h"

#include "proxyd/ending.h"

static char out[SIPMSG_MAX];

static const char *const texts[] = {
#define ENDING_TEXT(name, counter, text) [ENDING_##name] = (text),
	ENDING_CAUSES(ENDING_TEXT)
#undef ENDING_TEXT
};

static void count(struct proxyd_counters *n, enum ending_cause cause)
{
	switch (cause) {
#define ENDING_CASE(name, counter, text)                                       \
	case ENDING_##name:                                                    \
		n->counter++;                                                  \
		break;
		ENDING_CAUSES(ENDING_CASE)
#undef ENDING_CASE
	case ENDING_CAUSE_COUNT:
		break;
	}
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
			"BYE of ours answered",
			LOG_S("call_id",
			      msg ? sip_object(msg)->sip_call_id->i_id : NULL),
			LOG_I("status", status));
}

bool ending_way(struct channel *dst, struct channel *self,
		const struct proxy *p, const struct parties *parties,
		enum party to)
{
	if (parties_way(dst, parties, to) || !proxy_may_contact(p, &dst->addr))
		return false;
	edge_self(self, p, dst);
	return true;
}

bool ending_bye(struct proxy *p, struct parties *parties, enum party to,
		const char *reason)
{
	char branch[TXN_BRANCH_LEN];
	struct channel self, dst;
	const struct parties_bye r = {&self, branch, reason};
	struct strbuf sb;

	if (!ending_way(&dst, &self, p, parties, to))
		return false;
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, out, sizeof(out));
	return !parties_bye(&sb, parties, to, &r) &&
	       !txn_request(NULL, p->txns, proxy_now(p), &dst, branch, out,
			    sb.len, 0, bye_answered, 0);
}

bool ending_call(struct proxy *p, const char *session, enum ending_cause cause,
		 const char *reason)
{
	const struct call *call = calls_get(p->calls, session);
	const char *call_id;
	bool caller, callee;

	if (!call)
		return false;
	call_id = parties_call_id(call->parties);
	caller = ending_bye(p, call->parties, PARTY_CALLER, reason);
	callee = ending_bye(p, call->parties, PARTY_CALLEE, reason);
	count(&p->n, cause);
	log_info(texts[cause], LOG_S("call_id", call_id),
		 LOG_A("relay", &call->relay), LOG_S("reason", reason),
		 LOG_S("caller", caller ? "told" : "unknown"),
		 LOG_S("callee", callee ? "told" : "unknown"));
	proxy_note(p, call_id, "%s: %s", texts[cause], reason);
	relaying_release_call(p, call);
	sessions_del(p->sessions, call->id);
	calls_del(p->calls, call->id);
	return true;
}
