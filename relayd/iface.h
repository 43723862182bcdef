#ifndef RELAYD_IFACE_H
#define RELAYD_IFACE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"

/*
 * The addresses at which media is received, and which of them a party is
 * served at: by the routing table, so that no configuration is needed where a
 * relay has several interfaces.
 */
enum { IFACE_MAX = 8, IFACE_LOCAL_MAX = 256 };

struct iface {
	struct addr bind;       /* port 0; may be a wildcard */
	struct addr advertise;  /* as the SDP names it */
	char name[IF_NAMESIZE]; /* of the interface; "" where none has it */
};

/* An address of this host. */
struct iface_local {
	struct addr ip;
	char name[IF_NAMESIZE];
	bool up;
	bool passing; /* not for long */
};

/* The source address towards a peer: addr_local_for(). */
typedef int iface_route_h(struct addr *local, const struct addr *peer);

/* Read by all workers, and not changed once they run. */
struct ifaces {
	struct iface v[IFACE_MAX]; /* in the order of preference */
	size_t n;
	struct iface_local local[IFACE_LOCAL_MAX];
	size_t nlocal;
	iface_route_h *route;
};

/* An empty list, with the addresses that this host has now. 0 or -errno. */
int iface_init(struct ifaces *l);

/* One more; `advertise` none: the same. 0, -E2BIG, -EEXIST,
 * -EAFNOSUPPORT (of another family). */
int iface_add(struct ifaces *l, const struct addr *bind,
	      const struct addr *advertise);

/* Behind those there are every other address of this host that phones could be
 * told of: one of each interface, family and class. Nothing where the list
 * begins with a loopback address. */
void iface_add_others(struct ifaces *l);

/*
 * Where a peer is served: of its family, at the interface that leads to it and
 * advertised as public to a public peer, as private to a private one, as far as
 * there is a choice; the first of those that are equal. NULL: none of its
 * family.
 */
const struct iface *iface_choose(const struct ifaces *l,
				 const struct addr *peer);

/* How many there are of a family. */
size_t iface_count(const struct ifaces *l, int family);

/* The first of this family, NULL where there is none. */
const struct iface *iface_first(const struct ifaces *l, int family);

/* The one that is bound to this IP, whatever the port; NULL: there is none. */
const struct iface *iface_at(const struct ifaces *l, const struct addr *ip);

/* Whether an IP is one of these, bound or advertised. */
bool iface_has(const struct ifaces *l, const struct addr *ip);

#endif
