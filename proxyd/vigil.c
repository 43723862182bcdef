#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "common/table.h"
#include "proxyd/conf.h"
#include "proxyd/edge.h"
#include "proxyd/ending.h"
#include "proxyd/proxy.h"

#include "proxyd/vigil.h"

enum {
	PROBES_MAX = 100000,
	ANSWER_MS = 10000, /* for an answer to one */
	AGAIN_MS = 2000,   /* after one that got none */
	DOUBT_MS = 5000,   /* for the other party to hang up by itself */
	MISSED_MAX = 2,    /* in a row: it has vanished */
	REASON_LEN = 80,
};

static const char timer_reason[] =
	"SIP;cause=408;text=\"session timer expired\", "
	"Q.850;cause=102;text=\"recovery on timer expiry\"";

/* One OPTIONS under way, found by its client transaction. */
struct probe {
	enum party who;
	char id[];
};

struct vigil {
	struct table *probes;
};

int vigil_alloc(struct vigil **vp)
{
	struct vigil *v = calloc(1, sizeof(*v));

	if (!v || table_alloc(&v->probes, PROBES_MAX)) {
		free(v);
		return -ENOMEM;
	}
	*vp = v;
	return 0;
}

void vigil_free(struct vigil *v)
{
	if (!v)
		return;
	table_free_values(v->probes, free);
	free(v);
}

static uint64_t next_probe(const struct proxy *p)
{
	uint64_t ms = (uint64_t)p->conf->session_probe * 1000;

	return ms ? proxy_now(p) + ms : 0;
}

static void vanished(struct proxy *p, const char *id, enum party who,
		     int status)
{
	char reason[REASON_LEN];

	(void)snprintf(reason, sizeof(reason), "SIP;cause=%d;text=\"%s %s\"",
		       status, who == PARTY_CALLER ? "caller" : "callee",
		       status == 481 ? "has no such call" : "does not answer");
	(void)ending_call(p, id, ENDING_VANISHED, reason);
}

/* RFC 3261 12.2.1.2: 481, 408 and silence end the dialog, all else says that
 * it is there. */
static void judge(struct proxy *p, const struct probe *probe, int status,
		  bool answered)
{
	const struct call *call = calls_get(p->calls, probe->id);
	unsigned missed;

	if (!call)
		return;
	missed = call->probe[probe->who].missed + 1;
	calls_asking(p->calls, probe->id, probe->who, false);
	if (status == 481)
		vanished(p, probe->id, probe->who, 481);
	else if (answered && status != 408)
		calls_ask(p->calls, probe->id, probe->who, next_probe(p), 0);
	else if (missed >= MISSED_MAX)
		vanished(p, probe->id, probe->who, 408);
	else
		calls_ask(p->calls, probe->id, probe->who,
			  proxy_now(p) + AGAIN_MS, missed);
}

static void answered(txn_id id, int status, msg_t *msg, bool last, uint64_t ref,
		     void *arg)
{
	struct proxy *p = arg;
	struct probe *probe;

	(void)ref;
	(void)last;
	if (status < 200)
		return;
	probe = table_del(p->vigil->probes, &id, sizeof(id));
	if (probe)
		judge(p, probe, status, msg != NULL);
	free(probe);
}

static int note_probe(struct proxy *p, txn_id id, const struct call *call,
		      enum party who)
{
	size_t len = strlen(call->id) + 1;
	struct probe *probe = malloc(sizeof(*probe) + len);
	int err;

	if (!probe)
		return -ENOMEM;
	probe->who = who;
	memcpy(probe->id, call->id, len);
	err = table_put(p->vigil->probes, &id, sizeof(id), probe);
	if (err)
		free(probe);
	return err;
}

static int send_probe(struct proxy *p, const struct call *call, enum party who,
		      const struct channel *dst)
{
	static char out[SIPMSG_MAX];
	char branch[TXN_BRANCH_LEN];
	struct channel self;
	const struct parties_bye r = {&self, branch, NULL};
	struct strbuf sb;
	txn_id id = 0;
	int err;

	edge_self(&self, p, dst);
	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, out, sizeof(out));
	err = parties_options(&sb, call->parties, who, &r);
	if (!err)
		err = txn_request(&id, p->txns, proxy_now(p), dst, branch, out,
				  sb.len, ANSWER_MS, answered, 0);
	if (!err)
		err = note_probe(p, id, call, who);
	if (err && id)
		txn_detach(p->txns, id);
	return err;
}

/* One whose way is not known is not asked, nor, but in doubt, is one that
 * another proxy of the site looks after. */
static bool is_asked(struct channel *dst, const struct proxy *p,
		     const struct call *call, enum party who)
{
	return !parties_way(dst, call->parties, who) &&
	       proxy_may_contact(p, &dst->addr) &&
	       (call->probe[who].missed || !proxy_trusts(p, dst));
}

static void ask(struct proxy *p, const struct call *call, enum party who)
{
	struct channel dst;

	if (!is_asked(&dst, p, call, who)) {
		calls_ask(p->calls, call->id, who, 0, 0);
	} else if (send_probe(p, call, who, &dst)) {
		calls_ask(p->calls, call->id, who, next_probe(p),
			  call->probe[who].missed);
	} else {
		p->n.probes++;
		calls_asking(p->calls, call->id, who, true);
	}
}

void vigil_due(const char *id, void *arg)
{
	struct proxy *p = arg;
	const struct call *call = calls_get(p->calls, id);

	switch (call ? call_due(call, proxy_now(p)) : CALL_NOTHING) {
	case CALL_NOTHING:
		calls_again(p->calls, id);
		break;
	case CALL_EXPIRED:
		(void)ending_call(p, id, ENDING_TIMER, timer_reason);
		break;
	case CALL_FORGOTTEN:
		log_warn("call forgotten: nothing was heard of it",
			 LOG_S("call_id", parties_call_id(call->parties)),
			 LOG_I("hours", CALLS_HOURS));
		calls_del(p->calls, id);
		break;
	case CALL_ASK_CALLER:
		ask(p, call, PARTY_CALLER);
		break;
	case CALL_ASK_CALLEE:
		ask(p, call, PARTY_CALLEE);
		break;
	}
}

void vigil_begin(struct proxy *p, const char *id)
{
	uint64_t next = next_probe(p);

	for (size_t i = 0; next && i < PARTIES; i++)
		calls_ask(p->calls, id, (enum party)i, next, 0);
}

void vigil_doubt(struct proxy *p, const char *id, enum party who)
{
	const struct call *call = calls_get(p->calls, id);

	if (call && !call->probe[who].under_way)
		calls_ask(p->calls, id, who, proxy_now(p) + DOUBT_MS,
			  MISSED_MAX - 1);
}

void vigil_heard(struct proxy *p, const char *id, enum party who)
{
	const struct call *call = calls_get(p->calls, id);

	if (call && (call->probe[who].missed || call->probe[who].when))
		calls_ask(p->calls, id, who, next_probe(p), 0);
}
