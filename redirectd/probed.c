#include "common/netset.h"
#include "common/strbuf.h"
#include "proto/probe.h"

#include "redirectd/control_internal.h"

bool probed(struct control *c, msg_t *msg, const struct datagram *d)
{
	const sip_t *sip = sip_object(msg);
	struct probe_report report = {
		.daemon = "redirectd",
		.from = *d->src,
		.arrived = d->data,
		.arrived_len = d->len,
	};
	struct strbuf out;
	struct addr dst;

	if (!probe_is(sip) || (!netset_has(*c->p.trusted, d->src) &&
			       !netset_has(*c->p.pool_trusted, d->src)))
		return false;
	strbuf_init(&out, c->answer, sizeof(c->answer));
	report.clock_ms = dir_clock_wall_us() / 1000;
	if (sipmsg_via_received(msg, d->src, false) ||
	    probe_answer_print(&out, sip, &report) ||
	    sipmsg_via_dest(&dst, sip->sip_via))
		return false;
	c->p.n->requests++;
	(void)udp_send(c->udp, &dst, out.data, out.len);
	return true;
}
