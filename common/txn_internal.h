#ifndef COMMON_TXN_INTERNAL_H
#define COMMON_TXN_INTERNAL_H

#include "common/channel.h"
#include "common/strbuf.h"
#include "common/table.h"
#include "common/txn.h"

/*
 * What the parts of the transaction layer share; nobody else includes it.
 *
 *   txn.c         the door: what arrives is matched here or begins here
 *   txn_server.c  the server machines (RFC 3261 17.2, RFC 6026 7.1)
 *   txn_client*.c the client machines (RFC 3261 17.1, RFC 6026 7.2)
 *   txn_conns.c   which of them wait on a connection
 *   txn_key.c     what makes two messages the same transaction (17.2.3)
 *   txn_ids.c     ids instead of pointers
 *   txn_text.c    ACK and CANCEL out of the bytes of a request
 */

/* Of the methods we send, with its NUL. */
enum { TXN_METHOD_MAX = 128 };

enum txn_kind { TXN_NONE, TXN_SERVER, TXN_CLIENT };

struct txn_ids {
	struct txn_slot *slots;
	uint32_t cap;
	uint32_t free;
};

struct txns {
	struct txn_config cfg;
	struct deadlines *deadlines;
	uint64_t now; /* the latest time anyone has told */
	struct table *servers, *clients;
	struct table
		*conns; /* connection -> the transactions that wait on it */
	struct txn_ids ids;
	struct txn_counts counts;
	size_t pending;
	char scratch[SIPMSG_MAX + 1]; /* of whoever builds a text just now */
};

/* Start, or start again, `after` ms from now. 0 or -ENOMEM. */
int txn_timer_start(struct txns *t, deadline_id *timer, uint64_t after,
		    deadline_h *fn, void *arg);
void txn_timer_stop(struct txns *t, deadline_id *timer);

/* For the first line of a handler: the timer fired, time has moved on. */
void txn_timer_fired(struct txns *t, deadline_id *timer);
void txns_clock(struct txns *t, uint64_t now);

/* A connection that a transaction waits on is lost; it does not by then. */
typedef void txn_lost_h(void *arg);
struct txn_link;

/* Let *lp (the transaction's own; NULL: it waits on none) wait on this
 * connection and no other; 0: on none. Without memory it does not, and its
 * timers end it. */
void txn_link(struct txn_link **lp, struct txns *t, uint64_t conn,
	      txn_lost_h *lost, void *arg);
void txn_unlink(struct txns *t, struct txn_link **lp);

/* Count a transaction's first step to a final response, or its end. */
void txns_settle(struct txns *t, bool *pending);

/* A malloc'ed copy. NULL: out of memory. */
char *txn_bytes_dup(const char *data, size_t len);

/* 0 or -ENOMEM. */
int txn_id_new(txn_id *id, struct txns *t, enum txn_kind kind, void *obj);
void *txn_id_get(const struct txns *t, txn_id id, enum txn_kind kind);
void txn_id_free(struct txns *t, txn_id id);

/*
 * Keys are keyed hashes of what has to be equal: small, and nobody outside can
 * find two requests that are taken for one. This is that of the server
 * transaction a request belongs to (17.2.3), were its method `method`;
 * `to_tag` (NULL: none) counts where there is no magic cookie. 0, or -EMSGSIZE,
 * which never happens to what sipmsg_parse let through.
 */
int txn_key_server(uint64_t *key, struct txns *t, const sip_t *req,
		   const char *method, const char *to_tag);

/* Of a client transaction (17.1.3). */
uint64_t txn_key_client(const char *branch, size_t branch_len,
			const char *method);

/* Whether the top Via has a branch of RFC 3261. */
bool txn_key_has_cookie(const sip_t *sip);

/* Where a response goes (18.2.2): over a stream the way its request came, over
 * UDP to where the top Via says. 0, or -EINVAL where that is a name. */
int txn_way_back(struct channel *way, const sip_t *req,
		 const struct channel *src);

/* The To tag of a response made without state: the same for a request, its
 * retransmissions, its ACK and its CANCEL, and nobody else can make it. */
void txn_key_tag(char tag[TXN_BRANCH_LEN], struct txns *t, const sip_t *req);

/* The method of a printed request; its length, 0 if there is none. */
size_t txn_text_method(const char *req, size_t len);

/* The branch of a printed request's top Via (not NUL-terminated); NULL, and
 * len 0, if it has none. */
const char *txn_text_branch(size_t *len, const char *req, size_t req_len);

/*
 * The ACK to a non-2xx (17.1.1.3) or the CANCEL (9.1) of a printed request:
 * its Request-URI, top Via, From, Call-ID, CSeq number and Route; its To, or
 * the header line `to`; and the header line `extra`. Either may be NULL. What
 * it makes can be derived from again. 0, -EBADMSG, -EMSGSIZE.
 */
int txn_text_derive(struct strbuf *out, const char *req, size_t len,
		    const char *method, const char *to, const char *extra);

/* The To tag of printed text (not NUL-terminated), len 0 if it has none. */
const char *txn_text_to_tag(size_t *len, const char *text, size_t text_len);

struct txn_server;
struct txn_client;

/* Begin a server transaction and hand `msg` up. On an error `msg` is still
 * the caller's: -ENOSPC, -ENOMEM, -EINVAL (no way back to the sender). */
int txn_server_begin(struct txns *t, uint64_t key, msg_t *msg,
		     const struct channel *src);
void txn_server_again(struct txn_server *s); /* the request came once more */
void txn_server_destroy(struct txn_server *s);

/* An ACK for this INVITE. False: it belongs to a 2xx, and to the user. */
bool txn_server_ack(struct txn_server *s);

/* A CANCEL for this INVITE: whether it has to be told to the user. */
bool txn_server_cancel(struct txn_server *s);

/* Whether the final response kept, if any is, has this To tag (17.2.3). */
bool txn_server_answered_with(const struct txn_server *s, const char *tag);
txn_id txn_server_id(const struct txn_server *s);

/* A response for it; may end it, and the user may do anything in between. */
void txn_client_input(struct txn_client *c, int status, msg_t *msg);
void txn_client_destroy(struct txn_client *c);

#endif
