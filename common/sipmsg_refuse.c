#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/addr.h"
#include "common/siphash.h"
#include "common/sipmsg_refuse.h"
#include "common/span.h"
#include "common/strbuf.h"

enum { METHOD_MAX = 64, VIAS_MAX = 70 };

/* What an answer gives back, in its order; of the first there may be many. */
enum field { VIA, FROM, TO, CALL_ID, CSEQ, FIELDS };

static const struct {
	const char *name, *compact;
} names[FIELDS] = {
	[VIA] = {"Via", "v"},    [FROM] = {"From", "f"},
	[TO] = {"To", "t"},      [CALL_ID] = {"Call-ID", "i"},
	[CSEQ] = {"CSeq", NULL},
};

/* What was found of a bad request. Values are as they came, folded. */
struct found {
	struct span method;
	struct span vias[VIAS_MAX];
	size_t nvias;
	bool lost;                 /* a Via that cannot go back as it came */
	struct span value[FIELDS]; /* len 0: none; the first Via too */
};

/* Behind the next line end, lone LF or not, or the end of all. */
static const char *line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf ? lf + 1 : end;
}

/* A header with its continuation lines; NULL where the head ends. What is cut
 * off before its line end is no header. */
static const char *next_header(struct span *line, const char *p,
			       const char *end)
{
	const char *next = line_end(p, end);

	if (next == p || next[-1] != '\n' || span_space(*p))
		return NULL;
	while (next < end && (*next == ' ' || *next == '\t'))
		next = line_end(next, end);
	*line = span_trim(p, next);
	return next;
}

/* What may go back: no control character but in a fold. */
static bool is_clean(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && !span_space(s.p[i])) || c == 0x7f)
			return false;
		if (c == '\r' && (i + 1 == s.len || s.p[i + 1] != '\n'))
			return false;
	}
	return s.len > 0;
}

static enum field field_of(struct span name)
{
	enum field f = VIA;

	while (f < FIELDS && !span_is(name, names[f].name) &&
	       !span_is(name, names[f].compact))
		f++;
	return f;
}

static void take_header(struct found *f, struct span line)
{
	const char *end = line.p + line.len;
	const char *colon = memchr(line.p, ':', line.len);
	enum field field = colon ? field_of(span_trim(line.p, colon)) : FIELDS;
	struct span value;

	if (field == FIELDS)
		return;
	value = span_trim(colon + 1, end);
	if (field == VIA && (f->nvias == VIAS_MAX || !is_clean(value)))
		f->lost = true;
	else if (field == VIA)
		f->vias[f->nvias++] = value;
	if (is_clean(value) && !f->value[field].len)
		f->value[field] = value;
}

static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!isalnum((unsigned char)s.p[i]) &&
		    !memchr("-.!%*_+`'~", s.p[i], 10))
			return false;
	}
	return s.len > 0 && s.len <= METHOD_MAX;
}

static void find(struct found *f, const char *p, const char *end)
{
	const char *next = line_end(p, end);
	struct span line = span_trim(p, next);
	const char *space = memchr(line.p, ' ', line.len);

	memset(f, 0, sizeof(*f));
	if (space)
		f->method = (struct span){p, (size_t)(space - p)};
	for (unsigned n = 0; next && n < SIPMSG_HEADERS_MAX; n++) {
		next = next_header(&line, next, end);
		if (next)
			take_header(f, line);
	}
}

/* "SIP/2.0/UDP host", more or less. */
static bool is_via(struct span s)
{
	return s.len > 3 && !strncasecmp(s.p, "SIP", 3) &&
	       (s.p[3] == '/' || span_space(s.p[3])) && memchr(s.p, '/', s.len);
}

/* One value as a header line, each fold a space. */
static void put_value(struct strbuf *out, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		size_t from = i;

		while (i < s.len && s.p[i] != '\r' && s.p[i] != '\n')
			i++;
		strbuf_add(out, s.p + from, i - from);
		while (i < s.len && span_space(s.p[i]))
			i++;
		if (i < s.len)
			strbuf_str(out, " ");
		i--;
	}
}

/* Behind the parameter `name` that begins at or after `p`; NULL: none. */
static const char *find_param(struct span s, const char *name)
{
	const char *end = s.p + s.len;
	size_t n = strlen(name);

	for (const char *p = s.p; (p = memchr(p, ';', (size_t)(end - p)));) {
		for (p++; p < end && span_space(*p);)
			p++;
		if ((size_t)(end - p) < n || strncasecmp(p, name, n) != 0)
			continue;
		if ((size_t)(end - p) == n || span_space(p[n]) ||
		    strchr("=;,", p[n]))
			return p + n;
	}
	return NULL;
}

/* Its first value ends where another begins (no quotes: a comma in one is of
 * no use to anybody here). */
static struct span first_value(struct span s)
{
	const char *comma = memchr(s.p, ',', s.len);

	return span_trim(s.p, comma ? comma : s.p + s.len);
}

/* RFC 3261 18.2.1, RFC 3581 4. */
static void put_top_via(struct strbuf *out, struct span via,
			const struct addr *src)
{
	struct span top = first_value(via);
	const char *end = via.p + via.len, *rport = find_param(top, "rport");
	const char *rest = top.p;
	char ip[ADDR_STRLEN];

	strbuf_str(out, "Via: ");
	if (rport && (rport == top.p + top.len || *rport == ';')) {
		put_value(out, (struct span){rest, (size_t)(rport - rest)});
		strbuf_printf(out, "=%u", addr_port(src));
		rest = rport;
	}
	put_value(out, (struct span){rest, (size_t)(top.p + top.len - rest)});
	if (!find_param(top, "received"))
		strbuf_printf(out, ";received=%s", addr_ip_str(ip, src));
	rest = top.p + top.len;
	put_value(out, (struct span){rest, (size_t)(end - rest)});
	strbuf_str(out, "\r\n");
}

static void put_header(struct strbuf *out, enum field field, struct span value)
{
	if (!value.len)
		return;
	strbuf_printf(out, "%s: ", names[field].name);
	put_value(out, value);
	strbuf_str(out, "\r\n");
}

/* The same tag for a request that is sent again. */
static void put_to(struct strbuf *out, const struct found *f)
{
	struct span to = f->value[TO], seed = f->value[CALL_ID];

	if (!to.len)
		return;
	if (!seed.len)
		seed = f->value[VIA];
	strbuf_str(out, "To: ");
	put_value(out, to);
	if (!find_param(to, "tag"))
		strbuf_printf(out, ";tag=%08" PRIx32,
			      (uint32_t)siphash_secret(seed.p, seed.len));
	strbuf_str(out, "\r\n");
}

static void put_answer(struct strbuf *out, const struct found *f,
		       const struct addr *src, const struct sipmsg_bad *bad,
		       bool brief)
{
	int status = sipmsg_fault_status(bad->fault);
	const char *phrase = sipmsg_fault_phrase(bad->fault);

	if (brief)
		phrase = status == 400 ? "Bad Request" : "Refused";
	strbuf_printf(out, "SIP/2.0 %d ", status);
	if (bad->header && !brief)
		strbuf_printf(out, "%s In %s\r\n", phrase, bad->header);
	else
		strbuf_printf(out, "%s\r\n", phrase);
	put_top_via(out, f->vias[0], src);
	for (size_t i = 1; i < f->nvias; i++)
		put_header(out, VIA, f->vias[i]);
	put_header(out, FROM, f->value[FROM]);
	put_to(out, f);
	put_header(out, CALL_ID, f->value[CALL_ID]);
	put_header(out, CSEQ, f->value[CSEQ]);
	strbuf_str(out, "Content-Length: 0\r\n\r\n");
}

static bool can_answer(const struct addr *src)
{
	enum addr_class c = addr_class(src);

	return addr_port(src) && c != ADDR_NONE && c != ADDR_ANY &&
	       c != ADDR_MULTICAST;
}

enum sipmsg_silence sipmsg_refuse(struct strbuf *out, const char *data,
				  size_t len, const struct addr *src,
				  const struct sipmsg_bad *bad)
{
	const char *end = data + len;
	struct found f;

	while (data < end && (*data == '\r' || *data == '\n'))
		data++;
	find(&f, data, end);
	if (!is_token(f.method))
		return SIPMSG_SILENCE_response;
	if (span_is(f.method, "ACK"))
		return SIPMSG_SILENCE_ack;
	if (!can_answer(src))
		return SIPMSG_SILENCE_source;
	if (!f.nvias || f.lost || !is_via(f.vias[0]) || !f.value[CSEQ].len)
		return SIPMSG_SILENCE_no_way_back;
	put_answer(out, &f, src, bad, false);
	if (!strbuf_err(out) && out->len <= len)
		return SIPMSG_ANSWERED;
	strbuf_init(out, out->data, out->cap);
	put_answer(out, &f, src, bad, true);
	return !strbuf_err(out) && out->len <= len ? SIPMSG_ANSWERED
						   : SIPMSG_SILENCE_longer;
}
