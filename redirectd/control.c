#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/netset.h"
#include "common/sipmsg_refuse.h"
#include "redirectd/store.h"

#include "redirectd/control_internal.h"

void control_trace(struct control *c, const sip_t *sip, enum trace_dir dir,
		   const struct addr *peer, const char *text, size_t len)
{
	if (c->p.trace)
		trace_add(c->p.trace, sip->sip_call_id->i_id,
			  dir_clock_wall_us(), dir, udp_local(c->udp), peer,
			  text, len);
}

static void timer_cb(uv_timer_t *t);

static void arm(struct control *c)
{
	dir_time next = store_next(c->p.directory->store);
	dir_time now;

	if (next == c->armed)
		return;
	c->armed = next;
	now = dir_clock_now(c->p.clock);
	if (next == UINT64_MAX)
		(void)uv_timer_stop(&c->timer);
	else
		(void)uv_timer_start(&c->timer, timer_cb,
				     next > now ? next - now : 0, 0);
}

static void timer_cb(uv_timer_t *t)
{
	struct control *c = t->data;

	store_run(c->p.directory->store, dir_clock_now(c->p.clock));
	c->armed = 0; /* it may be due again at once */
	arm(c);
}

/* A proxy is told what is wrong with its request; nobody else gets an answer to
 * what is none. */
static void refuse(struct control *c, const struct addr *src, const char *data,
		   size_t len, bool trusted, const struct sipmsg_bad *bad)
{
	struct strbuf out;

	c->p.n->malformed++;
	strbuf_init(&out, c->answer, sizeof(c->answer));
	if (!trusted ||
	    sipmsg_refuse(&out, data, len, src, bad) != SIPMSG_ANSWERED) {
		log_debug("malformed datagram dropped", LOG_A("src", src),
			  LOG_S("reason", sipmsg_fault_phrase(bad->fault)),
			  LOG_S("header", bad->header));
		return;
	}
	log_info("malformed request refused", LOG_A("src", src),
		 LOG_I("status", sipmsg_fault_status(bad->fault)),
		 LOG_S("reason", sipmsg_fault_phrase(bad->fault)),
		 LOG_S("header", bad->header));
	(void)udp_send(c->udp, src, out.data, out.len);
}

static void recv_cb(struct udp *u, const struct addr *src, char *data,
		    size_t len, void *arg)
{
	struct control *c = arg;
	bool trusted = netset_has(*c->p.trusted, src);
	struct sipmsg_bad bad;
	msg_t *msg = NULL;
	const sip_t *sip;

	(void)u;
	if (c->draining || (trusted && !exchange_brief(c, data, len, src)))
		return;
	if (sipmsg_admit(&msg, data, len, &bad)) {
		refuse(c, src, data, len, trusted, &bad);
		return;
	}
	if (probed(c, msg, &(struct datagram){src, data, len})) {
		msg_destroy(msg);
		return;
	}
	sip = sip_object(msg);
	if (trusted && answering_is_traced(c, sip))
		control_trace(c, sip, TRACE_IN, src, data, len);
	if (sip->sip_request) {
		exchange_begin(c, msg, src, trusted);
	} else {
		c->p.n->ignored++;
		msg_destroy(msg);
	}
	arm(c);
}

int control_open(struct control **cp, uv_loop_t *loop,
		 const struct addr *listen, const struct control_parts *parts)
{
	struct control *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->p = *parts;
	c->armed = UINT64_MAX;
	TAILQ_INIT(&c->waiting);
	err = udp_listen(&c->udp, loop, listen, recv_cb, c);
	if (err) {
		free(c);
		return err;
	}
	(void)uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	arm(c);
	*cp = c;
	return 0;
}

void control_drain(struct control *c)
{
	c->draining = true;
}

static void closed_cb(uv_handle_t *h)
{
	free(h->data);
}

void control_close(struct control *c)
{
	if (!c)
		return;
	exchanges_drop(c);
	udp_close(c->udp);
	uv_close((uv_handle_t *)&c->timer, closed_cb);
}

const struct addr *control_local(const struct control *c)
{
	return udp_local(c->udp);
}

size_t control_waiting(const struct control *c)
{
	return c->nwaiting;
}
