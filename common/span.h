#ifndef COMMON_SPAN_H
#define COMMON_SPAN_H

#include <stdbool.h>
#include <stddef.h>

/* A piece of the bytes of a message that is read as text, without a parser. */
struct span {
	const char *p; /* no NUL behind it */
	size_t len;
};

/* Space, tab and the ends of lines, as within a folded header (RFC 3261 7.3.1).
 */
bool span_space(char c);

/* From `p` to before `end` without such characters at either side. */
struct span span_trim(const char *p, const char *end);

/* Whether it is this word (NULL: no), in any case. */
bool span_is(struct span s, const char *word);

#endif
