#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/netset.h"
#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/relay.h"
#include "relayd/answers.h"
#include "relayd/control.h"
#include "relayd/counters.h"
#include "relayd/gone.h"
#include "relayd/journal.h"
#include "relayd/probed.h"
#include "relayd/refusal.h"
#include "relayd/report.h"
#include "relayd/session.h"

enum { ANSWERS_MAX = 8192 };

struct control {
	struct control_config cfg;
	struct answers *answers; /* to releases, for their retransmissions */
};

/* One message on its way through the steps. */
struct exchange {
	struct control *c;
	const struct control_input *in;
	msg_t *msg;
	const sip_t *sip;
	struct strbuf *out;
	struct relay_request req;
	struct sdp sdp;
	struct session *session;
	bool opened; /* by this message */
	struct session_party party;
};

typedef enum refusal step_h(struct exchange *x);

/* 60: the relay request, or the answer of the called party, is received. */
static enum refusal step_60_receive(struct exchange *x)
{
	int err = relay_request_parse(&x->req, x->sip);
	const char *policy = x->req.options.learn;

	if (err)
		return err == -EINVAL ? BAD_OPTION : BROKEN;
	if (*policy && !relay_options_learn_ok(policy))
		return BAD_OPTION;
	x->session = sessions_find(x->c->cfg.sessions, x->req.call_id);
	if (!x->req.sdp_len || sdp_parse(&x->sdp, x->req.sdp, x->req.sdp_len))
		return NO_SDP;
	return NONE;
}

/* 60a: a session not known yet begins with an offer, and only with one. */
static enum refusal step_60_open(struct exchange *x)
{
	if (x->session && x->req.options.begins &&
	    session_has_dialog(x->session))
		return IN_USE;
	if (x->session)
		return NONE;
	if (x->req.to_tag)
		return NO_SESSION;
	if (!sdp_needs_ports(&x->sdp))
		return NO_SDP;
	switch (session_open(&x->session, x->c->cfg.sessions, x->req.call_id,
			     x->req.from_tag, &x->req.options, x->in->now)) {
	case 0:
		x->opened = true;
		return NONE;
	case -ESHUTDOWN:
		return DRAINING;
	case -EUSERS:
		return FULL;
	case -EAGAIN:
		return TOO_FAST;
	case -EDQUOT:
		return TOO_MUCH;
	case -EMSGSIZE:
		return BROKEN;
	default:
		return FAILED;
	}
}

/* 60b: whose description it is (004 steps 140 and 146), by the tags. */
static enum refusal step_60_party(struct exchange *x)
{
	const struct relay_request *r = &x->req;
	int err;

	x->party.observed = r->observed;
	x->party.toward = r->options.toward;
	x->party.proxy = *x->in->src;
	x->party.cseq = r->cseq;
	x->party.dialog = r->to_tag ? r->dialog : NULL;
	x->party.self = x->in->self;
	x->party.door = x->in->door;
	if (session_is_nameless(x->session) && !r->to_tag) {
		su_home_t *home = msg_home(x->msg);

		x->party.from = sipmsg_header_text(home, x->sip->sip_from);
		x->party.to = sipmsg_header_text(home, x->sip->sip_to);
	}
	if (r->to_tag) {
		err = session_answerer(&x->party.side, x->session, r->from_tag,
				       r->to_tag);
		x->party.tag = r->to_tag;
		x->party.peer_tag = r->from_tag;
	} else {
		err = session_offerer(&x->party.side, x->session, r->from_tag);
		if (!err && !session_continues(x->session, &x->party))
			err = -EACCES;
		x->party.tag = r->from_tag;
	}
	return err ? FOREIGN_TAG : NONE;
}

/* 62: an address for each side, and a port pair for each line that needs one.
 * An answer changes neither. */
static enum refusal step_62_assign(struct exchange *x)
{
	int err;

	if (x->req.to_tag)
		return NONE;
	err = session_place(x->session, &x->party, &x->sdp);
	if (!err)
		err = session_reserve(x->session, &x->sdp, x->in->now);
	switch (err) {
	case 0:
		return NONE;
	case -ENOSPC:
	case -EADDRINUSE:
		return NO_PORTS;
	default:
		return FAILED;
	}
}

/* 64: the channel is written into the session table. */
static enum refusal step_64_write(struct exchange *x)
{
	bool before = session_answered(x->session);

	/* the session goes on as it was unless the offer is accepted */
	if (x->req.options.tentative && !x->opened)
		return NONE;
	switch (session_record(x->session, &x->party, &x->sdp, x->in->now)) {
	case 0:
		break;
	case -EMSGSIZE:
		return BROKEN;
	default:
		return FAILED;
	}
	if (x->opened) {
		x->c->cfg.counters->sessions_opened++;
		journal_opened(x->c->cfg.journal, x->session);
	} else if (!before && session_answered(x->session)) {
		journal_answered(x->c->cfg.journal, x->session);
	}
	return NONE;
}

/* 66: the answer with the resource is built (Fig. 8b); 68 sends it. */
static enum refusal step_66_build(struct exchange *x)
{
	const struct addr *near = session_address(x->session, x->party.side);
	struct sdp resource;

	session_resource(&resource, x->session, &x->sdp, x->party.side);
	if (relay_answer_print(x->out, x->sip, x->in->self, &resource, near)) {
		strbuf_init(x->out, x->out->data, x->out->cap);
		return BROKEN;
	}
	return NONE;
}

static enum refusal walk(struct exchange *x, step_h *const *steps)
{
	enum refusal why = NONE;

	for (; *steps && why == NONE; steps++)
		why = (*steps)(x);
	if (why != NONE && x->opened)
		session_abandon(x->session, x->in->now);
	return why;
}

/* An answer without a description: the dialog alone has changed. */
static enum refusal keep_dialog(struct exchange *x)
{
	enum refusal why = x->req.dialog ? step_60_party(x) : NO_SDP;

	if (why != NONE)
		return why;
	session_note_dialog(x->session, x->req.dialog);
	session_keep(x->session, x->in->now);
	session_lines(&x->sdp, x->session);
	return step_66_build(x);
}

/* Fig. 10. */
static enum refusal on_invite(struct exchange *x)
{
	static step_h *const fig10[] = {
		step_60_receive, step_60_open,  step_60_party, step_62_assign,
		step_64_write,   step_66_build, NULL,
	};

	enum refusal why;

	x->c->cfg.counters->requests_invite++;
	why = walk(x, fig10);
	if (why != NO_SDP || !x->session || x->req.sdp_len)
		return why;
	if (x->req.to_tag)
		return keep_dialog(x);
	/* A proxy that has lost the session over a restart, and that gets a
	 * late offer, only asks what its resource is. */
	session_lines(&x->sdp, x->session);
	(void)session_offerer(&x->party.side, x->session, x->req.from_tag);
	return step_66_build(x);
}

/* Answer a release from what was remembered. */
static enum refusal release_again(struct exchange *x)
{
	const char *text = answers_get(x->c->answers, x->sip->sip_call_id->i_id,
				       x->in->now);
	json_t *body = text ? json_loads(text, 0, NULL) : NULL;
	int err;

	if (!body)
		return NO_SESSION;
	x->c->cfg.counters->release_repeats++;
	err = relay_json_answer_print(x->out, x->sip, body);
	json_decref(body);
	return err ? FAILED : NONE;
}

/* The release: statistics, then everything is free. */
static enum refusal on_bye(struct exchange *x)
{
	const char *call_id = x->sip->sip_call_id->i_id;
	const char *tag = x->sip->sip_from->a_tag;
	char *text;
	json_t *body;
	int err;

	x->c->cfg.counters->requests_bye++;
	x->session = sessions_find(x->c->cfg.sessions, call_id);
	if (!x->session)
		return release_again(x);
	if (session_outlives(x->session, tag ? tag : "",
			     x->sip->sip_cseq->cs_seq))
		return NO_SESSION;
	body = report_session(x->session, x->in->now);
	session_release(x->session, x->in->now);
	err = body ? relay_json_answer_print(x->out, x->sip, body) : -ENOMEM;
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (text && answers_put(x->c->answers, call_id, text, x->in->now))
		log_warn("answer to a release not remembered: out of memory",
			 LOG_S("call_id", call_id));
	return err ? FAILED : NONE;
}

static enum refusal on_options(struct exchange *x)
{
	json_t *body = report_load(x->c->cfg.load, x->c->cfg.ports, x->in->now);
	int err =
		body ? relay_json_answer_print(x->out, x->sip, body) : -ENOMEM;

	x->c->cfg.counters->requests_options++;
	json_decref(body);
	return err ? FAILED : NONE;
}

/*
 * The patent's own form of the second channel: the called party's 200 OK, with
 * its SDP. There is nobody to answer; what does not fit is dropped.
 */
static void on_response(struct exchange *x)
{
	static step_h *const steps[] = {step_60_party, step_64_write, NULL};
	const sip_t *sip = x->sip;

	if (sip->sip_status->st_status != 200 ||
	    sip->sip_cseq->cs_method != sip_method_invite ||
	    relay_request_parse(&x->req, sip))
		return;
	x->session = sessions_find(x->c->cfg.sessions, x->req.call_id);
	if (!x->session || !x->req.to_tag || !x->req.sdp ||
	    sdp_parse(&x->sdp, x->req.sdp, x->req.sdp_len))
		return;
	if (walk(x, steps) == NONE)
		x->c->cfg.counters->responses_in++;
}

/* What is served, once; ACK ends an exchange that keeps no state. */
static const struct {
	sip_method_t method;
	step_h *fn;
	bool traced;
} methods[] = {
	{sip_method_invite, on_invite, true},
	{sip_method_bye, on_bye, true},
	{sip_method_options, on_options, false},
};

static void trace_message(const struct exchange *x, enum trace_dir dir,
			  const struct addr *peer, const char *text, size_t len)
{
	journal_message(x->c->cfg.journal, x->sip->sip_call_id->i_id, dir,
			x->in->self, peer, text, len);
}

/* Sets `traced`: whether the call trace shows the answer too. */
static enum refusal dispatch(struct exchange *x, bool *traced)
{
	sip_method_t method = x->sip->sip_request->rq_method;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (methods[i].method != method)
			continue;
		*traced = methods[i].traced;
		if (*traced)
			trace_message(x, TRACE_IN, x->in->src, x->in->data,
				      x->in->len);
		return methods[i].fn(x);
	}
	return METHOD;
}

/* A request other than ACK; true when the answer is to be sent. */
static bool answer(struct exchange *x, bool trusted, struct addr *dst)
{
	bool traced = false;
	enum refusal why = trusted ? dispatch(x, &traced) : UNTRUSTED;

	if (why != NONE) {
		if (trusted)
			journal_refused(x->c->cfg.journal, x->sip, x->in->src,
					refusal_status(why),
					refusal_phrase(why));
		strbuf_init(x->out, x->out->data, x->out->cap);
		if (refusal_print(x->out, why, x->sip, x->c->cfg.counters))
			return false;
	}
	if (sipmsg_via_dest(dst, x->sip->sip_via))
		return false;
	if (traced)
		trace_message(x, TRACE_OUT, dst, x->out->data, x->out->len);
	return true;
}

static bool is_of_the_site(const struct control_config *cfg,
			   const struct addr *src)
{
	for (size_t i = 0; i < cfg->nsite; i++)
		if (addr_ip_eq(&cfg->site[i], src))
			return true;
	return netset_has(cfg->trusted, src);
}

/* A message that parsed. */
static bool serve(struct exchange *x, struct addr *dst)
{
	bool trusted = netset_has(x->c->cfg.trusted, x->in->src);

	if (is_of_the_site(&x->c->cfg, x->in->src) &&
	    probed_answer(x->out, x->sip, x->in))
		return !sipmsg_via_dest(dst, x->sip->sip_via);
	if (!trusted)
		journal_outsider(x->c->cfg.journal, x->sip, x->in->src,
				 x->in->now);
	if (x->sip->sip_request) {
		if (x->sip->sip_request->rq_method == sip_method_ack)
			return false;
		return answer(x, trusted, dst);
	}
	if (!trusted) {
		x->c->cfg.counters->untrusted++;
		return false;
	}
	if (sessions_find(x->c->cfg.sessions, x->sip->sip_call_id->i_id))
		trace_message(x, TRACE_IN, x->in->src, x->in->data, x->in->len);
	if (!x->c->cfg.gone ||
	    !gone_response(x->c->cfg.gone, x->sip, x->in->src))
		on_response(x);
	return false;
}

int control_alloc(struct control **cp, const struct control_config *cfg)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->cfg = *cfg;
	if (answers_alloc(&c->answers, ANSWERS_MAX)) {
		free(c);
		return -ENOMEM;
	}
	*cp = c;
	return 0;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	answers_free(c->answers);
	free(c);
}

void control_trust(struct control *c, const struct netset *trusted)
{
	c->cfg.trusted = trusted;
}

bool control_handle(struct control *c, struct strbuf *out, struct addr *dst,
		    const struct control_input *in)
{
	struct exchange x = {.c = c, .in = in, .out = out};
	const char *why = NULL;
	msg_t *msg = NULL;
	bool send = false;

	if (sipmsg_parse(&msg, in->data, in->len, &why)) {
		c->cfg.counters->malformed++;
		log_debug("no SIP message", LOG_A("source", in->src),
			  LOG_S("why", why));
		return false;
	}
	x.msg = msg;
	x.sip = sip_object(msg);
	if (!x.sip->sip_request || !sipmsg_via_received(msg, in->src, false))
		send = serve(&x, dst);
	msg_destroy(msg);
	return send;
}
