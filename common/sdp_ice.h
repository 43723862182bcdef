#ifndef COMMON_SDP_ICE_H
#define COMMON_SDP_ICE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sdp.h"
#include "common/sdp_line.h"

struct strbuf;

/*
 * What becomes of ICE (RFC 8839) where media is relayed. Most phones are
 * content without: it is left out, and they send to the relay. A browser
 * refuses a description without ICE (RFC 8827 5.4): where a line is for WebRTC
 * its username and password stay, and the relay's address becomes its only
 * candidate, so that the checks and DTLS of the two go through the relay and
 * nowhere else. No candidate may come later (RFC 8840): "trickle" is left out
 * of the options.
 */
struct sdp_ice {
	bool any;           /* some line keeps ICE */
	uint16_t kept;      /* a bit for each line that does */
	uint16_t with_rtcp; /* RTCP has a candidate of its own (component 2) */
};

/* What `text` is about, of which `said` was parsed. */
void sdp_ice_read(struct sdp_ice *ice, const struct sdp *said,
		  struct sdp_span text);

/* Write what becomes of an attribute of media line `line` (SDP_MEDIA_MAX: of
 * the session), maybe nothing. False where it is none that would lead media
 * past the relay. */
bool sdp_ice_attribute(struct strbuf *out, const struct sdp_ice *ice,
		       size_t line, const struct sdp_line *l);

/* The candidates of a line that keeps ICE, each line with the ending `eol`. */
void sdp_ice_candidates(struct strbuf *out, const struct sdp_ice *ice,
			size_t line, const struct addr *rtp,
			const struct addr *rtcp, const struct sdp_span *eol);

#endif
