#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/addr.h"
#include "common/sipmsg.h"
#include "common/strbuf.h"
#include "proto/dialect.h"

#include "redirectd/route_target.h"

/* RFC 3261 25.1: what needs no escape in a user part, and in the parameters. */
#define MARKS         "-_.!~*'()"
#define USER_MARKS    MARKS "&=+$,;?/"
#define PARAM_MARKS   MARKS "[]/:&+$;=%"
#define OWN_PREFIX    "ph-"
#define ASK_VALUE     "ask"
#define EXPECT_TARGET "a target like sip:198.51.100.7 or redirect:198.51.100.9"

static const struct {
	const char *prefix;
	const char *scheme;
	bool redirect;
} kinds[] = {
	{"sip:", "sip", false},
	{"sips:", "sips", false},
	{"redirect:", "sip", true},
};

static bool is_escape(const char *s, size_t left)
{
	return left >= 3 && *s == '%' && isxdigit((unsigned char)s[1]) &&
	       isxdigit((unsigned char)s[2]);
}

static bool is_marked(char c, const char *marks)
{
	return isalnum((unsigned char)c) || (c && strchr(marks, c));
}

/* An escape stays one, whatever it stands for. */
static void add_user(struct strbuf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (is_marked(s[i], USER_MARKS) || is_escape(s + i, len - i))
			strbuf_add(out, s + i, 1);
		else
			strbuf_printf(out, "%%%02X", (unsigned char)s[i]);
}

static bool user_ok(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_marked(s[i], USER_MARKS) && !is_escape(s + i, len - i))
			return false;
	return len > 0 && len < REDIRECT_ID_MAX;
}

/* A name, or an address where it looks like one. */
static bool host_ok(const char *s, size_t len)
{
	struct addr a;
	bool number = true;

	if (!len || len >= REDIRECT_ID_MAX)
		return false;
	if (*s == '[')
		return !addr_set(&a, s, len, 0) && addr_family(&a) == AF_INET6;
	for (size_t i = 0; i < len; i++) {
		if (!is_marked(s[i], ".-_"))
			return false;
		number = number && !isalpha((unsigned char)s[i]);
	}
	return isalnum((unsigned char)*s) &&
	       (!number || !addr_set(&a, s, len, 0));
}

static bool port_ok(const char *s, size_t len)
{
	unsigned long port = 0;

	for (size_t i = 0; i < len && len <= 5; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		port = port * 10 + (unsigned long)(s[i] - '0');
	}
	return port > 0 && port <= UINT16_MAX;
}

/* ";name=value;..."; the words of the dialect are not for a configuration. */
static bool params_ok(const char *s)
{
	for (; *s; s++) {
		if (!is_marked(*s, PARAM_MARKS))
			return false;
		if (*s == ';' &&
		    (!is_marked(s[1], MARKS) ||
		     !strncasecmp(s + 1, OWN_PREFIX, strlen(OWN_PREFIX))))
			return false;
		if (*s == '%' && !is_escape(s, strlen(s)))
			return false;
	}
	return true;
}

static const char *rest_why(const struct route_target *t)
{
	const char *s = t->rest;
	size_t len = *s == '[' ? strcspn(s, "]") + 1 : strcspn(s, ":;");

	if (len > strlen(s) || !host_ok(s, len))
		return "a host like 198.51.100.7, [2001:db8::7] or "
		       "gw.example.net in the target";
	s += len;
	if (*s == ':') {
		len = strcspn(++s, ";");
		if (!port_ok(s, len))
			return "a port within 1-65535 in the target";
		s += len;
	}
	if (*s && t->redirect)
		return "nothing but HOST[:PORT] after redirect:";
	if ((*s && *s != ';') || !params_ok(s))
		return "parameters like ;transport=tcp in the target, none of "
		       "them ph-...";
	return NULL;
}

/* What follows the scheme. */
static int read_parts(struct route_target *t, const char *text, size_t len,
		      const char **why)
{
	const char *at = memchr(text, '@', len);
	const char *rest = at ? at + 1 : text;

	*why = "a user part of what RFC 3261 lets be, before the @ of a target";
	if (at && (t->redirect || !user_ok(text, (size_t)(at - text))))
		return -EINVAL;
	if (at)
		t->user = strndup(text, (size_t)(at - text));
	t->rest = strndup(rest, len - (size_t)(rest - text));
	if (!t->rest || (at && !t->user))
		return -ENOMEM;
	*why = rest_why(t);
	return *why ? -EINVAL : 0;
}

int route_target_read(struct route_target *t, const char *text, size_t len,
		      const char **why)
{
	int err = -EINVAL;

	memset(t, 0, sizeof(*t));
	*why = EXPECT_TARGET;
	if (len >= REDIRECT_URL_MAX / 2)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].prefix);

		if (len < n || strncasecmp(text, kinds[i].prefix, n) != 0)
			continue;
		t->scheme = kinds[i].scheme;
		t->redirect = kinds[i].redirect;
		err = read_parts(t, text + n, len - n, why);
	}
	if (err)
		route_target_close(t);
	return err;
}

void route_target_close(struct route_target *t)
{
	free(t->user);
	free(t->rest);
	t->user = t->rest = NULL;
}

bool route_target_needs_star(const struct route_target *t)
{
	return t->user && strchr(t->user, '*');
}

static void add_star_user(struct strbuf *out, const struct route_target *t,
			  const struct route_called *called)
{
	for (const char *s = t->user; *s; s++)
		if (*s == '*')
			add_user(out, called->star, called->star_len);
		else
			strbuf_add(out, s, 1);
}

int route_target_url(char url[REDIRECT_URL_MAX], const struct route_target *t,
		     const struct route_called *called)
{
	struct strbuf sb;

	strbuf_init(&sb, url, REDIRECT_URL_MAX);
	strbuf_printf(&sb, "%s:", t->scheme);
	if (t->user)
		add_star_user(&sb, t, called);
	else
		add_user(&sb, called->user, called->user_len);
	strbuf_printf(&sb, "@%s", t->rest);
	if (t->redirect)
		sipmsg_param_add(&sb, proto_uri_param_name(PROTO_DOMAIN),
				 called->domain);
	sipmsg_param_add(&sb, proto_uri_param_name(PROTO_ROUTE),
			 t->redirect ? ASK_VALUE : "");
	return strbuf_err(&sb);
}
