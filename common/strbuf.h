#ifndef COMMON_STRBUF_H
#define COMMON_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A bounded text builder over memory the caller owns. It never allocates and
 * never overruns: the first append that does not fit sets `full`, and every
 * later one is ignored, so a chain of appends needs one check at its end.
 */
struct strbuf {
	char *data;
	size_t len;
	size_t cap;
	bool full;
};

/* Start building in `data[cap]`; the text is NUL-terminated at every step. */
void strbuf_init(struct strbuf *sb, char *data, size_t cap);

void strbuf_add(struct strbuf *sb, const char *data, size_t len);
void strbuf_str(struct strbuf *sb, const char *str);
void strbuf_uint(struct strbuf *sb, unsigned n); /* in decimal */
/* Bytes as lower-case hex. */
void strbuf_hex(struct strbuf *sb, const void *data, size_t len);
void strbuf_printf(struct strbuf *sb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* 0, or -EMSGSIZE if anything did not fit. */
int strbuf_err(const struct strbuf *sb);

#endif
