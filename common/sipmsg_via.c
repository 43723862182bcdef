#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/sipmsg.h"

enum { SIP_PORT = 5060 };

/* A port in digits, 1-65535; `port` stays where there is none. */
static int parse_port(uint16_t *port, const char *text)
{
	unsigned long n;
	char *end;

	if (!text || !text[0])
		return 0;
	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	n = strtoul(text, &end, 10);
	if (*end != '\0' || n == 0 || n > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)n;
	return 0;
}

static void drop_param(sip_via_t *via, const char *name)
{
	while (msg_header_remove_param(via->v_common, name) > 0)
		continue;
}

/* RFC 3581 and RFC 3261 18.2.1: ours replaces whatever was claimed. */
static int set_param(su_home_t *home, sip_via_t *via, const char *name,
		     const char *text)
{
	drop_param(via, name);
	if (!text || msg_header_add_param(home, via->v_common, text) < 0)
		return -ENOMEM;
	return 0;
}

int sipmsg_via_addr(struct addr *a, const sip_via_t *via)
{
	uint16_t port = SIP_PORT;

	if (!via->v_host || parse_port(&port, via->v_port))
		return -EINVAL;
	return addr_set(a, via->v_host, strlen(via->v_host), port);
}

int sipmsg_via_dest(struct addr *dst, const sip_via_t *via)
{
	const char *host = via->v_received ? via->v_received : via->v_host;
	bool rport = via->v_rport && via->v_rport[0];
	uint16_t port = SIP_PORT;

	if (!host || parse_port(&port, rport ? via->v_rport : via->v_port))
		return -EINVAL;
	return addr_set(dst, host, strlen(host), port);
}

/* RFC 3261 18.2.1: the sent-by does not say where it came from. */
static bool differs(const sip_via_t *via, const struct addr *src)
{
	struct addr sent_by;

	return sipmsg_via_addr(&sent_by, via) || !addr_ip_eq(&sent_by, src);
}

int sipmsg_via_received(msg_t *msg, const struct addr *src, bool force)
{
	sip_via_t *via = sip_object(msg)->sip_via;
	su_home_t *home = msg_home(msg);
	bool rport = force || via->v_rport;
	char ip[ADDR_STRLEN];
	int err = 0;

	if (rport || differs(via, src))
		err = set_param(
			home, via, "received",
			su_sprintf(home, "received=%s", addr_ip_str(ip, src)));
	else
		drop_param(via, "received");
	if (!err && rport)
		err = set_param(home, via, "rport",
				su_sprintf(home, "rport=%u", addr_port(src)));
	msg_fragment_clear(via->v_common);
	return err;
}
