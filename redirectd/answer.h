#ifndef REDIRECTD_ANSWER_H
#define REDIRECTD_ANSWER_H

#include "common/sipmsg.h"

struct strbuf;

/*
 * Print a response without a body; `phrase` and `extra` as in struct
 * sipmsg_reply. The To-tag is a function of the request, so that a
 * retransmission gets the same answer without anything being remembered
 * (RFC 3261 8.2.7). Returns `status`, or -EMSGSIZE.
 */
int answer_print(struct strbuf *out, const sip_t *req, int status,
		 const char *phrase, const char *extra);

#endif
