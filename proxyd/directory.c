#include "common/avoid.h"
#include "common/channel.h"
#include "common/log.h"
#include "proxyd/flow.h"
#include "proxyd/proxy.h"

#include "proxyd/directory.h"

enum {
	PATIENCE_MS = 3000, /* with all that are tried together */
	BUSY_S = 5,         /* 503 without a Retry-After */
	MS = 1000,
};
_Static_assert((int)PROXY_PEERS_MAX <= 32, "one bit for each redirectd");

int directory_alloc(struct avoid **ap)
{
	return avoid_alloc(ap, PROXY_PEERS_MAX);
}

size_t directory_failed(const struct proxy *p)
{
	return avoid_count(p->directory, proxy_now(p));
}

size_t directory_choose(const struct avoid *failed, uint64_t now,
			const struct addr *redirect, size_t n, uint32_t asked)
{
	size_t other = n;

	for (size_t i = 0; i < n; i++) {
		struct channel ch = channel_udp(&redirect[i]);

		if (asked & 1u << i)
			continue;
		if (!avoid_has(failed, &ch, now))
			return i;
		if (other == n)
			other = i;
	}
	return other;
}

/* The number of the redirectd whose turn it is; p->nredirect: none is left. */
static size_t next(const struct request *r)
{
	const struct proxy *p = r->p;

	if (r->directory.tries >= DIRECTORY_TRIES_MAX)
		return p->nredirect;
	return directory_choose(p->directory, proxy_now(p), p->redirect,
				p->nredirect, r->directory.asked);
}

static uint32_t patience(const struct proxy *p)
{
	size_t n = p->nredirect;

	return PATIENCE_MS /
	       (uint32_t)(n > DIRECTORY_TRIES_MAX ? DIRECTORY_TRIES_MAX : n);
}

static uint32_t retry_after(const msg_t *msg)
{
	const sip_t *sip = msg ? sip_object(msg) : NULL;

	if (!sip || !sip->sip_retry_after || !sip->sip_retry_after->af_delta)
		return BUSY_S;
	return (uint32_t)sip->sip_retry_after->af_delta;
}

/* Whether it can tell now: those that cannot are asked last for a while, so
 * that not every request finds out anew. */
static bool note(struct request *r, int status, const msg_t *msg)
{
	struct proxy *p = r->p;
	struct directory_asking *d = &r->directory;
	struct channel ch = channel_udp(&p->redirect[d->at]);
	uint64_t ms = AVOID_FAILED_MS;
	uint32_t s;

	if (msg && status != 503) {
		avoid_del(p->directory, &ch);
		return true;
	}
	if (msg) {
		s = retry_after(msg);
		if (!d->retry_s || s < d->retry_s)
			d->retry_s = s;
		if ((uint64_t)s * MS < ms)
			ms = (uint64_t)s * MS;
	}
	avoid_add(p->directory, &ch, proxy_now(p), ms);
	p->n.redirect_failed++;
	log_warn("redirectd does not answer a question",
		 LOG_S("call_id", request_id(r)), LOG_A("redirect", &ch.addr),
		 LOG_I("status", status), LOG_I("left_alone_ms", ms));
	return false;
}

static enum step_result fail(struct branch *b)
{
	uint32_t s = b->r->directory.retry_s;
	char extra[40];

	(void)snprintf(extra, sizeof(extra), "Retry-After: %u\r\n",
		       (unsigned)(s ? s : BUSY_S));
	return branch_fail_with(b, 503, "No Directory Available", extra);
}

static enum step_result ask(struct branch *b);

static void go_on(struct branch *b)
{
	if (b->ended)
		return;
	if (next(b->r) == b->r->p->nredirect) {
		(void)fail(b);
		return;
	}
	b->r->p->n.redirect_failovers++;
	(void)ask(b);
}

static void answered(txn_id id, int status, msg_t *msg, bool last, uint64_t ref,
		     void *arg)
{
	struct request *r = request_find(arg, ref);
	struct branch *b;

	(void)last;
	if (!r || status < 200 || id != r->directory.txn)
		return;
	r->directory.txn = 0;
	b = r->branches;
	if (note(r, status, msg))
		r->directory.question->answered(b, status, msg);
	else
		go_on(b);
	branch_answered(b);
}

static int send_query(struct request *r, const struct addr *redirect)
{
	const struct directory_question *q = r->directory.question;
	char branch[TXN_BRANCH_LEN];
	struct channel to = channel_udp(redirect);
	msg_t *query = sipmsg_copy(r->msg);
	int err = -1;

	if (!query)
		return err;
	txn_branch(branch, NULL, 0);
	err = flow_push_via(r->p, query, branch, &to);
	if (!err && q->write)
		err = q->write(r, query, redirect);
	if (!err)
		err = flow_send(&r->directory.txn, r->p, query, branch, &to,
				patience(r->p), answered, r->server);
	msg_destroy(query);
	return err;
}

static enum step_result ask(struct branch *b)
{
	struct directory_asking *d = &b->r->directory;
	struct proxy *p = b->r->p;

	d->at = next(b->r);
	d->asked |= 1u << d->at;
	d->tries++;
	if (send_query(b->r, &p->redirect[d->at])) {
		p->n.overload++;
		return branch_fail(b, 503, NULL);
	}
	b->waiting++;
	return STEP_WAIT;
}

enum step_result directory_ask(struct branch *b,
			       const struct directory_question *q)
{
	b->r->directory = (struct directory_asking){.question = q};
	return ask(b);
}
