#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/conf.h"
#include "common/log.h"
#include "common/netset.h"

enum { SIP_PORT = 5060 };

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

/* "auto" or "auto:5070": 0 and its port. */
static int parse_auto(uint16_t *port, const char *value)
{
	char text[sizeof("0.0.0.0:65535")];
	struct addr a;

	if (strncmp(value, "auto", 4) != 0)
		return -EINVAL;
	value += 4;
	*port = SIP_PORT;
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

static const char *without_transport(const char *value)
{
	return strncmp(value, "udp:", 4) == 0 ? value + 4 : value;
}

int conf_check_listen(const char *value, char *why, size_t len)
{
	const char *host = without_transport(value);
	struct addr a;
	uint16_t port;

	if (parse_auto(&port, host) == 0 || addr_parse(&a, host, SIP_PORT) == 0)
		return 0;
	snprintf(why, len, "udp:203.0.113.1:5060, or udp:auto");
	return -EINVAL;
}

int conf_listen_addr(struct addr *a, const char *value)
{
	const char *host = without_transport(value);
	uint16_t port;

	if (parse_auto(&port, host))
		return addr_parse(a, host, SIP_PORT);

	int err = addr_local_for(a, NULL);

	if (!err)
		addr_set_port(a, port);
	return err;
}

int conf_check_log(const char *value, char *why, size_t len)
{
	enum log_level level;

	if (log_level_parse(&level, value) == 0)
		return 0;
	snprintf(why, len, "debug, info, warn or error");
	return -EINVAL;
}
