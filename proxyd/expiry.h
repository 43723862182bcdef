#ifndef PROXYD_EXPIRY_H
#define PROXYD_EXPIRY_H

#include <stdint.h>

#include "common/sipmsg.h"

/*
 * Session timers (RFC 4028) as a proxy takes part in them (section 8). Pure:
 * messages in, messages and seconds out.
 */
struct expiry_policy {
	uint32_t insert; /* seconds asked for where the caller asks for none,
			    and can have it so; 0: nothing is written */
	uint32_t min;    /* the shortest interval that is accepted */
};

/*
 * 8.1: an INVITE or UPDATE, initial or within a dialog, on its way to the
 * callee. Session-Expires is written as the policy says, never below the
 * request's own Min-SE, and only for a caller that knows timers; one that is
 * there stays. 0; -ERANGE: it asks for less than our minimum, and is to be
 * answered 422; -ENOMEM.
 */
int expiry_request(msg_t *msg, const struct expiry_policy *policy);

/* The lines of that 422, each with its CRLF. */
enum { EXPIRY_LINE = 32 };
void expiry_min_line(char line[EXPIRY_LINE],
		     const struct expiry_policy *policy);

/*
 * 8.2: a 2xx to such a request, on its way back; `req` is the request as it was
 * sent on. Where the callee knows no timers the caller is told to refresh.
 * *seconds is the interval agreed upon, 0: the session has no timer. 0 or
 * -ENOMEM.
 */
int expiry_answer(uint32_t *seconds, msg_t *answer, const sip_t *req,
		  const struct expiry_policy *policy);

/*
 * When a session that was refreshed at `now` is dead (8.3), milliseconds. By
 * then both phones should have ended it (section 10: so long before the
 * interval is over), and the BYE of either has had as long again to pass.
 */
uint64_t expiry_ends(uint64_t now, uint32_t seconds);

#endif
