#ifndef PROXYD_BRANCH_H
#define PROXYD_BRANCH_H

#include <stdbool.h>
#include <stddef.h>

#include "common/channel.h"
#include "common/sdp.h"
#include "common/sipmsg.h"
#include "common/txn.h"
#include "proto/route.h"
#include "proxyd/relays.h"

struct branch;
struct location;
struct request;

enum {
	BRANCH_RELAYS_MAX = 3, /* asked for one call */
	BRANCHES_MAX = 10,     /* of one request */
};

/*
 * A flow is a table of steps in the order of its flowchart. A step that asked
 * another daemon returns STEP_WAIT: the flow goes on at the next step when all
 * answers are there. STEP_END: nothing more to do for this branch, it has been
 * sent, answered or dropped.
 */
enum step_result { STEP_NEXT, STEP_WAIT, STEP_END };

struct step {
	const char *figure; /* figure and step of the specification */
	enum step_result (*fn)(struct branch *b);
};

/* Of one that is no phone (hunting.h). */
struct hunting {
	bool route;      /* a static route of the directory, or named by one */
	unsigned depth;  /* how many redirections have led to it */
	unsigned follow; /* how many more may */
	bool rang;       /* a provisional response has come */
	msg_t *spare;    /* the request as it may go to further targets */
};

/*
 * One place that a request goes to. The first branch is made with the request
 * and goes through its flow from the beginning; where the directory names
 * several contacts each gets one, which goes on from there (RFC 3261 16.6).
 */
struct branch {
	struct request *r;
	struct branch *next;
	unsigned nth;            /* of the request's branches, from 0 */
	const struct step *step; /* where its flow goes on */
	unsigned waiting;        /* answers of other daemons outstanding */
	bool ended;              /* has a final response, or never will */
	bool parked;             /* has not had its turn yet */
	bool overdue;            /* cancelled because it rang too long */
	msg_t *kept; /* an answer that the relay has not been told */

	msg_t *msg; /* the first's is the request's, others have a copy */
	sip_t *sip;
	const char *target;    /* the URL of the 302; lives with msg */
	unsigned q;            /* of that contact: its rank (hunting_order) */
	unsigned breadth;      /* its share of the Max-Breadth; 0: all of it */
	const char *otherwise; /* the phone's other flow (RFC 5626); or NULL */
	bool flow_elsewhere;   /* the proxy before us knows of one */
	const struct step *again; /* the step that takes the target */
	struct hunting hunting;   /* it is no phone, but a static route */

	size_t relays_asked;
	relay_id asked[BRANCH_RELAYS_MAX];
	txn_id asking;        /* the relay request that is under way */
	struct sdp *resource; /* relayd's answer to this branch's offer */
	bool has_near;        /* the relay might serve it at another address */
	bool said_toward;     /* and knows where the other party is */
	bool chooses;         /* which relay it is; else the route says it */
	bool late;            /* chosen, to be asked when the offer comes */
	const char *offer;    /* as it came, while it may be refused */
	size_t offer_len;
	bool replaced;      /* its SDP has been */
	bool owns_resource; /* to be released unless the call comes about */
	struct route_state route;

	txn_id forward;            /* client transaction towards dest */
	struct location *location; /* where the name led that dest is from */
	struct channel dest;
	bool dest_marked; /* reached where it was seen, and nowhere else */
	bool dest_natted;
	bool dest_proxy;   /* a proxy that serves the callee */
	bool dest_foreign; /* a server of another site */

	msg_t *held; /* a response with an offer, which waits for the relay */
	int held_status;
	bool offered; /* one has gone through */
	bool refused; /* answered by us while it was open: no 2xx passes */
	bool hung_up; /* one came, and was ended */
};

/* Add one at the end of the request's: the first takes the request's message,
 * others a copy of it, as it is by now. 0, -ENOSPC, -ENOMEM. */
int branch_add(struct branch **bp, struct request *r, const struct step *step);

/* The same for a further branch, with a copy of another message than that. */
int branch_split(struct branch **bp, struct request *r, const struct step *step,
		 msg_t *msg);

/* Go on with the flow. */
void branch_run(struct branch *b);

/* One awaited answer has come; the flow goes on after the last. */
void branch_answered(struct branch *b);

/* The branch gets this final response from us (phrase NULL: standard; extra:
 * further header lines, each with its CRLF). Returns STEP_END for steps to
 * return; the request may be gone then. */
enum step_result branch_fail(struct branch *b, int status, const char *phrase);
enum step_result branch_fail_with(struct branch *b, int status,
				  const char *phrase, const char *extra);

/* The same with a response that has come for it, its top Via taken off; msg is
 * borrowed. */
void branch_pass(struct branch *b, int status, msg_t *msg);

/* Whether something of it is still under way. */
bool branch_busy(const struct branch *b);

/* Stop: cancel what has been sent; what has not never will be. */
void branch_cancel(struct branch *b);

/* Give it a number that is nobody else's, whichever proxies fork this call as
 * well, unless it has one. */
void branch_number(struct branch *b);

/* The session id of its relay resource: the Call-ID, and of a further branch
 * that with its number behind. Lives until the next call. */
const char *branch_session(const struct branch *b);

/* It will need no more than the ids: further 2xx have no need of more. */
void branch_drop_message(struct branch *b);

/* What it holds is given back. */
void branch_release(struct branch *b);
void branch_free(struct branch *b);

#endif
