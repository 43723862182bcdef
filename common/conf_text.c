#include "common/conf_text.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

struct scan {
	const char *p;
	const char *end;
	unsigned line;
};

/* The next character, or NUL at the end. */
static char peek(const struct scan *s)
{
	return s->p < s->end ? *s->p : '\0';
}

static void next(struct scan *s)
{
	if (s->p < s->end)
		s->p++;
}

/* Lines are counted here alone: valid JSON breaks them nowhere else. */
static void skip_space(struct scan *s)
{
	while (peek(s) && strchr(" \t\r\n", peek(s))) {
		s->line += peek(s) == '\n';
		next(s);
	}
}

static void skip_string(struct scan *s)
{
	next(s);
	while (s->p < s->end && peek(s) != '"') {
		if (peek(s) == '\\')
			next(s);
		next(s);
	}
	next(s);
}

static void skip_scalar(struct scan *s)
{
	while (peek(s) && !strchr(" \t\r\n,:]}", peek(s)))
		next(s);
}

static void skip_value(struct scan *s)
{
	size_t depth = 0;

	do {
		skip_space(s);
		char c = peek(s);

		if (c == '"') {
			skip_string(s);
		} else if (c == '{' || c == '[') {
			depth++;
			next(s);
		} else if (c == '}' || c == ']') {
			depth -= depth > 0;
			next(s);
		} else if (c == ',' || c == ':') {
			next(s);
		} else {
			skip_scalar(s);
		}
	} while (depth && s->p < s->end);
}

/* Whether the string token `raw` (with its quotes) spells `name`. */
static bool spells(const char *raw, size_t len, const char *name)
{
	if (!memchr(raw, '\\', len))
		return len == strlen(name) + 2 &&
		       memcmp(raw + 1, name, len - 2) == 0;

	json_t *str = json_loadb(raw, len, JSON_DECODE_ANY, NULL);
	bool same = str && strcmp(json_string_value(str), name) == 0;

	json_decref(str);
	return same;
}

/* From an object's brace to the value of one member; the line of its name. */
static unsigned enter_member(struct scan *s, const char *name)
{
	skip_space(s);
	if (peek(s) != '{')
		return 0;
	next(s);
	for (;;) {
		skip_space(s);
		const char *raw = s->p;
		unsigned line = s->line;

		if (peek(s) != '"')
			return 0;
		skip_string(s);
		size_t len = (size_t)(s->p - raw);

		skip_space(s);
		next(s); /* the colon */
		if (spells(raw, len, name))
			return line;
		skip_value(s);
		skip_space(s);
		next(s); /* the comma, or the object's end */
	}
}

static unsigned enter_item(struct scan *s, size_t item)
{
	skip_space(s);
	if (peek(s) != '[')
		return 0;
	next(s);
	while (--item) {
		skip_value(s);
		skip_space(s);
		next(s);
	}
	skip_space(s);
	return s->p < s->end ? s->line : 0;
}

unsigned conf_text_line(const char *text, size_t len, const char *const *names,
			size_t n, size_t item)
{
	struct scan s = {.p = text, .end = text + len, .line = 1};
	unsigned line = 0;

	for (size_t i = 0; i < n; i++) {
		line = enter_member(&s, names[i]);
		if (!line)
			return 0;
	}
	return line && item ? enter_item(&s, item) : line;
}
