#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/sdp_line.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void drop(struct sdp_span *s, size_t n)
{
	s->p += n;
	s->len -= n;
}

bool sdp_span_printable(const struct sdp_span *s)
{
	for (size_t i = 0; i < s->len; i++) {
		unsigned char c = (unsigned char)s->p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

bool sdp_line_next(struct sdp_line *l, struct sdp_span *rest)
{
	const char *lf;
	size_t len;

	if (rest->len == 0)
		return false;
	lf = memchr(rest->p, '\n', rest->len);
	len = lf ? (size_t)(lf - rest->p) + 1 : rest->len;
	l->raw = (struct sdp_span){rest->p, len};
	drop(rest, len);

	while (len > 0 &&
	       (is_blank(l->raw.p[len - 1]) || l->raw.p[len - 1] == '\r' ||
		l->raw.p[len - 1] == '\n'))
		len--;
	l->tail = (struct sdp_span){l->raw.p + len, l->raw.len - len};
	l->value = (struct sdp_span){l->raw.p, len};
	l->type = 0;
	if (len >= 2 && l->raw.p[1] == '=') {
		l->type = l->raw.p[0];
		drop(&l->value, 2);
	}
	return true;
}

bool sdp_word(struct sdp_span *word, struct sdp_span *rest)
{
	while (rest->len > 0 && is_blank(rest->p[0]))
		drop(rest, 1);
	*word = (struct sdp_span){rest->p, 0};
	while (rest->len > 0 && !is_blank(rest->p[0])) {
		drop(rest, 1);
		word->len++;
	}
	return word->len > 0;
}

bool sdp_span_is(const struct sdp_span *s, const char *text)
{
	return s->len == strlen(text) && strncasecmp(s->p, text, s->len) == 0;
}

bool sdp_span_port(uint16_t *port, const struct sdp_span *s)
{
	unsigned long n = 0;

	if (s->len == 0 || s->len > 5)
		return false;
	for (size_t i = 0; i < s->len; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		n = n * 10 + (unsigned long)(s->p[i] - '0');
	}
	*port = (uint16_t)n;
	return n <= UINT16_MAX;
}

bool sdp_attribute(struct sdp_span *value, const struct sdp_line *l,
		   const char *name)
{
	size_t n = strlen(name);

	if (l->type != 'a' || l->value.len < n ||
	    strncasecmp(l->value.p, name, n) != 0)
		return false;
	*value = l->value;
	drop(value, n);
	if (value->len == 0)
		return true;
	if (value->p[0] != ':')
		return false;
	drop(value, 1);
	return true;
}

/* Cut "4000/2" in two. */
static void split_count(struct sdp_mline *m)
{
	const char *slash = memchr(m->port.p, '/', m->port.len);
	size_t len = slash ? (size_t)(slash - m->port.p) : m->port.len;

	m->count = (struct sdp_span){m->port.p + len, m->port.len - len};
	m->port.len = len;
}

int sdp_mline_parse(struct sdp_mline *m, const struct sdp_line *l)
{
	struct sdp_span rest = l->value;

	if (!sdp_word(&m->type, &rest) || !sdp_word(&m->port, &rest) ||
	    !sdp_word(&m->proto, &rest))
		return -EBADMSG;
	split_count(m);
	if (!sdp_span_port(&m->number, &m->port))
		return -EBADMSG;
	while (rest.len > 0 && is_blank(rest.p[0]))
		drop(&rest, 1);
	m->fmt = rest;
	return 0;
}

void sdp_connection_parse(struct addr *ip, struct sdp_span text)
{
	struct sdp_span net, type, host;
	const char *slash;
	int family;

	memset(ip, 0, sizeof(*ip));
	if (!sdp_word(&net, &text) || !sdp_word(&type, &text) ||
	    !sdp_word(&host, &text) || !sdp_span_is(&net, "IN"))
		return;
	slash = memchr(host.p, '/', host.len);
	if (slash)
		host.len = (size_t)(slash - host.p);
	family = sdp_span_is(&type, "IP6") ? AF_INET6 : AF_INET;
	if (addr_set(ip, host.p, host.len, 0) || addr_family(ip) != family)
		memset(ip, 0, sizeof(*ip));
}
