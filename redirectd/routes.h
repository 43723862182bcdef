#ifndef REDIRECTD_ROUTES_H
#define REDIRECTD_ROUTES_H

#include "common/conf.h"
#include "proto/redirect.h"

/*
 * Static routes, for client ids that nobody has registered: gateways, other
 * domains. Each is "PATTERN TARGET [TARGET...]", the first whose pattern
 * (pattern.h) matches has the request, its targets are tried in order.
 *
 * - The pattern is for the client id, "*@example.com", or without @ for the
 *   user part alone.
 * - A target is a SIP URI. Without a user part it gets that of the client id;
 *   a `*` in its user part is what the one `*` of the pattern's user part has
 *   matched: "0* sip:+49*@gw.example.net".
 * - "redirect:HOST[:PORT]" is the redirect server of another domain.
 */
struct routes;

enum { ROUTES_MAX = 1000, ROUTE_TARGETS_MAX = 8 };

/* A conf_check_h for one route. */
int routes_check(const char *value, char *why, size_t len);

/* What a list of them is; 0, -ENOMEM, or -EINVAL with what was expected in
 * why[len]. */
int routes_alloc(struct routes **rp, const struct conf_strings *list, char *why,
		 size_t len);
void routes_free(struct routes *r); /* NULL is fine */
size_t routes_count(const struct routes *r);

/*
 * Where a client id is routed to: the URIs to try, best first, with the mark of
 * a static route (PROTO_ROUTE; "ask": a redirect server). Returns how many: 0
 * where no route matches, or the URIs would be too long.
 */
size_t routes_find(struct redirect_target v[REDIRECT_TARGETS_MAX],
		   const struct routes *r, const char *id);

#endif
