#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/netset.h"
#include "common/strbuf.h"
#include "common/trace.h"
#include "common/udp.h"
#include "proto/dialect.h"
#include "proto/relay.h"
#include "redirectd/answer.h"
#include "redirectd/recall.h"
#include "redirectd/store.h"

#include "redirectd/control.h"

enum {
	UNTRUSTED_SAY_MS = 1000, /* at most one log line in this time */
	DOMAIN_MAX = 256,
};

struct control {
	struct control_parts p;
	struct udp *udp;
	uv_timer_t timer; /* the next binding to run out */
	dir_time untrusted_said;
	char answer[UDP_DATAGRAM_MAX];
};

/* Print the answer to one request. Its status, 0 where there is none to be
 * sent, or -errno where it could not be printed. */
typedef int request_h(struct control *c, struct strbuf *out, const sip_t *sip);

static int on_ack(struct control *c, struct strbuf *out, const sip_t *sip)
{
	(void)out;
	(void)sip;
	c->p.n->ignored++;
	return 0;
}

/* Every request has its final answer at once: there is nothing to cancel. */
static int on_cancel(struct control *c, struct strbuf *out, const sip_t *sip)
{
	(void)c;
	return answer_print(out, sip, 481, NULL, NULL);
}

static int on_register(struct control *c, struct strbuf *out, const sip_t *sip)
{
	return registration_answer(out, c->p.registrar, sip,
				   dir_clock_now(c->p.clock));
}

static int on_query(struct control *c, struct strbuf *out, const sip_t *sip)
{
	if (joining_is_about(c->p.joining, sip))
		return joining_query(out, c->p.joining, sip,
				     dir_clock_now(c->p.clock));
	return query_answer(out, c->p.directory, sip,
			    dir_clock_now(c->p.clock));
}

static int answer_load(struct control *c, struct strbuf *out, const sip_t *sip)
{
	struct store_counts n = store_counts(c->p.directory->store);
	json_t *body = json_pack("{s:I, s:I}", "clients", (json_int_t)n.clients,
				 "contacts", (json_int_t)n.contacts);
	int err = body ? relay_json_answer_print(out, sip, body) : -ENOMEM;

	c->p.n->load_queries++;
	json_decref(body);
	return err ? err : 200;
}

/* Names redirectd itself: neither a user nor the domain of a client id. */
static bool is_about_self(const url_t *url)
{
	char domain[DOMAIN_MAX];

	return (!url->url_user || !*url->url_user) &&
	       sipmsg_url_param(domain, sizeof(domain), url,
				proto_uri_param_name(PROTO_DOMAIN)) == -ENOENT;
}

static int on_options(struct control *c, struct strbuf *out, const sip_t *sip)
{
	if (recall_is_about(sip))
		return recall_answer(out, c->p.directory, sip,
				     dir_clock_now(c->p.clock));
	return is_about_self(sip->sip_request->rq_url)
		       ? answer_load(c, out, sip)
		       : on_query(c, out, sip);
}

static request_h *request_handler(sip_method_t method)
{
	static const struct {
		sip_method_t method;
		request_h *run;
	} table[] = {
		{sip_method_ack, on_ack},
		{sip_method_cancel, on_cancel},
		{sip_method_register, on_register},
		{sip_method_options, on_options},
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].method == method)
			return table[i].run;
	return on_query;
}

static int refuse_untrusted(struct control *c, struct strbuf *out,
			    const sip_t *sip, const struct addr *src)
{
	dir_time now = dir_clock_now(c->p.clock);

	c->p.n->untrusted++;
	if (now - c->untrusted_said >= UNTRUSTED_SAY_MS) {
		c->untrusted_said = now;
		log_info("refused: the source is not one of the trusted "
			 "proxies",
			 LOG_S("call_id", sip->sip_call_id->i_id),
			 LOG_A("src", src), LOG_I("status", 403));
	}
	if (sip->sip_request->rq_method == sip_method_ack)
		return 0;
	return answer_print(out, sip, 403, "Not A Trusted Proxy", NULL);
}

static void trace(struct control *c, const sip_t *sip, enum trace_dir dir,
		  const struct addr *peer, const char *text, size_t len)
{
	if (c->p.trace)
		trace_add(c->p.trace, sip->sip_call_id->i_id,
			  dir_clock_wall_us(), dir, udp_local(c->udp), peer,
			  text, len);
}

static bool is_pool(const struct control *c, const sip_t *sip)
{
	return sip->sip_request && joining_is_about(c->p.joining, sip);
}

/* The daemons' own questions are in no call's trace. */
static bool is_traced(const struct control *c, const sip_t *sip)
{
	return !is_pool(c, sip) && !recall_is_about(sip);
}

/* A relay is no proxy: it may join the pool, and nothing else. */
static int answer_join(struct control *c, struct strbuf *out, const sip_t *sip,
		       const struct addr *src)
{
	if (!netset_has(*c->p.pool_trusted, src))
		return refuse_untrusted(c, out, sip, src);
	return joining_answer(out, c->p.joining, sip, src,
			      dir_clock_now(c->p.clock));
}

static int answer_request(struct control *c, struct strbuf *out,
			  const sip_t *sip, const struct addr *src,
			  bool trusted)
{
	if (sip->sip_request->rq_method == sip_method_register &&
	    is_pool(c, sip))
		return answer_join(c, out, sip, src);
	if (!trusted)
		return refuse_untrusted(c, out, sip, src);
	c->p.n->requests++;
	return request_handler(sip->sip_request->rq_method)(c, out, sip);
}

static void answer_lost(struct control *c, const sip_t *sip, int err)
{
	c->p.n->answers_lost++;
	log_warn("answer not sent", LOG_S("call_id", sip->sip_call_id->i_id),
		 LOG_S("error", strerror(-err)));
}

static void handle(struct control *c, msg_t *msg, const struct addr *src,
		   bool trusted)
{
	const sip_t *sip = sip_object(msg);
	struct strbuf out;
	struct addr dst;
	int err = sipmsg_via_received(msg, src, false);

	strbuf_init(&out, c->answer, sizeof(c->answer));
	if (!err)
		err = answer_request(c, &out, sip, src, trusted);
	if (err > 0)
		err = sipmsg_via_dest(&dst, sip->sip_via);
	else if (!err)
		return;
	if (!err)
		err = udp_send(c->udp, &dst, out.data, out.len);
	if (err)
		answer_lost(c, sip, err);
	else if (trusted && is_traced(c, sip))
		trace(c, sip, TRACE_OUT, &dst, out.data, out.len);
}

static void timer_cb(uv_timer_t *t);

static void arm(struct control *c)
{
	dir_time now = dir_clock_now(c->p.clock);
	dir_time next = store_next(c->p.directory->store);

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
	arm(c);
}

static void recv_cb(struct udp *u, const struct addr *src, char *data,
		    size_t len, void *arg)
{
	struct control *c = arg;
	bool trusted = netset_has(*c->p.trusted, src);
	const char *why = NULL;
	msg_t *msg = NULL;
	const sip_t *sip;

	(void)u;
	if (sipmsg_parse(&msg, data, len, &why)) {
		c->p.n->malformed++;
		log_debug("malformed datagram dropped", LOG_A("src", src),
			  LOG_S("reason", why));
		return;
	}
	sip = sip_object(msg);
	if (trusted && is_traced(c, sip))
		trace(c, sip, TRACE_IN, src, data, len);
	if (sip->sip_request)
		handle(c, msg, src, trusted);
	else
		c->p.n->ignored++;
	msg_destroy(msg);
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

static void closed_cb(uv_handle_t *h)
{
	free(h->data);
}

void control_close(struct control *c)
{
	if (!c)
		return;
	udp_close(c->udp);
	uv_close((uv_handle_t *)&c->timer, closed_cb);
}

const struct addr *control_local(const struct control *c)
{
	return udp_local(c->udp);
}
