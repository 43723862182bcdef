#include <errno.h>

#include "proto/redirect.h"
#include "proxyd/proxy.h"

#include "proxyd/flow.h"

int forking_targets(struct request *r, const sip_t *answer)
{
	struct redirect_target target;
	struct branch *first = r->branches;

	if (redirect_answer_parse(&target, 1, answer) < 1)
		return -EBADMSG;
	first->target = su_strdup(msg_home(first->msg), target.url);
	first->q = target.q;
	return first->target ? 0 : -ENOMEM;
}

enum step_result forking_start(struct branch *b)
{
	(void)b;
	return STEP_NEXT;
}
