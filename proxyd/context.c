#include "proxyd/flow.h"
#include "proxyd/proxy.h"

void context_final(struct branch *b, int status, msg_t *msg, const char *phrase,
		   const char *extra)
{
	struct request *r = b->r;

	if (r->ended)
		return;
	if (!msg) {
		request_answer(r, status, phrase, extra);
		return;
	}
	response_forward(r, status, msg);
	if (r->initial && r->method == sip_method_invite)
		r->p->n.calls_failed++;
	r->ended = true;
}
