#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proto/dialect.h"
#include "proto/redirect.h"
#include "proxyd/conf.h"
#include "proxyd/flow.h"
#include "proxyd/hunting.h"
#include "proxyd/proxy.h"

#include "proxyd/forking.h"

static int set_target(struct branch *b, const struct redirect_target *t)
{
	b->target = su_strdup(msg_home(b->msg), t->url);
	b->q = t->q;
	return b->target ? hunting_take(b) : -ENOMEM;
}

/* Another proxy's client: the URL that redirect_proxy_url() makes. */
static bool is_elsewhere(struct request *r, const struct redirect_target *t)
{
	char domain[REDIRECT_ID_MAX];
	url_t *url = url_make(msg_home(r->msg), t->url);

	return url && sipmsg_url_param(domain, sizeof(domain), url,
				       proto_uri_param_name(PROTO_DOMAIN)) >= 0;
}

/* Another proxy has forked already, and has sent us what is for our clients:
 * the rest has gone where it belongs. Returns how many are left. */
static int keep_ours(struct request *r, struct redirect_target *t, int n)
{
	int ours = 0;

	if (!r->trusted)
		return n;
	for (int i = 0; i < n; i++)
		if (!is_elsewhere(r, &t[i]))
			t[ours++] = t[i];
	return ours ? ours : n;
}

int forking_targets(struct request *r, const sip_t *answer)
{
	static struct redirect_target targets[REDIRECT_TARGETS_MAX];
	struct branch *first = r->branches, *b;
	int n = redirect_answer_parse(targets, REDIRECT_TARGETS_MAX, answer);
	int err;

	if (n < 1)
		return -EBADMSG;
	n = keep_ours(r, targets, n);
	hunting_order(r, targets, (size_t)n, 0);
	r->turn = first->step + 1;
	err = set_target(first, &targets[0]);
	for (int i = 1; !err && i < n && i < BRANCHES_MAX; i++) {
		err = branch_add(&b, r, r->turn);
		if (err)
			break;
		b->parked = true;
		err = set_target(b, &targets[i]);
	}
	return err;
}

static struct branch *best_parked(const struct request *r)
{
	struct branch *best = NULL;

	for (struct branch *b = r->branches; b; b = b->next)
		if (b->parked && !b->ended && (!best || b->q > best->q))
			best = b;
	return best;
}

static unsigned count_group(const struct request *r, unsigned q)
{
	unsigned n = 0;

	for (const struct branch *b = r->branches; b; b = b->next)
		n += b->parked && !b->ended && b->q == q;
	return n;
}

/* What each of so many branches may split into in turn. */
static unsigned share(const struct request *r, unsigned n)
{
	return r->breadth > n ? r->breadth / n : 1;
}

/* All of one q at once, as many as Max-Breadth has room for beside those that
 * run (RFC 5393 5.3.3); the others have their turn after them. */
static void run_group(struct request *r, unsigned q, unsigned running)
{
	unsigned n = count_group(r, q) + running;
	unsigned each = share(r, n);

	r->held++;
	for (struct branch *b = r->branches; b; b = b->next) {
		if (!b->parked || b->ended || b->q != q ||
		    running >= r->breadth)
			continue;
		running++;
		b->parked = false;
		b->breadth = each;
		branch_run(b);
	}
	r->held--;
}

/* These have rung for long enough, and others are left. */
static void ring_over(void *arg)
{
	struct request *r = arg;
	struct proxy *p = r->p;

	r->ring = 0;
	proxy_note(p, request_id(r), "nobody answered in time: on to the next");
	for (struct branch *b = r->branches; b; b = b->next)
		b->overdue |= !b->parked && !b->ended;
	r->held++;
	/* the last to be cancelled may begin those whose turn it is then */
	for (struct branch *b = r->branches; b; b = b->next)
		if (b->overdue)
			branch_cancel(b);
	r->held--;
	request_done(r);
}

/* Another way to one callee is no reason to stop ringing. */
static void limit_ringing(struct request *r)
{
	struct proxy *p = r->p;
	const struct branch *best = best_parked(r);
	uint64_t ms = (uint64_t)p->conf->forking_ring * 1000;

	deadlines_cancel(p->deadlines, r->ring);
	r->ring = 0;
	if (ms && r->method == sip_method_invite && best &&
	    !best->hunting.route)
		(void)deadlines_add(&r->ring, p->deadlines, proxy_now(p) + ms,
				    ring_over, r);
}

static void note_fork(const struct request *r)
{
	r->p->n.forked++;
	log_info("forked", LOG_S("call_id", request_id(r)),
		 LOG_S("client", r->client_id),
		 LOG_I("contacts", r->nbranches));
}

enum step_result forking_start(struct branch *b)
{
	struct request *r = b->r;

	if (r->nbranches == 1)
		return STEP_NEXT;
	if (!b->hunting.route)
		note_fork(r);
	b->breadth = share(r, count_group(r, b->q) + 1);
	run_group(r, b->q, 1);
	limit_ringing(r);
	return r->ended ? branch_fail(b, 487, NULL) : STEP_NEXT;
}

bool forking_next(struct request *r)
{
	const struct branch *best = best_parked(r);

	if (!best || r->cancelled || r->ended)
		return false;
	run_group(r, best->q, 0);
	limit_ringing(r);
	return true;
}

bool forking_has_open(const struct request *r)
{
	for (const struct branch *b = r->branches; b; b = b->next)
		if (!b->parked && !b->ended)
			return true;
	return false;
}

void forking_stop(struct request *r)
{
	deadlines_cancel(r->p->deadlines, r->ring);
	r->ring = 0;
	for (struct branch *b = r->branches; b; b = b->next)
		b->ended |= b->parked;
}

static bool same_tag(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool is_early_elsewhere(const struct branch *b, int status,
			       const sip_t *sip)
{
	const struct request *r = b->r;

	return status < 200 && r->early &&
	       !same_tag(r->early_tag, sip->sip_to->a_tag);
}

static void drop_kept(struct branch *b)
{
	msg_destroy(b->kept);
	b->kept = NULL;
}

/* From now on this party is the one that is heard. */
static void hear(struct branch *b, const sip_t *sip)
{
	struct request *r = b->r;
	const char *tag = sip->sip_to->a_tag;

	if (r->early == b && same_tag(r->early_tag, tag))
		return;
	free(r->early_tag);
	r->early_tag = strdup(tag ? tag : "");
	r->early = r->early_tag ? b : NULL;
}

bool forking_hears(struct branch *b, int status, msg_t *msg)
{
	const struct request *r = b->r;

	if (!r->initial || r->method != sip_method_invite)
		return true;
	drop_kept(b);
	if (is_early_elsewhere(b, status, sip_object(msg))) {
		b->kept = sipmsg_copy(msg);
		return false;
	}
	hear(b, sip_object(msg));
	return true;
}

bool forking_mutes(const struct branch *b, int status, const sip_t *sip)
{
	/* a reliable one's answer will not come again (RFC 3262 5) */
	return is_early_elsewhere(b, status, sip) && !sip->sip_rseq;
}

static void hear_kept(struct branch *b)
{
	hear(b, sip_object(b->kept));
	relaying_record(b->r->p, branch_session(b), b->kept, &b->dest);
	drop_kept(b);
}

void forking_won(struct branch *b, const sip_t *answer)
{
	if (b->kept &&
	    same_tag(sip_object(b->kept)->sip_to->a_tag, answer->sip_to->a_tag))
		hear_kept(b);
}

void forking_lost(struct branch *b)
{
	struct request *r = b->r;

	if (r->early != b)
		return;
	r->early = NULL;
	for (struct branch *o = r->branches; o && !r->early; o = o->next)
		if (!o->ended && o->kept)
			hear_kept(o);
}
