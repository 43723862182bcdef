#ifndef PROXYD_GONE_H
#define PROXYD_GONE_H

#include <stdbool.h>

#include "common/sipmsg.h"
#include "common/txn.h"

struct addr;
struct proxy;

/*
 * Media gone: the relay of a call has heard nothing for too long and says so
 * (proto/README.md). The call is ended on both sides, each in the other's
 * name, and the resource given back. Believed of the call's own relay only.
 * False where the request is something else; otherwise it has been answered:
 * 200; 481 no such call here; 491 not answered yet; 403 not of its relay.
 */
bool gone_received(struct proxy *p, txn_id id, msg_t *msg,
		   const struct channel *src);

#endif
