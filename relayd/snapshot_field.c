#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/snapshot_field.h"

/* In base64 three bytes are four characters. */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)

static const json_t *get(const struct snapshot_reader *r, const char *key)
{
	return json_object_get(r->at, key);
}

static void bad(struct snapshot_reader *r, const char *key)
{
	if (!r->bad)
		r->bad = key;
}

void field_put_addr(json_t *to, const char *key, const struct addr *a)
{
	char buf[ADDR_STRLEN];

	if (!addr_is_none(a))
		json_object_set_new(to, key, json_string(addr_str(buf, a)));
}

void field_put_age(json_t *to, const char *key, uint64_t t, uint64_t now)
{
	/* the kernel may have forwarded something since `now` */
	json_int_t age = t < now ? (json_int_t)(now - t) : 0;

	if (t)
		json_object_set_new(to, key, json_integer(age));
}

void field_put_count(json_t *to, const char *key, uint64_t n)
{
	if (n)
		json_object_set_new(to, key, json_integer((json_int_t)n));
}

void field_put_flag(json_t *to, const char *key, bool on)
{
	if (on)
		json_object_set_new(to, key, json_true());
}

void field_put_text(json_t *to, const char *key, const char *text)
{
	size_t len = text ? strlen(text) : 0, n = 0;
	char *utf8 = text ? malloc(2 * len + 1) : NULL;

	if (!utf8)
		return;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x80)
			utf8[n++] = (char)(0xc0 | c >> 6);
		utf8[n++] = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
	}
	json_object_set_new(to, key, json_stringn(utf8, n));
	free(utf8);
}

void field_put_bytes(json_t *to, const char *key, const void *data, size_t len)
{
	char *text = malloc(BASE64_LEN(len) + 1);

	if (!text)
		return;
	EVP_EncodeBlock((unsigned char *)text, data, (int)len);
	json_object_set_new(to, key, json_string(text));
	free(text);
}

struct addr field_addr(struct snapshot_reader *r, const char *key)
{
	const json_t *v = get(r, key);
	struct addr a = {0};

	if (v &&
	    (!json_is_string(v) || addr_parse(&a, json_string_value(v), 0)))
		bad(r, key);
	return a;
}

uint64_t field_age(struct snapshot_reader *r, const char *key)
{
	const json_t *v = get(r, key);
	json_int_t age = json_integer_value(v);

	if (!v)
		return 0;
	if (!json_is_integer(v) || age < 0) {
		bad(r, key);
		return 0;
	}
	/* 0 is never */
	return (uint64_t)age < r->now ? r->now - (uint64_t)age : 1;
}

uint64_t field_count(struct snapshot_reader *r, const char *key, uint64_t max)
{
	const json_t *v = get(r, key);
	json_int_t n = json_integer_value(v);

	if (!v || (json_is_integer(v) && n >= 0 && (uint64_t)n <= max))
		return (uint64_t)n;
	bad(r, key);
	return 0;
}

bool field_flag(struct snapshot_reader *r, const char *key)
{
	const json_t *v = get(r, key);

	if (v && !json_is_boolean(v))
		bad(r, key);
	return json_is_true(v);
}

const char *field_text(struct snapshot_reader *r, const char *key, char **room)
{
	const json_t *v = get(r, key);
	const char *in = json_string_value(v);
	size_t len = json_string_length(v);
	char *out = *room;

	if (v && (!in || memchr(in, '\0', len)))
		bad(r, key);
	if (!in || memchr(in, '\0', len))
		return NULL;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)in[i];

		/* jansson has seen to it that this is UTF-8 */
		if (c >= 0xc4)
			bad(r, key);
		if (c >= 0x80 && i + 1 < len)
			c = (unsigned char)(c << 6 | (in[++i] & 0x3f));
		*(*room)++ = (char)c;
	}
	*(*room)++ = '\0';
	return out;
}

size_t field_room(const struct snapshot_reader *r, const char *key)
{
	return json_string_length(get(r, key)) + 1;
}

bool field_bytes(void *to, size_t len, const struct snapshot_reader *r,
		 const char *key)
{
	const json_t *v = get(r, key);
	const char *text = json_string_value(v);
	size_t n = BASE64_LEN(len);
	unsigned char *out;
	bool good;

	if (!text || json_string_length(v) != n)
		return false;
	out = malloc(n / 4 * 3 + 1);
	if (!out)
		return false;
	good = EVP_DecodeBlock(out, (const unsigned char *)text, (int)n) ==
	       (int)(n / 4 * 3);
	if (good)
		memcpy(to, out, len);
	free(out);
	return good;
}

struct snapshot_reader field_object(const struct snapshot_reader *r,
				    const char *key)
{
	return (struct snapshot_reader){
		.at = get(r, key), .now = r->now, .present = r->present};
}

void field_close(struct snapshot_reader *r, const struct snapshot_reader *sub)
{
	if (sub->bad)
		bad(r, sub->bad);
}
