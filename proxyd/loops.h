#ifndef PROXYD_LOOPS_H
#define PROXYD_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sipmsg.h"
#include "common/txn.h"

/*
 * Requests that come round again (RFC 3261 16.3 step 4, 16.6 step 8, RFC 5393).
 * The branch that this proxy puts into its Via says, sealed with the secret of
 * the process, what the request was like when it came: one that comes back the
 * same is a loop, one that comes back changed (to another Request-URI) a
 * spiral, which is fine. Pure.
 */

/*
 * What decides where a request goes: Request-URI, Route, Proxy-Require,
 * Proxy-Authorization, and what tells requests apart (Call-ID, tags, CSeq
 * number). Of the request as it came, nothing rewritten yet. A CANCEL and an
 * ACK have that of their INVITE.
 */
uint32_t loops_print_of(const sip_t *req);

/* A branch for the Via of such a request when it is sent on, new each time. */
void loops_branch(char buf[TXN_BRANCH_LEN], uint32_t print,
		  const char *call_id);

enum loops_verdict {
	LOOPS_FIRST,  /* it has not been here */
	LOOPS_SPIRAL, /* it has, and was another then */
	LOOPS_AGAIN,  /* a loop */
};

/* `ours` tells whether an address is one of this proxy's ends. */
typedef bool loops_ours_h(const struct addr *a, const void *arg);
enum loops_verdict loops_judge(const sip_t *req, uint32_t print,
			       loops_ours_h *ours, const void *arg);

#endif
