#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "redirectd/credentials.h"

enum { NC_DIGITS = 8, HEX = 16 };

static const struct field {
	const char *name;
	size_t offset, cap;
	bool must;
	const char *bad, *twice, *missing;
} fields[] = {
#define CREDENTIALS_ROW(name, cap, must)                                       \
	{#name,                                                                \
	 offsetof(struct credentials, name),                                   \
	 cap,                                                                  \
	 must,                                                                 \
	 "Credentials With Bad " #name,                                        \
	 "Credentials With Two " #name,                                        \
	 "Credentials Without " #name},
	CREDENTIALS_LIST(CREDENTIALS_ROW)
#undef CREDENTIALS_ROW
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]), REALM = 0 };

/* The value where a parameter has this name, or NULL. */
static const char *value_of(const char *param, const char *name)
{
	size_t len = strlen(name);

	return strncasecmp(param, name, len) == 0 && param[len] == '='
		       ? param + len + 1
		       : NULL;
}

/* A character of a value: no control character. */
static bool put(char *out, size_t *n, size_t cap, char c)
{
	if (iscntrl((unsigned char)c) || *n + 1 >= cap)
		return false;
	out[(*n)++] = c;
	return true;
}

/* RFC 3261 25.1: quoted-string, whose quotes must be its first and its last
 * character. */
static bool unquote(char *out, size_t cap, const char *s)
{
	size_t n = 0;

	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\')
			s++;
		if (!*s || !put(out, &n, cap, *s))
			return false;
	}
	out[n] = '\0';
	return s[0] == '"' && s[1] == '\0';
}

/* Phones quote what must not be, and leave out quotes that must be there. */
static bool read_value(char *out, size_t cap, const char *s)
{
	size_t n = 0;

	if (*s == '"')
		return unquote(out, cap, s);
	for (; *s; s++)
		if (*s == '"' || *s == ' ' || !put(out, &n, cap, *s))
			return false;
	out[n] = '\0';
	return n > 0;
}

static const char *read_field(struct credentials *c, const struct field *f,
			      const msg_param_t *params)
{
	char *out = (char *)c + f->offset;
	bool found = false;
	const char *v;

	out[0] = '\0';
	for (size_t i = 0; params[i]; i++) {
		v = value_of(params[i], f->name);
		if (!v)
			continue;
		if (found)
			return f->twice;
		if (!read_value(out, f->cap, v))
			return f->bad;
		found = true;
	}
	return f->must && !found ? f->missing : NULL;
}

/* RFC 7616 3.4.4: the name is not in plain; we never say that we could read it
 * otherwise. */
static bool is_hidden(const msg_param_t *params)
{
	const char *v;

	for (size_t i = 0; params[i]; i++) {
		v = value_of(params[i], "userhash");
		if (value_of(params[i], "username*") ||
		    (v && strcasecmp(v, "false") && strcasecmp(v, "\"false\"")))
			return true;
	}
	return false;
}

static bool is_hex(const char *s)
{
	for (; *s; s++)
		if (!isxdigit((unsigned char)*s))
			return false;
	return true;
}

/* RFC 7616 3.4: with qop go nc and cnonce. We offer auth alone. */
static const char *check_count(struct credentials *c)
{
	c->counted = *c->qop;
	c->count = 1;
	if (!c->counted)
		return NULL;
	if (strcasecmp(c->qop, "auth"))
		return "Credentials With A qop That Was Not Offered";
	if (!*c->cnonce)
		return "Credentials Without cnonce";
	if (strlen(c->nc) != NC_DIGITS || !is_hex(c->nc))
		return "Credentials With Bad nc";
	c->count = (uint32_t)strtoul(c->nc, NULL, HEX);
	return c->count ? NULL : "Credentials With Bad nc";
}

static const char *check(struct credentials *c)
{
	if (!is_hex(c->response) || strlen(c->response) != digest_len(c->with))
		return "Credentials With Bad response";
	return check_count(c);
}

/* 0, or as credentials_find(): -ENOENT where these are not for us. */
static int read_one(struct credentials *c, const msg_auth_t *a,
		    const char *realm, unsigned algorithms, const char **why)
{
	const msg_param_t *params = a->au_params;

	if (strcasecmp(a->au_scheme, "Digest") || !params)
		return -ENOENT;
	*why = read_field(c, &fields[REALM], params);
	if (*why)
		return -EBADMSG;
	if (strcmp(c->realm, realm) || is_hidden(params))
		return -ENOENT;
	for (size_t i = REALM + 1; i < FIELDS; i++) {
		*why = read_field(c, &fields[i], params);
		if (*why)
			return -EBADMSG;
	}
	if (digest_find(&c->with, c->algorithm) ||
	    !(algorithms & 1u << c->with))
		return -ENOENT;
	*why = check(c);
	return *why ? -EBADMSG : 0;
}

int credentials_find(struct credentials *c, const msg_auth_t *list,
		     const char *realm, unsigned algorithms, const char **why)
{
	int err = -ENOENT;

	for (; list && err == -ENOENT; list = list->au_next)
		err = read_one(c, list, realm, algorithms, why);
	return err;
}

struct digest_parts credentials_parts(const struct credentials *c,
				      const char *method)
{
	return (struct digest_parts){
		.method = method,
		.uri = c->uri,
		.nonce = c->nonce,
		.qop = c->counted ? c->qop : NULL,
		.nc = c->nc,
		.cnonce = c->cnonce,
	};
}
