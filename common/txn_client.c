#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/txn_client.h"

/* Timer B, F: nobody there. Timer C: 16.8, a CANCEL and as long again as it
 * may take; then 408. Timers D, K: the end. Timer M: nothing more will come. */
static void life_expired(void *arg)
{
	struct txn_client *c = arg;

	txn_timer_fired(c->t, &c->life);
	if (c->state == TXN_COMPLETED) {
		txn_client_destroy(c);
	} else if (c->state == TXN_ACCEPTED) {
		txn_client_end(c, 0, NULL);
	} else if (c->failed) {
		txn_client_end(c, 503, NULL);
	} else if (c->invite && c->state == TXN_PROCEEDING && !c->cancelled) {
		txn_client_cancel_now(c);
	} else {
		c->t->counts.timeouts++;
		txn_client_end(c, 408, NULL);
	}
}

/* Retransmissions and Timers B and F make up for what does not get out. */
void txn_client_send_again(struct txn_client *c)
{
	if (c->sent)
		(void)c->t->cfg.send(&c->dst, c->sent, c->sent_len,
				     c->t->cfg.arg);
}

void txn_client_drop(char **bytes, uint32_t *len)
{
	free(*bytes);
	*bytes = NULL;
	*len = 0;
}

void txn_client_end(struct txn_client *c, int status, msg_t *msg)
{
	txn_response_h *fn = c->fn;
	void *arg = c->t->cfg.arg;
	uint64_t ref = c->ref;
	txn_id id = c->id;

	txn_client_destroy(c);
	if (fn)
		fn(id, status, msg, true, ref, arg);
}

bool txn_client_enter(struct txn_client *c, enum txn_client_state state,
		      uint64_t life_ms)
{
	c->state = (uint8_t)state;
	if (state >= TXN_COMPLETED) {
		txns_settle(c->t, &c->pending);
		txn_timer_stop(c->t, &c->again);
		txn_unlink(c->t, &c->link);
	}
	if (txn_timer_start(c->t, &c->life, life_ms, life_expired, c) == 0)
		return true;
	txn_client_end(c, 503, NULL);
	return false;
}

/* Timer A doubles without end (17.1.1.2); Timer E up to T2, and is T2 once
 * the request is known to have arrived (17.1.2.2). */
static void timer_a_e(void *arg)
{
	struct txn_client *c = arg;
	const struct txn_timers *tm = &c->t->cfg.timers;

	txn_timer_fired(c->t, &c->again);
	c->t->counts.retransmits_out++;
	txn_client_send_again(c);
	c->interval *= 2;
	if (!c->invite && (c->interval > tm->t2 || c->state == TXN_PROCEEDING))
		c->interval = tm->t2;
	txn_timer_start(c->t, &c->again, c->interval, timer_a_e, c);
}

static int client_alloc(struct txn_client **cp, struct txns *t, uint64_t key,
			const struct channel *dst)
{
	struct txn_client *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->t = t;
	c->key = key;
	err = table_put(t->clients, &c->key, sizeof(c->key), c);
	if (err) {
		free(c);
		return err;
	}
	c->pending = true;
	t->pending++;
	c->dst = *dst;
	c->stream = transport_is_stream(dst->transport);
	err = txn_id_new(&c->id, t, TXN_CLIENT, c);
	if (err) {
		txn_client_destroy(c);
		return err;
	}
	*cp = c;
	return 0;
}

static void connection_lost(void *arg)
{
	struct txn_client *c = arg;

	c->t->counts.lost++;
	txn_client_end(c, 503, NULL);
}

/* 17.1.4: what cannot be sent is reported, though not before the caller knows
 * the id. A full queue of datagrams is no failure: Timers A and E will do. */
static int send_first(struct txn_client *c, const char *data, size_t len)
{
	struct txns *t = c->t;
	int err = t->cfg.send(&c->dst, data, len, t->cfg.arg);

	if (!err && c->stream)
		txn_link(&c->link, t, c->dst.conn, connection_lost, c);
	if (!err || (err == -ENOBUFS && !c->stream))
		return 0;
	t->counts.lost++;
	c->failed = true;
	txn_timer_stop(t, &c->again);
	return txn_timer_start(t, &c->life, 0, life_expired, c);
}

/* What is sent again until there is an answer. */
static int keep_request(struct txn_client *c, const char *data, size_t len)
{
	c->sent = txn_bytes_dup(data, len);
	c->sent_len = (uint32_t)len;
	if (!c->sent)
		return -ENOMEM;
	return txn_timer_start(c->t, &c->again, c->interval, timer_a_e, c);
}

/* The first sending: Calling with Timers A and B, or Trying with E and F. Over
 * a stream there is neither A nor E. */
static int client_start(struct txn_client *c, uint32_t give_up_ms,
			const char *data, size_t len)
{
	struct txns *t = c->t;
	int err;

	c->state = c->invite ? TXN_CALLING : TXN_TRYING;
	c->begun = t->now;
	c->interval = t->cfg.timers.t1;
	err = txn_timer_start(t, &c->life, give_up_ms, life_expired, c);
	if (!err && !c->stream)
		err = keep_request(c, data, len);
	if (err)
		return err;
	t->counts.client++;
	return send_first(c, data, len);
}

/* 9.1: a transaction of its own, with the branch of the INVITE; what becomes
 * of it is nobody's concern, for the INVITE gets a final response or none. */
static int send_cancel(const struct txn_client *invite)
{
	static const char method[] = "CANCEL";
	struct txns *t = invite->t;
	struct txn_client *c;
	const char *branch;
	struct strbuf out;
	size_t len;
	int err;

	strbuf_init(&out, t->scratch, sizeof(t->scratch));
	err = txn_text_derive(&out, invite->basis, invite->basis_len, method,
			      NULL, invite->reason);
	if (err)
		return err;
	branch = txn_text_branch(&len, out.data, out.len);
	err = client_alloc(&c, t, txn_key_client(branch, len, method),
			   &invite->dst);
	if (err)
		return err;
	err = client_start(c, 64 * t->cfg.timers.t1, out.data, out.len);
	if (err)
		txn_client_destroy(c);
	return err;
}

bool txn_client_cancel_now(struct txn_client *c)
{
	c->cancelled = true;
	if (!txn_client_enter(c, TXN_PROCEEDING,
			      64 * (uint64_t)c->t->cfg.timers.t1))
		return false;
	send_cancel(c);
	return true;
}

void txn_client_destroy(struct txn_client *c)
{
	struct txns *t = c->t;

	txn_timer_stop(t, &c->again);
	txn_timer_stop(t, &c->life);
	txns_settle(t, &c->pending);
	txn_unlink(t, &c->link);
	txn_id_free(t, c->id);
	table_del(t->clients, &c->key, sizeof(c->key));
	free(c->sent);
	free(c->basis);
	free(c->reason);
	free(c);
}

/* What is checked here need not fail when ACK or CANCEL is due. */
static int make_basis(struct txn_client *c, const char *data, size_t len)
{
	struct txns *t = c->t;
	struct strbuf out;
	int err;

	strbuf_init(&out, t->scratch, sizeof(t->scratch));
	err = txn_text_derive(&out, data, len, "CANCEL", NULL, NULL);
	if (err)
		return -EBADMSG;
	c->basis = txn_bytes_dup(out.data, out.len);
	c->basis_len = (uint32_t)out.len;
	return c->basis ? 0 : -ENOMEM;
}

static uint32_t give_up_ms(const struct txn_client *c, uint32_t timeout_ms)
{
	const struct txn_timers *tm = &c->t->cfg.timers;
	uint32_t ms = c->invite ? tm->timer_b : tm->timer_f;

	return timeout_ms && timeout_ms < ms ? timeout_ms : ms;
}

/* Its method, of a request that begins a transaction with this branch. */
static int check_request(char method[TXN_METHOD_MAX], const char *branch,
			 const char *data, size_t len)
{
	size_t method_len = txn_text_method(data, len), n;
	const char *at = txn_text_branch(&n, data, len);

	if (!method_len || method_len >= TXN_METHOD_MAX || len > SIPMSG_MAX)
		return -EBADMSG;
	memcpy(method, data, method_len);
	method[method_len] = '\0';
	if (!strcmp(method, "ACK") || !at || n != strlen(branch) ||
	    memcmp(at, branch, n) != 0)
		return -EBADMSG;
	return 0;
}

int txn_request(txn_id *id, struct txns *t, uint64_t now,
		const struct channel *dst, const char *branch, const char *data,
		size_t len, uint32_t timeout_ms, txn_response_h *fn,
		uint64_t ref)
{
	char method[TXN_METHOD_MAX];
	struct txn_client *c;
	int err;

	txns_clock(t, now);
	err = check_request(method, branch, data, len);
	if (err)
		return err;
	if (table_count(t->clients) >= t->cfg.max) {
		t->counts.overload++;
		return -ENOSPC;
	}
	err = client_alloc(&c, t,
			   txn_key_client(branch, strlen(branch), method), dst);
	if (err)
		return err;
	c->fn = fn;
	c->ref = ref;
	c->invite = !strcmp(method, "INVITE");
	err = c->invite ? make_basis(c, data, len) : 0;
	if (!err)
		err = client_start(c, give_up_ms(c, timeout_ms), data, len);
	if (err) {
		txn_client_destroy(c);
		return err;
	}
	if (id)
		*id = c->id;
	return 0;
}

int txn_cancel(struct txns *t, txn_id id, uint64_t now, const char *reason)
{
	struct txn_client *c = txn_id_get(t, id, TXN_CLIENT);

	txns_clock(t, now);
	if (!c || !c->invite || c->state >= TXN_COMPLETED)
		return -ENOENT;
	if (c->cancel)
		return 0;
	c->cancel = true;
	if (reason)
		c->reason = strdup(reason);
	if (c->state == TXN_PROCEEDING && !c->cancelled)
		txn_client_cancel_now(c);
	return 0;
}

void txn_detach(struct txns *t, txn_id id)
{
	struct txn_client *c = txn_id_get(t, id, TXN_CLIENT);

	if (c)
		c->fn = NULL;
}
