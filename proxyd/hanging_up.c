#include "common/log.h"
#include "common/strbuf.h"
#include "proxyd/edge.h"
#include "proxyd/ending.h"
#include "proxyd/following.h"
#include "proxyd/parties.h"
#include "proxyd/proxy.h"

#include "proxyd/flow.h"

static const char reason[] = "SIP;cause=488;text=\"Answer could not pass\"";

static char out[SIPMSG_MAX];

static void send_ack(const struct branch *b, const struct parties *parties,
		     enum party to, const sip_t *answer)
{
	struct proxy *p = b->r->p;
	char branch[TXN_BRANCH_LEN];
	struct channel self, dst;
	const struct parties_bye by = {.self = &self, .branch = branch};
	struct strbuf sb;

	if (!ending_way(&dst, &self, p, parties, to))
		return;
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, out, sizeof(out));
	if (!parties_ack(&sb, parties, to, &by, answer->sip_cseq->cs_seq))
		(void)edge_send(&dst, out, sb.len, p);
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
	(void)ending_bye(p, parties, to, reason);
	log_info("call ended: its answer could not be passed on",
		 LOG_S("call_id", request_id(b->r)),
		 LOG_A("dst", &b->dest.addr));
}

void hanging_up(struct branch *b, msg_t *answer)
{
	struct parties *parties = NULL;
	enum party to = (enum party) !following_sender(b->r);

	if (!b->sip || following_parties(&parties, b, sip_object(answer)))
		return;
	send_ack(b, parties, to, sip_object(answer));
	end_call(b, parties, to);
	parties_free(parties);
}
