#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/channel.h"
#include "common/conf.h"
#include "common/log.h"
#include "common/netset.h"

enum { SECRET_MIN = 16 };

int conf_check_addr(const char *value, char *why, size_t len)
{
	struct addr a;

	if (addr_parse(&a, value, 0) == 0)
		return 0;
	snprintf(why, len, "an address like 203.0.113.1:5060");
	return -EINVAL;
}

int conf_check_ip(const char *value, char *why, size_t len)
{
	struct addr a;

	if (addr_set(&a, value, strlen(value), 0) == 0)
		return 0;
	snprintf(why, len, "an IP address like 203.0.113.1, without port");
	return -EINVAL;
}

int conf_check_cidr(const char *value, char *why, size_t len)
{
	struct netset *set;
	int err = netset_alloc(&set);

	if (!err) {
		err = netset_add(set, value);
		netset_free(set);
	}
	if (err)
		snprintf(why, len, "a network like 203.0.113.0/24");
	return err;
}

/* "auto" or "auto:5070": 0 and its port, or the one that is there. */
static int parse_auto(uint16_t *port, const char *value)
{
	char text[sizeof("0.0.0.0:65535")];
	struct addr a;

	if (strncmp(value, "auto", 4) != 0)
		return -EINVAL;
	value += 4;
	if (*value == '\0')
		return 0;
	/* The rules for a port are those of any other address. */
	int n = snprintf(text, sizeof(text), "0.0.0.0%s", value);

	if (*value != ':' || n < 0 || (size_t)n >= sizeof(text) ||
	    addr_parse(&a, text, 0))
		return -EINVAL;
	*port = addr_port(&a);
	return 0;
}

/* Cut "tcp:" off; UDP where there is none. */
static const char *take_transport(enum transport *t, const char *value)
{
	size_t len = strcspn(value, ":");

	*t = TRANSPORT_UDP;
	return value[len] == ':' && !transport_parse(t, value, len)
		       ? value + len + 1
		       : value;
}

int conf_listen_channel(struct channel *c, const char *value)
{
	enum transport t;
	const char *host = take_transport(&t, value);
	uint16_t port = transport_port(t);
	int err;

	memset(c, 0, sizeof(*c));
	c->transport = t;
	if (parse_auto(&port, host))
		return addr_parse(&c->addr, host, port);
	err = addr_local_for(&c->addr, NULL);
	if (!err)
		addr_set_port(&c->addr, port);
	return err;
}

static bool is_auto(const char *value)
{
	enum transport t;
	uint16_t port = 0;

	return !parse_auto(&port, take_transport(&t, value));
}

int conf_check_listen(const char *value, char *why, size_t len)
{
	struct channel c;
	bool good = !conf_listen_channel(&c, value) || is_auto(value);

	if (good && c.transport == TRANSPORT_UDP)
		return 0;
	snprintf(why, len, "udp:203.0.113.1:5060, or udp:auto");
	return -EINVAL;
}

int conf_check_listen_any(const char *value, char *why, size_t len)
{
	struct channel c;

	if (!conf_listen_channel(&c, value) || is_auto(value))
		return 0;
	snprintf(why, len,
		 "udp:203.0.113.1:5060, or udp:auto; also tcp, tls, ws, wss");
	return -EINVAL;
}

int conf_listen_addr(struct addr *a, const char *value)
{
	struct channel c;
	int err = conf_listen_channel(&c, value);

	if (!err)
		*a = c.addr;
	return err;
}

int conf_check_secret(const char *value, char *why, size_t len)
{
	if (!*value || strlen(value) >= SECRET_MIN)
		return 0;
	snprintf(why, len,
		 "at least %d characters, the same on all such daemons of the "
		 "site",
		 SECRET_MIN);
	return -EINVAL;
}

int conf_check_log(const char *value, char *why, size_t len)
{
	enum log_level level;

	if (log_level_parse(&level, value) == 0)
		return 0;
	snprintf(why, len, "debug, info, warn or error");
	return -EINVAL;
}
