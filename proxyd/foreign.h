#ifndef PROXYD_FOREIGN_H
#define PROXYD_FOREIGN_H

#include "proxyd/branch.h"

struct request;

/*
 * Requests to a domain that is not served here go there (RFC 3263) if the
 * configuration has allow_foreign and their sender is a client that is
 * registered here, on the channel they came on; nobody else uses us as an open
 * relay.
 */

/* In place of the redirect query: is the sender known? Then it goes on with the
 * Request-URI as target. STEP_WAIT or STEP_END. */
enum step_result foreign_start(struct branch *b);

/* Where the directory says that the sender is. 0, or -EACCES: it is not where
 * the request came from. */
int foreign_sender(struct branch *b, const sip_t *answer);

/* The sender is nobody whom we know. */
void foreign_refuse(struct branch *b);

/* Whether a request came over a proxy that is not of this site: what it says of
 * its Contact and of the way back is true, and not a phone's to be mended. */
bool foreign_came(const struct request *r);

/* The same of a message that did not come from a proxy of the site. */
bool foreign_sent(const sip_t *sip, const struct channel *src);

#endif
