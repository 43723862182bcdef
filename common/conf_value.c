#include "common/conf_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOUND_MAX = 60, WANT_LEN = 160 };

static void *field(void *out, const struct conf_key *key)
{
	return (char *)out + key->offset;
}

static const void *cfield(const void *out, const struct conf_key *key)
{
	return (const char *)out + key->offset;
}

/* Always -EINVAL, having said what was wanted and what was there. */
static int refuse(struct conf_fault *fault, const char *want, const json_t *v)
{
	char *found = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	bool cut = found && strlen(found) > FOUND_MAX;

	snprintf(fault->why, sizeof(fault->why), "expected %s, found %.*s%s",
		 want, FOUND_MAX, found ? found : "?", cut ? "..." : "");
	free(found);
	return -EINVAL;
}

static bool is_optional(const struct conf_key *key)
{
	return !key->def || strcmp(key->def, "\"\"") == 0;
}

static int check_string(const struct conf_key *key, const json_t *v,
			struct conf_fault *fault)
{
	const char *value = json_string_value(v);
	char want[WANT_LEN] = "something else";

	if (!value)
		return refuse(fault, "a string", v);
	if (!*value && key->type == CONF_STRING && is_optional(key))
		return 0;
	if (!key->check || key->check(value, want, sizeof(want)) == 0)
		return 0;
	return refuse(fault, want, v);
}

static int set_string(char **to, const struct conf_key *key, const json_t *v,
		      struct conf_fault *fault)
{
	int err = check_string(key, v, fault);

	if (err)
		return err;
	char *copy = strdup(json_string_value(v));

	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static int set_int(int64_t *to, const struct conf_key *key, const json_t *v,
		   struct conf_fault *fault)
{
	char want[WANT_LEN];
	int64_t value = json_integer_value(v);

	if (json_is_integer(v) && value >= key->min && value <= key->max) {
		*to = value;
		return 0;
	}
	snprintf(want, sizeof(want),
		 "a whole number within %" PRId64 "-%" PRId64, key->min,
		 key->max);
	return refuse(fault, want, v);
}

static int set_bool(bool *to, const json_t *v, struct conf_fault *fault)
{
	if (!json_is_boolean(v))
		return refuse(fault,
			      fault->env ? "true, false, 1 or 0"
					 : "true or false",
			      v);
	*to = json_is_true(v);
	return 0;
}

static int set_range(struct conf_range *to, const struct conf_key *key,
		     const json_t *v, struct conf_fault *fault)
{
	const json_t *lo = json_array_get(v, 0);
	const json_t *hi = json_array_get(v, 1);
	struct conf_range r = {json_integer_value(lo), json_integer_value(hi)};
	char want[WANT_LEN];

	if (json_array_size(v) == 2 && json_is_integer(lo) &&
	    json_is_integer(hi) && key->min <= r.lo && r.lo <= r.hi &&
	    r.hi <= key->max) {
		*to = r;
		return 0;
	}
	snprintf(want, sizeof(want), "%s within %" PRId64 "-%" PRId64,
		 fault->env ? "low-high" : "[low, high]", key->min, key->max);
	return refuse(fault, want, v);
}

static void free_strings(struct conf_strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct conf_strings){0};
}

/* A list of strings; a lone string is a list of one ("relays": "auto"). */
static int set_strings(struct conf_strings *to, const struct conf_key *key,
		       const json_t *v, struct conf_fault *fault)
{
	bool list = json_is_array(v);
	size_t n = list ? json_array_size(v) : 1;
	struct conf_strings s = {.v = calloc(n + 1, sizeof(*s.v))};
	int err = s.v ? 0 : -ENOMEM;

	if (!err && !list && !json_is_string(v))
		err = refuse(fault, "a list of strings", v);
	while (!err && s.n < n) {
		const json_t *one = list ? json_array_get(v, s.n) : v;

		err = set_string(&s.v[s.n], key, one, fault);
		if (err == -EINVAL && list)
			fault->item = s.n + 1;
		s.n += !err;
	}
	if (err) {
		free_strings(&s);
		return err;
	}
	free_strings(to);
	*to = s;
	return 0;
}

int conf_value_set(void *out, const struct conf_key *key, const json_t *v,
		   struct conf_fault *fault)
{
	void *to = field(out, key);

	fault->item = 0;
	switch (key->type) {
	case CONF_STRING:
		return set_string(to, key, v, fault);
	case CONF_INT:
		return set_int(to, key, v, fault);
	case CONF_BOOL:
		return set_bool(to, v, fault);
	case CONF_STRINGS:
		return set_strings(to, key, v, fault);
	case CONF_RANGE:
		return set_range(to, key, v, fault);
	}
	return -EINVAL;
}

/* One item without the spaces around it. */
static json_t *parse_item(const char *text, size_t len)
{
	while (len && text[len - 1] == ' ')
		len--;
	while (len && *text == ' ') {
		text++;
		len--;
	}
	return json_stringn(text, len);
}

/* "a, b,c" -> ["a", "b", "c"]; no text is no items. */
static json_t *parse_strings(const char *text)
{
	json_t *list = json_array();
	bool more = *text != '\0';

	while (more) {
		size_t len = strcspn(text, ",");

		if (json_array_append_new(list, parse_item(text, len))) {
			json_decref(list);
			return NULL;
		}
		more = text[len] == ',';
		text += len + more;
	}
	return list;
}

static json_t *parse_int(const char *text)
{
	char *end;

	errno = 0;
	int64_t value = strtoll(text, &end, 10);

	return errno || end == text || *end ? json_string(text)
					    : json_integer(value);
}

static json_t *parse_range(const char *text)
{
	int64_t lo, hi;
	int end = 0;

	if (sscanf(text, "%" SCNd64 "-%" SCNd64 "%n", &lo, &hi, &end) < 2 ||
	    text[end])
		return json_string(text);
	return json_pack("[I, I]", (json_int_t)lo, (json_int_t)hi);
}

static json_t *parse_bool(const char *text)
{
	if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
		return json_true();
	if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
		return json_false();
	return json_string(text);
}

json_t *conf_value_parse(const struct conf_key *key, const char *text)
{
	switch (key->type) {
	case CONF_STRING:
		return json_string(text);
	case CONF_INT:
		return parse_int(text);
	case CONF_BOOL:
		return parse_bool(text);
	case CONF_STRINGS:
		return parse_strings(text);
	case CONF_RANGE:
		return parse_range(text);
	}
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_strings(const struct conf_strings *a,
			 const struct conf_strings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same_text(a->v[i], b->v[i]))
			return false;
	return true;
}

bool conf_value_eq(const void *a, const void *b, const struct conf_key *key)
{
	const void *fa = cfield(a, key), *fb = cfield(b, key);

	switch (key->type) {
	case CONF_STRING:
		return same_text(*(char *const *)fa, *(char *const *)fb);
	case CONF_INT:
		return *(const int64_t *)fa == *(const int64_t *)fb;
	case CONF_BOOL:
		return *(const bool *)fa == *(const bool *)fb;
	case CONF_STRINGS:
		return same_strings(fa, fb);
	case CONF_RANGE:
		return memcmp(fa, fb, sizeof(struct conf_range)) == 0;
	}
	return false;
}

static int copy_string(char **to, const char *from)
{
	char *copy = from ? strdup(from) : NULL;

	if (from && !copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static int copy_strings(struct conf_strings *to,
			const struct conf_strings *from)
{
	struct conf_strings s = {.v = calloc(from->n + 1, sizeof(*s.v))};

	while (s.v && s.n < from->n) {
		if (copy_string(&s.v[s.n], from->v[s.n]))
			break;
		s.n++;
	}
	if (!s.v || s.n < from->n) {
		free_strings(&s);
		return -ENOMEM;
	}
	free_strings(to);
	*to = s;
	return 0;
}

int conf_value_copy(void *to, const void *from, const struct conf_key *key)
{
	void *t = field(to, key);
	const void *f = cfield(from, key);

	switch (key->type) {
	case CONF_STRING:
		return copy_string(t, *(char *const *)f);
	case CONF_INT:
		*(int64_t *)t = *(const int64_t *)f;
		return 0;
	case CONF_BOOL:
		*(bool *)t = *(const bool *)f;
		return 0;
	case CONF_STRINGS:
		return copy_strings(t, f);
	case CONF_RANGE:
		*(struct conf_range *)t = *(const struct conf_range *)f;
		return 0;
	}
	return -EINVAL;
}

void conf_value_free(void *out, const struct conf_key *key)
{
	void *f = field(out, key);

	if (key->type == CONF_STRING) {
		free(*(char **)f);
		*(char **)f = NULL;
	} else if (key->type == CONF_STRINGS) {
		free_strings(f);
	}
}
