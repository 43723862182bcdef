#ifndef REDIRECTD_RECALL_H
#define REDIRECTD_RECALL_H

#include "redirectd/query.h"

/* Whether a request is a proxy's question for the bindings that it serves. */
bool recall_is_about(const sip_t *sip);

/*
 * The answer: one page of the live bindings whose serving proxy asks (its
 * address is the top Via's sent-by) and whose Contact is marked. A bounded
 * number of clients is looked at for one page, so that no question holds the
 * others up. Returns the status: 200; 404 where the client to go on behind is
 * not known any more; 400; 503; or what asking.h says, -ENOMEM.
 */
int recall_answer(struct strbuf *out, const struct directory *dir,
		  struct asking *a);

#endif
