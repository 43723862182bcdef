#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "common/table.h"
#include "proxyd/flow.h"
#include "proxyd/gone.h"
#include "proxyd/proxy.h"

#include "proxyd/request.h"

enum { TAG_LEN = 12 };

static const struct step *choose_flow(const struct request *r)
{
	if (r->method == sip_method_register)
		return register_steps;
	if (!r->initial)
		return dialog_steps;
	return r->method == sip_method_invite ? invite_steps : outside_steps;
}

static int request_alloc(struct request **rp, struct proxy *p, txn_id id,
			 msg_t *msg, const struct channel *src)
{
	const char *call_id = sip_object(msg)->sip_call_id->i_id;
	struct request *r = calloc(1, sizeof(*r) + strlen(call_id) + 1);
	int err;

	if (!r)
		return -ENOMEM;
	r->p = p;
	r->server = id;
	memcpy(r->call_id, call_id, strlen(call_id) + 1);
	r->msg = msg;
	r->sip = sip_object(msg);
	r->method = r->sip->sip_request->rq_method;
	r->initial = !r->sip->sip_to->a_tag;
	r->src = *src;
	r->trusted = proxy_trusts(p, src);
	r->next = choose_flow(r);
	err = table_put(p->requests, &id, sizeof(id), r);
	if (err) {
		free(r);
		return err;
	}
	*rp = r;
	return 0;
}

void request_answer_at_once(struct proxy *p, txn_id id, const msg_t *msg,
			    int status)
{
	static char buf[SIPMSG_MAX];
	char tag[TAG_LEN];
	struct strbuf sb;
	struct sipmsg_reply reply = {
		.status = status,
		.to_tag = tag,
		.extra = status == 503 ? "Retry-After: 5\r\n" : NULL,
	};

	sipmsg_token(tag, sizeof(tag));
	strbuf_init(&sb, buf, sizeof(buf));
	if (!sipmsg_reply(&sb, sip_object(msg), &reply))
		(void)txn_respond(p->txns, id, proxy_now(p), status, buf,
				  sb.len);
}

static bool begins_call(const msg_t *msg)
{
	const sip_t *sip = sip_object(msg);

	return sip->sip_request->rq_method == sip_method_invite &&
	       !sip->sip_to->a_tag;
}

void request_received(txn_id id, msg_t *msg, const struct channel *src,
		      void *arg)
{
	struct proxy *p = arg;
	struct request *r = NULL;

	if (!id) {
		dialog_ack(p, msg, src);
		return;
	}
	p->n.requests++;
	if (gone_received(p, id, msg, src)) {
		msg_destroy(msg);
		return;
	}
	if ((p->draining && begins_call(msg)) ||
	    request_alloc(&r, p, id, msg, src)) {
		p->n.overload++;
		request_answer_at_once(p, id, msg, 503);
		msg_destroy(msg);
		return;
	}
	request_run(r);
}

struct request *request_find(struct proxy *p, txn_id server)
{
	return table_get(p->requests, &server, sizeof(server));
}

const char *request_id(const struct request *r)
{
	return r->call_id;
}

void request_run(struct request *r)
{
	for (;;) {
		const struct step *s = r->next++;

		switch (s->fn(r)) {
		case STEP_NEXT:
			break;
		case STEP_WAIT:
			if (r->waiting)
				return;
			break;
		case STEP_END:
			return;
		}
	}
}

void request_answered(struct request *r)
{
	if (--r->waiting)
		return;
	if (r->ended)
		request_close(r);
	else
		request_run(r);
}

static void answer(struct request *r, int status, const char *phrase,
		   const char *extra)
{
	static char buf[SIPMSG_MAX];
	char tag[TAG_LEN];
	struct strbuf sb;
	struct sipmsg_reply reply = {
		.status = status,
		.phrase = phrase,
		.to_tag = tag,
		.extra = extra,
	};

	sipmsg_token(tag, sizeof(tag));
	strbuf_init(&sb, buf, sizeof(buf));
	if (sipmsg_reply(&sb, r->sip, &reply))
		log_warn("response too long to print",
			 LOG_S("call_id", request_id(r)));
	else
		(void)txn_respond(r->p->txns, r->server, proxy_now(r->p),
				  status, buf, sb.len);
}

enum step_result request_fail(struct request *r, int status, const char *phrase)
{
	return request_fail_with(r, status, phrase,
				 status == 503 ? "Retry-After: 5\r\n" : NULL);
}

enum step_result request_fail_with(struct request *r, int status,
				   const char *phrase, const char *extra)
{
	if (!r->ended) {
		answer(r, status, phrase, extra);
		if (r->initial && r->method == sip_method_invite)
			r->p->n.calls_failed += status >= 300;
		log_info("answered by the proxy",
			 LOG_S("call_id", request_id(r)),
			 LOG_S("method", sipmsg_method(r->sip)),
			 LOG_I("status", status), LOG_S("reason", phrase),
			 LOG_A("src", &r->src.addr));
	}
	r->ended = true;
	if (!r->waiting && !r->forward)
		request_close(r);
	return STEP_END;
}

static void request_free(struct request *r)
{
	(void)table_del(r->p->requests, &r->server, sizeof(r->server));
	request_drop_message(r);
	free(r);
}

void request_drop_message(struct request *r)
{
	msg_destroy(r->msg);
	free(r->resource);
	r->msg = NULL;
	r->sip = NULL;
	r->resource = NULL;
	r->client_id = r->target = NULL;
}

void request_close(struct request *r)
{
	if (r->owns_resource)
		relaying_release(r);
	request_free(r);
}

static bool holds_resource(const struct request *r)
{
	return r->owns_resource ||
	       (r->method == sip_method_bye && !addr_is_none(&r->route.relay));
}

static int give_up(const void *key, size_t len, void *value, void *arg)
{
	struct request *r = value;

	(void)key;
	(void)len;
	(void)arg;
	if (r->ended)
		return 0;
	if (r->forward && r->method == sip_method_invite)
		(void)txn_cancel(r->p->txns, r->forward, proxy_now(r->p), NULL);
	if (holds_resource(r))
		relaying_release(r);
	r->owns_resource = false;
	(void)request_fail(r, 503, "Proxy Going Down");
	return 0;
}

void requests_give_up(struct proxy *p)
{
	(void)table_apply(p->requests, give_up, NULL);
}

static int free_entry(const void *key, size_t len, void *value, void *arg)
{
	(void)key;
	(void)len;
	(void)arg;
	request_free(value);
	return 0;
}

void requests_free(struct proxy *p)
{
	if (p->requests)
		(void)table_apply(p->requests, free_entry, NULL);
}

void request_cancelled(txn_id id, void *arg)
{
	struct proxy *p = arg;
	struct request *r = request_find(p, id);

	if (!r || r->ended)
		return;
	p->n.calls_cancelled += r->initial;
	log_info("cancelled by the caller", LOG_S("call_id", request_id(r)));
	if (r->forward)
		(void)txn_cancel(p->txns, r->forward, proxy_now(p), NULL);
	else
		(void)request_fail(r, 487, NULL);
}

int request_call_id(char buf[SIPMSG_CALLID_MAX + 1], const char *data,
		    size_t len)
{
	const char *end = data + len;

	for (const char *line = data; line < end;) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));
		size_t n, skip = 0;

		if (!eol || eol - line < 2)
			return -ENOENT;
		n = (size_t)(eol - line) - (eol[-1] == '\r');
		if (n > 8 && !strncasecmp(line, "Call-ID:", 8))
			skip = 8;
		else if (n > 2 && !strncasecmp(line, "i:", 2))
			skip = 2;
		while (skip && skip < n && line[skip] == ' ')
			skip++;
		if (skip && n - skip <= SIPMSG_CALLID_MAX) {
			memcpy(buf, line + skip, n - skip);
			buf[n - skip] = '\0';
			return 0;
		}
		line = eol + 1;
	}
	return -ENOENT;
}

void request_read_sdp(struct request *r)
{
	struct sdp sdp;
	size_t len;
	const char *body = sipmsg_body(&len, &r->has_sdp, r->sip);

	r->has_sdp = r->has_sdp && len;
	if (r->has_sdp && !sdp_parse(&sdp, body, len))
		r->media = sdp.media[0].rtp;
}
