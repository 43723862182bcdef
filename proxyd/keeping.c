#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/redirect.h"
#include "proxyd/clients.h"
#include "proxyd/conf.h"
#include "proxyd/edge.h"
#include "proxyd/flow.h"
#include "proxyd/outbound.h"
#include "proxyd/pinholes.h"
#include "proxyd/proxy.h"
#include "proxyd/waiting.h"

#include "proxyd/keeping.h"

enum {
	WAITING_MAX = 10000,
	WAITING_PER_CLIENT = 10,
	SAY_QUEUED_MS = 2000,
	PATIENCE_MS = 4000, /* for an OPTIONS, at most */
	SILENCE_MS = 30000, /* an INVITE's without any answer, nearly */
	TOKEN_LEN = 17,
	REQUEST_MAX = 2048,
	HOST_MAX = 300,
};

struct keeping {
	bool options; /* over UDP; otherwise CRLF */
	uint32_t patience_ms;
	uint32_t cseq;
	char tag[TOKEN_LEN];
	char call_id[TOKEN_LEN];
	char out[REQUEST_MAX];
};

static uint64_t now(void *arg)
{
	return proxy_now(arg);
}

/* Whatever the phone answers shows that it is there: that is seen by where it
 * came from. */
static void options_answered(txn_id id, int status, msg_t *msg, bool last,
			     uint64_t ref, void *arg)
{
	(void)id;
	(void)status;
	(void)msg;
	(void)last;
	(void)ref;
	(void)arg;
}

static int print_options(struct strbuf *out, struct proxy *p,
			 const char *branch, const struct channel *at,
			 const char *target)
{
	struct keeping *k = p->keeping;
	struct channel self;
	char host[ADDR_STRLEN];

	edge_self(&self, p, at);
	addr_str(host, &self.addr);
	strbuf_printf(out,
		      "OPTIONS %s SIP/2.0\r\n"
		      "Via: SIP/2.0/%s %s;branch=%s;rport\r\n"
		      "Max-Forwards: 70\r\n"
		      "From: <sip:%s>;tag=%s\r\n"
		      "To: <%s>\r\n"
		      "Call-ID: %s\r\n"
		      "CSeq: %u OPTIONS\r\n"
		      "Content-Length: 0\r\n\r\n",
		      target, transport_via(self.transport), host, branch, host,
		      k->tag, target, k->call_id, ++k->cseq);
	return strbuf_err(out);
}

static bool send_options(struct proxy *p, const struct channel *at,
			 const char *target)
{
	struct keeping *k = p->keeping;
	char branch[TXN_BRANCH_LEN];
	struct strbuf sb;

	txn_branch(branch, NULL, 0);
	strbuf_init(&sb, k->out, sizeof(k->out));
	return !print_options(&sb, p, branch, at, target) &&
	       !txn_request(NULL, p->txns, proxy_now(p), at, branch, k->out,
			    sb.len, k->patience_ms, options_answered, 0);
}

/* A stream is pinged (RFC 5626 4.4.1, RFC 7118 6); what is marked there has
 * closed its connection or will not answer on it. */
static bool send_keepalive(const struct channel *at, const char *target,
			   bool marked, void *arg)
{
	struct proxy *p = arg;
	bool stream = transport_is_stream(at->transport);

	if (stream && marked)
		return false;
	p->n.keepalives_out++;
	if (!stream && (p->keeping->options || marked))
		return !p->draining && send_options(p, at, target);
	edge_ping(p, at);
	return stream;
}

static void on_news(const struct channel *at, enum pinholes_news what,
		    const char *why, void *arg)
{
	struct proxy *p = arg;
	char text[CHANNEL_STRLEN];
	bool heard = what == PINHOLES_HEARD;

	p->n.pinholes_marked += !heard;
	p->n.pinholes_heard += heard;
	log_info(heard ? "pinhole is open again" : "pinhole marked as shut",
		 LOG_S("channel", channel_str(text, at)), LOG_S("why", why));
	if (heard)
		(void)waiting_wake(p->waiting, at, at, proxy_now(p));
}

static void on_moved(const char *id, const struct channel *from,
		     const struct channel *to, void *arg)
{
	struct proxy *p = arg;

	(void)id;
	p->n.pinholes_moved++;
	(void)waiting_wake(p->waiting, from, to, proxy_now(p));
}

static struct branch *find_branch(struct proxy *p,
				  const struct waiting_ref *ref)
{
	struct request *r = request_find(p, ref->request);
	struct branch *b = r ? r->branches : NULL;

	while (b && b->nth != ref->branch)
		b = b->next;
	return b;
}

static enum step_result refuse(struct branch *b)
{
	return branch_fail_with(b, 480, NULL, "Retry-After: 30\r\n");
}

static void on_end(const struct waiting_ref *ref, const struct channel *at,
		   void *arg)
{
	struct proxy *p = arg;
	struct branch *b = find_branch(p, ref);
	char text[CHANNEL_STRLEN];

	if (!b)
		return;
	if (at) {
		p->n.calls_delivered++;
		b->dest = *at;
		log_info("client was heard: its call goes on",
			 LOG_S("call_id", request_id(b->r)),
			 LOG_S("channel", channel_str(text, at)));
	} else {
		(void)refuse(b);
	}
	branch_answered(b);
}

/* RFC 3261 21.1.4: rather queued than rejected. */
static void on_queued(const struct waiting_ref *ref, void *arg)
{
	struct branch *b = find_branch(arg, ref);

	if (b)
		request_ring(b->r, 182);
}

static int open_pinholes(struct proxy *p)
{
	const struct pinholes_config cfg = {
		.deadlines = p->deadlines,
		.max = PROXY_CLIENTS_MAX,
		.interval_ms = (uint32_t)p->conf->keepalive * 1000,
		.misses = (unsigned)p->conf->pinhole_missed,
		.now = now,
		.send = send_keepalive,
		.news = on_news,
		.arg = p,
	};

	return pinholes_alloc(&p->pinholes, &cfg);
}

static int open_clients(struct proxy *p)
{
	const struct clients_config cfg = {
		.deadlines = p->deadlines,
		.pinholes = p->pinholes,
		.max = PROXY_CLIENTS_MAX,
		.moved = on_moved,
		.arg = p,
	};

	return clients_alloc(&p->clients, &cfg);
}

static int open_waiting(struct proxy *p)
{
	const struct waiting_config cfg = {
		.deadlines = p->deadlines,
		.max = WAITING_MAX,
		.max_per_channel = WAITING_PER_CLIENT,
		.say_ms = SAY_QUEUED_MS,
		.end = on_end,
		.queued = on_queued,
		.arg = p,
	};

	return waiting_alloc(&p->waiting, &cfg);
}

/* The answer is awaited for less than the interval: one is under way at most.
 */
static uint32_t patience(const struct proxyd_conf *conf)
{
	uint32_t ms = (uint32_t)conf->keepalive * 750;

	return ms && ms < PATIENCE_MS ? ms : PATIENCE_MS;
}

int keeping_start(struct proxy *p)
{
	struct keeping *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	p->keeping = k;
	k->options = !strcmp(p->conf->pinhole_method, "options");
	k->patience_ms = patience(p->conf);
	sipmsg_token(k->tag, sizeof(k->tag));
	sipmsg_token(k->call_id, sizeof(k->call_id));
	err = open_pinholes(p);
	if (!err)
		err = open_clients(p);
	return err ? err : open_waiting(p);
}

void keeping_stop(struct proxy *p)
{
	waiting_free(p->waiting);
	clients_free(p->clients);
	pinholes_free(p->pinholes);
	free(p->keeping);
}

void keeping_heard(struct proxy *p, const struct channel *src, bool answer)
{
	if (pinholes_heard(p->pinholes, src, answer, proxy_now(p)))
		p->n.keepalives_answered += answer;
}

void keeping_closed(struct proxy *p, const struct channel *at)
{
	if (transport_is_stream(at->transport))
		pinholes_gone(p->pinholes, at, "connection closed");
}

void keeping_silent(const struct branch *b)
{
	struct proxy *p = b->r->p;
	uint64_t heard = pinholes_last_heard(p->pinholes, &b->dest);

	if (b->dest_marked && b->r->method == sip_method_invite &&
	    proxy_now(p) - heard >= SILENCE_MS)
		pinholes_mark(p->pinholes, &b->dest, "INVITE not answered");
}

/* How the sender calls itself: by its Contact or, where it has none, its Via.
 * Both are as the phone wrote them, the first in its mark. */
static int own_name(char own[HOST_MAX], const sip_t *sip)
{
	const sip_via_t *v = sip->sip_via;
	int n = -ENOENT;

	if (sip->sip_contact)
		n = sipmsg_url_param(own, HOST_MAX, sip->sip_contact->m_url,
				     proto_uri_param_name(PROTO_OWN));
	if (n != -ENOENT)
		return n < 0 ? n : 0;
	n = snprintf(own, HOST_MAX, "%s%s%s", v->v_host, v->v_port ? ":" : "",
		     v->v_port ? v->v_port : "");
	return n < HOST_MAX ? 0 : -EMSGSIZE;
}

void keeping_seen(const struct request *r)
{
	struct proxy *p = r->p;
	char id[REDIRECT_ID_MAX], own[HOST_MAX];

	if (r->trusted || !r->initial || r->sip->sip_via->v_next ||
	    redirect_client_id(id, r->sip->sip_from->a_url) ||
	    clients_at(p->clients, id, &r->src) || own_name(own, r->sip))
		return;
	(void)clients_moved(p->clients, id, own, &r->src, proxy_now(p));
}

bool keeping_owns(const struct proxy *p, const char *call_id)
{
	return !strcmp(p->keeping->call_id, call_id);
}

static struct waiting_ref ref_of(const struct branch *b)
{
	return (struct waiting_ref){b->r->server, b->nth};
}

enum step_result keeping_await(struct branch *b)
{
	struct proxy *p = b->r->p;
	uint64_t t = proxy_now(p);
	uint64_t wait = (uint64_t)p->conf->pinhole_wait * 1000;
	struct waiting_ref ref = ref_of(b);

	if (!b->dest_marked || !pinholes_marked(p->pinholes, &b->dest))
		return STEP_NEXT;
	if (outbound_next_flow(b))
		return STEP_NEXT;
	if (b->flow_elsewhere)
		return branch_fail(b, 430, "Flow Failed");
	if (!wait || waiting_add(p->waiting, &ref, &b->dest, t, t + wait))
		return refuse(b);
	p->n.calls_waiting++;
	log_info("client is not heard: its call waits",
		 LOG_S("call_id", request_id(b->r)),
		 LOG_S("client", b->r->client_id),
		 LOG_A("channel", &b->dest.addr), LOG_I("ms", wait));
	proxy_note(p, request_id(b->r),
		   "pinhole is shut: waits for the client's next poll");
	pinholes_probe(p->pinholes, &b->dest, t);
	b->waiting++;
	return STEP_WAIT;
}

void keeping_leave(struct branch *b)
{
	struct waiting_ref ref = ref_of(b);

	if (waiting_cancel(b->r->p->waiting, &ref))
		b->waiting--;
}
