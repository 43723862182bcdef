#ifndef PROXYD_EDGE_H
#define PROXYD_EDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/channel.h"
#include "common/conf.h"
#include "common/sipmsg.h"

struct proxy;

/* Open every end that the configuration lists. 0 or a negative errno with one
 * clear line in err. */
int edge_open(struct proxy *p, char err[CONF_ERRLEN]);
void edge_close(struct proxy *p);

/* Read the certificates again, those of the configuration as it is now; what
 * does not do is logged and changes nothing. Connections that are up stay. */
void edge_reload(struct proxy *p);

/* Our end towards a channel, as others see it: for Via and Record-Route. */
void edge_self(struct channel *self, const struct proxy *p,
	       const struct channel *to);

/* The same towards another daemon. */
const struct addr *edge_self_for(const struct proxy *p, const struct addr *to);

/* Handler of the transaction layer (txn_send_h): one message out; arg is the
 * proxy. */
int edge_send(struct channel *dst, const char *data, size_t len, void *arg);

/* What opens the pinhole's timer anew: an empty line (RFC 3261 7.5), which is
 * no message. */
void edge_ping(struct proxy *p, const struct channel *to);

/* What waits for the end of the turn leaves now. */
void edge_flush(struct proxy *p);

/* Whether an address is one of our ends. */
bool edge_is_self(const struct proxy *p, const struct addr *a);

/* Whether its IP is that of one of them, whatever its port. */
bool edge_is_own_host(const struct proxy *p, const struct addr *a);

#endif
