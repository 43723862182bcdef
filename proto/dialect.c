#include <stdint.h>
#include <string.h>

#include "proto/dialect.h"

static const struct {
	const char *name;
	const char *about;
} uri_params[] = {
#define PROTO_ROW(id, wire, about) [PROTO_##id] = {(wire), (about)},
	PROTO_URI_PARAMS(PROTO_ROW)
#undef PROTO_ROW
};

/* FNV-1a; nothing hangs on its being guessed. */
static const uint64_t fnv_offset = 0xcbf29ce484222325;
static const uint64_t fnv_prime = 0x100000001b3;

/* The NUL is hashed too: it keeps two texts in a row apart. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	do {
		hash = (hash ^ (unsigned char)*text) * fnv_prime;
	} while (*text++);
	return hash;
}

const char *proto_uri_param_name(enum proto_uri_param p)
{
	return uri_params[p].name;
}

const char *proto_uri_param_about(enum proto_uri_param p)
{
	return uri_params[p].about;
}

const char *proto_reply_tag(char buf[PROTO_TAG_LEN], const sip_t *req)
{
	const char *tag = req->sip_from->a_tag;
	uint64_t hash = hash_text(fnv_offset, req->sip_call_id->i_id);

	hash = hash_text(hash, tag ? tag : "");
	for (int i = PROTO_TAG_LEN - 2; i >= 0; i--, hash >>= 4)
		buf[i] = "0123456789abcdef"[hash & 15];
	buf[PROTO_TAG_LEN - 1] = '\0';
	return buf;
}

uint64_t proto_session_number(const char *call_id)
{
	return hash_text(fnv_offset, call_id);
}

bool proto_text_ok(const char *text, const char *barred)
{
	if (text[strcspn(text, barred)])
		return false;
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}
