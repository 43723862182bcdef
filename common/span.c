#include <string.h>
#include <strings.h>

#include "common/span.h"

bool span_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(const char *p, const char *end)
{
	while (p < end && span_space(*p))
		p++;
	while (end > p && span_space(end[-1]))
		end--;
	return (struct span){p, (size_t)(end - p)};
}

bool span_is(struct span s, const char *word)
{
	return word && s.len == strlen(word) &&
	       strncasecmp(s.p, word, s.len) == 0;
}
