#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "common/table.h"
#include "proxyd/flow.h"
#include "proxyd/forking.h"
#include "proxyd/gone.h"
#include "proxyd/keeping.h"
#include "proxyd/offer.h"
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
	struct branch *first;
	int err;

	if (!r)
		return -ENOMEM;
	r->p = p;
	r->server = id;
	r->since = proxy_now(p);
	memcpy(r->call_id, call_id, strlen(call_id) + 1);
	r->msg = msg;
	r->sip = sip_object(msg);
	r->method = r->sip->sip_request->rq_method;
	r->initial = !r->sip->sip_to->a_tag;
	r->src = *src;
	r->trusted = proxy_trusts(p, src);
	err = branch_add(&first, r, choose_flow(r));
	if (!err)
		err = table_put(p->requests, &id, sizeof(id), r);
	if (err) {
		free(r->branches);
		free(r);
		return err;
	}
	if (r->trusted && r->initial)
		first->route.fork = route_fork(r->sip->sip_request->rq_url);
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
	branch_run(r->branches);
}

struct request *request_find(struct proxy *p, txn_id server)
{
	return table_get(p->requests, &server, sizeof(server));
}

const char *request_id(const struct request *r)
{
	return r->call_id;
}

struct branch *request_branch(struct proxy *p, txn_id server, txn_id client)
{
	struct request *r = request_find(p, server);
	struct branch *b = r ? r->branches : NULL;

	while (b && b->forward != client && b->asking != client)
		b = b->next;
	return b;
}

static void print_answer(struct request *r, int status, const char *phrase,
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

void request_answer(struct request *r, int status, const char *phrase,
		    const char *extra)
{
	if (r->ended)
		return;
	print_answer(r, status, phrase, extra);
	if (r->initial && r->method == sip_method_invite)
		r->p->n.calls_failed += status >= 300;
	r->ended = true;
}

void request_ring(struct request *r, int status)
{
	if (!r->ended)
		print_answer(r, status, NULL, NULL);
}

bool request_has_open(const struct request *r, const struct branch *but)
{
	for (const struct branch *b = r->branches; b; b = b->next)
		if (b != but && !b->ended)
			return true;
	return false;
}

static void request_free(struct request *r)
{
	(void)table_del(r->p->requests, &r->server, sizeof(r->server));
	deadlines_cancel(r->p->deadlines, r->ring);
	context_clear(&r->best);
	free(r->early_tag);
	while (r->branches) {
		struct branch *b = r->branches;

		r->branches = b->next;
		branch_free(b);
	}
	msg_destroy(r->msg);
	free(r);
}

static bool is_waiting(const struct request *r)
{
	for (const struct branch *b = r->branches; b; b = b->next)
		if (b->waiting)
			return true;
	return false;
}

void request_drop_message(struct request *r)
{
	/* What a relay grants too late is given back from the message. */
	if (is_waiting(r))
		return;
	for (struct branch *b = r->branches; b; b = b->next) {
		branch_release(b);
		branch_drop_message(b);
	}
	msg_destroy(r->msg);
	r->msg = NULL;
	r->sip = NULL;
	r->client_id = NULL;
}

void request_done(struct request *r)
{
	if (!r->ended || r->held)
		return;
	for (const struct branch *b = r->branches; b; b = b->next)
		if (branch_busy(b))
			return;
	for (struct branch *b = r->branches; b; b = b->next)
		branch_release(b);
	request_free(r);
}

static bool holds_resource(const struct branch *b)
{
	return b->owns_resource || (b->r->method == sip_method_bye &&
				    !addr_is_none(&b->route.relay));
}

static void give_up_branch(struct branch *b)
{
	struct request *r = b->r;

	if (b->ended)
		return;
	keeping_leave(b);
	if (b->forward && r->method == sip_method_invite)
		(void)txn_cancel(r->p->txns, b->forward, proxy_now(r->p), NULL);
	b->ended = true;
	b->refused = b->forward != 0;
	if (b->held)
		holding_abandon(b);
	if (holds_resource(b))
		relaying_release(b);
	b->owns_resource = false;
}

static int give_up(const void *key, size_t len, void *value, void *arg)
{
	struct request *r = value;

	(void)key;
	(void)len;
	(void)arg;
	if (r->ended)
		return 0;
	forking_stop(r);
	r->held++;
	for (struct branch *b = r->branches; b; b = b->next)
		give_up_branch(b);
	request_answer(r, 503, "Proxy Going Down", "Retry-After: 5\r\n");
	r->held--;
	request_done(r);
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
	r->cancelled = true;
	forking_stop(r);
	request_cancel_branches(r, NULL);
}

void request_cancel_branches(struct request *r, const struct branch *but)
{
	r->held++;
	for (struct branch *b = r->branches; b; b = b->next)
		if (b != but)
			branch_cancel(b);
	r->held--;
	request_done(r);
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

	r->has_sdp = offer_of_request(r->method, r->has_sdp && len, false) !=
		     OFFER_NONE;
	if (!r->has_sdp)
		return;
	r->has_media = true;
	if (sdp_parse(&sdp, body, len))
		return;
	r->has_media = sdp_needs_ports(&sdp);
	r->media = sdp.media[0].rtp;
}
