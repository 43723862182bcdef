#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/sipmsg.h"
#include "common/sipmsg_scan.h"

/* List items and parameters of one header, continuation lines included. */
enum { ITEMS_MAX = 256 };

/* Headers whose value may be a URI without angle brackets (RFC 3261 20). */
static const char *const addr_spec_headers[] = {
	"From", "f",        "To", "t",           "Contact",
	"m",    "Refer-To", "r",  "Referred-By", "b",
};

/* Headers whose values are URIs in angle brackets. */
static const char *const route_headers[] = {"Route", "Record-Route", "Path"};

/* How far the scan of one header's value has come. */
struct scan {
	bool addr_spec; /* a value may be a URI without brackets */
	bool address;   /* the same, or one within */
	bool quoted;
	bool escaped; /* behind a backslash within quotes */
	bool bracketed;
	/* A broken escape, bad if this turns out to be a URI and no name. */
	bool doubtful;
	unsigned items;
};

static const char broken_escape[] = "broken % escape in a URI";
static const char stray_bracket[] = "angle brackets or quotes within a URI";

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static bool is_header(const char *line, size_t len, const char *const *names,
		      size_t n)
{
	size_t name = strcspn(line, ": \t\r");

	for (size_t i = 0; i < n; i++) {
		if (name < len && strlen(names[i]) == name &&
		    strncasecmp(names[i], line, name) == 0)
			return true;
	}
	return false;
}

/* The length of the line without its CRLF, or -1 where it has none. */
static long line_len(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	if (!lf || lf == p || lf[-1] != '\r')
		return -1;
	return lf - 1 - p;
}

static bool has_control(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static bool is_hex_escape(const char *p, size_t left)
{
	return left > 2 && isxdigit((unsigned char)p[1]) &&
	       isxdigit((unsigned char)p[2]);
}

static void scan_quoted(struct scan *s, char c)
{
	bool ends = c == '"' && !s->escaped;

	s->escaped = c == '\\' && !s->escaped;
	s->quoted = !ends;
}

/* One line of a header's value; `s` goes on over continuation lines. */
static const char *scan_value(struct scan *s, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s->quoted) {
			scan_quoted(s, p[i]);
			continue;
		}
		switch (p[i]) {
		case '"':
			if (s->bracketed && s->address)
				return stray_bracket;
			s->quoted = !s->bracketed;
			break;
		case '<':
			if (s->bracketed && s->address)
				return stray_bracket;
			s->bracketed = true;
			s->doubtful = false;
			break;
		case '>':
			if (!s->bracketed && s->address)
				return stray_bracket;
			s->bracketed = false;
			break;
		case ',':
		case ';':
			if (s->doubtful)
				return broken_escape;
			if (++s->items > ITEMS_MAX)
				return "too many items in one header";
			break;
		case '%':
			if (is_hex_escape(p + i, len - i))
				break;
			if (s->bracketed)
				return broken_escape;
			s->doubtful = s->addr_spec;
			break;
		default:
			break;
		}
	}
	return NULL;
}

/* One header line or continuation of one. */
static const char *scan_line(struct scan *s, const char *p, size_t len)
{
	const char *colon;

	if (p[0] == ' ' || p[0] == '\t')
		return scan_value(s, p, len);
	if (s->doubtful)
		return broken_escape;
	colon = memchr(p, ':', len);
	if (!colon)
		return "a header line without colon";
	memset(s, 0, sizeof(*s));
	s->addr_spec =
		is_header(p, len, addr_spec_headers, LENGTH(addr_spec_headers));
	s->address = s->addr_spec ||
		     is_header(p, len, route_headers, LENGTH(route_headers));
	return scan_value(s, colon, len - (size_t)(colon - p));
}

static const char *scan_start_line(const char *p, size_t len)
{
	struct scan s = {.bracketed = true, .address = true};

	if (len == 0 || p[0] == ' ' || p[0] == '\t')
		return "no start line";
	/* A reason phrase is free text. */
	if (len > 4 && strncasecmp(p, "SIP/", 4) == 0)
		return NULL;
	if (memchr(p, '>', len))
		return stray_bracket;
	return scan_value(&s, p, len);
}

static const char *scan_block(const char *p, const char *end)
{
	struct scan s = {0};
	const char *bad;

	for (unsigned n = 0; n <= SIPMSG_HEADERS_MAX + 1; n++) {
		long len = p < end ? line_len(p, end) : -1;

		if (len < 0)
			return "header without CRLF or empty line at its end";
		if (has_control(p, (size_t)len))
			return "control character in the header";
		if (n == 0)
			bad = scan_start_line(p, (size_t)len);
		else if (len == 0)
			return s.doubtful ? broken_escape : NULL;
		else if (n == 1 && (p[0] == ' ' || p[0] == '\t'))
			bad = "continuation of the start line";
		else
			bad = scan_line(&s, p, (size_t)len);
		if (bad)
			return bad;
		p += len + 2;
	}
	return "too many header lines";
}

const char *sipmsg_peek_call_id(size_t *len, const char *data, size_t size)
{
	static const char *const names[] = {"Call-ID", "i"};
	const char *p = data, *end = data + size;

	while (p < end) {
		long n = line_len(p, end);
		const char *colon = n > 0 ? memchr(p, ':', (size_t)n) : NULL;

		if (n <= 0)
			return NULL;
		if (colon && is_header(p, (size_t)n, names, LENGTH(names))) {
			p = colon + 1;
			while (p < end && strchr(" \t\r\n", *p))
				p++;
			*len = strcspn(p, " \t\r\n");
			return p;
		}
		p += n + 2;
	}
	return NULL;
}

int sipmsg_scan(const char *data, size_t len, const char **why)
{
	const char *bad = scan_block(data, data + len);

	if (!bad)
		return 0;
	*why = bad;
	return -EBADMSG;
}
