#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/span.h"
#include "common/txn_internal.h"

/* The headers of a request that its ACK and its CANCEL share. */
enum field { VIA, FROM, TO, CALL_ID, CSEQ, ROUTE, OTHER };

static const struct {
	const char *name, *compact;
} fields[OTHER] = {
	[VIA] = {"Via", "v"},    [FROM] = {"From", "f"},
	[TO] = {"To", "t"},      [CALL_ID] = {"Call-ID", "i"},
	[CSEQ] = {"CSeq", NULL}, [ROUTE] = {"Route", NULL},
};

/* Sits before the next line of a printed message. */
struct reader {
	const char *p, *end;
};

struct header {
	enum field field;
	struct span value; /* folded lines included, without the last CRLF */
};

/* The first `c` outside quotes and angle brackets; `end` if there is none. */
static const char *find_bare(const char *p, const char *end, char c)
{
	bool quoted = false, angle = false;

	for (; p < end; p++) {
		if (quoted && *p == '\\' && p + 1 < end)
			p++;
		else if (*p == '"' && !angle)
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (*p == c && !angle)
			return p;
		else if (*p == '<')
			angle = true;
		else if (*p == '>')
			angle = false;
	}
	return end;
}

/* A line with those that continue it; false at the empty line or the end. */
static bool next_line(struct span *line, struct reader *r)
{
	const char *start = r->p, *p = r->p;

	do {
		p = memchr(p, '\n', (size_t)(r->end - p));
		p = p ? p + 1 : r->end;
	} while (p < r->end && p - start > 2 && (*p == ' ' || *p == '\t'));
	r->p = p;
	*line = span_trim(start, p);
	return line->len > 0;
}

static bool next_header(struct header *h, struct reader *r)
{
	struct span line, name;
	const char *colon;

	if (!next_line(&line, r))
		return false;
	h->field = OTHER;
	colon = memchr(line.p, ':', line.len);
	if (!colon)
		return true;
	name = span_trim(line.p, colon);
	h->value = span_trim(colon + 1, line.p + line.len);
	for (int f = 0; f < OTHER; f++) {
		if (span_is(name, fields[f].name) ||
		    span_is(name, fields[f].compact))
			h->field = (enum field)f;
	}
	return true;
}

static bool find_header(struct header *h, enum field field, const char *text,
			size_t len)
{
	struct reader r = {text, text + len};
	struct span line;

	if (!next_line(&line, &r))
		return false;
	while (next_header(h, &r)) {
		if (h->field == field)
			return true;
	}
	return false;
}

static void put_header(struct strbuf *out, enum field field, struct span value)
{
	strbuf_str(out, fields[field].name);
	strbuf_str(out, ": ");
	strbuf_add(out, value.p, value.len);
	strbuf_str(out, "\r\n");
}

static void put_cseq(struct strbuf *out, struct span value, const char *method)
{
	size_t n = 0;

	while (n < value.len && isdigit((unsigned char)value.p[n]))
		n++;
	strbuf_str(out, "CSeq: ");
	strbuf_add(out, value.p, n);
	strbuf_str(out, " ");
	strbuf_str(out, method);
	strbuf_str(out, "\r\n");
}

static int put_request_line(struct strbuf *out, struct span line,
			    const char *method)
{
	const char *end = line.p + line.len;
	const char *uri = memchr(line.p, ' ', line.len);

	if (!uri)
		return -EBADMSG;
	strbuf_str(out, method);
	strbuf_add(out, uri, (size_t)(end - uri));
	strbuf_str(out, "\r\n");
	return 0;
}

/* Only the first value of the first Via is the transaction's own. */
static struct span top_via(struct span value)
{
	const char *end = value.p + value.len;

	return span_trim(value.p, find_bare(value.p, end, ','));
}

size_t txn_text_method(const char *req, size_t len)
{
	const char *sp = memchr(req, ' ', len);

	return sp ? (size_t)(sp - req) : 0;
}

const char *txn_text_branch(size_t *len, const char *req, size_t req_len)
{
	struct header h;
	struct span via, param;
	const char *p, *end;

	*len = 0;
	if (!find_header(&h, VIA, req, req_len))
		return NULL;
	via = top_via(h.value);
	end = via.p + via.len;
	for (p = find_bare(via.p, end, ';'); p < end;) {
		const char *next = find_bare(p + 1, end, ';');

		param = span_trim(p + 1, next);
		if (param.len > 7 && strncasecmp(param.p, "branch=", 7) == 0) {
			*len = param.len - 7;
			return param.p + 7;
		}
		p = next;
	}
	return NULL;
}

int txn_text_derive(struct strbuf *out, const char *req, size_t len,
		    const char *method, const char *to, const char *extra)
{
	const unsigned needed =
		1U << VIA | 1U << FROM | 1U << TO | 1U << CALL_ID | 1U << CSEQ;
	struct reader r = {req, req + len};
	unsigned seen = 0;
	struct span line;
	struct header h;

	if (!next_line(&line, &r) || put_request_line(out, line, method) != 0)
		return -EBADMSG;
	while (next_header(&h, &r)) {
		if (h.field == OTHER || (h.field == VIA && seen & 1U << VIA))
			continue;
		seen |= 1U << h.field;
		if (h.field == VIA)
			put_header(out, VIA, top_via(h.value));
		else if (h.field == CSEQ)
			put_cseq(out, h.value, method);
		else if (h.field == TO && to)
			strbuf_str(out, to);
		else
			put_header(out, h.field, h.value);
	}
	if ((seen & needed) != needed)
		return -EBADMSG;
	strbuf_str(out, "Max-Forwards: 70\r\n");
	strbuf_str(out, extra ? extra : "");
	strbuf_str(out, "Content-Length: 0\r\n\r\n");
	return strbuf_err(out);
}

const char *txn_text_to_tag(size_t *len, const char *text, size_t text_len)
{
	struct header h;
	struct span param;
	const char *p, *end;

	*len = 0;
	if (!find_header(&h, TO, text, text_len))
		return NULL;
	end = h.value.p + h.value.len;
	for (p = find_bare(h.value.p, end, ';'); p < end;) {
		const char *next = find_bare(p + 1, end, ';');

		param = span_trim(p + 1, next);
		if (param.len > 4 && strncasecmp(param.p, "tag=", 4) == 0) {
			*len = param.len - 4;
			return param.p + 4;
		}
		p = next;
	}
	return NULL;
}
