#ifndef PROXYD_ROUTING_H
#define PROXYD_ROUTING_H

#include <stdbool.h>

#include "common/sipmsg.h"

/*
 * Interworking with strict routers of RFC 2543, which put the next hop into the
 * Request-URI and the target at the end of the Route. Both directions are one
 * turn of the list. Pure.
 */

/*
 * RFC 3261 16.4: where a strict router before us has put our Record-Route URI
 * into the Request-URI, it becomes the first Route, and the last Route the
 * Request-URI. `ours` tells such a URI. True: it was so. False, with nothing
 * changed, also where there is no Route to take a target from.
 */
typedef bool routing_ours_h(const url_t *url, const void *arg);
bool routing_from_strict(msg_t *msg, routing_ours_h *ours, const void *arg);

/* RFC 3261 16.6 step 6: where the next Route is a strict router's (it has no
 * lr), it becomes the Request-URI, and that the last Route. True: it was. */
bool routing_to_strict(msg_t *msg);

#endif
