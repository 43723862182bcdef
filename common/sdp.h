#ifndef COMMON_SDP_H
#define COMMON_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

struct strbuf;

enum {
	SDP_MEDIA_MAX = 16,
	SDP_TOKEN_MAX = 32,
	SDP_FMT_MAX = 128,
	SDP_RTPMAP_MAX = 16,
	SDP_CODEC_MAX = 16, /* "telephone-event" */
	SDP_PORT_NONE = 9,  /* of who has no address yet (RFC 8840 4.1.1) */
};

/* An a=rtpmap (RFC 4566 6): "101 telephone-event/8000". */
struct sdp_rtpmap {
	char name[SDP_CODEC_MAX];
	uint32_t rate; /* of the clock, 1-999999 Hz */
	uint8_t type;  /* payload type, 0-127 */
};

/* One m= line as far as NAT traversal cares (RFC 4566 5.14, RFC 3605). */
struct sdp_media {
	char type[SDP_TOKEN_MAX];  /* "audio" */
	char proto[SDP_TOKEN_MAX]; /* "RTP/AVP" */
	char fmt[SDP_FMT_MAX];     /* "0 8 101"; cut at a word if longer */
	uint16_t port;             /* 0: refused or removed */
	struct addr rtp;  /* c= and the port; none where c= is a name */
	struct addr rtcp; /* a=rtcp, or the next port up */
	bool rtcp_mux;
	bool over_tcp; /* RFC 4145, MSRP, BFCP: nothing for a relay of UDP */
	/* Its media goes by the transport of the line `carrier` (RFC 9143). */
	bool bundled;
	uint8_t carrier; /* its own index where it is not bundled */
	bool recvonly, sendonly, inactive;
	/* In their order; the first of each payload type. Broken ones, those
	 * with longer names and those that are too many are left out. */
	size_t nrtpmap;
	struct sdp_rtpmap rtpmap[SDP_RTPMAP_MAX];
};

struct sdp {
	size_t n;
	struct sdp_media media[SDP_MEDIA_MAX];
};

/*
 * Read the media lines of a session description; there may be none (RFC 3264
 * 5). Lone LF, trailing spaces and missing a=rtpmap are borne. 0, -EBADMSG (a
 * port out of range, no c= for a line, v= not first, a control character within
 * a line), -E2BIG (more than SDP_MEDIA_MAX).
 */
int sdp_parse(struct sdp *out, const char *text, size_t len);

/* Whether a relay has to have ports for this line: it is in use, over UDP, and
 * no other line carries it. */
bool sdp_needs_port(const struct sdp_media *m);
bool sdp_needs_ports(const struct sdp *s); /* any line of it */

/* The address of the first line in use that has one, or NULL. */
const struct addr *sdp_first_address(const struct sdp *s);

/* Whether c= says hold by zeros (RFC 3264 8.4), and not only that an address is
 * still to come. */
bool sdp_is_held(const struct sdp_media *m);

/*
 * Copy `text` with the address and port of every media line replaced by that
 * of the same line in `resource` (steps 148, 154, 224), a bundled line's by
 * that of its carrier: c= lines at session and media level (one of several), m=
 * ports (the number of ports of "4000/2" is dropped), the address of o=, a=rtcp
 * where it stood. The session's c= and o= get the address of the first line
 * with a port; a line whose address is another and that has no c= of its own
 * gets one. A line whose port is 0 keeps it, a c= of all zeros stays where it
 * says hold, and a line over TCP stays as it is. What would lead media past the
 * relay is left out: ICE (sdp_ice.h) and its precursors a=alt, a=altc (RFC
 * 6947) and a=ccap (RFC 7006). Everything else stays to the byte. 0, -EBADMSG,
 * -EMSGSIZE, -EINVAL where `resource` has fewer lines than the text.
 */
int sdp_replace(struct strbuf *out, const char *text, size_t len,
		const struct sdp *resource);

/* Print the description of a relay resource: one session, the media lines with
 * type, proto, fmt, port and c= of each. 0 or -EMSGSIZE. */
int sdp_print(struct strbuf *out, const struct sdp *resource,
	      uint64_t session_id);

#endif
