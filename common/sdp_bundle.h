#ifndef COMMON_SDP_BUNDLE_H
#define COMMON_SDP_BUNDLE_H

#include "common/sdp.h"
#include "common/sdp_line.h"

/*
 * Which media lines go by the transport of another one (RFC 9143): those of an
 * a=group:BUNDLE that are at the very address and port of the first line in the
 * group that is in use, or that have no address of their own. In an offer the
 * lines of a group may still have an address each, and then need a port each,
 * for who answers may not know of bundles. Sets `bundled` and `carrier` of what
 * was parsed of `text`.
 */
void sdp_bundle_read(struct sdp *s, struct sdp_span text);

#endif
