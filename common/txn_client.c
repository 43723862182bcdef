#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/txn_internal.h"

/* Fig. 5 as RFC 6026 redraws it, and Fig. 6. */
enum state {
	CALLING,    /* INVITE, no answer yet */
	TRYING,     /* non-INVITE, no answer yet */
	PROCEEDING, /* a provisional response has come */
	COMPLETED,  /* a final one has; of an INVITE, not a 2xx */
	ACCEPTED,   /* INVITE, a 2xx has come */
};

struct txn_client {
	struct txns *t;
	txn_id id;
	enum state state;
	bool invite;
	bool pending;
	bool cancel;    /* wanted */
	bool cancelled; /* sent */
	struct channel dst;
	char *sent; /* what may be sent again: the request, then the ACK */
	size_t sent_len;
	char *basis; /* of INVITE: what ACK and CANCEL are derived from */
	size_t basis_len;
	char *reason;
	struct txn_timer again; /* Timers A, E */
	struct txn_timer life;  /* Timers B, C, D, F, K, M */
	uint32_t interval;
	uint64_t begun;
	txn_response_h *fn; /* NULL: nobody wants to know */
	uint64_t ref;
	size_t branch_len;
	size_t key_len;
	char key[]; /* begins with the branch */
};

static void life_expired(void *arg);

static void send_again(struct txn_client *c)
{
	if (c->sent)
		c->t->cfg.send(&c->dst, c->sent, c->sent_len, c->t->cfg.arg);
}

static void drop(char **bytes, size_t *len)
{
	free(*bytes);
	*bytes = NULL;
	*len = 0;
}

/* The user may do anything in its handler: nothing follows a report. */
static void report(struct txn_client *c, int status, msg_t *msg, bool last)
{
	if (c->fn)
		c->fn(c->id, status, msg, last, c->ref, c->t->cfg.arg);
}

static void end(struct txn_client *c, int status)
{
	txn_response_h *fn = c->fn;
	void *arg = c->t->cfg.arg;
	uint64_t ref = c->ref;
	txn_id id = c->id;

	txn_client_destroy(c);
	if (fn)
		fn(id, status, NULL, true, ref, arg);
}

/* No state without an end: where the timer cannot be had, it ends now. */
static bool enter(struct txn_client *c, enum state state, uint64_t life_ms)
{
	c->state = state;
	if (state >= COMPLETED) {
		txns_settle(c->t, &c->pending);
		txn_timer_stop(c->t, &c->again);
	}
	if (txn_timer_start(c->t, &c->life, life_ms, life_expired, c) == 0)
		return true;
	end(c, 503);
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
	send_again(c);
	c->interval *= 2;
	if (!c->invite && (c->interval > tm->t2 || c->state == PROCEEDING))
		c->interval = tm->t2;
	txn_timer_start(c->t, &c->again, c->interval, timer_a_e, c);
}

static int client_alloc(struct txn_client **cp, struct txns *t,
			const struct txn_key *key, const char *data, size_t len)
{
	struct txn_client *c = calloc(1, sizeof(*c) + key->len);
	int err;

	if (!c)
		return -ENOMEM;
	c->t = t;
	c->key_len = key->len;
	memcpy(c->key, key->data, key->len);
	err = table_put(t->clients, c->key, c->key_len, c);
	if (err) {
		free(c);
		return err;
	}
	c->pending = true;
	t->pending++;
	c->sent = txn_bytes_dup(data, len);
	c->sent_len = len;
	err = c->sent ? txn_id_new(&c->id, t, TXN_CLIENT, c) : -ENOMEM;
	if (err) {
		txn_client_destroy(c);
		return err;
	}
	*cp = c;
	return 0;
}

/* The first sending: Calling with Timers A and B, or Trying with E and F. */
static int client_start(struct txn_client *c, uint32_t give_up_ms)
{
	struct txns *t = c->t;

	c->state = c->invite ? CALLING : TRYING;
	c->begun = t->now;
	c->interval = t->cfg.timers.t1;
	if (txn_timer_start(t, &c->life, give_up_ms, life_expired, c) != 0 ||
	    txn_timer_start(t, &c->again, c->interval, timer_a_e, c) != 0)
		return -ENOMEM;
	t->counts.client++;
	send_again(c);
	return 0;
}

/* 9.1: a transaction of its own, with the branch of the INVITE; what becomes
 * of it is nobody's concern, for the INVITE gets a final response or none. */
static int send_cancel(const struct txn_client *invite)
{
	struct txns *t = invite->t;
	struct txn_client *c;
	struct txn_key key;
	struct strbuf out;
	int err;

	strbuf_init(&out, t->scratch, sizeof(t->scratch));
	err = txn_text_derive(&out, invite->basis, invite->basis_len, "CANCEL",
			      NULL, invite->reason);
	if (err)
		return err;
	key.len = invite->key_len + strlen("CANCEL") - strlen("INVITE");
	memcpy(key.data, invite->key, invite->branch_len + 1);
	memcpy(key.data + invite->branch_len + 1, "CANCEL", strlen("CANCEL"));
	err = client_alloc(&c, t, &key, out.data, out.len);
	if (err)
		return err;
	c->dst = invite->dst;
	err = client_start(c, 64 * t->cfg.timers.t1);
	if (err)
		txn_client_destroy(c);
	return err;
}

/* Should the CANCEL not get out, the INVITE ends after the same time. */
static bool cancel_now(struct txn_client *c)
{
	c->cancelled = true;
	if (!enter(c, PROCEEDING, 64 * (uint64_t)c->t->cfg.timers.t1))
		return false;
	send_cancel(c);
	return true;
}

/* 17.1.1.3: the To is the response's, byte for byte as it is printed. */
static int make_ack(struct txn_client *c, msg_t *msg)
{
	const msg_header_t *to = (const msg_header_t *)sip_object(msg)->sip_to;
	struct txns *t = c->t;
	struct strbuf out;
	char line[4096];
	issize_t n = msg_header_e(line, sizeof(line), to, 0);
	bool fits = n > 0 && (size_t)n < sizeof(line);

	strbuf_init(&out, t->scratch, sizeof(t->scratch));
	if (!fits || txn_text_derive(&out, c->basis, c->basis_len, "ACK", line,
				     NULL) != 0)
		return -EBADMSG;
	drop(&c->sent, &c->sent_len);
	c->sent = txn_bytes_dup(out.data, out.len);
	c->sent_len = out.len;
	return c->sent ? 0 : -ENOMEM;
}

/* Timer B, F: nobody there. Timer C: 16.8, a CANCEL and as long again as it
 * may take; then 408. Timers D, K: the end. Timer M: nothing more will come. */
static void life_expired(void *arg)
{
	struct txn_client *c = arg;

	txn_timer_fired(c->t, &c->life);
	if (c->state == COMPLETED) {
		txn_client_destroy(c);
	} else if (c->state == ACCEPTED) {
		end(c, 0);
	} else if (c->invite && c->state == PROCEEDING && !c->cancelled) {
		cancel_now(c);
	} else {
		c->t->counts.timeouts++;
		end(c, 408);
	}
}

/* Timer C runs from the request on, and anew from each of 101-199 on. */
static uint64_t timer_c_left(const struct txn_client *c, int status)
{
	uint64_t due = c->begun + c->t->cfg.timers.timer_c;

	if (status > 100)
		return c->t->cfg.timers.timer_c;
	return due > c->t->now ? due - c->t->now : 0;
}

/* Fig. 5, "1xx": Proceeding. Only ACK and CANCEL can still be needed. */
static void invite_provisional(struct txn_client *c, int status, msg_t *msg)
{
	txn_timer_stop(c->t, &c->again);
	drop(&c->sent, &c->sent_len);
	if (c->cancel && !c->cancelled) {
		if (!cancel_now(c))
			return;
	} else if (!c->cancelled) {
		if (!enter(c, PROCEEDING, timer_c_left(c, status)))
			return;
	}
	if (status > 100)
		report(c, status, msg, false);
}

/* RFC 6026 7.2, "2xx": Accepted, Timer M. The ACK is the user's. */
static void invite_accepted(struct txn_client *c, int status, msg_t *msg)
{
	drop(&c->sent, &c->sent_len);
	drop(&c->basis, &c->basis_len);
	if (enter(c, ACCEPTED, c->t->cfg.timers.timer_m))
		report(c, status, msg, false);
}

/* Fig. 5, "300-699": ACK sent, Completed, Timer D. */
static void invite_rejected(struct txn_client *c, int status, msg_t *msg)
{
	int err = make_ack(c, msg);

	drop(&c->basis, &c->basis_len);
	if (err)
		drop(&c->sent, &c->sent_len);
	send_again(c);
	if (enter(c, COMPLETED, c->t->cfg.timers.timer_d))
		report(c, status, msg, true);
}

static void invite_input(struct txn_client *c, int status, msg_t *msg)
{
	if (c->state == ACCEPTED && status >= 200 && status < 300) {
		report(c, status, msg, false);
	} else if (c->state == COMPLETED && status >= 300) {
		c->t->counts.retransmits_in++;
		send_again(c);
	} else if (c->state == ACCEPTED || c->state == COMPLETED) {
		c->t->counts.stray++;
	} else if (status < 200) {
		invite_provisional(c, status, msg);
	} else if (status < 300) {
		invite_accepted(c, status, msg);
	} else {
		invite_rejected(c, status, msg);
	}
}

/* Fig. 6: Proceeding, or Completed with Timer K. */
static void other_input(struct txn_client *c, int status, msg_t *msg)
{
	if (c->state == COMPLETED) {
		c->t->counts.retransmits_in++;
	} else if (status < 200) {
		c->state = PROCEEDING;
		if (status > 100)
			report(c, status, msg, false);
	} else {
		drop(&c->sent, &c->sent_len);
		if (enter(c, COMPLETED, c->t->cfg.timers.t4))
			report(c, status, msg, true);
	}
}

void txn_client_input(struct txn_client *c, int status, msg_t *msg)
{
	if (c->invite)
		invite_input(c, status, msg);
	else
		other_input(c, status, msg);
}

void txn_client_destroy(struct txn_client *c)
{
	struct txns *t = c->t;

	txn_timer_stop(t, &c->again);
	txn_timer_stop(t, &c->life);
	txns_settle(t, &c->pending);
	txn_id_free(t, c->id);
	table_del(t->clients, c->key, c->key_len);
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
	c->basis_len = out.len;
	return c->basis ? 0 : -ENOMEM;
}

static uint32_t give_up_ms(const struct txn_client *c, uint32_t timeout_ms)
{
	const struct txn_timers *tm = &c->t->cfg.timers;
	uint32_t ms = c->invite ? tm->timer_b : tm->timer_f;

	return timeout_ms && timeout_ms < ms ? timeout_ms : ms;
}

int txn_request(txn_id *id, struct txns *t, uint64_t now,
		const struct channel *dst, const char *branch, const char *data,
		size_t len, uint32_t timeout_ms, txn_response_h *fn,
		uint64_t ref)
{
	size_t method_len = txn_text_method(data, len);
	struct txn_client *c;
	struct txn_key key;
	int err;

	txns_clock(t, now);
	if (!method_len || (method_len == 3 && memcmp(data, "ACK", 3) == 0) ||
	    !txn_text_has_branch(data, len, branch) ||
	    txn_key_client(&key, branch, data, method_len) != 0)
		return -EBADMSG;
	if (table_count(t->clients) >= t->cfg.max) {
		t->counts.overload++;
		return -ENOSPC;
	}
	err = client_alloc(&c, t, &key, data, len);
	if (err)
		return err;
	c->dst = *dst;
	c->fn = fn;
	c->ref = ref;
	c->branch_len = strlen(branch);
	c->invite = method_len == 6 && memcmp(data, "INVITE", 6) == 0;
	err = c->invite ? make_basis(c, data, len) : 0;
	if (!err)
		err = client_start(c, give_up_ms(c, timeout_ms));
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
	if (!c || !c->invite || c->state >= COMPLETED)
		return -ENOENT;
	if (c->cancel)
		return 0;
	c->cancel = true;
	if (reason)
		c->reason = strdup(reason);
	if (c->state == PROCEEDING && !c->cancelled)
		cancel_now(c);
	return 0;
}

void txn_detach(struct txns *t, txn_id id)
{
	struct txn_client *c = txn_id_get(t, id, TXN_CLIENT);

	if (c)
		c->fn = NULL;
}
