#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "redirectd/pattern.h"
#include "redirectd/route_target.h"

#include "redirectd/routes.h"

static const char blank[] = " \t";

struct route {
	struct pattern *user;
	struct pattern *domain; /* NULL: any */
	struct route_target targets[ROUTE_TARGETS_MAX];
	size_t n;
};

struct routes {
	size_t n;
	struct route v[];
};

/* The domain of an id is in lower case; where it is an IPv6 address, its "["
 * begins no class. */
static int read_domain(struct route *r, const char *text, size_t len,
		       const char **why)
{
	const bool ipv6 = len && *text == '[' && memchr(text, ':', len);
	char lower[PATTERN_TEXT_MAX + sizeof("%5B")];
	struct strbuf sb;

	*why = "a pattern of 1 to 255 characters";
	strbuf_init(&sb, lower, sizeof(lower));
	if (ipv6)
		strbuf_str(&sb, "%5B");
	for (size_t i = ipv6; i < len; i++) {
		const char c = (char)tolower((unsigned char)text[i]);

		strbuf_add(&sb, &c, 1);
	}
	return strbuf_err(&sb) ? -EINVAL
			       : pattern_alloc(&r->domain, lower, sb.len, why);
}

static int read_pattern(struct route *r, const char *text, size_t len,
			const char **why)
{
	const char *at = memchr(text, '@', len);
	size_t user = at ? (size_t)(at - text) : len;
	int err = pattern_alloc(&r->user, text, user, why);

	if (!err && at)
		err = read_domain(r, at + 1, len - user - 1, why);
	return err;
}

static int read_target(struct route *r, const char *text, size_t len,
		       const char **why)
{
	struct route_target *t = &r->targets[r->n];
	int err;

	*why = "1 to 8 targets";
	if (r->n == ROUTE_TARGETS_MAX)
		return -EINVAL;
	err = route_target_read(t, text, len, why);
	if (err)
		return err;
	r->n++;
	*why = "one * in the user part of the pattern, for that of the target";
	return route_target_needs_star(t) && !pattern_has_one_star(r->user)
		       ? -EINVAL
		       : 0;
}

static void close_route(struct route *r)
{
	for (size_t i = 0; i < r->n; i++)
		route_target_close(&r->targets[i]);
	pattern_free(r->user);
	pattern_free(r->domain);
}

/* The caller closes it, also on failure. */
static int read_route(struct route *r, const char *text, const char **why)
{
	const char *s = text + strspn(text, blank);
	size_t len = strcspn(s, blank);
	int err;

	memset(r, 0, sizeof(*r));
	err = read_pattern(r, s, len, why);
	for (s += len; !err && *(s += strspn(s, blank)); s += len) {
		len = strcspn(s, blank);
		err = read_target(r, s, len, why);
	}
	if (!err && !r->n) {
		*why = "a pattern and 1 to 8 targets, like \"0* "
		       "sip:gw.example.net\"";
		err = -EINVAL;
	}
	return err;
}

int routes_check(const char *value, char *why, size_t len)
{
	struct route r;
	const char *want = "";
	int err = read_route(&r, value, &want);

	close_route(&r);
	if (err)
		(void)snprintf(why, len, "%s",
			       err == -ENOMEM ? "more memory" : want);
	return err;
}

int routes_alloc(struct routes **rp, const struct conf_strings *list, char *why,
		 size_t len)
{
	const char *want = "at most 1000 routes";
	struct routes *r;
	int err = list->n > ROUTES_MAX ? -EINVAL : 0;

	r = calloc(1, sizeof(*r) + (err ? 0 : list->n) * sizeof(r->v[0]));
	if (!r)
		return -ENOMEM;
	while (!err && r->n < list->n) {
		err = read_route(&r->v[r->n], list->v[r->n], &want);
		r->n++;
	}
	if (err) {
		(void)snprintf(why, len, "%s", want);
		routes_free(r);
		return err;
	}
	*rp = r;
	return 0;
}

void routes_free(struct routes *r)
{
	for (size_t i = 0; r && i < r->n; i++)
		close_route(&r->v[i]);
	free(r);
}

size_t routes_count(const struct routes *r)
{
	return r->n;
}

static size_t targets_of(struct redirect_target v[REDIRECT_TARGETS_MAX],
			 const struct route *r,
			 const struct route_called *called)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		v[n].q = 1000 - (unsigned)n;
		n += !route_target_url(v[n].url, &r->targets[i], called);
	}
	return n;
}

static bool matches(const struct route *r, const struct pattern_text *user,
		    const struct pattern_text *domain)
{
	return pattern_match(r->user, user) &&
	       (!r->domain || pattern_match(r->domain, domain));
}

size_t routes_find(struct redirect_target v[REDIRECT_TARGETS_MAX],
		   const struct routes *r, const char *id)
{
	const char *at = strrchr(id, '@');
	struct route_called called = {.user = id};
	struct pattern_text user, domain;
	size_t from, to;

	if (!at)
		return 0;
	called.user_len = (size_t)(at - id);
	called.domain = at + 1;
	if (pattern_text_read(&user, id, called.user_len) ||
	    pattern_text_read(&domain, at + 1, strlen(at + 1)))
		return 0;
	for (size_t i = 0; i < r->n; i++) {
		if (!matches(&r->v[i], &user, &domain))
			continue;
		if (pattern_star(&from, &to, r->v[i].user, &user)) {
			called.star = id + user.at[from];
			called.star_len = (size_t)(user.at[to] - user.at[from]);
		}
		return targets_of(v, &r->v[i], &called);
	}
	return 0;
}
