#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/addr.h"

enum { LOG_LINE_MAX = 8192, LOG_TS_LEN = 32, LOG_PRIORITY_LEN = 3 };

/* How a cut line ends: a bare key, so that it is logfmt still. */
static const char end_quoted[] = "\" ...\n";
static const char end_plain[] = " ...\n";

static const char *const level_names[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error",
};

struct line {
	char *buf;
	size_t len;
	size_t limit; /* text ends here, so that the end of a cut line fits */
	bool quoted;  /* inside a quoted value */
	bool cut;
};

/* syslog(3)'s debug, info, warning and err. */
static const char *const priorities[] = {
	[LOG_LEVEL_DEBUG] = "<7>",
	[LOG_LEVEL_INFO] = "<6>",
	[LOG_LEVEL_WARN] = "<4>",
	[LOG_LEVEL_ERROR] = "<3>",
};

static const char *daemon_name = "-";
static bool to_journal;
static atomic_int lowest = LOG_LEVEL_INFO;

/* Whole or not at all, so that no escape and no UTF-8 sequence is halved. */
static void put(struct line *l, const void *data, size_t len)
{
	if (l->cut || l->len + len > l->limit) {
		l->cut = true;
		return;
	}
	memcpy(l->buf + l->len, data, len);
	l->len += len;
}

static void put_str(struct line *l, const char *str)
{
	put(l, str, strlen(str));
}

/* How long a UTF-8 sequence with this first byte must be; 0: there is none. */
static size_t utf8_lead(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c < 0xe0)
		return 2;
	if (c >= 0xe0 && c < 0xf0)
		return 3;
	return c >= 0xf0 && c < 0xf5 ? 4 : 0;
}

/* The bytes of the well-formed UTF-8 sequence at `p` (RFC 3629), or 0. */
static size_t utf8_len(const unsigned char *p, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = utf8_lead(*p);
	uint32_t code = *p & (0x7fU >> n);

	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3fU);
	}
	bool surrogate = code >= 0xd800 && code <= 0xdfff;

	return code < least[n] || code > 0x10ffff || surrogate ? 0 : n;
}

/* C1 controls and the Unicode line ends: a terminal may act on them. */
static bool is_unicode_control(const unsigned char *p, size_t n)
{
	return (n == 2 && p[0] == 0xc2 && p[1] < 0xa0) ||
	       (n == 3 && p[0] == 0xe2 && p[1] == 0x80 &&
		(p[2] == 0xa8 || p[2] == 0xa9));
}

static void put_byte_escaped(struct line *l, unsigned char byte)
{
	static const char hex[] = "0123456789abcdef";
	char esc[4] = {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
	size_t n = 2;

	if (byte == '\n')
		esc[1] = 'n';
	else if (byte == '\r')
		esc[1] = 'r';
	else if (byte == '\t')
		esc[1] = 't';
	else if (byte == '"' || byte == '\\')
		esc[1] = (char)byte;
	else
		n = 4;
	put(l, esc, n);
}

static void put_escaped(struct line *l, const unsigned char *p, size_t len)
{
	while (len && !l->cut) {
		size_t n = utf8_len(p, len);
		bool plain = n && *p >= ' ' && *p != 0x7f && *p != '"' &&
			     *p != '\\' && !is_unicode_control(p, n);

		if (plain)
			put(l, p, n);
		else
			put_byte_escaped(l, *p);
		p += plain ? n : 1;
		len -= plain ? n : 1;
	}
}

static bool needs_quotes(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] <= ' ' || p[i] >= 0x7f || strchr("\"=\\", p[i]))
			return true;
	return len == 0;
}

static void put_quoted(struct line *l, const char *str, size_t len)
{
	put(l, "\"", 1);
	if (l->cut)
		return;
	l->quoted = true;
	put_escaped(l, (const unsigned char *)str, len);
	if (l->cut)
		return;
	/* Past the limit, if need be: the end of a cut line has this room. */
	l->buf[l->len++] = '"';
	l->quoted = false;
}

static void put_value(struct line *l, const char *str, size_t len)
{
	if (needs_quotes((const unsigned char *)str, len))
		put_quoted(l, str, len);
	else
		put(l, str, len);
}

static void put_field(struct line *l, const struct log_field *f)
{
	char text[ADDR_STRLEN];

	put(l, " ", 1);
	put_str(l, f->key);
	put(l, "=", 1);
	if (f->type == LOG_FIELD_INT) {
		snprintf(text, sizeof(text), "%" PRId64, f->num);
		put_str(l, text);
	} else if (!f->ptr) {
		put(l, "-", 1);
	} else if (f->type == LOG_FIELD_ADDR) {
		put_str(l, addr_str(text, f->ptr));
	} else if (f->type == LOG_FIELD_STRN) {
		put_value(l, f->ptr, f->num > 0 ? (size_t)f->num : 0);
	} else {
		put_value(l, f->ptr, strlen(f->ptr));
	}
}

static void timestamp(char buf[LOG_TS_LEN])
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t n = strftime(buf, LOG_TS_LEN, "%Y-%m-%dT%H:%M:%S", &tm);

	snprintf(buf + n, LOG_TS_LEN - n, ".%03ldZ", now.tv_nsec / 1000000);
}

/* $JOURNAL_STREAM is "DEVICE:INODE" of what stderr was at the start; it may
 * have been inherited while stderr was not. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[48];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st))
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

const char *log_priority(enum log_level level)
{
	return to_journal ? priorities[level] : "";
}

void log_init(const char *daemon, enum log_level level)
{
	daemon_name = daemon;
	to_journal = is_journal();
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&lowest, (int)level, memory_order_relaxed);
}

int log_enabled(enum log_level level)
{
	return (int)level >=
	       atomic_load_explicit(&lowest, memory_order_relaxed);
}

int log_level_parse(enum log_level *level, const char *name)
{
	for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_ERROR; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

size_t log_format(char *buf, size_t cap, const char *ts, enum log_level level,
		  const char *daemon, const char *msg,
		  const struct log_field *fields, size_t n)
{
	if (cap < sizeof(end_quoted))
		return 0;

	struct line l = {.buf = buf, .limit = cap - sizeof(end_quoted)};

	put_str(&l, "ts=");
	put_str(&l, ts);
	put_str(&l, " level=");
	put_str(&l, level_names[level]);
	put_str(&l, " daemon=");
	put_value(&l, daemon, strlen(daemon));
	put_str(&l, " msg=");
	put_quoted(&l, msg, strlen(msg));
	for (size_t i = 0; i < n; i++)
		put_field(&l, &fields[i]);

	const char *end = !l.cut ? "\n" : l.quoted ? end_quoted : end_plain;
	size_t end_len = strlen(end);

	memcpy(buf + l.len, end, end_len + 1);
	return l.len + end_len;
}

void log_write(enum log_level level, const char *msg,
	       const struct log_field *fields, size_t n)
{
	char line[LOG_PRIORITY_LEN + LOG_LINE_MAX];
	char ts[LOG_TS_LEN];
	ssize_t wrote;

	if (!log_enabled(level))
		return;

	int saved = errno;

	timestamp(ts);
	size_t len =
		(size_t)snprintf(line, sizeof(line), "%s", log_priority(level));

	len += log_format(line + len, sizeof(line) - len, ts, level,
			  daemon_name, msg, fields, n);
	do
		wrote = write(STDERR_FILENO, line, len);
	while (wrote < 0 && errno == EINTR);
	errno = saved;
}
