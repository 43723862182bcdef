#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/framing.h"
#include "common/sipmsg.h"

enum { CRLF = 2, BUF_MIN = 2048 };

static const char method_chars[] = "-.!%*_+`'~";

static size_t waiting(const struct framing *f)
{
	return f->len - f->start;
}

/* Give the byte back that the last message's NUL stands on. */
static void release(struct framing *f)
{
	if (f->holds)
		f->buf[f->start] = f->held;
	f->holds = false;
}

int framing_add(struct framing *f, const char *data, size_t len)
{
	size_t cap = f->cap ? f->cap : BUF_MIN;
	char *buf;

	release(f);
	if (f->start > 0) {
		memmove(f->buf, f->buf + f->start, waiting(f));
		f->len -= f->start;
		f->start = 0;
	}
	while (cap - f->len <= len) /* and its NUL */
		cap *= 2;
	if (cap != f->cap) {
		buf = realloc(f->buf, cap);
		if (!buf)
			return -ENOMEM;
		f->buf = buf;
		f->cap = cap;
	}
	if (len > 0)
		memcpy(f->buf + f->len, data, len);
	f->len += len;
	return 0;
}

static int none(struct framing *f)
{
	if (waiting(f) == 0) {
		free(f->buf);
		f->buf = NULL;
		f->start = f->len = f->cap = 0;
	}
	return FRAMING_NONE;
}

static bool is_crlf(const char *p)
{
	return p[0] == '\r' && p[1] == '\n';
}

/* Nothing yet, or a beginning of CRLF or of the second of two. */
static bool may_become_crlf(const struct framing *f)
{
	const char *p = f->buf + f->start;
	size_t n = waiting(f);

	return n == 0 || (n == 1 && p[0] == '\r') ||
	       (n == CRLF + 1 && is_crlf(p) && p[CRLF] == '\r' && !f->half);
}

/*
 * CRLFs ahead of a message. Two are a ping, and one alone is the pong where we
 * wait for one. Else it may be half of a ping, whose other half comes next;
 * and so may a pong have been, so that no ping is ever left unanswered.
 */
static int next_keepalive(struct framing *f)
{
	const char *p;
	size_t n;

	for (;;) {
		bool twice;

		p = f->buf + f->start;
		n = waiting(f);
		if (n < CRLF || !is_crlf(p) || may_become_crlf(f))
			return FRAMING_NONE;
		twice = n >= 2 * CRLF && is_crlf(p + CRLF);
		f->start += CRLF;
		if (twice && !f->half) {
			f->start += CRLF;
			return FRAMING_PING;
		}
		if (f->expects_pong && !twice) {
			f->expects_pong = false;
			f->half = true;
			return FRAMING_PONG;
		}
		f->half = !f->half;
		if (!f->half)
			return FRAMING_PING;
	}
}

/* "INVITE sip:a@b SIP/2.0" or "SIP/2.0 200 OK", of any version. */
static bool is_start_line(const char *p, size_t len)
{
	const char *last = memrchr(p, ' ', len);

	if (!last || memchr(p, '\0', len))
		return false;
	return !strncasecmp(p, "SIP/", 4) || !strncasecmp(last + 1, "SIP/", 4);
}

static bool may_begin(char c)
{
	return isalnum((unsigned char)c) || (c && strchr(method_chars, c));
}

/* Length of one header with its continuation lines and last CRLF; `end` is
 * behind the empty line that closes the block. */
static size_t header_len(const char *p, const char *end)
{
	const char *lf = p;

	do {
		lf = memchr(lf, '\n', (size_t)(end - lf));
		lf++;
	} while (lf < end && (*lf == ' ' || *lf == '\t'));
	return (size_t)(lf - p);
}

static bool is_content_length(const char *p, size_t len)
{
	size_t name = 0;

	while (name < len && !strchr(": \t\r", p[name]))
		name++;
	return (name == 1 && (p[0] == 'l' || p[0] == 'L')) ||
	       (name == strlen("Content-Length") &&
		!strncasecmp(p, "Content-Length", name));
}

/* The number behind the colon, or -EBADMSG; -EMSGSIZE beyond SIPMSG_MAX. */
static long number_of(const char *p, size_t len)
{
	const char *end = p + len;
	const char *colon = memchr(p, ':', len);
	long n = 0;

	if (!colon)
		return -EBADMSG;
	for (p = colon + 1; p < end && isspace((unsigned char)*p); p++)
		;
	if (p == end)
		return -EBADMSG;
	for (; p < end && isdigit((unsigned char)*p); p++) {
		n = 10 * n + (*p - '0');
		if (n > SIPMSG_MAX)
			return -EMSGSIZE;
	}
	for (; p < end; p++)
		if (!isspace((unsigned char)*p))
			return -EBADMSG;
	return n;
}

/* Of a header block: there must be exactly one. */
static long content_length(const char *p, const char *end)
{
	long found = -EBADMSG;
	bool once = false;

	for (size_t n; p < end; p += n) {
		n = header_len(p, end);
		if (!is_content_length(p, n))
			continue;
		if (once)
			return -EBADMSG;
		once = true;
		found = number_of(p, n);
		if (found < 0)
			break;
	}
	return found;
}

static int header_ended(struct framing *f, size_t header)
{
	const char *p = f->buf + f->start;
	long body = content_length(p, p + header);

	if (body < 0)
		return (int)body;
	f->whole = header + (size_t)body;
	return f->whole > SIPMSG_MAX ? -EMSGSIZE : 0;
}

/* Look at the lines that have come; f->whole is set once the header ends. */
static int scan_header(struct framing *f)
{
	const char *p = f->buf + f->start;
	size_t n = waiting(f);

	while (!f->whole) {
		const char *lf = memchr(p + f->seen, '\n', n - f->seen);
		size_t at = lf ? (size_t)(lf - p) : n;
		int err = 0;

		f->seen = at;
		if (!lf)
			return n > SIPMSG_MAX ? -EMSGSIZE : 0;
		if (at == f->line || p[at - 1] != '\r')
			return -EBADMSG;
		if (!f->begun && !is_start_line(p, at - 1))
			return -EBADMSG;
		f->begun = true;
		f->seen = at + 1;
		if (at - 1 == f->line)
			err = header_ended(f, at + 1);
		f->line = at + 1;
		if (err)
			return err;
	}
	return 0;
}

static int take_message(struct framing *f, char **msg, size_t *len)
{
	*msg = f->buf + f->start;
	*len = f->whole;
	f->start += f->whole;
	f->held = f->buf[f->start];
	f->holds = true;
	f->buf[f->start] = '\0';
	f->whole = f->seen = f->line = 0;
	f->begun = f->half = false;
	return FRAMING_MESSAGE;
}

int framing_next(struct framing *f, char **msg, size_t *len)
{
	int what;

	release(f);
	if (!f->seen && waiting(f) > 0) {
		what = next_keepalive(f);
		if (what != FRAMING_NONE)
			return what;
	}
	if (!f->seen && may_become_crlf(f))
		return none(f);
	if (!f->whole) {
		if (!may_begin(f->buf[f->start]))
			return -EBADMSG;
		what = scan_header(f);
		if (what)
			return what;
	}
	if (!f->whole || waiting(f) < f->whole)
		return none(f);
	return take_message(f, msg, len);
}

void framing_expect_pong(struct framing *f)
{
	f->expects_pong = true;
}

bool framing_is_partial(const struct framing *f)
{
	return waiting(f) > 0;
}

void framing_reset(struct framing *f)
{
	free(f->buf);
	memset(f, 0, sizeof(*f));
}
