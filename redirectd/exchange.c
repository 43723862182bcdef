#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "redirectd/answer.h"
#include "redirectd/receipt.h"
#include "redirectd/store.h"

#include "redirectd/control_internal.h"

enum {
	WAITING_MAX = 16384,
	RUNS_MAX = 32, /* for one request */
};

#define RETRY_AFTER "Retry-After: 5\r\n"

struct exchange {
	TAILQ_ENTRY(exchange) link; /* while it waits */
	struct control *c;
	msg_t *msg;
	struct asking a;
	bool trusted;
	bool waiting;
	unsigned runs;
	char *text; /* the answer, until it is true */
	size_t len;
};

static void drop_answer(struct exchange *x)
{
	free(x->text);
	x->text = NULL;
	receipt_free(x->a.receipt);
	x->a.receipt = NULL;
}

static void end(struct exchange *x)
{
	if (x->waiting) {
		TAILQ_REMOVE(&x->c->waiting, x, link);
		x->c->nwaiting--;
	}
	drop_answer(x);
	msg_destroy(x->msg);
	free(x);
}

static void lost(struct control *c, const sip_t *sip, int err)
{
	c->p.n->answers_lost++;
	log_warn("answer not sent", LOG_S("call_id", sip->sip_call_id->i_id),
		 LOG_S("error", strerror(-err)));
}

static void send_answer(struct control *c, const sip_t *sip, bool trusted,
			const char *text, size_t len)
{
	struct addr dst;
	int err = sipmsg_via_dest(&dst, sip->sip_via);

	if (!err)
		err = udp_send(c->udp, &dst, text, len);
	if (err)
		lost(c, sip, err);
	else if (trusted && answering_is_traced(c, sip))
		control_trace(c, sip, TRACE_OUT, &dst, text, len);
}

static void answer(struct exchange *x, const char *text, size_t len)
{
	send_answer(x->c, x->a.sip, x->trusted, text, len);
}

/* Too many wait, or this one has for too long. */
static void give_up(struct exchange *x)
{
	struct control *c = x->c;
	struct strbuf out;

	c->p.n->congested++;
	strbuf_init(&out, c->answer, sizeof(c->answer));
	if (answer_print(&out, x->a.sip, 503, "Directory Congested",
			 RETRY_AFTER) > 0)
		answer(x, out.data, out.len);
	end(x);
}

static void run(struct exchange *x);

/* The store has news: look again. That it has failed is seen then. */
static void again(int err, void *arg)
{
	(void)err;
	run(arg);
}

static void begin_waiting(struct exchange *x)
{
	struct control *c = x->c;

	if (x->waiting)
		return;
	c->p.n->awaited++;
	x->waiting = true;
	c->nwaiting++;
	TAILQ_INSERT_TAIL(&c->waiting, x, link);
}

static void await(struct exchange *x)
{
	struct store *s = x->c->p.directory->store;
	const struct store_served q = {.proxy = &x->a.asker,
				       .after = x->a.await};
	int err = -ENOBUFS;

	begin_waiting(x);
	if (x->runs < RUNS_MAX && x->c->nwaiting <= WAITING_MAX)
		err = x->a.await_served ? store_await_served(s, &q, again, x)
					: store_await(s, x->a.await, again, x);
	if (err)
		give_up(x);
}

/* The change has been made, or not. */
static void done(int err, void *arg)
{
	struct exchange *x = arg;
	struct control *c = x->c;
	struct strbuf out;

	if (err == -EAGAIN) {
		drop_answer(x);
		run(x);
		return;
	}
	strbuf_init(&out, c->answer, sizeof(c->answer));
	err = registration_done(&out, c->p.registrar, &x->a, err);
	if (err == 200 && x->text)
		answer(x, x->text, x->len);
	else if (err > 200)
		answer(x, out.data, out.len);
	else
		lost(c, x->a.sip, err < 0 ? err : -ENOMEM);
	end(x);
}

/* The answer is kept; one that cannot be is lost, and asked for again. */
static void hold(struct exchange *x, const struct strbuf *out)
{
	begin_waiting(x);
	x->text = malloc(out->len);
	x->len = x->text ? out->len : 0;
	if (x->text)
		memcpy(x->text, out->data, out->len);
}

static void run(struct exchange *x)
{
	struct control *c = x->c;
	struct strbuf out;
	int err;

	x->runs++;
	x->a.view.now = dir_clock_now(c->p.clock);
	x->a.view.change = false;
	strbuf_init(&out, c->answer, sizeof(c->answer));
	err = answering_request(c, &out, &x->a, x->trusted);
	switch (err) {
	case -EAGAIN:
		await(x);
		return;
	case -EINPROGRESS:
		hold(x, &out);
		return;
	}
	if (err > 0)
		answer(x, out.data, out.len);
	else if (err)
		lost(c, x->a.sip, err);
	end(x);
}

void exchange_begin(struct control *c, msg_t *msg, const struct addr *src,
		    bool trusted)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x || sipmsg_via_received(msg, src, false)) {
		c->p.n->answers_lost++;
		msg_destroy(msg);
		free(x);
		return;
	}
	c->p.n->requests += trusted;
	x->c = c;
	x->msg = msg;
	x->trusted = trusted;
	x->a.sip = sip_object(msg);
	x->a.src = *src;
	x->a.done = done;
	x->a.arg = x;
	x->a.view.since = store_since(c->p.directory->store);
	run(x);
}

int exchange_brief(struct control *c, const char *data, size_t len,
		   const struct addr *src)
{
	struct sipmsg_brief *b = &c->brief;
	struct asking a = {.sip = &b->sip, .src = *src};
	struct strbuf out;
	int err = sipmsg_brief_read(b, data, len, src);

	if (err || !answering_is_brief(&b->sip))
		return -EAGAIN;
	a.view.now = dir_clock_now(c->p.clock);
	a.view.since = store_since(c->p.directory->store);
	strbuf_init(&out, c->answer, sizeof(c->answer));
	err = answering_request(c, &out, &a, true);
	if (err < 0)
		return -EAGAIN;
	c->p.n->requests++;
	if (answering_is_traced(c, &b->sip))
		control_trace(c, &b->sip, TRACE_IN, src, data, len);
	send_answer(c, &b->sip, true, out.data, out.len);
	return 0;
}

void exchanges_drop(struct control *c)
{
	struct exchange *x;

	while ((x = TAILQ_FIRST(&c->waiting)))
		end(x);
}
