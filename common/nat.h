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
	struct addr media;   /* first c= of the SDP; none where absent */
};

struct nat_verdict {
	bool natted;
	char evidence[192]; /* "via 10.0.0.16 != source 198.51.100.28" */
};

/*
 * Steps 140-142 of Fig. 4a: a client is behind a NAT if the address it believes
 * in is not the one its message came from. The Via's IP is asked first; a Via
 * that is a name, or that agrees, leaves the word to the Contact and then to
 * the SDP, each of which convicts only if its address is private, link-local
 * or another than the source. A public SDP address other than the source
 * does not convict (media may live on another host). Pure.
 */
void nat_detect(struct nat_verdict *v, const struct nat_claims *c);

/*
 * Whether two media addresses can be expected to reach each other without a
 * relay: same family and same class (public with public; private with private,
 * both having been seen here without a NAT between; loopback with loopback).
 * An unknown one (none) reaches everything. Pure.
 */
bool nat_reachable(const struct addr *a, const struct addr *b);

#endif
