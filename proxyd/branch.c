#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/log.h"
#include "proxyd/context.h"
#include "proxyd/flow.h"
#include "proxyd/hunting.h"
#include "proxyd/keeping.h"
#include "proxyd/locating.h"
#include "proxyd/proxy.h"

#include "proxyd/branch.h"

static void append(struct request *r, struct branch *b)
{
	struct branch **end = &r->branches;

	while (*end)
		end = &(*end)->next;
	*end = b;
}

void branch_number(struct branch *b)
{
	uint32_t n = b->route.fork;

	while (!n)
		if (getrandom(&n, sizeof(n), 0) != sizeof(n))
			n = 0;
	b->route.fork = n;
}

static int add(struct branch **bp, struct request *r, const struct step *step,
	       msg_t *msg)
{
	struct branch *b;

	if (r->nbranches == BRANCHES_MAX)
		return -ENOSPC;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->msg = r->nbranches ? sipmsg_copy(msg) : msg;
	if (!b->msg) {
		free(b);
		return -ENOMEM;
	}
	b->sip = sip_object(b->msg);
	b->r = r;
	b->step = step;
	b->nth = r->nbranches++;
	if (b->nth)
		branch_number(b);
	append(r, b);
	*bp = b;
	return 0;
}

int branch_add(struct branch **bp, struct request *r, const struct step *step)
{
	return add(bp, r, step, r->msg);
}

int branch_split(struct branch **bp, struct request *r, const struct step *step,
		 msg_t *msg)
{
	return add(bp, r, step, msg);
}

void branch_run(struct branch *b)
{
	for (;;) {
		const struct step *s = b->step++;

		switch (s->fn(b)) {
		case STEP_NEXT:
			break;
		case STEP_WAIT:
			if (b->waiting)
				return;
			break;
		case STEP_END:
			return;
		}
	}
}

void branch_answered(struct branch *b)
{
	if (--b->waiting)
		return;
	if (b->ended)
		request_done(b->r);
	else
		branch_run(b);
}

enum step_result branch_fail(struct branch *b, int status, const char *phrase)
{
	return branch_fail_with(b, status, phrase,
				status == 503 ? "Retry-After: 5\r\n" : NULL);
}

/* It is over for the branch; what is still under way comes too late. */
static void end(struct branch *b)
{
	b->ended = true;
	b->refused = b->forward != 0;
	if (b->held)
		holding_abandon(b);
	if (b->refused)
		branch_release(b);
}

enum step_result branch_fail_with(struct branch *b, int status,
				  const char *phrase, const char *extra)
{
	struct request *r = b->r;

	if (!b->ended) {
		log_info("answered by the proxy",
			 LOG_S("call_id", request_id(r)),
			 LOG_S("method", sipmsg_method(b->sip)),
			 LOG_I("status", status), LOG_S("reason", phrase),
			 LOG_A("src", &r->src.addr));
		r->held++;
		end(b);
		if (status < 300)
			request_answer(r, status, phrase, extra);
		else
			context_final(b, status, NULL, phrase, extra);
		r->held--;
	}
	request_done(r);
	return STEP_END;
}

void branch_pass(struct branch *b, int status, msg_t *msg)
{
	struct request *r = b->r;

	if (b->ended)
		return;
	log_info("answered by the directory", LOG_S("call_id", request_id(r)),
		 LOG_S("method", sipmsg_method(b->sip)),
		 LOG_I("status", status), LOG_A("src", &r->src.addr));
	r->held++;
	end(b);
	context_final(b, status, msg, NULL, NULL);
	r->held--;
	request_done(r);
}

bool branch_busy(const struct branch *b)
{
	return b->waiting || b->forward;
}

void branch_cancel(struct branch *b)
{
	struct proxy *p = b->r->p;

	if (b->ended)
		return;
	keeping_leave(b);
	if (b->forward)
		(void)txn_cancel(p->txns, b->forward, proxy_now(p), NULL);
	else
		(void)branch_fail(b, 487, NULL);
}

const char *branch_session(const struct branch *b)
{
	static char id[ROUTE_SESSION_MAX];

	if (!b->route.fork)
		return request_id(b->r);
	(void)route_session(id, sizeof(id), request_id(b->r), b->route.fork);
	return id;
}

void branch_drop_message(struct branch *b)
{
	if (b->nth)
		msg_destroy(b->msg);
	free(b->resource);
	msg_destroy(b->kept);
	hunting_free(&b->hunting);
	b->kept = NULL;
	b->msg = NULL;
	b->sip = NULL;
	b->resource = NULL;
	b->target = NULL;
	b->offer = NULL;
}

void branch_release(struct branch *b)
{
	if (b->owns_resource)
		relaying_release(b);
	b->owns_resource = false;
}

void branch_free(struct branch *b)
{
	branch_drop_message(b);
	location_free(b->location);
	msg_destroy(b->held);
	free(b);
}
