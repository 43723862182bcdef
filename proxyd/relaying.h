#ifndef PROXYD_RELAYING_H
#define PROXYD_RELAYING_H

#include "common/sipmsg.h"
#include "proto/relay.h"
#include "proxyd/offer.h"

struct channel;
struct proxy;

/*
 * Step 144b: what a relay is told of the session description that a message
 * carries, from the message as rewritten so far, and what this site wants of
 * every session; the description itself is for the caller to fill in. Who
 * speaks is From of a request and To of a response. `from`: the channel it came
 * on. The texts live with `msg`. 0, -ENOMEM, -EBADMSG where an answer has no
 * tag.
 */
int relaying_describe(struct relay_request *q, const struct proxy *p,
		      const char *session, msg_t *msg, enum offer_kind kind,
		      const struct channel *from);

#endif
