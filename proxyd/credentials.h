#ifndef PROXYD_CREDENTIALS_H
#define PROXYD_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sipmsg.h"

struct credentials;
struct proxy;
struct request;

/*
 * Credentials that phones show to the directory go no further than there: from
 * a digest a password can be guessed off line. Whose they are their realm says.
 * Ours are the domains served here and the realms that redirectd has asked for
 * through this proxy; a bounded memory, which forgets those not heard of for
 * the longest time.
 */
int credentials_alloc(struct credentials **cp); /* 0 or -ENOMEM */
void credentials_free(struct credentials *c);

/* redirectd has answered a request: a 401 or 407 tells its realms. A name that
 * only the phone has said, as its domain, is none unless it is served here. */
void credentials_answered(const struct request *r, int status,
			  const sip_t *answer);

/* Whether redirectd is known to ask for credentials and this request has none
 * for it: most likely it will come again. */
bool credentials_missing(const struct request *r);

/* A message that is about to leave, and not for redirectd: take out what is
 * ours. */
void credentials_strip(struct proxy *p, msg_t *msg);

#endif
