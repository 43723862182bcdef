#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/sipmsg.h"

#include "redirectd/record.h"

enum { Q_MAX = 1000 };

/* Longer than any expiry that can be configured. */
static const dir_time binding_life_max = 366ull * 24 * 3600 * 1000;

static const struct {
	const char *name;
	size_t hex_len;
} algorithms[] = {
#define ALGORITHM(name, wire, openssl, len) {wire, 2 * (len)},
	DIGEST_LIST(ALGORITHM)
#undef ALGORITHM
};

/* Shorter than `cap`, without control characters, spaces and `refused`. */
static bool clean(const char *str, size_t cap, const char *refused)
{
	const char *p;

	for (p = str; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f ||
		    strchr(refused, *p))
			return false;
	return (size_t)(p - str) < cap;
}

/* The same, spaces allowed. */
static bool clean_text(const char *str, size_t cap)
{
	const char *p;

	for (p = str; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return (size_t)(p - str) < cap;
}

/* A quoted string without escapes, or nothing. */
static bool instance_ok(const char *str)
{
	size_t len = strlen(str);

	return !len || (len > 2 && str[0] == '"' && str[len - 1] == '"' &&
			strcspn(str + 1, "\"\\") == len - 2 &&
			clean(str, BINDING_INSTANCE_MAX, ""));
}

static bool in_range(json_int_t v, json_int_t max)
{
	return v >= 0 && v <= max;
}

bool record_id_ok(const char *id)
{
	const char *p, *at = strrchr(id, '@');

	if (!at || at == id || !at[1] || !clean(id, REDIRECT_ID_MAX, ""))
		return false;
	for (p = at; *p; p++)
		if (isupper((unsigned char)*p))
			return false;
	return true;
}

json_t *record_parse(const char *text, size_t len)
{
	json_t *j =
		len < RECORD_LEN_MAX
			? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL)
			: NULL;

	if (json_is_object(j))
		return j;
	json_decref(j);
	return NULL;
}

int record_kind(enum record_kind *kind, const json_t *record)
{
	static const char *const names[] = {
		[RECORD_CLIENT] = "client",
		[RECORD_USER] = "user",
		[RECORD_ALIAS] = "alias",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!json_object_get(record, names[i]))
			continue;
		*kind = (enum record_kind)i;
		return 0;
	}
	return -EBADMSG;
}

json_t *record_of_binding(const struct binding *b)
{
	char serving[ADDR_STRLEN];

	return json_pack(
		"{s:s, s:s, s:s, s:s*, s:I, s:I, s:I, s:s, s:I, s:I}", "url",
		b->url, "instance", b->instance, "call_id", b->call_id, "path",
		*b->path ? b->path : NULL, "cseq", (json_int_t)b->cseq,
		"reg_id", (json_int_t)b->reg_id, "q", (json_int_t)b->q,
		"serving", addr_str(serving, &b->serving), "registered",
		(json_int_t)b->registered, "expires", (json_int_t)b->expires);
}

json_t *record_of_client(const char *id, const struct binding *v, size_t n)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < n; i++) {
		if (!json_array_append_new(list, record_of_binding(&v[i])))
			continue;
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:s, s:o}", "client", id, "bindings", list);
}

json_t *record_of_user(const char *id, const struct user *u)
{
	json_t *ha1 = json_object();
	size_t i;

	for (i = 0; i < DIGEST_ALGORITHMS; i++) {
		if (!json_object_set_new(ha1, algorithms[i].name,
					 json_string(u->ha1[i].hex)))
			continue;
		json_decref(ha1);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s, s:o}", "user", id, "name", u->name,
			 "realm", u->realm, "ha1", ha1);
}

json_t *record_of_alias(const char *id, const char *of)
{
	return json_pack("{s:s, s:s}", "alias", id, "of", of);
}

/* json_unpack() takes no const, and changes nothing. */
static json_t *loose(const json_t *record)
{
	union {
		const json_t *in;
		json_t *out;
	} u = {record};

	return u.out;
}

int record_binding(struct binding *b, const json_t *record)
{
	json_int_t cseq, reg_id, q, registered, expires;
	const char *serving;

	b->path = "";
	if (json_unpack_ex(loose(record), NULL, JSON_STRICT,
			   "{s:s, s:s, s:s, s?s, s:I, s:I, s:I, s:s, s:I, s:I}",
			   "url", &b->url, "instance", &b->instance, "call_id",
			   &b->call_id, "path", &b->path, "cseq", &cseq,
			   "reg_id", &reg_id, "q", &q, "serving", &serving,
			   "registered", &registered, "expires", &expires))
		return -EBADMSG;
	if (!*b->url || !clean(b->url, REDIRECT_URL_MAX, "<>\"") ||
	    !instance_ok(b->instance) || !*b->call_id ||
	    !clean(b->call_id, SIPMSG_CALLID_MAX, "") ||
	    !clean_text(b->path, BINDING_PATH_MAX) ||
	    !in_range(cseq, UINT32_MAX) || !in_range(reg_id, UINT32_MAX) ||
	    !in_range(q, Q_MAX) || !in_range(registered, expires) ||
	    (dir_time)(expires - registered) > binding_life_max ||
	    addr_parse(&b->serving, serving, 0))
		return -EBADMSG;
	b->cseq = (uint32_t)cseq;
	b->reg_id = (uint32_t)reg_id;
	b->q = (unsigned)q;
	b->registered = (dir_time)registered;
	b->expires = (dir_time)expires;
	return 0;
}

int record_client(struct record_client *c, const json_t *record)
{
	const json_t *list;
	int err = 0;

	if (json_unpack_ex(loose(record), NULL, JSON_STRICT, "{s:s, s:o}",
			   "client", &c->id, "bindings", &list) ||
	    !record_id_ok(c->id) || !json_is_array(list) ||
	    json_array_size(list) > BINDINGS_MAX)
		return -EBADMSG;
	c->n = json_array_size(list);
	for (size_t i = 0; i < c->n && !err; i++)
		err = record_binding(&c->v[i], json_array_get(list, i));
	return err;
}

static int read_text(char *buf, size_t cap, const char *text)
{
	if (!*text || !clean_text(text, cap))
		return -EBADMSG;
	memcpy(buf, text, strlen(text) + 1);
	return 0;
}

static int read_ha1(struct user *u, const json_t *ha1)
{
	if (json_object_size(ha1) != DIGEST_ALGORITHMS)
		return -EBADMSG;
	for (size_t i = 0; i < DIGEST_ALGORITHMS; i++) {
		const char *hex = json_string_value(
			json_object_get(ha1, algorithms[i].name));

		if (!hex || strlen(hex) != algorithms[i].hex_len ||
		    strspn(hex, "0123456789abcdef") != algorithms[i].hex_len)
			return -EBADMSG;
		memcpy(u->ha1[i].hex, hex, algorithms[i].hex_len + 1);
	}
	return 0;
}

int record_user(const char **id, struct user *u, const json_t *record)
{
	const char *name, *realm;
	const json_t *ha1;

	memset(u, 0, sizeof(*u));
	if (json_unpack_ex(loose(record), NULL, JSON_STRICT,
			   "{s:s, s:s, s:s, s:o}", "user", id, "name", &name,
			   "realm", &realm, "ha1", &ha1) ||
	    !record_id_ok(*id) || read_text(u->name, sizeof(u->name), name) ||
	    read_text(u->realm, sizeof(u->realm), realm))
		return -EBADMSG;
	return read_ha1(u, ha1);
}

int record_alias(const char **id, const char **of, const json_t *record)
{
	if (json_unpack_ex(loose(record), NULL, JSON_STRICT, "{s:s, s:s}",
			   "alias", id, "of", of) ||
	    !record_id_ok(*id) || !record_id_ok(*of) || !strcmp(*id, *of))
		return -EBADMSG;
	return 0;
}
