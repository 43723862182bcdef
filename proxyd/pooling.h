#ifndef PROXYD_POOLING_H
#define PROXYD_POOLING_H

#include <stdbool.h>

struct addr;
struct pooling;
struct proxy;

/*
 * What is asked about the relays, as long as the proxy runs: redirectd for who
 * has joined the cluster (where `relays` has "auto"), and each relay for how
 * it is, so that a dead one is known before a call needs it. The answers go to
 * the proxy's struct relays. 0 or a negative errno.
 */
int pooling_start(struct pooling **gp, struct proxy *p);
void pooling_stop(struct pooling *g); /* NULL is fine */

/* Here and below NULL is fine: nobody asks any more.
 * A call has found this relay silent, or was sent away with a response
 * (`retry_s` of its Retry-After; 0: none): leave it out, and look at once. */
void pooling_silent(struct pooling *g, const struct addr *relay);
void pooling_refused(struct pooling *g, const struct addr *relay,
		     unsigned long retry_s);

/* Whether a Call-ID is that of these questions; they are in no call's trace. */
bool pooling_owns(const struct pooling *g, const char *call_id);

#endif
