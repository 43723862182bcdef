#ifndef REDIRECTD_ROUTE_TARGET_H
#define REDIRECTD_ROUTE_TARGET_H

#include <stdbool.h>

#include "proto/redirect.h"

/* A target of a static route (routes.h), and the URI it makes of a client. */
struct route_target {
	bool redirect;      /* another domain's redirect server */
	const char *scheme; /* "sip" or "sips" */
	char *user;         /* may have `*`s in it; NULL: as called */
	char *rest;         /* host[:port][;parameters] */
};

/* Who was called, as the client id says it; none of it NUL-terminated. */
struct route_called {
	const char *user;
	size_t user_len;
	const char *domain; /* this one is */
	const char *star;   /* what the `*` of the pattern has matched */
	size_t star_len;
};

/* 0, -ENOMEM, or -EINVAL with what was expected in *why (static). */
int route_target_read(struct route_target *t, const char *text, size_t len,
		      const char **why);
void route_target_close(struct route_target *t);

/* Whether it says what the `*` of a pattern has matched. */
bool route_target_needs_star(const struct route_target *t);

/* The URI, whatever characters were called (RFC 3261 19.1.2, 25.1). 0 or
 * -EMSGSIZE. */
int route_target_url(char url[REDIRECT_URL_MAX], const struct route_target *t,
		     const struct route_called *called);

#endif
