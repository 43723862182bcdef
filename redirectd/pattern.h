#ifndef REDIRECTD_PATTERN_H
#define REDIRECTD_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Patterns of the static routes: `*` is any run of characters, possibly none,
 * `?` one, `[0-9ab]` one of these, all else itself; `[*]` is a star. A
 * character may be escaped (%2F), in a pattern and in what is matched: both
 * are compared unescaped.
 */
struct pattern;

enum { PATTERN_TEXT_MAX = 256, PATTERN_CLASSES_MAX = 16 };

/* A text to match: its characters unescaped, and where each began. */
struct pattern_text {
	unsigned char c[PATTERN_TEXT_MAX];
	unsigned short at[PATTERN_TEXT_MAX + 1]; /* at[n]: its length */
	size_t n;
};

/* 0, or -EMSGSIZE. A % that begins no escape is itself. */
int pattern_text_read(struct pattern_text *t, const char *text, size_t len);

/* 0; -ENOMEM, or -EINVAL with what was expected in *why (static). */
int pattern_alloc(struct pattern **pp, const char *text, size_t len,
		  const char **why);
void pattern_free(struct pattern *p); /* NULL is fine */

/* At most as many steps as both are long, multiplied. */
bool pattern_match(const struct pattern *p, const struct pattern_text *t);

/* The characters [*from, *to) that the `*` of a pattern stands for in a text
 * that it matches. False where the pattern has none, or several. */
bool pattern_star(size_t *from, size_t *to, const struct pattern *p,
		  const struct pattern_text *t);
bool pattern_has_one_star(const struct pattern *p);

#endif
