#ifndef PROXYD_OFFER_H
#define PROXYD_OFFER_H

#include <stdbool.h>

#include "common/sipmsg.h"

/*
 * Which message carries an offer and which an answer (RFC 3261 13.2.1, RFC 3262
 * 5, RFC 3264, RFC 3311 5, RFC 6337 2). Pure. A proxy sees what goes by, and
 * does not judge it: what may be either is taken for an offer, as a relay asked
 * for the same resource twice gives the same.
 */
enum offer_kind {
	OFFER_NONE, /* no session description, or none of this call */
	OFFER_OFFER,
	OFFER_ANSWER,
};

/* Of a request with (`has_sdp`) or without one; `late`: the other party has
 * offered in a response, and waits for the answer. */
enum offer_kind offer_of_request(sip_method_t method, bool has_sdp, bool late);

/* Of a response to a request with or without one (`asked_with_sdp`). */
enum offer_kind offer_of_response(sip_method_t method, int status,
				  bool asked_with_sdp, bool has_sdp);

/* Whether the session is changed by this response for good, and will not be
 * changed back by a failure (RFC 6141 3.1): a 2xx, and a provisional one that
 * is sent reliably (RFC 3262). */
bool offer_is_settled(int status, bool reliable);

/* Whether a response is one of the latter. */
bool offer_is_reliable(const sip_t *sip);

#endif
