#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/record.h"

#include "redirectd/record_fault.h"

enum { VALUE_MAX = 60 };

#define HASH_16 "0123456789abcdef0123456789abcdef"
#define HASH_32 HASH_16 HASH_16

/* One good record of each kind: put in place of one of its values, a value that
 * is at fault makes it a bad one. */
static const char *const good[] = {
	[RECORD_CLIENT] = "{\"client\":\"a@b\",\"bindings\":[]}",
	[RECORD_USER] =
		"{\"user\":\"a@b\",\"name\":\"a\",\"realm\":\"b\","
		"\"ha1\":{\"MD5\":\"" HASH_16 "\",\"SHA-256\":\"" HASH_32
		"\",\"SHA-512-256\":\"" HASH_32 "\"}}",
	[RECORD_ALIAS] = "{\"alias\":\"x@alias\",\"of\":\"x@of\"}",
};

static const char good_binding[] =
	"{\"url\":\"sip:a@192.0.2.1\",\"instance\":\"\",\"call_id\":\"a\","
	"\"cseq\":1,\"reg_id\":0,\"q\":1000,\"serving\":\"192.0.2.2:5060\","
	"\"registered\":1,\"expires\":1}";

typedef int reads_h(const json_t *record);

static int reads_client(const json_t *record)
{
	struct record_client c;

	return record_client(&c, record);
}

static int reads_user(const json_t *record)
{
	const char *id;
	struct user u;

	return record_user(&id, &u, record);
}

static int reads_alias(const json_t *record)
{
	const char *id, *of;

	return record_alias(&id, &of, record);
}

static int reads_binding(const json_t *record)
{
	struct binding b;

	return record_binding(&b, record);
}

static reads_h *const reads[] = {
	[RECORD_CLIENT] = reads_client,
	[RECORD_USER] = reads_user,
	[RECORD_ALIAS] = reads_alias,
};

/* The times of a binding are good or bad together. */
static int try_value(json_t *sample, const char *key, json_t *value,
		     reads_h *read)
{
	if (!strcmp(key, "registered") && json_is_integer(value))
		(void)json_object_set(sample, "expires", value);
	if (!strcmp(key, "expires") && json_is_integer(value))
		(void)json_object_set(sample, "registered", value);
	(void)json_object_set(sample, key, value);
	return read(sample);
}

static void say_value(char *why, size_t len, const char *key,
		      const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	(void)snprintf(why, len, "%s: not a good value: %.*s%s", key, VALUE_MAX,
		       text ? text : "?",
		       text && strlen(text) > VALUE_MAX ? "..." : "");
	free(text);
}

/* The first key that is at fault, beside those in the sample. */
static bool find_fault(char *why, size_t len, json_t *record,
		       const char *sample, reads_h *read)
{
	json_t *names = json_loads(sample, 0, NULL), *value;
	json_t *all = json_copy(record);
	const char *key;
	bool found = false;

	json_object_foreach(names, key, value)
	{
		if (json_object_get(all, key))
			continue;
		(void)snprintf(why, len, "%s: missing", key);
		found = true;
		goto out;
	}
	json_object_foreach(all, key, value)
	{
		json_t *one = json_loads(sample, 0, NULL);

		if (!json_object_get(names, key)) {
			(void)snprintf(why, len, "%.60s: unknown", key);
			found = true;
		} else if (try_value(one, key, value, read)) {
			say_value(why, len, key, value);
			found = true;
		}
		json_decref(one);
		if (found)
			break;
	}
out:
	json_decref(all);
	json_decref(names);
	return found;
}

static const char life[] = "expires: not within a year behind registered";

/* Which of the bindings of a client, and which key of it. */
static bool find_binding(char *why, size_t len, const json_t *record)
{
	const json_t *list = json_object_get(record, "bindings");
	char inner[128];

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *b = json_array_get(list, i);

		if (!json_is_object(b) || !reads_binding(b))
			continue;
		if (!find_fault(inner, sizeof(inner), b, good_binding,
				reads_binding))
			(void)snprintf(inner, sizeof(inner), "%s", life);
		(void)snprintf(why, len, "bindings[%zu].%s", i, inner);
		return true;
	}
	return false;
}

void record_fault(char *why, size_t len, json_t *record)
{
	enum record_kind kind;

	(void)snprintf(why, len, "not a record");
	if (record_kind(&kind, record)) {
		(void)snprintf(why, len,
			       "expected one of the keys client, user, alias");
		return;
	}
	if (kind == RECORD_CLIENT && find_binding(why, len, record))
		return;
	if (!find_fault(why, len, record, good[kind], reads[kind]) &&
	    kind == RECORD_ALIAS)
		(void)snprintf(why, len, "of: the same as alias");
}
