#ifndef COMMON_TXN_H
#define COMMON_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/deadlines.h"
#include "common/metrics.h"
#include "common/sipmsg.h"

struct channel;
struct txns;

/*
 * Transactions of RFC 3261 section 17 with RFC 6026, for a proxy: no socket
 * and no clock of its own. Users hold ids, never pointers: an id of a
 * transaction that is gone is ignored (-ENOENT). Over UDP a finished server
 * transaction keeps its key and the bytes of its last response, not the
 * messages. Over a stream nothing is sent again, and what has finished is gone
 * at once (Timers D, I, J and K are zero).
 */
typedef uint64_t txn_id; /* 0 is never valid */

/* The timers, milliseconds; RFC 3261's values in txn_default_timers. */
struct txn_timers {
	uint32_t t1, t2, t4;
	uint32_t timer_b; /* client INVITE without any answer */
	uint32_t timer_c; /* client INVITE without final answer (16.6) */
	uint32_t timer_d;
	uint32_t timer_f; /* client non-INVITE */
	uint32_t timer_h, timer_l, timer_m;
};
extern const struct txn_timers txn_default_timers;

/*
 * How bytes leave. Over a stream the connection that is used, which may still
 * be opening, is filled in where `dst` names none. 0 or a negative errno,
 * -ENOTCONN where the one it names is gone; it may not call the layer.
 */
typedef int txn_send_h(struct channel *dst, const char *data, size_t len,
		       void *arg);

/*
 * A request that begins a server transaction, or (`id` 0) an ACK to a 2xx
 * that belongs to none and is to be forwarded statelessly. The callee owns
 * `msg` from then on (msg_destroy).
 */
typedef void txn_request_h(txn_id id, msg_t *msg, const struct channel *src,
			   void *arg);

/*
 * A CANCEL that matched the INVITE server transaction `invite`; the layer has
 * already answered it 200 (16.10). One that matches none is answered 481. The
 * same comes where the connection of an INVITE is lost that is its only way
 * back: nobody is there to be answered.
 */
typedef void txn_cancel_h(txn_id invite, void *arg);

/*
 * A client transaction's news: every provisional response but 100, every
 * final one, and each further 2xx of an INVITE (RFC 6026). `msg` is
 * borrowed: valid during the call; NULL with status 408 when the transaction
 * timed out, 503 when it could not be sent, its connection was lost (8.1.3.1,
 * 17.1.4) or it could not be kept (no memory). Non-2xx finals of an
 * INVITE have already been ACKed. `last` tells that nothing more will come:
 * it comes once, unless the transaction is detached. A 2xx to an INVITE is not
 * the last: further ones may follow until Timer M, which reports status 0 with
 * `msg` NULL and `last`.
 */
typedef void txn_response_h(txn_id id, int status, msg_t *msg, bool last,
			    uint64_t ref, void *arg);

struct txn_config {
	struct txn_timers timers;
	size_t max; /* transactions of each kind; beyond: 503, counted */
	bool trying_at_once; /* 100 to an INVITE not after 200 ms, but as soon
				as `request` has returned without an answer */
	txn_send_h *send;
	txn_request_h *request;
	txn_cancel_h *cancel;
	void *arg; /* of all handlers */
};

/* What the layer counts, once: name, help. */
#define TXN_COUNTERS(X)                                                        \
	X(server, "Server transactions begun")                                 \
	X(client, "Client transactions begun")                                 \
	X(retransmits_in, "Requests and responses absorbed as repeated")       \
	X(retransmits_out, "Messages sent again by a timer")                   \
	X(timeouts, "Transactions ended by a timer without a final response")  \
	X(lost, "Requests that could not be sent or lost their connection")    \
	X(undelivered, "Responses that had no way back to the client")         \
	X(overload, "Requests refused because there is room for no more")      \
	X(stray, "Responses that match no transaction")                        \
	X(malformed, "Messages that cannot be matched")

struct txn_counts {
	TXN_COUNTERS(METRICS_FIELD)
};

/* `deadlines` is shared with the user, who runs it; both outlive `t`. */
int txns_alloc(struct txns **tp, struct deadlines *deadlines,
	       const struct txn_config *cfg);
void txns_free(struct txns *t);
const struct txn_counts *txns_counts(const struct txns *t);
size_t txns_open(const struct txns *t); /* both kinds, finished ones included */
/* 0 to 1000: how full the kind is that has less room. */
unsigned txns_fullness(const struct txns *t);
/* Those still without a final response: what a graceful end waits for. */
size_t txns_pending(const struct txns *t);

/*
 * One parsed message that arrived at `now` from `src` (the layer owns it from
 * here). A new request has its top Via marked with received/rport
 * (sipmsg_via_received; rport also unasked where sent-by is another IP than
 * `src`) before it is handed up; a new INVITE is answered 100 by the layer
 * after 200 ms, or at once, if its user has not answered before (17.2.1). A
 * request that is never answered ends silently after twice Timer C (INVITE) or
 * F.
 */
void txns_input(struct txns *t, uint64_t now, msg_t *msg,
		const struct channel *src);

/*
 * The same for one that is not to begin anything: a request that no transaction
 * is there for is answered `status` with the header lines `extra` (NULL: none),
 * without state; its ACK ends here. Whatever else it is goes the usual way.
 */
void txns_refuse(struct txns *t, uint64_t now, msg_t *msg,
		 const struct channel *src, int status, const char *extra);

/*
 * The connection `conn` is gone: client transactions that wait for an answer
 * on it end now (503), and the INVITEs that came on it and cannot be answered
 * in another way are cancelled.
 */
void txns_closed(struct txns *t, uint64_t now, uint64_t conn);

/*
 * Server: send a response of `status`, printed in `data`, copied if it may have
 * to be sent again: over UDP to where the request's Via says; over a stream on
 * the connection the request came on, and where that is gone on a new one to
 * the sent-by of the Via (18.2.2), unless the client is behind a NAT or a
 * browser. A 2xx to INVITE moves to Accepted, further 2xx may follow (RFC 6026
 * 7.1). 0, -ENOENT, -EALREADY (a final one was sent), -ENOMEM.
 */
int txn_respond(struct txns *t, txn_id id, uint64_t now, int status,
		const char *data, size_t len);

/*
 * Client: send a request, printed in `data` with the top Via's branch equal to
 * `branch` (txn_branch makes one), and keep it for retransmissions. The ACK to
 * a non-2xx and the CANCEL are derived from these bytes. That it could not be
 * sent is reported later, never from within. *id may be NULL.
 * `timeout_ms` shortens Timer B/F (0: standard). `ref` (an id of the user's
 * own) comes back in every report, with the layer's arg. 0, -ENOSPC, -EBADMSG
 * (also for an ACK, which is no transaction), -EEXIST (branch in use), -ENOMEM.
 */
int txn_request(txn_id *id, struct txns *t, uint64_t now,
		const struct channel *dst, const char *branch, const char *data,
		size_t len, uint32_t timeout_ms, txn_response_h *fn,
		uint64_t ref);

/*
 * Cancel a client INVITE (9.1): at once if a provisional response has come,
 * otherwise as soon as one does. The final response is still reported; should
 * none come within 64*T1 after the CANCEL, 408 is. `reason` (a Reason header
 * line with CRLF, or NULL) is carried along. 0, -ENOENT (also where a final
 * response has come: there is nothing to cancel).
 */
int txn_cancel(struct txns *t, txn_id id, uint64_t now, const char *reason);

/* Forget a client transaction's user: nothing will be reported any more; the
 * state machine lives on to absorb and acknowledge. */
void txn_detach(struct txns *t, txn_id id);

/* "z9hG4bK" + token; `seed` (may be NULL) of len bytes makes it a function of
 * the bytes and this process's secret, for stateless forwarding (16.11). */
enum { TXN_BRANCH_LEN = 32 };
void txn_branch(char buf[TXN_BRANCH_LEN], const void *seed, size_t len);

#endif
