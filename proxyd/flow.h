#ifndef PROXYD_FLOW_H
#define PROXYD_FLOW_H

#include "proxyd/branch.h"
#include "proxyd/request.h"

struct call;
struct conduct;

/* The flows, one file each, as tables of steps. */
extern const struct step invite_steps[];   /* Fig. 4a: an initial INVITE */
extern const struct step outside_steps[];  /* other requests out of dialogs */
extern const struct step dialog_steps[];   /* requests within a dialog */
extern const struct step register_steps[]; /* Fig. 3a */

/* Steps that flows share (flow.c). */
enum step_result flow_receive(struct branch *b);        /* 134 */
enum step_result flow_compare(struct branch *b);        /* 140-142 */
enum step_result flow_write_observed(struct branch *b); /* 144 */
enum step_result flow_replace_sdp(struct branch *b);    /* 148, 154 */
enum step_result flow_forward(struct branch *b);        /* 136, 138, 155 */

/* RFC 3261 16.3, of a request as it came (conduct.h). */
void flow_judge(struct conduct *c, const struct proxy *p, const sip_t *req);

/* What flow_forward() has sent, once more, to another b->dest. */
enum step_result flow_forward_again(struct branch *b);

/* Whether the sender of a request is reached on the channel that it came on,
 * and nowhere else: behind a NAT, or over the connection it opened. */
bool flow_keeps_channel(const struct request *r);

/* Put our Via (136) with this branch on top, of our end towards `dst`. 0 or
 * -ENOMEM. */
int flow_push_via(struct proxy *p, msg_t *msg, const char *branch,
		  const struct channel *dst);

/* Print a message and send it in a client transaction. 0 or negative errno. */
int flow_send(txn_id *id, struct proxy *p, msg_t *msg, const char *branch,
	      const struct channel *dst, uint32_t timeout_ms,
	      txn_response_h *fn, uint64_t ref);

/* relaying.c, Fig. 4b: ask a relay for the offer of this request; the relay
 * that the route names, or the best by rendezvous hash. STEP_WAIT or _END. */
enum step_result relaying_start(struct branch *b);

/* Of a relay with several addresses that was asked before it was known where
 * the callee is: ask again, that it serves that party at the right one. */
enum step_result relaying_place(struct branch *b);

/* Choose the relay for a call whose offer is still to come, in a response: the
 * route has to name it, it is asked then. STEP_NEXT or _END. */
enum step_result relaying_later(struct branch *b);

/* relaying_tell.c: record the answer that a message carries as the channel of
 * who sent it, over `from`. */
void relaying_record(struct proxy *p, const char *session, msg_t *msg,
		     const struct channel *from);

/* The offer of this request within a call has been accepted: the relay may go
 * by it. Once. */
void relaying_commit(struct branch *b);

/* Give the resource back, with the tags of this request; the
 * session is forgotten. */
void relaying_release(struct branch *b);

/* The same of what the relay grants too late, or may have granted. The session
 * of this id stays as it is: it is another request's, whose resource that is.
 */
void relaying_decline(struct branch *b);

/* The same for a call of the table, which stays there. */
void relaying_release_call(struct proxy *p, const struct call *call);

/* The same for a call that its relay has given up: from its own message. */
void relaying_release_gone(struct proxy *p, msg_t *gone,
			   const struct addr *relay);

/* redirecting.c, Fig. 4c: ask where the callee is. STEP_WAIT or STEP_END. */
enum step_result redirecting_start(struct branch *b);

/* The client id that a URI names, into r->client_id: 0 or negative. And the
 * question where that client is; STEP_WAIT or STEP_END. */
int redirecting_client(struct request *r, const url_t *url);
enum step_result redirecting_ask(struct branch *b);

/* response.c, Fig. 4d: handler of the forwarded request's responses. */
void response_received(txn_id id, int status, msg_t *msg, bool last,
		       uint64_t ref, void *arg);

/* A response that had to wait goes on. */
void response_resume(struct branch *b, int status, msg_t *msg);

/* holding.c: whether a response brings an offer (RFC 3261 13.2.1) that the
 * relay has to be asked for before it can go back. */
bool holding_wanted(const struct branch *b, int status, msg_t *msg);

/* Keep it (with a reference of its own), and ask. */
void holding_start(struct branch *b, int status, msg_t *msg);

/* It cannot go back: who sent it is told. */
void holding_abandon(struct branch *b);

/* hanging_up.c: a 2xx to an INVITE cannot be passed on. Acknowledge it and end
 * the call with who sent it (RFC 3261 13.2.2.4), once; its repetitions are
 * acknowledged. Its Contact is as rewritten. Of a call that was up, the other
 * party is told too, and the resource given back. */
void hanging_up(struct branch *b, msg_t *answer);

/* Print a response and send it back. */
void response_forward(struct request *r, int status, msg_t *msg);

/* dialog.c: an ACK to a 2xx, which has no transaction. Owns msg. */
void dialog_ack(struct proxy *p, msg_t *msg, const struct channel *src);

#endif
