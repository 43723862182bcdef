#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/channel.h"

static const struct {
	const char *name, *via;
	uint16_t port;
} transports[TRANSPORT_COUNT] = {
#define TRANSPORT_ROW(id, param, in_via, number) {param, in_via, number},
	TRANSPORTS(TRANSPORT_ROW)
#undef TRANSPORT_ROW
};

const char *transport_name(enum transport t)
{
	return transports[t].name;
}

const char *transport_via(enum transport t)
{
	return transports[t].via;
}

uint16_t transport_port(enum transport t)
{
	return transports[t].port;
}

int transport_parse(enum transport *t, const char *name, size_t len)
{
	for (int i = 0; i < TRANSPORT_COUNT; i++) {
		if (strlen(transports[i].name) == len &&
		    !strncasecmp(transports[i].name, name, len)) {
			*t = (enum transport)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool transport_is_stream(enum transport t)
{
	return t != TRANSPORT_UDP;
}

bool transport_has_tls(enum transport t)
{
	return t == TRANSPORT_TLS || t == TRANSPORT_WSS;
}

bool transport_is_ws(enum transport t)
{
	return t == TRANSPORT_WS || t == TRANSPORT_WSS;
}

struct channel channel_udp(const struct addr *addr)
{
	return (struct channel){.addr = *addr, .transport = TRANSPORT_UDP};
}

bool channel_eq(const struct channel *a, const struct channel *b)
{
	return a->transport == b->transport && addr_eq(&a->addr, &b->addr);
}

bool channel_is_none(const struct channel *c)
{
	return addr_is_none(&c->addr);
}

struct channel_key channel_key(const struct channel *c)
{
	const struct addr *a = &c->addr;
	struct channel_key k = {
		.port = addr_port(a),
		.family = (uint8_t)addr_family(a),
		.transport = (uint8_t)c->transport,
	};

	if (addr_family(a) == AF_INET6) {
		memcpy(k.ip, &a->u.in6.sin6_addr, sizeof(k.ip));
		k.scope = a->u.in6.sin6_scope_id;
	} else {
		memcpy(k.ip, &a->u.in.sin_addr, sizeof(a->u.in.sin_addr));
	}
	return k;
}

const char *channel_str(char buf[CHANNEL_STRLEN], const struct channel *c)
{
	char text[ADDR_STRLEN];

	if (c->transport == TRANSPORT_UDP || channel_is_none(c))
		return addr_str(buf, &c->addr);
	(void)snprintf(buf, CHANNEL_STRLEN, "%s:%s",
		       transport_name(c->transport), addr_str(text, &c->addr));
	return buf;
}

int channel_parse(struct channel *c, const char *text)
{
	size_t len = strcspn(text, ":[");
	struct channel out = {.transport = TRANSPORT_UDP};
	int err;

	if (text[len] == ':' && !transport_parse(&out.transport, text, len))
		text += len + 1;
	err = addr_parse(&out.addr, text, transport_port(out.transport));
	if (!err)
		*c = out;
	return err;
}
