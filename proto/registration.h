#ifndef PROTO_REGISTRATION_H
#define PROTO_REGISTRATION_H

#include <stdbool.h>

#include "common/channel.h"
#include "common/sipmsg.h"

/*
 * Steps 114-116 of Fig. 3a: the phone's own host:port goes into ph-own and
 * the observed address takes its place. Used on REGISTER and, by the same
 * rule (step 144), on the Contact of every request and response of a client
 * behind a NAT, and of every client that opened a connection: the transport of
 * that one then stands in ph-channel, and ph-public tells those without a NAT.
 * 0 or -ENOMEM.
 */
int registration_mark(su_home_t *home, url_t *contact,
		      const struct channel *observed, bool natted);

/* Whether a URI carries the mark: the client is reached on the channel it was
 * seen on, and nowhere else. */
bool registration_marked(const url_t *url);

/* Marked, and behind a NAT. */
bool registration_natted(const url_t *url);

/* The channel of a marked URI. 0, -ENOENT where it is not marked. */
int registration_channel(struct channel *ch, const url_t *url);

/*
 * Undo it: ph-own goes back into host:port. *observed (may be NULL) gets the
 * channel that stood there. 0, -ENOENT where there is no (valid) mark, -ENOMEM.
 */
int registration_restore(su_home_t *home, url_t *url, struct channel *observed);

/* Put the serving proxy in front of the request's Path (RFC 3327), with a flow
 * token and `ob` (RFC 5626 5.1) or, where that is NULL, without. 0 or -ENOMEM.
 */
int registration_add_path(msg_t *msg, const struct addr *self,
			  const char *token);

/* Whether the first hop is a proxy that keeps flows. */
bool registration_keeps_flow(const sip_t *sip);

/* The serving proxy of a REGISTER: its top Path. 0 or -ENOENT, -EBADMSG. */
int registration_serving(struct addr *proxy, const sip_t *sip);

#endif
