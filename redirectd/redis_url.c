#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/redis_url.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Copy up to `end`, %XX as what it stands for. */
static int unescape(char *buf, size_t cap, const char *p, const char *end)
{
	size_t n = 0;

	for (; p < end; p++) {
		char c = *p;

		if (c == '%') {
			int hi = end - p > 2 ? hex_digit(p[1]) : -1;
			int lo = end - p > 2 ? hex_digit(p[2]) : -1;

			if (hi < 0 || lo < 0 || !(hi | lo))
				return -EINVAL;
			c = (char)(hi << 4 | lo);
			p += 2;
		}
		if (n + 1 >= cap)
			return -EINVAL;
		buf[n++] = c;
	}
	buf[n] = '\0';
	return 0;
}

/* Digits up to `end` and nothing else. */
static int read_number(unsigned *value, const char *p, const char *end,
		       unsigned max)
{
	unsigned v = 0;

	if (p == end)
		return -EINVAL;
	for (; p < end; p++) {
		if (!isdigit((unsigned char)*p))
			return -EINVAL;
		v = v * 10 + (unsigned)(*p - '0');
		if (v > max)
			return -EINVAL;
	}
	*value = v;
	return 0;
}

/* Take "//" and "USER:PASSWORD@" off; *end is where the host ends. */
static int read_login(const char **at, const char **end, struct redis_url *u,
		      const char *text)
{
	const char *p, *sign = NULL, *colon;

	memset(u, 0, sizeof(*u));
	if (strncmp(text, "//", 2))
		return -EINVAL;
	*at = text + 2;
	*end = *at + strcspn(*at, "/?");
	for (p = *at; p < *end; p++)
		if (*p == '@')
			sign = p;
	if (!sign)
		return 0;
	colon = memchr(*at, ':', (size_t)(sign - *at));
	if (!colon || colon + 1 == sign ||
	    unescape(u->user, sizeof(u->user), *at, colon) ||
	    unescape(u->password, sizeof(u->password), colon + 1, sign))
		return -EINVAL;
	*at = sign + 1;
	return 0;
}

static int read_host(const char **at, struct redis_url *u, const char *end)
{
	const char *p = *at, *stop;
	bool bracket = *p == '[';

	if (bracket) {
		p++;
		stop = memchr(p, ']', (size_t)(end - p));
		if (!stop)
			return -EINVAL;
	} else {
		stop = p + strcspn(p, ":/?");
	}
	if (stop > end || stop == p || (size_t)(stop - p) >= sizeof(u->host))
		return -EINVAL;
	for (const char *q = p; q < stop; q++)
		if (!isalnum((unsigned char)*q) &&
		    !strchr(bracket ? ":.%" : ".-_", *q))
			return -EINVAL;
	memcpy(u->host, p, (size_t)(stop - p));
	*at = stop + bracket;
	return 0;
}

int redis_url_tcp(struct redis_url *u, const char *text)
{
	const char *at, *end;
	unsigned port = REDIS_PORT;

	if (read_login(&at, &end, u, text) || at == end ||
	    read_host(&at, u, end))
		return -EINVAL;
	if (at < end && (*at != ':' ||
			 read_number(&port, at + 1, end, UINT16_MAX) || !port))
		return -EINVAL;
	if (*end == '?' ||
	    (end[0] && end[1] &&
	     read_number(&u->db, end + 1, end + strlen(end), REDIS_DB_MAX)))
		return -EINVAL;
	u->port = (uint16_t)port;
	(void)snprintf(u->name, sizeof(u->name),
		       strchr(u->host, ':') ? "redis://[%s]:%u/%u"
					    : "redis://%s:%u/%u",
		       u->host, port, u->db);
	return 0;
}

int redis_url_unix(struct redis_url *u, const char *text)
{
	const char *at, *end, *stop;

	if (read_login(&at, &end, u, text) || at != end || *at != '/')
		return -EINVAL;
	stop = at + strcspn(at, "?");
	if (stop - at < 2 || unescape(u->path, sizeof(u->path), at, stop))
		return -EINVAL;
	if (*stop &&
	    (strncmp(stop, "?db=", 4) ||
	     read_number(&u->db, stop + 4, stop + strlen(stop), REDIS_DB_MAX)))
		return -EINVAL;
	(void)snprintf(u->name, sizeof(u->name), "redis+unix://%s?db=%u",
		       u->path, u->db);
	return 0;
}
