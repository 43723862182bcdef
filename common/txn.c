#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/txn_internal.h"

/* RFC 3261 table 4 and 16.6 step 11 ("more than 3 minutes"), RFC 6026 */
const struct txn_timers txn_default_timers = {
	.t1 = 500,
	.t2 = 4000,
	.t4 = 5000,
	.timer_b = 64 * 500,
	.timer_c = 181 * 1000,
	.timer_d = 32 * 1000,
	.timer_f = 64 * 500,
	.timer_h = 64 * 500,
	.timer_l = 64 * 500,
	.timer_m = 64 * 500,
};

int txn_way_back(struct channel *way, const sip_t *req,
		 const struct channel *src)
{
	*way = *src;
	if (transport_is_stream(src->transport))
		return 0;
	return sipmsg_via_dest(&way->addr, req->sip_via);
}

/* An answer of the layer itself, for which it keeps no state (8.2.7). */
static void answer(struct txns *t, const sip_t *req, const struct channel *src,
		   int status, const char *extra)
{
	char tag[TXN_BRANCH_LEN];
	struct sipmsg_reply r = {
		.status = status, .to_tag = tag, .extra = extra};
	struct strbuf out;
	struct channel dst;

	txn_key_tag(tag, t, req);
	strbuf_init(&out, t->scratch, sizeof(t->scratch));
	if (txn_way_back(&dst, req, src) != 0 ||
	    sipmsg_reply(&out, req, &r) != 0) {
		t->counts.malformed++;
		return;
	}
	if (t->cfg.send(&dst, out.data, out.len, t->cfg.arg) != 0)
		t->counts.undelivered++;
}

/* RFC 3581 4: who asks for rport gets it; and who stands behind a NAT, which
 * is where sent-by says one address and the packet another, can be reached
 * in no other way. */
static int mark_via(msg_t *msg, const sip_t *req, const struct channel *src)
{
	struct addr sent_by;
	bool nat = sipmsg_via_addr(&sent_by, req->sip_via) == 0 &&
		   !addr_ip_eq(&sent_by, &src->addr);

	return sipmsg_via_received(msg, &src->addr, nat);
}

static struct txn_server *find_server(struct txns *t, const sip_t *req,
				      const char *method, const char *to_tag)
{
	uint64_t key;

	if (txn_key_server(&key, t, req, method, to_tag) != 0)
		return NULL;
	return table_get(t->servers, &key, sizeof(key));
}

/*
 * The INVITE an ACK belongs to (17.2.3). Without the cookie the To tag of the
 * ACK is the response's; the INVITE had either none or, in a dialog, the same.
 */
static struct txn_server *find_acked(struct txns *t, const sip_t *ack)
{
	const char *tag = ack->sip_to->a_tag;
	struct txn_server *s = find_server(t, ack, "INVITE", NULL);

	if (txn_key_has_cookie(ack))
		return s;
	if (s && txn_server_answered_with(s, tag))
		return s;
	return find_server(t, ack, "INVITE", tag);
}

static bool answered_by_us(struct txns *t, const sip_t *ack)
{
	char tag[TXN_BRANCH_LEN];

	if (!ack->sip_to->a_tag)
		return false;
	txn_key_tag(tag, t, ack);
	return strcmp(tag, ack->sip_to->a_tag) == 0;
}

/*
 * An ACK ends at the INVITE it acknowledges, or here, if what it acknowledges
 * is an answer without state. The ACK to a 2xx goes up; it takes no memory,
 * and the call exists: an overload is no reason to drop it.
 */
static bool ack_input(struct txns *t, msg_t *msg, const sip_t *sip,
		      const struct channel *src)
{
	struct txn_server *s = find_acked(t, sip);

	if (s ? txn_server_ack(s) : answered_by_us(t, sip))
		return false;
	if (mark_via(msg, sip, src) != 0)
		return false;
	t->cfg.request(0, msg, src, t->cfg.arg);
	return true;
}

/* 9.2 and 16.10: 200 where there is an INVITE, whatever has become of it. */
static void cancel_input(struct txns *t, msg_t *msg, const sip_t *sip,
			 const struct channel *src)
{
	struct txn_server *s =
		find_server(t, sip, "INVITE", sip->sip_to->a_tag);
	txn_id invite = s ? txn_server_id(s) : 0;
	bool tell = s && txn_server_cancel(s);

	if (mark_via(msg, sip, src) != 0)
		return;
	answer(t, sip, src, s ? 200 : 481, NULL);
	if (tell)
		t->cfg.cancel(invite, t->cfg.arg);
}

/* True if `msg` is the user's now. */
static bool request_begin(struct txns *t, uint64_t key, msg_t *msg,
			  const sip_t *sip, const struct channel *src)
{
	int err;

	if (mark_via(msg, sip, src) != 0)
		return false;
	err = txn_server_begin(t, key, msg, src);
	if (err == -EINVAL) {
		t->counts.malformed++;
	} else if (err) {
		t->counts.overload++;
		answer(t, sip, src, 503, "Retry-After: 5\r\n");
	}
	return err == 0;
}

/* What a request that begins something is answered instead; NULL: nothing. */
struct refusal {
	int status;
	const char *extra;
};

static bool request_refuse(struct txns *t, msg_t *msg, const sip_t *sip,
			   const struct channel *src, const struct refusal *no)
{
	if (mark_via(msg, sip, src) == 0)
		answer(t, sip, src, no->status, no->extra);
	return false;
}

static bool request_input(struct txns *t, msg_t *msg, const sip_t *sip,
			  const struct channel *src, const struct refusal *no)
{
	const char *method = sip->sip_request->rq_method_name;
	struct txn_server *s;
	uint64_t key;

	if (sip->sip_request->rq_method == sip_method_ack)
		return ack_input(t, msg, sip, src);
	if (sip->sip_request->rq_method == sip_method_cancel) {
		cancel_input(t, msg, sip, src);
		return false;
	}
	if (txn_key_server(&key, t, sip, method, sip->sip_to->a_tag) != 0) {
		t->counts.malformed++;
		return false;
	}
	s = table_get(t->servers, &key, sizeof(key));
	if (!s)
		return no ? request_refuse(t, msg, sip, src, no)
			  : request_begin(t, key, msg, sip, src);
	t->counts.retransmits_in++;
	txn_server_again(s);
	return false;
}

/* 17.1.3: our branch in the top Via, and the method in CSeq. */
static void response_input(struct txns *t, msg_t *msg, const sip_t *sip)
{
	const char *branch = sip->sip_via->v_branch;
	struct txn_client *c = NULL;
	uint64_t key;

	if (branch) {
		key = txn_key_client(branch, strlen(branch),
				     sip->sip_cseq->cs_method_name);
		c = table_get(t->clients, &key, sizeof(key));
	}
	if (c)
		txn_client_input(c, sip->sip_status->st_status, msg);
	else
		t->counts.stray++;
}

/* What sipmsg_parse promises; the layer does not live by promises. */
static bool is_complete(const sip_t *sip)
{
	const sip_request_t *rq = sip ? sip->sip_request : NULL;
	const sip_status_t *st = sip ? sip->sip_status : NULL;

	if (!sip || !sip->sip_via || !sip->sip_from || !sip->sip_to ||
	    !sip->sip_call_id || !sip->sip_cseq ||
	    !sip->sip_cseq->cs_method_name)
		return false;
	if (rq)
		return rq->rq_method_name &&
		       rq->rq_method == sip->sip_cseq->cs_method;
	return st && st->st_status >= 100 && st->st_status < 700;
}

static int destroy_server(const void *key, size_t len, void *value, void *arg)
{
	(void)key, (void)len, (void)arg;
	txn_server_destroy(value);
	return 0;
}

static int destroy_client(const void *key, size_t len, void *value, void *arg)
{
	(void)key, (void)len, (void)arg;
	txn_client_destroy(value);
	return 0;
}

int txn_timer_start(struct txns *t, deadline_id *timer, uint64_t after,
		    deadline_h *fn, void *arg)
{
	txn_timer_stop(t, timer);
	return deadlines_add(timer, t->deadlines, t->now + after, fn, arg);
}

void txn_timer_stop(struct txns *t, deadline_id *timer)
{
	deadlines_cancel(t->deadlines, *timer);
	*timer = 0;
}

void txn_timer_fired(struct txns *t, deadline_id *timer)
{
	*timer = 0;
	txns_clock(t, deadlines_due(t->deadlines));
}

void txns_clock(struct txns *t, uint64_t now)
{
	if (now > t->now)
		t->now = now;
}

void txns_settle(struct txns *t, bool *pending)
{
	if (*pending)
		t->pending--;
	*pending = false;
}

char *txn_bytes_dup(const char *data, size_t len)
{
	char *copy = malloc(len ? len : 1);

	return copy ? memcpy(copy, data, len) : NULL;
}

int txns_alloc(struct txns **tp, struct deadlines *deadlines,
	       const struct txn_config *cfg)
{
	struct txns *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->deadlines = deadlines;
	t->cfg = *cfg;
	err = table_alloc(&t->servers, cfg->max);
	if (err)
		goto out;
	/* Each INVITE must find room for its CANCEL. */
	err = table_alloc(&t->clients, 2 * cfg->max);
	if (err)
		goto out;
	err = table_alloc(&t->conns, 3 * cfg->max);
out:
	if (err) {
		txns_free(t);
		return err;
	}
	*tp = t;
	return 0;
}

void txns_free(struct txns *t)
{
	if (!t)
		return;
	if (t->servers)
		table_apply(t->servers, destroy_server, NULL);
	if (t->clients)
		table_apply(t->clients, destroy_client, NULL);
	table_free(t->servers);
	table_free(t->clients);
	table_free(t->conns);
	free(t->ids.slots);
	free(t);
}

const struct txn_counts *txns_counts(const struct txns *t)
{
	return &t->counts;
}

size_t txns_open(const struct txns *t)
{
	return table_count(t->servers) + table_count(t->clients);
}

unsigned txns_fullness(const struct txns *t)
{
	size_t servers = table_count(t->servers);
	size_t clients = table_count(t->clients);
	size_t n = servers > clients ? servers : clients;

	return n >= t->cfg.max ? 1000 : (unsigned)(n * 1000 / t->cfg.max);
}

size_t txns_pending(const struct txns *t)
{
	return t->pending;
}

static void input(struct txns *t, uint64_t now, msg_t *msg,
		  const struct channel *src, const struct refusal *no)
{
	const sip_t *sip = sip_object(msg);
	bool taken = false;

	txns_clock(t, now);
	if (!is_complete(sip))
		t->counts.malformed++;
	else if (sip->sip_request)
		taken = request_input(t, msg, sip, src, no);
	else
		response_input(t, msg, sip);
	if (!taken)
		msg_destroy(msg);
}

void txns_input(struct txns *t, uint64_t now, msg_t *msg,
		const struct channel *src)
{
	input(t, now, msg, src, NULL);
}

void txns_refuse(struct txns *t, uint64_t now, msg_t *msg,
		 const struct channel *src, int status, const char *extra)
{
	const struct refusal no = {status, extra};

	input(t, now, msg, src, &no);
}
