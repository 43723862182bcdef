#include "common/strbuf.h"
#include "proto/probe.h"

#include "relayd/probed.h"

bool probed_answer(struct strbuf *out, const sip_t *sip,
		   const struct control_input *in)
{
	const struct probe_report report = {
		.daemon = "relayd",
		.clock_ms = in->wall_ms,
		.from = *in->src,
		.arrived = in->data,
		.arrived_len = in->len,
	};

	if (!probe_is(sip))
		return false;
	if (!probe_answer_print(out, sip, &report))
		return true;
	strbuf_init(out, out->data, out->cap);
	return false;
}
