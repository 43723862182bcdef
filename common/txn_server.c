#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/txn_internal.h"

/* 17.2.1: no 100 if the user answers within 200 ms. */
enum { TRYING_MS = 200 };

/* Fig. 7 as RFC 6026 redraws it, and Fig. 8. */
enum state {
	TRYING,     /* non-INVITE, nothing sent */
	PROCEEDING, /* INVITE from the start; a provisional response sent */
	COMPLETED,  /* a final response sent; of an INVITE, not a 2xx */
	CONFIRMED,  /* INVITE, ACK seen */
	ACCEPTED,   /* INVITE, a 2xx sent */
};

struct txn_server {
	struct txns *t;
	txn_id id;
	uint64_t key;
	struct channel dst;
	struct txn_link *link; /* an INVITE that has no other way back */
	char *resp; /* the last response while it may be needed again */
	uint32_t resp_len;
	uint32_t interval;
	deadline_id again;  /* 100 after 200 ms; Timer G */
	deadline_id life;   /* Timers H, I, J, L; the guard before */
	uint16_t back_port; /* where the client takes connections; 0: nowhere */
	uint8_t state;      /* enum state */
	bool invite;
	bool stream;
	bool sent;      /* `resp` has gone out at least once */
	bool cancelled; /* and the user has been told */
	bool pending;
};

static void life_expired(void *arg);

/* Whether a response may go on a new connection (18.2.2): not to who is behind
 * a NAT, which is where the connection did not come from the sent-by, and not
 * to a browser. */
static uint16_t back_port(const sip_via_t *via, const struct channel *src)
{
	struct addr sent_by;

	if ((src->transport != TRANSPORT_TCP &&
	     src->transport != TRANSPORT_TLS) ||
	    sipmsg_via_addr(&sent_by, via) != 0 ||
	    !addr_ip_eq(&sent_by, &src->addr))
		return 0;
	return via->v_port ? addr_port(&sent_by)
			   : transport_port(src->transport);
}

static void send_bytes(struct txn_server *s, const char *data, size_t len)
{
	const struct txn_config *cfg = &s->t->cfg;
	int err = cfg->send(&s->dst, data, len, cfg->arg);

	if (err == -ENOTCONN && s->back_port) {
		addr_set_port(&s->dst.addr, s->back_port);
		s->dst.conn = 0;
		err = cfg->send(&s->dst, data, len, cfg->arg);
	}
	if (err)
		s->t->counts.undelivered++;
}

static void send_resp(struct txn_server *s)
{
	send_bytes(s, s->resp, s->resp_len);
	s->sent = true;
}

static int keep_resp(struct txn_server *s, const char *data, size_t len)
{
	char *copy = txn_bytes_dup(data, len);

	if (!copy)
		return -ENOMEM;
	free(s->resp);
	s->resp = copy;
	s->resp_len = (uint32_t)len;
	return 0;
}

static void drop_resp(struct txn_server *s)
{
	free(s->resp);
	s->resp = NULL;
	s->resp_len = 0;
}

/* No state without an end: where the timer cannot be had, it ends now. */
static bool enter(struct txn_server *s, enum state state, uint64_t life_ms)
{
	s->state = (uint8_t)state;
	if (state >= COMPLETED) {
		txns_settle(s->t, &s->pending);
		txn_unlink(s->t, &s->link);
	}
	if (txn_timer_start(s->t, &s->life, life_ms, life_expired, s) == 0)
		return true;
	txn_server_destroy(s);
	return false;
}

/* Longer than any user may take: the client has long given up by then. */
static uint64_t guard_ms(const struct txn_server *s)
{
	const struct txn_timers *tm = &s->t->cfg.timers;

	return 2 * (uint64_t)(s->invite ? tm->timer_c : tm->timer_f);
}

static void life_expired(void *arg)
{
	struct txn_server *s = arg;

	txn_timer_fired(s->t, &s->life);
	if (s->pending || (s->invite && s->state == COMPLETED))
		s->t->counts.timeouts++;
	txn_server_destroy(s);
}

static void timer_100(void *arg)
{
	struct txn_server *s = arg;

	txn_timer_fired(s->t, &s->again);
	send_resp(s);
}

/* Its connection is lost, and with it whoever was calling. */
static void connection_lost(void *arg)
{
	struct txn_server *s = arg;

	s->t->counts.lost++;
	if (txn_server_cancel(s))
		s->t->cfg.cancel(s->id, s->t->cfg.arg);
}

/* Completed, 17.2.1: until the ACK comes. Without memory for the timer the
 * client's own retransmissions do. */
static void timer_g(void *arg)
{
	struct txn_server *s = arg;
	struct txns *t = s->t;

	txn_timer_fired(t, &s->again);
	s->t->counts.retransmits_out++;
	send_resp(s);
	s->interval *= 2;
	if (s->interval > t->cfg.timers.t2)
		s->interval = t->cfg.timers.t2;
	txn_timer_start(t, &s->again, s->interval, timer_g, s);
}

/* The 100 is made while the request is at hand; the user may change it. */
static int prepare_100(struct txn_server *s, const sip_t *req)
{
	struct sipmsg_reply r = {.status = 100};
	struct strbuf out;

	strbuf_init(&out, s->t->scratch, sizeof(s->t->scratch));
	if (sipmsg_reply(&out, req, &r) != 0 ||
	    keep_resp(s, out.data, out.len) != 0)
		return -ENOMEM;
	return txn_timer_start(s->t, &s->again, TRYING_MS, timer_100, s);
}

static int server_alloc(struct txn_server **sp, struct txns *t, uint64_t key)
{
	struct txn_server *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->t = t;
	s->key = key;
	err = table_put(t->servers, &s->key, sizeof(s->key), s);
	if (err) {
		free(s);
		return err;
	}
	s->pending = true;
	t->pending++;
	err = txn_id_new(&s->id, t, TXN_SERVER, s);
	if (err) {
		txn_server_destroy(s);
		return err;
	}
	*sp = s;
	return 0;
}

/* What goes over a stream arrives: it is not kept to be sent again. */
static int send_or_keep(struct txn_server *s, const char *data, size_t len)
{
	int err = 0;

	if (s->stream) {
		drop_resp(s);
		send_bytes(s, data, len);
		return 0;
	}
	err = keep_resp(s, data, len);
	if (!err)
		send_resp(s);
	return err;
}

static int provisional(struct txn_server *s, const char *data, size_t len)
{
	int err = send_or_keep(s, data, len);

	if (err)
		return err;
	if (s->invite)
		txn_timer_stop(s->t, &s->again);
	enter(s, PROCEEDING, guard_ms(s));
	return 0;
}

/* Fig. 8, "200-699 from TU": Completed, Timer J. */
static int final_other(struct txn_server *s, const char *data, size_t len)
{
	int err = send_or_keep(s, data, len);

	if (err)
		return err;
	if (s->stream)
		txn_server_destroy(s);
	else
		enter(s, COMPLETED, 64 * (uint64_t)s->t->cfg.timers.t1);
	return 0;
}

/* Fig. 7, "300-699 from TU": Completed, Timers G and H. Its To tag tells which
 * ACK is meant (17.2.3): it is kept over a stream, too. */
static int final_rejected(struct txn_server *s, const char *data, size_t len)
{
	const struct txn_timers *tm = &s->t->cfg.timers;
	int err = keep_resp(s, data, len);

	if (err)
		return err;
	send_resp(s);
	txn_timer_stop(s->t, &s->again);
	if (!enter(s, COMPLETED, tm->timer_h) || s->stream)
		return 0;
	s->interval = tm->t1;
	txn_timer_start(s->t, &s->again, s->interval, timer_g, s);
	return 0;
}

/* RFC 6026 7.1, "2xx from TU": Accepted, Timer L. Who made the 2xx sends it
 * again until its ACK comes, so that nothing needs to be kept. */
static int final_accepted(struct txn_server *s, const char *data, size_t len)
{
	txn_timer_stop(s->t, &s->again);
	drop_resp(s);
	send_bytes(s, data, len);
	enter(s, ACCEPTED, s->t->cfg.timers.timer_l);
	return 0;
}

static int respond_invite(struct txn_server *s, int status, const char *data,
			  size_t len)
{
	bool success = status >= 200 && status < 300;

	if (s->state == ACCEPTED && success) {
		send_bytes(s, data, len);
		return 0;
	}
	if (s->state != PROCEEDING)
		return -EALREADY;
	if (status < 200)
		return provisional(s, data, len);
	if (success)
		return final_accepted(s, data, len);
	return final_rejected(s, data, len);
}

static int respond_other(struct txn_server *s, int status, const char *data,
			 size_t len)
{
	if (s->state != TRYING && s->state != PROCEEDING)
		return -EALREADY;
	if (status < 200)
		return provisional(s, data, len);
	return final_other(s, data, len);
}

/* Its user has it now, and may need longer than the client's patience. */
static void try_at_once(struct txns *t, txn_id id)
{
	struct txn_server *s = txn_id_get(t, id, TXN_SERVER);

	if (!s || s->state != PROCEEDING || s->sent)
		return;
	txn_timer_stop(t, &s->again);
	send_resp(s);
}

int txn_server_begin(struct txns *t, uint64_t key, msg_t *msg,
		     const struct channel *src)
{
	const sip_t *req = sip_object(msg);
	struct txn_server *s;
	struct channel dst;
	bool invite;
	txn_id id;
	int err;

	if (txn_way_back(&dst, req, src) != 0)
		return -EINVAL;
	err = server_alloc(&s, t, key);
	if (err)
		return err;
	s->dst = dst;
	s->stream = transport_is_stream(dst.transport);
	s->back_port = back_port(req->sip_via, src);
	s->invite = req->sip_request->rq_method == sip_method_invite;
	if (s->invite && s->stream && !s->back_port)
		txn_link(&s->link, t, dst.conn, connection_lost, s);
	if (s->invite && prepare_100(s, req) != 0) {
		txn_server_destroy(s);
		return -ENOMEM;
	}
	if (!enter(s, s->invite ? PROCEEDING : TRYING, guard_ms(s)))
		return -ENOMEM;
	t->counts.server++;
	id = s->id;
	invite = s->invite;
	t->cfg.request(id, msg, src, t->cfg.arg);
	if (invite && t->cfg.trying_at_once)
		try_at_once(t, id);
	return 0;
}

/*
 * 17.2.1, 17.2.2: the last response once more in Proceeding and Completed;
 * silence where none has been sent. Confirmed and Accepted keep none.
 */
void txn_server_again(struct txn_server *s)
{
	if (s->sent && s->resp)
		send_resp(s);
}

void txn_server_destroy(struct txn_server *s)
{
	struct txns *t = s->t;

	txn_timer_stop(t, &s->again);
	txn_timer_stop(t, &s->life);
	txns_settle(t, &s->pending);
	txn_unlink(t, &s->link);
	txn_id_free(t, s->id);
	table_del(t->servers, &s->key, sizeof(s->key));
	free(s->resp);
	free(s);
}

bool txn_server_ack(struct txn_server *s)
{
	if (s->state == ACCEPTED)
		return false;
	if (s->state != COMPLETED) {
		s->t->counts.retransmits_in++;
		return true;
	}
	txn_timer_stop(s->t, &s->again);
	drop_resp(s);
	if (s->stream)
		txn_server_destroy(s);
	else
		enter(s, CONFIRMED, s->t->cfg.timers.t4);
	return true;
}

bool txn_server_cancel(struct txn_server *s)
{
	bool tell = s->state == PROCEEDING && !s->cancelled;

	s->cancelled = true;
	return tell;
}

bool txn_server_answered_with(const struct txn_server *s, const char *tag)
{
	size_t len;
	const char *kept;

	if (s->state != COMPLETED)
		return true;
	kept = txn_text_to_tag(&len, s->resp, s->resp_len);
	return len == (tag ? strlen(tag) : 0) &&
	       (len == 0 || memcmp(kept, tag, len) == 0);
}

txn_id txn_server_id(const struct txn_server *s)
{
	return s->id;
}

int txn_respond(struct txns *t, txn_id id, uint64_t now, int status,
		const char *data, size_t len)
{
	struct txn_server *s = txn_id_get(t, id, TXN_SERVER);

	if (!s)
		return -ENOENT;
	txns_clock(t, now);
	if (s->invite)
		return respond_invite(s, status, data, len);
	return respond_other(s, status, data, len);
}
