#include "common/log.h"
#include "common/strbuf.h"
#include "proxyd/edge.h"
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
		     enum party to, const struct parties_bye *bye,
		     struct channel *dst, const sip_t *answer)
{
	struct strbuf sb;

	strbuf_init(&sb, out, sizeof(out));
	if (!parties_ack(&sb, parties, to, bye, answer->sip_cseq->cs_seq))
		(void)edge_send(dst, out, sb.len, b->r->p);
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

static void send_bye(struct branch *b, struct parties *parties, enum party to,
		     const struct parties_bye *bye, const struct channel *dst)
{
	struct proxy *p = b->r->p;
	struct strbuf sb;

	if (b->hung_up)
		return;
	b->hung_up = true;
	p->n.hung_up++;
	strbuf_init(&sb, out, sizeof(out));
	if (!parties_bye(&sb, parties, to, bye))
		(void)txn_request(NULL, p->txns, proxy_now(p), dst, bye->branch,
				  out, sb.len, 0, bye_answered, 0);
}

void hanging_up(struct branch *b, msg_t *answer)
{
	struct proxy *p = b->r->p;
	char ack[TXN_BRANCH_LEN], branch[TXN_BRANCH_LEN];
	struct channel self, dst;
	struct parties_bye bye = {
		.self = &self,
		.branch = ack,
		.reason = reason,
	};
	struct parties *parties = NULL;
	enum party to;

	if (!b->sip || learn_parties(&parties, &to, b, sip_object(answer)) ||
	    parties_way(&dst, parties, to) || !proxy_may_contact(p, &dst.addr))
		goto out;
	edge_self(&self, p, &dst);
	txn_branch(ack, NULL, 0);
	send_ack(b, parties, to, &bye, &dst, sip_object(answer));
	txn_branch(branch, NULL, 0);
	bye.branch = branch;
	send_bye(b, parties, to, &bye, &dst);
	log_info("call ended: its answer could not be passed on",
		 LOG_S("call_id", request_id(b->r)), LOG_A("dst", &dst.addr));
out:
	parties_free(parties);
}
