#include "common/admin_change.h"

#include <errno.h>
#include <microhttpd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/addr.h"

enum { DECIMAL = 10 };

static bool is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t len = type ? strcspn(type, "; \t") : 0;

	return len == strlen(json) && !strncasecmp(type, json, len);
}

/* Each with a port or without. */
bool admin_change_by_address(const char *host)
{
	static const char local[] = "localhost";
	size_t len = host ? strcspn(host, ":") : 0;
	struct addr a;

	if (!host)
		return false;
	if (len == strlen(local) && !strncasecmp(host, local, len))
		return true;
	return addr_parse(&a, host, 1) == 0;
}

static bool is_small(const char *length)
{
	char *end;
	unsigned long n;

	if (!length)
		return true;
	errno = 0;
	n = strtoul(length, &end, DECIMAL);
	return !errno && !*end && n <= ADMIN_CHANGE_BODY_MAX;
}

int admin_change_refused(const char **why, const struct admin_change *c)
{
	if (c->origin) {
		*why = "not for pages of a browser (it has an Origin)";
		return MHD_HTTP_FORBIDDEN;
	}
	if (!admin_change_by_address(c->host)) {
		*why = "ask by IP address, or as localhost (Host)";
		return MHD_HTTP_FORBIDDEN;
	}
	if (!is_json(c->type)) {
		*why = "send Content-Type: application/json";
		return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
	}
	if (c->encoding || !is_small(c->length)) {
		*why = "the body is too large, arguments go into the path";
		return MHD_HTTP_CONTENT_TOO_LARGE;
	}
	return 0;
}
