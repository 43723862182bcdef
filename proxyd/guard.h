#ifndef PROXYD_GUARD_H
#define PROXYD_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "common/channel.h"
#include "common/sipmsg.h"

struct guard;
struct proxy;
struct proxyd_conf;
struct request;

/*
 * Who is let in at the door: a source within its limits (limits.h) that has not
 * failed to authenticate too often, as long as there is room (overload.h). The
 * other proxies, redirectd and the relays are not asked; gateways have no
 * limits.
 */
int guard_alloc(struct guard **gp, uv_loop_t *loop,
		const struct proxyd_conf *conf);
void guard_free(struct guard *g);

/* The limits and gateways of another configuration. 0 or -ENOMEM. */
int guard_reload(struct guard *g, const struct proxyd_conf *conf);

/* What a request is answered that is not let in. */
struct guard_refusal {
	int status; /* 0: it is let in */
	char extra[40];
};

/* A message has come and is not parsed yet. False: drop it. */
bool guard_opens(struct guard_refusal *no, struct proxy *p, const char *data,
		 size_t len, const struct channel *src);

/* It is well-formed: the rest that can only be asked now. */
void guard_admits(struct guard_refusal *no, struct proxy *p, const sip_t *sip,
		  const struct channel *src);

/* redirectd has answered this request. A wrong password, and who asks for
 * clients that are not there or not for him, count against the source (RFC 3261
 * 26.3.2.4), but not against a phone that is registered there. */
void guard_answered(const struct request *r, int status, const sip_t *answer);

/* Whether a source is one of the gateways. */
bool guard_is_gateway(const struct guard *g, const struct addr *src);

unsigned guard_refusing(const struct guard *g); /* 0-1000 of new calls */
size_t guard_sources(const struct guard *g);

#endif
