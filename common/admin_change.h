#ifndef COMMON_ADMIN_CHANGE_H
#define COMMON_ADMIN_CHANGE_H

#include <stdbool.h>

/*
 * Who may change something by the admin HTTP server: any program that reaches
 * it, but no page in a browser of somebody who can. Such a page sends Origin,
 * cannot send JSON to another site unasked (Fetch: it is no CORS-safelisted
 * type), and names the site in Host, also where it has pointed that name at
 * this address meanwhile.
 */
enum {
	ADMIN_CHANGE_BODY_MAX = 1024
}; /* it is not read: arguments are in the
      path */

/* The headers of a POST; NULL: none. */
struct admin_change {
	const char *host;
	const char *origin;
	const char *type;     /* Content-Type */
	const char *length;   /* Content-Length */
	const char *encoding; /* Transfer-Encoding */
};

/* Whether a Host names this server as a page that has been led here by a name
 * of its own cannot: by an IP address or as localhost. NULL: false. */
bool admin_change_by_address(const char *host);

/* 0, or the HTTP status to refuse it with, and why in *why. Pure. */
int admin_change_refused(const char **why, const struct admin_change *c);

#endif
