#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/sipmsg.h"
#include "common/sipmsg_scan.h"

/* List items and parameters of one header, continuation lines included. */
enum { ITEMS_MAX = 256 };

/* What a header's value may be. */
enum {
	ADDR_SPEC = 1, /* a URI without angle brackets (RFC 3261 20) */
	SINGLE = 2,    /* one address, in which a comma separates nothing */
	ADDRESS = 4,   /* a URI, in angle brackets or not */
};

/* The headers that have addresses, once: name, what its value may be. */
static const struct {
	const char *name;
	size_t len;
	unsigned kind;
} address_headers[] = {
#define HEADER(name, kind)                                                     \
	{                                                                      \
		name, sizeof(name) - 1, kind                                   \
	}
	HEADER("From", ADDR_SPEC | SINGLE | ADDRESS),
	HEADER("f", ADDR_SPEC | SINGLE | ADDRESS),
	HEADER("To", ADDR_SPEC | SINGLE | ADDRESS),
	HEADER("t", ADDR_SPEC | SINGLE | ADDRESS),
	HEADER("Contact", ADDR_SPEC | ADDRESS),
	HEADER("m", ADDR_SPEC | ADDRESS),
	HEADER("Refer-To", ADDR_SPEC | ADDRESS),
	HEADER("r", ADDR_SPEC | ADDRESS),
	HEADER("Referred-By", ADDR_SPEC | ADDRESS),
	HEADER("b", ADDR_SPEC | ADDRESS),
	HEADER("Route", ADDRESS),
	HEADER("Record-Route", ADDRESS),
	HEADER("Path", ADDRESS),
#undef HEADER
};

/* How far the scan of one header's value has come. */
struct scan {
	bool addr_spec; /* a value may be a URI without brackets */
	bool address;   /* the same, or one within */
	bool single;    /* and there is but one */
	bool quoted;
	bool escaped; /* behind a backslash within quotes */
	bool bracketed;
	bool behind; /* the URI: in the header's own parameters */
	/* Bad if this turns out to be a URI and no name. */
	enum sipmsg_fault doubt;
	unsigned items;
};

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* The length of the name in front of the colon. */
static size_t name_len(const char *line, const char *colon)
{
	while (colon > line && (colon[-1] == ' ' || colon[-1] == '\t'))
		colon--;
	return (size_t)(colon - line);
}

static unsigned kind_of(const char *line, size_t len)
{
	for (size_t i = 0; i < LENGTH(address_headers); i++)
		if (address_headers[i].len == len &&
		    !strncasecmp(address_headers[i].name, line, len))
			return address_headers[i].kind;
	return 0;
}

/* The length of the line without its CRLF, or -1 where it has none. */
static long line_len(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	if (!lf || lf == p || lf[-1] != '\r')
		return -1;
	return lf - 1 - p;
}

static bool is_control(char ch)
{
	unsigned char c = (unsigned char)ch;

	return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* Whether none of 8 bytes is below 0x20, nor 0x7f or above. A tab is taken for
 * one of them, too, and looked at by itself. */
static bool plain_word(const char *p)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x80 * ones;
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	/* With all tops clear no byte carries into the next one. */
	return !((x | (x + ones) | ~((x | tops) - 0x20 * ones)) & tops);
}

static bool has_control(const char *p, size_t len)
{
	const char *end = p + len;

	while (p < end) {
		if (end - p >= (ptrdiff_t)sizeof(uint64_t) && plain_word(p))
			p += sizeof(uint64_t);
		else if (is_control(*p++))
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

/* Behind "<" or at its end a doubtful name has turned out to be none. */
static void doubt(struct scan *s, enum sipmsg_fault fault)
{
	if (s->addr_spec && !s->behind && !s->doubt)
		s->doubt = fault;
}

static enum sipmsg_fault next_item(struct scan *s, char c)
{
	if (s->doubt)
		return s->doubt;
	if (c == ',' && s->single && !s->bracketed)
		return SIPMSG_FAULT_header;
	s->behind = c == ';' || s->bracketed;
	return ++s->items > ITEMS_MAX ? SIPMSG_FAULT_too_many_items
				      : SIPMSG_FAULT_NONE;
}

static enum sipmsg_fault scan_escape(struct scan *s, const char *p, size_t left)
{
	if (is_hex_escape(p, left))
		return SIPMSG_FAULT_NONE;
	if (s->bracketed)
		return SIPMSG_FAULT_escape;
	doubt(s, SIPMSG_FAULT_escape);
	return SIPMSG_FAULT_NONE;
}

/* One character of those that mean something, outside quotes. */
static enum sipmsg_fault scan_char(struct scan *s, const char *p, size_t left)
{
	bool within = s->bracketed && s->address;

	switch (*p) {
	case ' ':
	case '\t':
		return within ? SIPMSG_FAULT_bracket : SIPMSG_FAULT_NONE;
	case '"':
		s->quoted = !s->bracketed;
		return within ? SIPMSG_FAULT_bracket : SIPMSG_FAULT_NONE;
	case '<':
		s->bracketed = true;
		s->doubt = SIPMSG_FAULT_NONE;
		return within ? SIPMSG_FAULT_bracket : SIPMSG_FAULT_NONE;
	case '>':
		within = s->address && !s->bracketed;
		s->bracketed = false;
		s->behind = true;
		return within ? SIPMSG_FAULT_bracket : SIPMSG_FAULT_NONE;
	case ',':
	case ';':
		return next_item(s, *p);
	case '%':
		return scan_escape(s, p, left);
	case '?':
		if (!s->bracketed)
			doubt(s, SIPMSG_FAULT_uri_headers);
		return SIPMSG_FAULT_NONE;
	default:
		return SIPMSG_FAULT_NONE;
	}
}

/* One line of a header's value; `s` goes on over continuation lines. */
static enum sipmsg_fault scan_value(struct scan *s, const char *p, size_t len)
{
	/* Those that scan_char() looks at. */
	static const bool means[UCHAR_MAX + 1] = {
		[' '] = true, ['\t'] = true, ['"'] = true,
		['<'] = true, ['>'] = true,  [','] = true,
		[';'] = true, ['%'] = true,  ['?'] = true,
	};
	enum sipmsg_fault fault = SIPMSG_FAULT_NONE;

	for (size_t i = 0; i < len && !fault; i++) {
		if (s->quoted) {
			scan_quoted(s, p[i]);
			continue;
		}
		while (i < len && !means[(unsigned char)p[i]])
			i++;
		if (i < len)
			fault = scan_char(s, p + i, len - i);
	}
	return fault;
}

/* What can only be told where the header ends. */
static enum sipmsg_fault scan_end(const struct scan *s)
{
	if (s->doubt)
		return s->doubt;
	if (s->quoted && s->address)
		return SIPMSG_FAULT_quote;
	return s->bracketed && s->address ? SIPMSG_FAULT_bracket
					  : SIPMSG_FAULT_NONE;
}

/* One header line or continuation of one. */
static enum sipmsg_fault scan_line(struct scan *s, const char *p, size_t len)
{
	enum sipmsg_fault fault;
	const char *colon;
	unsigned kind;

	if (p[0] == ' ' || p[0] == '\t')
		return scan_value(s, p, len);
	fault = scan_end(s);
	if (fault)
		return fault;
	colon = memchr(p, ':', len);
	if (!colon)
		return SIPMSG_FAULT_colon;
	kind = kind_of(p, name_len(p, colon));
	*s = (struct scan){.addr_spec = kind & ADDR_SPEC,
			   .single = kind & SINGLE,
			   .address = kind & ADDRESS};
	return scan_value(s, colon, len - (size_t)(colon - p));
}

/* "2.0" of whatever is left of a Request-Line or Status-Line behind "SIP/". */
static enum sipmsg_fault scan_version(const char *p, size_t len)
{
	if (len == 3 && !memcmp(p, "2.0", 3))
		return SIPMSG_FAULT_NONE;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)p[i]) && p[i] != '.')
			return SIPMSG_FAULT_start_line;
	}
	return len ? SIPMSG_FAULT_version : SIPMSG_FAULT_start_line;
}

/* RFC 3261 7.1: single spaces, and none elsewhere. */
static enum sipmsg_fault scan_request_line(const char *p, size_t len)
{
	struct scan s = {.bracketed = true, .address = true};
	const char *end = p + len, *uri = memchr(p, ' ', len), *version;
	enum sipmsg_fault fault;

	version = uri ? memchr(uri + 1, ' ', (size_t)(end - uri - 1)) : NULL;
	if (!version || uri == p || version == uri + 1 || end - version < 5 ||
	    strncasecmp(version + 1, "SIP/", 4) != 0)
		return SIPMSG_FAULT_start_line;
	if (memchr(p, '>', len))
		return SIPMSG_FAULT_bracket;
	fault = scan_version(version + 5, (size_t)(end - version - 5));
	return fault ? fault
		     : scan_value(&s, uri + 1, (size_t)(version - uri) - 1);
}

static enum sipmsg_fault scan_start_line(const char *p, size_t len)
{
	/* A reason phrase is free text. */
	if (len > 4 && strncasecmp(p, "SIP/", 4) == 0)
		return SIPMSG_FAULT_NONE;
	return scan_request_line(p, len);
}

/* Line n, which is not the empty one at the end. */
static enum sipmsg_fault scan_nth(struct scan *s, unsigned n, const char *p,
				  size_t len)
{
	if (n == 0)
		return scan_start_line(p, len);
	if (n == 1 && (p[0] == ' ' || p[0] == '\t'))
		return SIPMSG_FAULT_start_line;
	return scan_line(s, p, len);
}

enum sipmsg_fault sipmsg_scan(const char *data, size_t size)
{
	const char *p = data, *end = data + size;
	struct scan s = {0};

	for (unsigned n = 0; n <= SIPMSG_HEADERS_MAX + 1; n++) {
		long len = p < end ? line_len(p, end) : -1;
		enum sipmsg_fault fault;

		if (len < 0)
			return SIPMSG_FAULT_line_end;
		if (has_control(p, (size_t)len))
			return SIPMSG_FAULT_control;
		if (n > 0 && len == 0)
			return scan_end(&s);
		fault = scan_nth(&s, n, p, (size_t)len);
		if (fault)
			return fault;
		p += len + 2;
	}
	return SIPMSG_FAULT_too_many_lines;
}

static bool is_call_id(const char *line, size_t len)
{
	return (len == 1 && (*line == 'i' || *line == 'I')) ||
	       (len == 7 && !strncasecmp(line, "Call-ID", len));
}

const char *sipmsg_peek_call_id(size_t *len, const char *data, size_t size)
{
	const char *p = data, *end = data + size;

	while (p < end) {
		long n = line_len(p, end);
		const char *colon = n > 0 ? memchr(p, ':', (size_t)n) : NULL;

		if (n <= 0)
			return NULL;
		if (colon && is_call_id(p, name_len(p, colon))) {
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
