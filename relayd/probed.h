#ifndef RELAYD_PROBED_H
#define RELAYD_PROBED_H

#include <stdbool.h>

#include "common/sipmsg.h"
#include "relayd/control.h"

struct strbuf;

/* The answer to a doctor's question (proto/probe.h). False: it is none, or too
 * long, and is answered as any other request. */
bool probed_answer(struct strbuf *out, const sip_t *sip,
		   const struct control_input *in);

#endif
