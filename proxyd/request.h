#ifndef PROXYD_REQUEST_H
#define PROXYD_REQUEST_H

#include <stdbool.h>

#include "common/channel.h"
#include "common/deadlines.h"
#include "common/sdp.h"
#include "common/sipmsg.h"
#include "common/txn.h"
#include "proxyd/branch.h"
#include "proxyd/context.h"
#include "proxyd/directory.h"

struct proxy;

/*
 * One request on its way through the proxy, found by the id of its server
 * transaction; it lives until its last response has gone back and nothing is
 * awaited any more. What belongs to one of the places it goes to is a branch's;
 * the first one is there from the beginning.
 */
struct request {
	struct proxy *p;
	txn_id server;
	msg_t *msg; /* as received, then changed step by step; NULL once the
		       call is answered */
	sip_t *sip;
	sip_method_t method;
	bool initial;     /* outside any dialog */
	bool from_caller; /* within one: who sent it, known from its route */
	struct channel src;
	bool trusted;      /* came from another proxy of the site */
	bool natted;       /* its sender is behind a NAT */
	struct addr media; /* first address of its SDP; none without */
	bool has_sdp;      /* of the call: offer_of_request() */
	bool has_media;    /* for a relay to carry, or it cannot be read */
	bool spiral;       /* it has been here before, another then */
	uint32_t print;    /* for the branches it is sent on with (loops.h) */
	unsigned breadth;  /* Max-Breadth of all of them together */
	bool cancelled;    /* by the caller: nothing is begun any more */
	bool ended;        /* answered; only waits for what is under way */
	unsigned held;     /* by those who still need it */
	uint64_t since;    /* milliseconds of the loop's clock */

	const char *client_id; /* who is asked for; lives with msg */
	bool foreign; /* to a domain not served here; then that is its sender */
	struct directory_asking directory; /* where redirectd is asked */

	struct context best;     /* of the final responses so far */
	struct branch *branches; /* in the order they were made */
	unsigned nbranches;      /* ever made */
	const struct step *turn; /* where those that wait begin */
	struct branch *early;    /* whose early media the caller hears */
	char *early_tag;         /* the To-tag of that party */
	deadline_id ring;        /* when the next contacts have their turn */
	char call_id[];
};

/* Handlers of the transaction layer; arg is the struct proxy. */
void request_received(txn_id id, msg_t *msg, const struct channel *src,
		      void *arg);
void request_cancelled(txn_id id, void *arg);

/* Answers of other daemons come back with the id as ref, never a pointer. */
struct request *request_find(struct proxy *p, txn_id server);

/* The branch that waits for the answer to this client transaction; NULL where
 * the request or the branch is gone. */
struct branch *request_branch(struct proxy *p, txn_id server, txn_id client);

/* Answer the request ourselves (phrase NULL: standard; further header lines,
 * each with its CRLF, or NULL), unless it has been. */
void request_answer(struct request *r, int status, const char *phrase,
		    const char *extra);

/* A provisional response of our own, unless the request has been answered. */
void request_ring(struct request *r, int status);

/* Answer a request that no flow is begun for, without a body. */
void request_answer_at_once(struct proxy *p, txn_id id, const msg_t *msg,
			    int status);

/* Whether any branch but `but` (may be NULL) still has no final response. */
bool request_has_open(const struct request *r, const struct branch *but);

/* Cancel every branch but one (may be NULL); the request may be gone then. */
void request_cancel_branches(struct request *r, const struct branch *but);

/* A call has been answered: further 2xx need no more than the ids, unless
 * another daemon has still to answer. */
void request_drop_message(struct request *r);

/* The request has got its final response; free it where nothing is under way
 * any more. Whoever calls this does not touch it again. */
void request_done(struct request *r);

/* Before the exit: whatever still waits for others is answered 503, the callee
 * no longer rung, and no relay resource of theirs held. */
void requests_give_up(struct proxy *p);

/* At exit: every open request, unanswered. */
void requests_free(struct proxy *p);

const char *request_id(const struct request *r); /* the Call-ID */

/* The Call-ID of a raw message into buf, for the trace: 0 or -ENOENT. */
int request_call_id(char buf[SIPMSG_CALLID_MAX + 1], const char *data,
		    size_t len);

/* Look at the SDP of the message, for has_sdp and media. */
void request_read_sdp(struct request *r);

#endif
