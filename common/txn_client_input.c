#include <errno.h>

#include "common/txn_client.h"

/* The user may do anything in its handler: nothing follows a report. */
static void report(struct txn_client *c, int status, msg_t *msg, bool last)
{
	if (c->fn)
		c->fn(c->id, status, msg, last, c->ref, c->t->cfg.arg);
}

/* The last answer. Repeated ones are absorbed for a while; over a stream there
 * are none (Timers D and K). */
static void complete(struct txn_client *c, uint32_t linger_ms, int status,
		     msg_t *msg)
{
	if (c->stream)
		txn_client_end(c, status, msg);
	else if (txn_client_enter(c, TXN_COMPLETED, linger_ms))
		report(c, status, msg, true);
}

/* 17.1.1.3: the To is the response's, byte for byte as it is printed. Kept to
 * be sent again, but not over a stream. */
static int send_ack(struct txn_client *c, msg_t *msg)
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
	if (c->stream)
		return t->cfg.send(&c->dst, out.data, out.len, t->cfg.arg);
	c->sent = txn_bytes_dup(out.data, out.len);
	c->sent_len = (uint32_t)out.len;
	txn_client_send_again(c);
	return c->sent ? 0 : -ENOMEM;
}

/* Timer C runs from the request on, and anew from each of 101-199 on. */
static uint64_t timer_c_left(const struct txn_client *c, int status)
{
	uint64_t due = c->begun + c->t->cfg.timers.timer_c;

	if (status > 100)
		return c->t->cfg.timers.timer_c;
	return due > c->t->now ? due - c->t->now : 0;
}

/* Fig. 5, "1xx": Proceeding. Only ACK and CANCEL can still be needed. A 100
 * that comes behind another is late, and shortens no Timer C. */
static void invite_provisional(struct txn_client *c, int status, msg_t *msg)
{
	if (status == 100 && c->state == TXN_PROCEEDING)
		return;
	txn_timer_stop(c->t, &c->again);
	txn_client_drop(&c->sent, &c->sent_len);
	if (c->cancel && !c->cancelled) {
		if (!txn_client_cancel_now(c))
			return;
	} else if (!c->cancelled) {
		if (!txn_client_enter(c, TXN_PROCEEDING,
				      timer_c_left(c, status)))
			return;
	}
	if (status > 100)
		report(c, status, msg, false);
}

/* RFC 6026 7.2, "2xx": Accepted, Timer M. The ACK is the user's. */
static void invite_accepted(struct txn_client *c, int status, msg_t *msg)
{
	txn_client_drop(&c->sent, &c->sent_len);
	txn_client_drop(&c->basis, &c->basis_len);
	if (txn_client_enter(c, TXN_ACCEPTED, c->t->cfg.timers.timer_m))
		report(c, status, msg, false);
}

/* Fig. 5, "300-699": ACK sent, Completed, Timer D. */
static void invite_rejected(struct txn_client *c, int status, msg_t *msg)
{
	txn_client_drop(&c->sent, &c->sent_len);
	(void)send_ack(c, msg);
	txn_client_drop(&c->basis, &c->basis_len);
	complete(c, c->t->cfg.timers.timer_d, status, msg);
}

static void invite_input(struct txn_client *c, int status, msg_t *msg)
{
	if (c->state == TXN_ACCEPTED && status >= 200 && status < 300) {
		report(c, status, msg, false);
	} else if (c->state == TXN_COMPLETED && status >= 300) {
		c->t->counts.retransmits_in++;
		txn_client_send_again(c);
	} else if (c->state == TXN_ACCEPTED || c->state == TXN_COMPLETED) {
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
	if (c->state == TXN_COMPLETED) {
		c->t->counts.retransmits_in++;
	} else if (status < 200) {
		c->state = TXN_PROCEEDING;
		if (status > 100)
			report(c, status, msg, false);
	} else {
		txn_client_drop(&c->sent, &c->sent_len);
		complete(c, c->t->cfg.timers.t4, status, msg);
	}
}

void txn_client_input(struct txn_client *c, int status, msg_t *msg)
{
	if (c->invite)
		invite_input(c, status, msg);
	else
		other_input(c, status, msg);
}
