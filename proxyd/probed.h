#ifndef PROXYD_PROBED_H
#define PROXYD_PROBED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/sipmsg.h"

struct channel;
struct proxy;

/*
 * A doctor's question (proto/probe.h) from another proxy, or from the host of a
 * redirectd or of a relay, is answered. False: it is none, or from somebody
 * else, and is served as any other request. `data` is the datagram as it came.
 */
bool probed(struct proxy *p, msg_t *msg, const struct channel *src,
	    const char *data, size_t len);

#endif
