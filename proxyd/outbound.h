#ifndef PROXYD_OUTBOUND_H
#define PROXYD_OUTBOUND_H

#include "proxyd/branch.h"

/*
 * RFC 5626 as an edge proxy has to know it. The flow of a phone is the channel
 * that its REGISTER came on; our Contact mark and this proxy's tables find it,
 * the token in the Path is for those who ask through other registrars.
 */

/* Whether the phone offers to keep a flow: outbound, reg-id and +sip.instance
 * in a REGISTER that came straight from it. */
bool outbound_offered(const struct request *r);

/* Step 116: this proxy is the way back to the client, by a flow token where
 * the phone offers to keep a flow. 0 or -ENOMEM. */
int outbound_add_path(struct request *r);

/* The registrar has taken the flow for one: tell the phone how often to show
 * that it is there (RFC 5626 5.4, 10). 0 or -ENOMEM. */
int outbound_granted(msg_t *msg);

/* Note the other flow that the target's URL names, and take it out of it. A
 * request of another proxy of the site is sent to that one's flows by itself.
 */
void outbound_note_flow(struct branch *b, url_t *url);

/* The flow of this branch is gone: the other flow of the phone becomes its
 * target, and the branch is set back to where it is taken. False: there is
 * none. */
bool outbound_next_flow(struct branch *b);

/*
 * A Route of ours with a flow token (RFC 5626 5.3): a request of a trusted
 * proxy gets the flow as its b->dest, which no query changes. STEP_END: the
 * token is not ours, or the sender not allowed to use it (403), or its flow is
 * gone (430).
 */
enum step_result outbound_route(struct branch *b);

#endif
