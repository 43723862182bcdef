#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/channel.h"
#include "common/sipmsg.h"
#include "common/strbuf.h"

enum { SIP_PORT = 5060, SIPS_PORT = 5061 };

/* One ";"-separated piece of a URI's parameters. */
struct piece {
	const char *text;
	size_t len;
};

/* Step through the pieces; `p` starts at url_params, NULL ends. */
static const char *next_piece(struct piece *out, const char *p)
{
	out->text = p;
	out->len = strcspn(p, ";");
	return p[out->len] == ';' ? p + out->len + 1 : NULL;
}

static bool piece_is(const struct piece *p, const char *name)
{
	size_t n = strlen(name);

	return p->len >= n && strncasecmp(p->text, name, n) == 0 &&
	       (p->len == n || p->text[n] == '=');
}

static int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = tolower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Unescape printable characters only: an escape must not bring a line end or
 * a NUL into what is printed or compared later. */
static size_t unescape(char *c, const char *p, size_t left)
{
	*c = *p;
	if (*p == '%' && left >= 3) {
		int hi = hex_value((unsigned char)p[1]);
		int lo = hex_value((unsigned char)p[2]);
		int value = hi * 16 + lo;

		if (hi >= 0 && lo >= 0 && value > 0x20 && value < 0x7f) {
			*c = (char)value;
			return 3;
		}
	}
	return 1;
}

static int copy_value(char *buf, size_t cap, const char *p, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		if (n + 1 >= cap)
			return -EMSGSIZE;
		i += unescape(&buf[n++], p + i, len - i);
	}
	if (n >= cap)
		return -EMSGSIZE;
	buf[n] = '\0';
	return (int)n;
}

int sipmsg_url_addr(struct addr *a, const url_t *url)
{
	unsigned long port;
	char *end;

	if (url->url_type == url_sip)
		port = SIP_PORT;
	else if (url->url_type == url_sips)
		port = SIPS_PORT;
	else
		return -EINVAL;
	if (!url->url_host)
		return -EINVAL;
	if (url->url_port && url->url_port[0]) {
		port = strtoul(url->url_port, &end, 10);
		if (*end != '\0' || port == 0 || port > UINT16_MAX)
			return -EINVAL;
	}
	return addr_set(a, url->url_host, strlen(url->url_host),
			(uint16_t)port);
}

static int url_transport(enum transport *t, const url_t *url)
{
	char name[8];
	int n = sipmsg_url_param(name, sizeof(name), url, "transport");

	*t = url->url_type == url_sips ? TRANSPORT_TLS : TRANSPORT_UDP;
	if (n == -ENOENT)
		return 0;
	if (n < 0 || transport_parse(t, name, (size_t)n))
		return -EINVAL;
	if (url->url_type == url_sips && *t == TRANSPORT_TCP)
		*t = TRANSPORT_TLS; /* RFC 3261 26.2.2 */
	else if (url->url_type == url_sips && *t == TRANSPORT_WS)
		*t = TRANSPORT_WSS;
	return 0;
}

int sipmsg_url_channel(struct channel *c, const url_t *url)
{
	struct channel out = {0};

	if (sipmsg_url_addr(&out.addr, url) ||
	    url_transport(&out.transport, url))
		return -EINVAL;
	if (!url->url_port || !url->url_port[0])
		addr_set_port(&out.addr, transport_port(out.transport));
	*c = out;
	return 0;
}

int sipmsg_url_set_addr(su_home_t *home, url_t *url, const struct addr *a)
{
	char buf[ADDR_STRLEN];
	char *host = su_strdup(home, addr_host_str(buf, a));
	char *port = su_sprintf(home, "%u", addr_port(a));

	if (!host || !port)
		return -ENOMEM;
	url->url_host = host;
	url->url_port = port;
	return 0;
}

int sipmsg_url_param(char *buf, size_t cap, const url_t *url, const char *name)
{
	struct piece piece;

	for (const char *p = url->url_params; p;) {
		size_t skip;

		p = next_piece(&piece, p);
		if (!piece_is(&piece, name))
			continue;
		skip = strlen(name);
		skip += skip < piece.len;
		return copy_value(buf, cap, piece.text + skip,
				  piece.len - skip);
	}
	return -ENOENT;
}

void sipmsg_param_add(struct strbuf *out, const char *name, const char *value)
{
	strbuf_printf(out, ";%s%s", name, value[0] ? "=" : "");
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		/* strchr would find the NUL, but that has ended the loop. */
		if (isalnum(c) || strchr("-_.!~*'():", c))
			strbuf_add(out, value, 1);
		else
			strbuf_printf(out, "%%%02X", c);
	}
}

int sipmsg_url_param_set(su_home_t *home, url_t *url, const char *name,
			 const char *value)
{
	size_t cap = 4 + strlen(name);
	struct strbuf sb;
	char *text;

	if (url->url_params)
		cap += strlen(url->url_params);
	if (value)
		cap += 3 * strlen(value);
	text = su_alloc(home, (isize_t)cap);
	if (!text)
		return -ENOMEM;
	strbuf_init(&sb, text, cap);
	for (const char *p = url->url_params; p;) {
		struct piece piece;

		p = next_piece(&piece, p);
		if (piece_is(&piece, name))
			continue;
		strbuf_add(&sb, ";", 1);
		strbuf_add(&sb, piece.text, piece.len);
	}
	if (value)
		sipmsg_param_add(&sb, name, value);
	/* Every piece brought its ";": the first is not part of the list. */
	url->url_params = sb.len > 0 ? text + 1 : NULL;
	return 0;
}
