#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/strbuf.h"

void strbuf_init(struct strbuf *sb, char *data, size_t cap)
{
	sb->data = data;
	sb->len = 0;
	sb->cap = cap;
	sb->full = cap == 0;
	if (cap > 0)
		data[0] = '\0';
}

void strbuf_add(struct strbuf *sb, const char *data, size_t len)
{
	if (sb->full || len == 0)
		return;
	if (len >= sb->cap - sb->len) {
		sb->full = true;
		return;
	}
	memcpy(sb->data + sb->len, data, len);
	sb->len += len;
	sb->data[sb->len] = '\0';
}

void strbuf_str(struct strbuf *sb, const char *str)
{
	strbuf_add(sb, str, strlen(str));
}

void strbuf_hex(struct strbuf *sb, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++) {
		const char hex[] = {digits[bytes[i] >> 4],
				    digits[bytes[i] & 15]};

		strbuf_add(sb, hex, sizeof(hex));
	}
}

void strbuf_uint(struct strbuf *sb, unsigned n)
{
	char text[16];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	strbuf_add(sb, text + at, sizeof(text) - at);
}

void strbuf_printf(struct strbuf *sb, const char *fmt, ...)
{
	size_t room = sb->cap - sb->len;
	va_list ap;
	int n;

	if (sb->full)
		return;
	va_start(ap, fmt);
	n = vsnprintf(sb->data + sb->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room) {
		sb->data[sb->len] = '\0';
		sb->full = true;
		return;
	}
	sb->len += (size_t)n;
}

int strbuf_err(const struct strbuf *sb)
{
	return sb->full ? -EMSGSIZE : 0;
}
