#ifndef RELAYD_PAYLOAD_H
#define RELAYD_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "common/sdp.h"

/* What an RTP payload type stands for: RFC 3551 6, or a=rtpmap of the SDP. */
enum payload_kind {
	PAYLOAD_MEDIA,
	PAYLOAD_EVENT, /* RFC 4733: one timestamp for a whole key press */
	PAYLOAD_NOISE, /* RFC 3389: comfort noise, sent now and then */
};

struct payload {
	char name[SDP_CODEC_MAX];
	uint32_t rate; /* of the clock, Hz */
	uint8_t type;
	uint8_t kind;
};

/* What one side's SDP says of a media line. */
struct payload_table {
	size_t n;
	struct payload types[SDP_RTPMAP_MAX];
};

void payload_read(struct payload_table *t, const struct sdp_media *m);

/* The table's word for this type; NULL: none. */
const struct payload *payload_find(const struct payload_table *t, uint8_t type);

/* The static assignment of RFC 3551; NULL: none. */
const struct payload *payload_static(uint8_t type);

#endif
