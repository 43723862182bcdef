#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "redirectd/redis_args.h"

void redis_args_init(struct redis_args *a)
{
	a->n = 0;
	strbuf_init(&a->sb, a->text, sizeof(a->text));
}

void redis_args_bytes(struct redis_args *a, const char *p, size_t len)
{
	if (a->n == REDIS_ARGS_MAX) {
		a->sb.full = true;
		return;
	}
	a->v[a->n] = p;
	a->len[a->n++] = len;
}

void redis_args_add(struct redis_args *a, const char *str)
{
	redis_args_bytes(a, str, strlen(str));
}

void redis_args_printf(struct redis_args *a, const char *fmt, ...)
{
	const size_t at = a->sb.len, room = sizeof(a->text) - at;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(a->text + at, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room) {
		a->sb.full = true;
		return;
	}
	a->sb.len += (size_t)n;
	redis_args_bytes(a, a->text + at, (size_t)n);
}

void redis_args_num(struct redis_args *a, uint64_t value)
{
	redis_args_printf(a, "%" PRIu64, value);
}

void redis_args_set(struct redis_args *a, int at, unsigned value)
{
	const int n = a->n;

	if (at >= n)
		return;
	a->n = at;
	redis_args_num(a, value);
	a->n = n;
}

int redis_args_err(const struct redis_args *a)
{
	return strbuf_err(&a->sb);
}
