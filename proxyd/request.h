#ifndef PROXYD_REQUEST_H
#define PROXYD_REQUEST_H

#include <stdbool.h>

#include "common/channel.h"
#include "common/sdp.h"
#include "common/sipmsg.h"
#include "common/txn.h"
#include "proto/route.h"
#include "proxyd/relays.h"

struct proxy;
struct request;

enum { REQUEST_RELAYS_MAX = 3 }; /* asked for one call */

/*
 * A flow is a table of steps in the order of its flowchart. A step that asked
 * another daemon returns STEP_WAIT: the flow goes on at the next step when all
 * answers are there. STEP_END: the request has been answered or dropped.
 */
enum step_result { STEP_NEXT, STEP_WAIT, STEP_END };

struct step {
	const char *figure; /* figure and step of the specification */
	enum step_result (*fn)(struct request *r);
};

/*
 * One request on its way through the proxy, found by the id of its server
 * transaction; it lives until its last response has gone back.
 */
struct request {
	struct proxy *p;
	txn_id server;
	const struct step *next;
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
	bool has_sdp;

	unsigned waiting; /* answers of other daemons outstanding */
	bool ended;       /* answered; only waits for those */

	const char *client_id; /* of the callee; lives with msg */
	size_t redirect_try;   /* how many redirectd were asked */
	const char *target;    /* the URL of the 302; lives with msg */

	size_t relays_asked;
	relay_id asked[REQUEST_RELAYS_MAX];
	struct sdp *resource; /* relayd's answer to this request's offer */
	bool has_near;        /* the relay might serve it at another address */
	bool said_toward;     /* and knows where the other party is */
	bool replaced;        /* its SDP has been */
	bool owns_resource;   /* to be released unless the call comes about */
	struct route_state route;

	txn_id forward; /* client transaction towards dest */
	struct channel dest;
	bool dest_marked; /* reached where it was seen, and nowhere else */
	bool dest_natted;
	bool dest_proxy; /* a proxy that serves the callee */
	char call_id[];
};

/* Handlers of the transaction layer; arg is the struct proxy. */
void request_received(txn_id id, msg_t *msg, const struct channel *src,
		      void *arg);
void request_cancelled(txn_id id, void *arg);

/* Answers of other daemons come back with the id as ref, never a pointer. */
struct request *request_find(struct proxy *p, txn_id server);

/* Go on with the flow. */
void request_run(struct request *r);

/* One awaited answer has come; the flow goes on after the last. */
void request_answered(struct request *r);

/* Answer the request ourselves (phrase NULL: standard) and end it; what it
 * holds is released. Returns STEP_END for steps to return. */
enum step_result request_fail(struct request *r, int status,
			      const char *phrase);

/* The same with further header lines, each with its CRLF. */
enum step_result request_fail_with(struct request *r, int status,
				   const char *phrase, const char *extra);

/* Answer a request that no flow is begun for, without a body. */
void request_answer_at_once(struct proxy *p, txn_id id, const msg_t *msg,
			    int status);

/* A call has been answered: further 2xx need no more than the ids. */
void request_drop_message(struct request *r);

/* The end: nothing more will come. Frees r. */
void request_close(struct request *r);

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
