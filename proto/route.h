#ifndef PROTO_ROUTE_H
#define PROTO_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/channel.h"
#include "common/sipmsg.h"

/*
 * What a proxy's Record-Route URI carries, so that any instance with the same
 * secret serves the dialog after a restart: the relay that holds the session
 * and which sides are behind a NAT, and which branch of a forked request this
 * is, under a keyed hash (HMAC-SHA-256, 128 bits, hex) over Call-ID, caller's
 * tag and these values.
 */
struct route_state {
	struct addr relay; /* none: no relay resource by this proxy */
	bool caller_natted;
	bool callee_natted;
	uint32_t fork; /* of a forked request: which branch; 0: the first */
};

/* Of the end of ours that `self` is (its address as others see it, and its
 * transport):
 * "<sip:203.0.113.1:5060;lr;ph-side=a;ph-relay=203.0.113.4:5060;ph-mac=…>" into
 * buf. A tag of NULL, here and below, is that of a phone of before RFC 3261,
 * which gave none. 0 or -EMSGSIZE. */
int route_print(char *buf, size_t cap, const struct channel *self,
		const struct route_state *st, const char *secret,
		const char *call_id, const char *caller_tag);

/*
 * Read one back from a Route or Record-Route URI. The caller's tag is the
 * From-tag of a request in the call's own direction, the To-tag otherwise:
 * both are tried; *from_caller tells which fitted. 0, -ENOENT (no hash),
 * -EBADMSG (wrong hash).
 */
int route_parse(struct route_state *st, bool *from_caller, const url_t *url,
		const char *secret, const char *call_id, const char *from_tag,
		const char *to_tag);

/*
 * The session id under which the relay holds the resource of a branch: the
 * Call-ID, and "~" and its number in hex behind where that is not 0. 0 or
 * -EMSGSIZE.
 */
enum { ROUTE_SESSION_MAX = SIPMSG_CALLID_MAX + 12 };
int route_session(char *buf, size_t cap, const char *call_id, uint32_t fork);

/*
 * The number of a branch in the Request-URI towards another proxy, which forks
 * on or asks for a resource itself: set it (0: none), or read it (0: none).
 */
int route_fork_set(su_home_t *home, url_t *url, uint32_t fork);
uint32_t route_fork(const url_t *url);

/* Whether a URI says, under any secret, that a relay resource exists; to be
 * believed only of a trusted proxy's message (step 152b). */
bool route_has_relay(const url_t *url);

#endif
