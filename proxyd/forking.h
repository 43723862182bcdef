#ifndef PROXYD_FORKING_H
#define PROXYD_FORKING_H

#include <stdbool.h>

#include "common/sipmsg.h"
#include "proxyd/branch.h"

struct request;

/* The contacts of the 302 become branches, the first one's being there, which
 * wait for their turn. 0; -EBADMSG where it names none, -ENOMEM. */
int forking_targets(struct request *r, const sip_t *answer);

/* RFC 3261 16.5, 16.6: the contacts with the best q go on, all at once. */
enum step_result forking_start(struct branch *b);

/* The contacts with the next best q have their turn. False: there are none. */
bool forking_next(struct request *r);

/* Whether any branch that has had its turn is without a final response. */
bool forking_has_open(const struct request *r);

/* No further one has a turn. */
void forking_stop(struct request *r);

/*
 * Early media of one party only: the first that sends any keeps it until its
 * branch ends, whether it is this proxy that forked the call or one behind it;
 * what others answer meanwhile is kept from the relay until they win.
 */

/* Whether the answer in this response may be told to the relay now. */
bool forking_hears(struct branch *b, int status, msg_t *msg);

/* Whether its SDP is not to reach the caller: nobody waits for it there. */
bool forking_mutes(const struct branch *b, int status, const sip_t *sip);

/* The branch has its first 2xx: what was kept of it is told to the relay. */
void forking_won(struct branch *b, const sip_t *answer);

/* It has a final response of 300 or above: another's early media may be heard.
 */
void forking_lost(struct branch *b);

#endif
