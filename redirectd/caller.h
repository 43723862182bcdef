#ifndef REDIRECTD_CALLER_H
#define REDIRECTD_CALLER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/sipmsg.h"
#include "proto/redirect.h"

/* Who sends a request, and to whom, as it says itself and as the proxy saw it.
 */
struct caller {
	bool registers; /* a REGISTER: the client is that of To */
	/* The client that it has to prove to be; "": its credentials name it,
	 * as it is anonymous (RFC 3323 4.1.1.3) or has no client's URI in From.
	 */
	char id[REDIRECT_ID_MAX];
	char domain[REDIRECT_ID_MAX]; /* of To or From, lower case; "": none */
	char asked[REDIRECT_ID_MAX];  /* whom it is for; "": no client's URI */
	struct addr src;              /* none: not known */
};

/* Whether a proxy has sent it on for somebody, and does not ask by itself. */
bool caller_is_behind_proxy(const sip_t *sip);

/* Its source is that of the second Via, which the proxy wrote received and
 * rport into (RFC 3581). 0, or -EINVAL: a REGISTER for no client. */
int caller_read(struct caller *c, const sip_t *sip);

/* Take the client's id from the name in its credentials, "user" or
 * "user@domain". 0 or -EINVAL, and then it is "" still. */
int caller_name(struct caller *c, const char *name, const char *realm);

/*
 * Whether credentials made for this digest URI are for this request (RFC 7616
 * 3.4.6): the same user part, escapes aside. The host may be another: phones
 * name the proxy there. Some name nothing but the proxy; then it is the nonce
 * count alone that keeps credentials to one request. True for a REGISTER.
 */
bool caller_means(const struct caller *c, const char *uri);

/* A number for the request, the same when it comes again, and another for
 * any other, or for a copy that comes from elsewhere. */
uint64_t caller_request(const struct caller *c, const sip_t *sip);

#endif
