#ifndef COMMON_TXN_CLIENT_H
#define COMMON_TXN_CLIENT_H

#include "common/txn_internal.h"

/* Of txn_client.c (beginning, timers, end) and txn_client_input.c (answers)
 * alone. Fig. 5 as RFC 6026 redraws it, and Fig. 6. */
enum txn_client_state {
	TXN_CALLING,    /* INVITE, no answer yet */
	TXN_TRYING,     /* non-INVITE, no answer yet */
	TXN_PROCEEDING, /* a provisional response has come */
	TXN_COMPLETED,  /* a final one has; of an INVITE, not a 2xx */
	TXN_ACCEPTED,   /* INVITE, a 2xx has come */
};

struct txn_client {
	struct txns *t;
	txn_id id;
	uint64_t key;
	struct channel dst;
	struct txn_link *link; /* until a final response has come */
	char *sent;   /* what may be sent again: the request, then the ACK */
	char *basis;  /* of INVITE: what ACK and CANCEL are derived from */
	char *reason; /* of the CANCEL */
	uint32_t sent_len, basis_len;
	deadline_id again; /* Timers A, E */
	deadline_id life;  /* Timers B, C, D, F, K, M */
	uint64_t begun;
	txn_response_h *fn; /* NULL: nobody wants to know */
	uint64_t ref;
	uint32_t interval;
	uint8_t state; /* enum txn_client_state */
	bool invite;
	bool stream;
	bool pending;
	bool cancel;    /* wanted */
	bool cancelled; /* sent */
	bool failed;    /* it could not be sent */
};

/* No state without an end: where the timer cannot be had, it ends now, and
 * this is false. */
bool txn_client_enter(struct txn_client *c, enum txn_client_state state,
		      uint64_t life_ms);

/* Destroy it, and tell the user that this is the last. */
void txn_client_end(struct txn_client *c, int status, msg_t *msg);

/* Should the CANCEL not get out, the INVITE ends after the same time. False:
 * it has ended now. */
bool txn_client_cancel_now(struct txn_client *c);

void txn_client_send_again(struct txn_client *c);

/* Free text that is not needed any more. */
void txn_client_drop(char **bytes, uint32_t *len);

#endif
