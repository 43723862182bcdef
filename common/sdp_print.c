#include <inttypes.h>

#include "common/sdp.h"
#include "common/sdp_line.h"
#include "common/strbuf.h"

const struct addr *sdp_first_address(const struct sdp *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->media[i].port != 0 && !addr_is_none(&s->media[i].rtp))
			return &s->media[i].rtp;
	}
	return NULL;
}

void sdp_network_print(struct strbuf *out, const struct addr *a)
{
	char ip[ADDR_STRLEN];

	strbuf_printf(out, "IN IP%c %s", addr_family(a) == AF_INET6 ? '6' : '4',
		      addr_ip_str(ip, a));
}

/* RFC 3605 asks for a=rtcp only where the port is not the next one up. */
static bool rtcp_elsewhere(const struct sdp_media *m)
{
	return m->port != 0 && !addr_is_none(&m->rtcp) &&
	       (addr_port(&m->rtcp) != m->port + 1 ||
		!addr_ip_eq(&m->rtcp, &m->rtp));
}

static void print_media(struct strbuf *out, const struct sdp_media *m,
			const struct addr *session)
{
	strbuf_printf(out, "m=%s %u %s%s%s\r\n", m->type, m->port, m->proto,
		      m->fmt[0] ? " " : "", m->fmt);
	if (m->port != 0 && !addr_is_none(&m->rtp) &&
	    !addr_ip_eq(&m->rtp, session)) {
		strbuf_str(out, "c=");
		sdp_network_print(out, &m->rtp);
		strbuf_str(out, "\r\n");
	}
	if (rtcp_elsewhere(m)) {
		strbuf_printf(out, "a=rtcp:%u ", addr_port(&m->rtcp));
		sdp_network_print(out, &m->rtcp);
		strbuf_str(out, "\r\n");
	}
}

int sdp_print(struct strbuf *out, const struct sdp *resource,
	      uint64_t session_id)
{
	const struct addr *a = sdp_first_address(resource);
	struct addr none;

	if (!a) {
		(void)addr_parse(&none, "0.0.0.0", 0);
		a = &none;
	}
	/* RFC 4566 leaves o= numbers unbounded, but many read 63 bits. */
	strbuf_printf(out, "v=0\r\no=- %" PRIu64 " 1 ", session_id & INT64_MAX);
	sdp_network_print(out, a);
	strbuf_str(out, "\r\ns=-\r\nc=");
	sdp_network_print(out, a);
	strbuf_str(out, "\r\nt=0 0\r\n");
	for (size_t i = 0; i < resource->n; i++)
		print_media(out, &resource->media[i], a);
	return strbuf_err(out);
}
