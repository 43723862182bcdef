#ifndef PROXYD_BINDING_H
#define PROXYD_BINDING_H

#include <stdint.h>

#include "common/channel.h"
#include "common/sipmsg.h"

struct proxy;

/* A binding as the directory tells it. Strings are borrowed. */
struct binding_told {
	const char *id;       /* the client */
	const url_t *url;     /* the Contact, marked */
	const char *instance; /* +sip.instance; NULL: none */
	uint32_t reg_id;
	uint32_t expires; /* seconds from now */
};

/*
 * Step 119: what the 200 to a REGISTER from `src` says of its client enters
 * the NAT client table; what is not in it any more leaves it.
 */
void binding_registered(struct proxy *p, const sip_t *ok,
			const struct channel *src);

/* One that the directory held for us while we were away; what has been
 * registered since is newer. */
void binding_recalled(struct proxy *p, const struct binding_told *t);

/* Where the client is reached whose marked Contact the directory named, whose
 * channel is in *dest: an earlier message may have come from another one. */
void binding_reached(struct channel *dest, struct proxy *p, const char *id,
		     const url_t *url);

#endif
