#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/relay_options.h"

enum { DIGITS_MAX = 3 };

/* Lower-case letters, to be compared with what relayd knows. */
static bool is_word(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p < 'a' || *p > 'z')
			return false;
	return *text;
}

/* A place, not "anywhere" or a group. */
static bool is_place(const struct addr *a)
{
	enum addr_class class = addr_class(a);

	return class != ADDR_NONE && class != ADDR_ANY &&
	       class != ADDR_MULTICAST;
}

static void add(struct strbuf *out, enum proto_uri_param p, const char *value)
{
	sipmsg_param_add(out, proto_uri_param_name(p), value);
}

int relay_options_print(struct strbuf *out, const struct relay_options *o)
{
	char text[ADDR_STRLEN];

	if ((o->has_resequence && o->resequence_ms > RELAY_RESEQUENCE_MAX_MS) ||
	    (*o->learn && !is_word(o->learn)) ||
	    (!addr_is_none(&o->toward) && !is_place(&o->toward)))
		return -EINVAL;
	if (o->has_resequence) {
		snprintf(text, sizeof(text), "%u", o->resequence_ms);
		add(out, PROTO_RESEQUENCE, text);
	}
	if (*o->learn)
		add(out, PROTO_LEARN, o->learn);
	if (o->begins)
		add(out, PROTO_BEGINS, "");
	if (!addr_is_none(&o->toward))
		add(out, PROTO_TOWARD,
		    addr_port(&o->toward) ? addr_str(text, &o->toward)
					  : addr_ip_str(text, &o->toward));
	if (o->tentative)
		add(out, PROTO_TENTATIVE, "");
	return 0;
}

/* The value of one into text; 1, 0 where it is absent, or -EINVAL. */
static int value_of(char *text, size_t cap, const url_t *url,
		    enum proto_uri_param p)
{
	int n = sipmsg_url_param(text, cap, url, proto_uri_param_name(p));

	if (n == -ENOENT)
		return 0;
	return n > 0 && strlen(text) == (size_t)n ? 1 : -EINVAL;
}

static int parse_ms(uint16_t *ms, const char *text)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; text[i] >= '0' && text[i] <= '9' && i < DIGITS_MAX; i++)
		n = n * 10 + (unsigned)(text[i] - '0');
	if (text[i] != '\0' || n > RELAY_RESEQUENCE_MAX_MS)
		return -EINVAL;
	*ms = (uint16_t)n;
	return 0;
}

int relay_options_parse(struct relay_options *o, const url_t *url)
{
	char text[ADDR_STRLEN];
	int there;

	memset(o, 0, sizeof(*o));
	there = value_of(text, sizeof(text), url, PROTO_RESEQUENCE);
	if (there < 0 || (there && parse_ms(&o->resequence_ms, text)))
		return -EINVAL;
	o->has_resequence = there;
	there = value_of(o->learn, sizeof(o->learn), url, PROTO_LEARN);
	if (there < 0 || (there && !is_word(o->learn)))
		return -EINVAL;
	o->begins =
		sipmsg_url_param(text, sizeof(text), url,
				 proto_uri_param_name(PROTO_BEGINS)) != -ENOENT;
	there = value_of(text, sizeof(text), url, PROTO_TOWARD);
	if (there < 0 || (there && (addr_parse(&o->toward, text, 0) ||
				    !is_place(&o->toward))))
		return -EINVAL;
	o->tentative =
		sipmsg_url_param(text, sizeof(text), url,
				 proto_uri_param_name(PROTO_TENTATIVE)) !=
		-ENOENT;
	return 0;
}

bool relay_options_learn_ok(const char *word)
{
	static const char *const words[] = {
#define LEARN_ROW(w) (w),
		RELAY_LEARN_WORDS(LEARN_ROW)
#undef LEARN_ROW
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}
