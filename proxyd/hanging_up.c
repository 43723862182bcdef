#include "common/log.h"
#include "common/strbuf.h"
#include "proxyd/edge.h"
#include "proxyd/ending.h"
#include "proxyd/parties.h"
#include "proxyd/proxy.h"

#include "proxyd/flow.h"

static const char reason[] = "SIP;cause=488;text=\"Answer could not pass\"";

static char out[SIPMSG_MAX];

static bool ours(const url_t *url, const void *arg)
{
	return proxy_is_self(arg, url);
}

/* Who speaks in the dialog that this answer has made, or is in; the party that
 * gave it is `to`. */
static int learn_parties(struct parties **pp, enum party *to,
			 const struct branch *b, const sip_t *answer)
{
	const struct request *r = b->r;
	enum party from =
		r->initial || r->from_caller ? PARTY_CALLER : PARTY_CALLEE;

	*to = (enum party) !from;
	if (r->initial)
		return parties_alloc(pp, b->sip, answer, ours, r->p);
	return parties_alloc_within(pp, from, NULL, b->sip, answer);
}

static void send_ack(const struct branch *b, const struct parties *parties,
		     enum party to, const sip_t *answer)
{
	struct proxy *p = b->r->p;
	char branch[TXN_BRANCH_LEN];
	struct channel self, dst;
	const struct parties_bye by = {.self = &self, .branch = branch};
	struct strbuf sb;

	if (parties_way(&dst, parties, to) || !proxy_may_contact(p, &dst.addr))
		return;
	edge_self(&self, p, &dst);
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, out, sizeof(out));
	if (!parties_ack(&sb, parties, to, &by, answer->sip_cseq->cs_seq))
		(void)edge_send(&dst, out, sb.len, p);
}

/* Nobody waits for it. */
static void bye_answered(txn_id id, int status, msg_t *msg, bool last,
			 uint64_t ref, void *arg)
{
	(void)id;
	(void)status;
	(void)msg;
	(void)last;
	(void)ref;
	(void)arg;
}

static bool send_bye(struct proxy *p, struct parties *parties, enum party to)
{
	char branch[TXN_BRANCH_LEN];
	struct channel self, dst;
	const struct parties_bye bye = {
		.self = &self,
		.branch = branch,
		.reason = reason,
	};
	struct strbuf sb;

	if (parties_way(&dst, parties, to) || !proxy_may_contact(p, &dst.addr))
		return false;
	edge_self(&self, p, &dst);
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, out, sizeof(out));
	return !parties_bye(&sb, parties, to, &bye) &&
	       !txn_request(NULL, p->txns, proxy_now(p), &dst, branch, out,
			    sb.len, 0, bye_answered, 0);
}

/* Within a call that is its end, for the other party too. */
static void end_call(struct branch *b, struct parties *parties, enum party to)
{
	struct proxy *p = b->r->p;

	if (b->hung_up)
		return;
	b->hung_up = true;
	if (!b->r->initial &&
	    ending_call(p, branch_session(b), ENDING_ANSWER, reason))
		return;
	p->n.hung_up++;
	(void)send_bye(p, parties, to);
	log_info("call ended: its answer could not be passed on",
		 LOG_S("call_id", request_id(b->r)),
		 LOG_A("dst", &b->dest.addr));
}

void hanging_up(struct branch *b, msg_t *answer)
{
	struct parties *parties = NULL;
	enum party to;

	if (!b->sip || learn_parties(&parties, &to, b, sip_object(answer)))
		return;
	send_ack(b, parties, to, sip_object(answer));
	end_call(b, parties, to);
	parties_free(parties);
}
