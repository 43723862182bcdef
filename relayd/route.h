#ifndef RELAYD_ROUTE_H
#define RELAYD_ROUTE_H

#include <stdint.h>

#include "common/addr.h"

/*
 * The kernel's routing, asked over rtnetlink: which interface and which next
 * hop a packet of ours to some address takes, rules by source included.
 */
struct routes;

struct route {
	uint32_t ifindex;
	uint32_t mtu;        /* of the way, the largest IP packet */
	struct addr gateway; /* the next hop: a gateway or `to` itself */
};

/* 0 or a negative errno. */
int routes_open(struct routes **rp);
void routes_close(struct routes *r);

/*
 * The route of what is sent from `from` to `to`, both of one family; waits for
 * the kernel's answer, which it gives at once. 0, -ENETUNREACH (none, or not
 * to another host: local, broadcast, blackhole …) or another negative errno.
 */
int routes_find(struct route *out, struct routes *r, const struct addr *from,
		const struct addr *to);

#endif
