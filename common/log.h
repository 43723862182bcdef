#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stddef.h>
#include <stdint.h>

struct addr;

/*
 * logfmt on stderr, one line a call:
 *   ts=2026-01-31T12:00:00.123Z level=info daemon=proxyd msg="..." call_id=...
 * Values are quoted and escaped where logfmt needs it, control characters and
 * bytes that are not UTF-8 always, so that nothing from the network can forge
 * a line. Fields are typed: log_info("NAT found", LOG_S("call_id", id),
 * LOG_A("src", &src), LOG_I("port", 5060));
 */
enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR
};

struct log_field {
	const char *key;
	enum {
		LOG_FIELD_STR,
		LOG_FIELD_STRN,
		LOG_FIELD_INT,
		LOG_FIELD_ADDR
	} type;
	const void *ptr; /* NULL prints as "-" */
	int64_t num;     /* the integer, or the length of STRN */
};

#define LOG_S(k, s)                                                            \
	{                                                                      \
		(k), LOG_FIELD_STR, (s), 0                                     \
	}
#define LOG_N(k, s, n)                                                         \
	{                                                                      \
		(k), LOG_FIELD_STRN, (s), (int64_t)(n)                         \
	}
#define LOG_I(k, i)                                                            \
	{                                                                      \
		(k), LOG_FIELD_INT, NULL, (int64_t)(i)                         \
	}
#define LOG_A(k, a)                                                            \
	{                                                                      \
		(k), LOG_FIELD_ADDR, (a), 0                                    \
	}

/* The leading empty field lets a call have none. */
#define LOG_WRITE(level, msg, ...)                                             \
	do {                                                                   \
		const struct log_field log_f[] = {{0}, __VA_ARGS__};           \
		log_write((level), (msg), log_f + 1,                           \
			  sizeof(log_f) / sizeof(log_f[0]) - 1);               \
	} while (0)
#define log_debug(...)                                                         \
	do {                                                                   \
		if (log_enabled(LOG_LEVEL_DEBUG))                              \
			LOG_WRITE(LOG_LEVEL_DEBUG, __VA_ARGS__);               \
	} while (0)
#define log_info(...)  LOG_WRITE(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  LOG_WRITE(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) LOG_WRITE(LOG_LEVEL_ERROR, __VA_ARGS__)

/* Name the daemon (kept by reference) and the lowest level to print. Where
 * stderr leads to the journal ($JOURNAL_STREAM) each line gets its priority in
 * front (sd-daemon(3)), which the journal takes off again. */
void log_init(const char *daemon, enum log_level level);
void log_set_level(enum log_level level);
int log_enabled(enum log_level level);

/* "debug", "info", "warn", "error" -> level; 0 or -EINVAL. */
int log_level_parse(enum log_level *level, const char *name);
void log_write(enum log_level level, const char *msg,
	       const struct log_field *fields, size_t n);

/* That priority, "<3>", or "" where it is not the journal that reads. */
const char *log_priority(enum log_level level);

/* Format one line (with newline) into buf, `ts` given; for tests. Returns the
 * length; a line too long is cut and ends with "...". */
size_t log_format(char *buf, size_t cap, const char *ts, enum log_level level,
		  const char *daemon, const char *msg,
		  const struct log_field *fields, size_t n);

#endif
