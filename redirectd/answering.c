#include <errno.h>
#include <jansson.h>

#include "common/log.h"
#include "common/netset.h"
#include "proto/dialect.h"
#include "proto/relay.h"
#include "redirectd/answer.h"
#include "redirectd/auth.h"
#include "redirectd/recall.h"
#include "redirectd/store.h"

#include "redirectd/control_internal.h"

enum {
	UNTRUSTED_SAY_MS = 1000, /* at most one log line in this time */
	DOMAIN_MAX = 256,
};

typedef int request_h(struct control *c, struct strbuf *out, struct asking *a);

static int on_ack(struct control *c, struct strbuf *out, struct asking *a)
{
	(void)out;
	(void)a;
	c->p.n->ignored++;
	return 0;
}

/* Every request has its final answer at once: there is nothing to cancel. */
static int on_cancel(struct control *c, struct strbuf *out, struct asking *a)
{
	(void)c;
	return answer_print(out, a->sip, 481, NULL, NULL);
}

/* Who asks has to prove itself first. 0: let through. */
static int authenticate(struct control *c, struct strbuf *out, struct asking *a)
{
	struct auth_result res;
	int status = auth_check(&res, c->p.auth, c->p.directory->store, a->sip,
				&a->view);

	a->stranger = res.stranger;
	if (status == -EAGAIN)
		return asking_await(a, res.id);
	if (status <= 0)
		return status;
	return answer_print(out, a->sip, status, res.phrase, res.extra);
}

static int on_register(struct control *c, struct strbuf *out, struct asking *a)
{
	int status = authenticate(c, out, a);

	return status ? status : registration_answer(out, c->p.registrar, a);
}

static int on_query(struct control *c, struct strbuf *out, struct asking *a)
{
	int status;

	if (joining_is_about(c->p.joining, a->sip))
		return joining_query(out, c->p.joining, a->sip, a->view.now);
	status = authenticate(c, out, a);
	return status ? status : query_answer(out, c->p.directory, a);
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

static int on_options(struct control *c, struct strbuf *out, struct asking *a)
{
	if (recall_is_about(a->sip))
		return recall_answer(out, c->p.directory, a);
	return is_about_self(a->sip->sip_request->rq_url)
		       ? answer_load(c, out, a->sip)
		       : on_query(c, out, a);
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
			    const struct asking *a)
{
	c->p.n->untrusted++;
	if (a->view.now - c->untrusted_said >= UNTRUSTED_SAY_MS) {
		c->untrusted_said = a->view.now;
		log_info("refused: the source is not one of the trusted "
			 "proxies",
			 LOG_S("call_id", a->sip->sip_call_id->i_id),
			 LOG_A("src", &a->src), LOG_I("status", 403));
	}
	if (a->sip->sip_request->rq_method == sip_method_ack)
		return 0;
	return answer_print(out, a->sip, 403, "Not A Trusted Proxy", NULL);
}

static bool is_pool(const struct control *c, const sip_t *sip)
{
	return sip->sip_request && joining_is_about(c->p.joining, sip);
}

bool answering_is_traced(const struct control *c, const sip_t *sip)
{
	return !is_pool(c, sip) && !recall_is_about(sip);
}

/* Neither a request with a handler of its own, nor one that is about the
 * daemons themselves. */
bool answering_is_brief(const sip_t *sip)
{
	return request_handler(sip->sip_request->rq_method) == on_query;
}

/* A relay is no proxy: it may join the pool, and nothing else. */
static int answer_join(struct control *c, struct strbuf *out, struct asking *a)
{
	if (!netset_has(*c->p.pool_trusted, &a->src))
		return refuse_untrusted(c, out, a);
	return joining_answer(out, c->p.joining, a->sip, &a->src, a->view.now);
}

int answering_request(struct control *c, struct strbuf *out, struct asking *a,
		      bool trusted)
{
	sip_method_t method = a->sip->sip_request->rq_method;

	if (method == sip_method_register && is_pool(c, a->sip))
		return answer_join(c, out, a);
	if (!trusted)
		return refuse_untrusted(c, out, a);
	return request_handler(method)(c, out, a);
}
