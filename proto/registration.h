#ifndef PROTO_REGISTRATION_H
#define PROTO_REGISTRATION_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/sipmsg.h"

/*
 * Steps 114-116 of Fig. 3a: the phone's own host:port goes into ph-own and
 * the observed address takes its place. Used on REGISTER and, by the same
 * rule (step 144), on the Contact of every request and response of a client
 * behind a NAT. 0 or -ENOMEM.
 */
int registration_mark(su_home_t *home, url_t *contact,
		      const struct addr *observed);

/* Whether a URI carries the mark: the client is behind a NAT. */
bool registration_marked(const url_t *url);

/*
 * Undo it: ph-own goes back into host:port. *observed (may be NULL) gets the
 * address that stood there. 0, -ENOENT where there is no (valid) mark, -ENOMEM.
 */
int registration_restore(su_home_t *home, url_t *url, struct addr *observed);

/* Put the serving proxy in front of the request's Path (RFC 3327). */
int registration_add_path(msg_t *msg, const struct addr *self);

/* The serving proxy of a REGISTER: its top Path. 0 or -ENOENT, -EBADMSG. */
int registration_serving(struct addr *proxy, const sip_t *sip);

#endif
