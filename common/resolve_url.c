#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/resolve.h"
#include "common/sipmsg.h"

enum { TRANSPORT_LEN = 8 };

static int read_port(uint16_t *port, const char *text)
{
	unsigned long n;
	char *end;

	*port = 0;
	if (!text || !*text)
		return 0;
	n = strtoul(text, &end, 10);
	if (*end || !n || n > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)n;
	return 0;
}

static int read_transport(struct resolve_query *q, const url_t *url)
{
	char name[TRANSPORT_LEN];
	int n = sipmsg_url_param(name, sizeof(name), url, "transport");

	q->has_transport = n != -ENOENT;
	if (!q->has_transport)
		return 0;
	return n < 0 ? -EINVAL
		     : transport_parse(&q->transport, name, (size_t)n);
}

int resolve_query_url(struct resolve_query *q, const url_t *url)
{
	struct resolve_query out = {0};
	char maddr[DNS_NAME_LEN];
	const char *host = url->url_host;
	uint16_t port;
	int n;

	if ((url->url_type != url_sip && url->url_type != url_sips) || !host)
		return -EINVAL;
	out.sips = url->url_type == url_sips;
	n = sipmsg_url_param(maddr, sizeof(maddr), url, "maddr");
	if (n > 0)
		host = maddr; /* RFC 3263 section 4 */
	if ((n < 0 && n != -ENOENT) || read_port(&port, url->url_port) ||
	    read_transport(&out, url) ||
	    resolve_query_host(&out, host, strlen(host), port))
		return -EINVAL;
	*q = out;
	return 0;
}
