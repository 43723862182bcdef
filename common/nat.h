#ifndef COMMON_NAT_H
#define COMMON_NAT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"

/* What a message said of its sender's address, beside where it came from. */
struct nat_claims {
	struct addr source;  /* of the datagram */
	struct addr via;     /* top Via sent-by; none where it is a name */
	struct addr contact; /* none where absent, "*" or a name */
	bool stream;         /* it came over a connection */
	struct addr media;   /* first c= of the SDP; none where absent */
};

struct nat_verdict {
	bool natted;
	char evidence[192]; /* "via 10.0.0.16 != source 198.51.100.28" */
};

/*
 * Steps 140-142 of Fig. 4a: a client is behind a NAT if the address it believes
 * in is not the one its message came from. Only IPs are compared. The Via's is
 * asked first; a Via that is a name, or that agrees, leaves the word to the
 * Contact, which convicts if it is another than the source, and then to the
 * SDP, which convicts only if it is another and nobody outside can reach it
 * (private, link-local, loopback): a public one does not (media may live on
 * another host), nor does 0.0.0.0 (hold). Who came over a connection and names
 * no address at all (a browser, RFC 7118) is presumed to be behind one. A phone
 * on our own LAN, whose private address is also the source, is not behind a
 * NAT. Pure.
 */
void nat_detect(struct nat_verdict *v, const struct nat_claims *c);

/*
 * Whether two media addresses can be expected to reach each other without a
 * relay: same family and same class (public with public; private with private,
 * both having been seen here without a NAT between; loopback with loopback).
 * An unknown one (none, or 0.0.0.0 of a call on hold) reaches everything. Pure.
 */
bool nat_reachable(const struct addr *a, const struct addr *b);

#endif
