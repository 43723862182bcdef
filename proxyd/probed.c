#include "common/strbuf.h"
#include "proto/probe.h"
#include "proxyd/edge.h"
#include "proxyd/proxy.h"
#include "proxyd/relays.h"

#include "proxyd/probed.h"

enum { ANSWER_MAX = 2 * PROBE_MAX + 1024 };

/* A doctor asks from a port of its own. */
static bool is_host_of_peer(const struct proxy *p, const struct addr *src)
{
	struct addr relay;

	for (size_t i = 0; i < p->nredirect; i++)
		if (addr_ip_eq(&p->redirect[i], src))
			return true;
	for (size_t i = 0; relays_each(&relay, p->relays, i); i++)
		if (addr_ip_eq(&relay, src))
			return true;
	return false;
}

/* This host may ask itself whether its advertised address leads back to it. */
static bool may_ask(const struct proxy *p, const struct channel *src)
{
	return src->transport == TRANSPORT_UDP &&
	       (proxy_trusts(p, src) || is_host_of_peer(p, &src->addr) ||
		edge_is_own_host(p, &src->addr));
}

static bool answer(struct proxy *p, msg_t *msg, const struct channel *src,
		   const char *data, size_t len)
{
	const struct probe_report report = {
		.daemon = "proxyd",
		.clock_ms = proxy_wall_us() / 1000,
		.from = src->addr,
		.arrived = data,
		.arrived_len = len,
	};
	char text[ANSWER_MAX];
	struct channel back = *src;
	struct strbuf out;

	strbuf_init(&out, text, sizeof(text));
	if (sipmsg_via_received(msg, &src->addr, false) ||
	    probe_answer_print(&out, sip_object(msg), &report))
		return false;
	(void)transports_send(p->transports, &back, out.data, out.len);
	return true;
}

bool probed(struct proxy *p, msg_t *msg, const struct channel *src,
	    const char *data, size_t len)
{
	return probe_is(sip_object(msg)) && may_ask(p, src) &&
	       answer(p, msg, src, data, len);
}
