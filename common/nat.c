#include <stdio.h>

#include "common/nat.h"

/* One address a message names, in the order in which they are asked. */
struct claim {
	const char *name;
	const struct addr *addr;
	bool (*convicts)(const struct addr *claim, const struct addr *source);
};

static bool other_host(const struct addr *claim, const struct addr *source)
{
	return !addr_ip_eq(claim, source);
}

/*
 * Media may live on another public host, and 0.0.0.0 is a call on hold (RFC
 * 3264 8.4); what nobody outside can reach was written behind a NAT.
 */
static bool unreachable_host(const struct addr *claim,
			     const struct addr *source)
{
	switch (addr_class(claim)) {
	case ADDR_PRIVATE:
	case ADDR_LINKLOCAL:
	case ADDR_LOOPBACK:
		return other_host(claim, source);
	default:
		return false;
	}
}

static void convict(struct nat_verdict *v, const struct claim *claim,
		    const struct addr *source)
{
	char said[ADDR_STRLEN], seen[ADDR_STRLEN];

	v->natted = true;
	snprintf(v->evidence, sizeof(v->evidence), "%s %s != source %s",
		 claim->name, addr_ip_str(said, claim->addr),
		 addr_ip_str(seen, source));
}

static void acquit(struct nat_verdict *v, const struct nat_claims *c)
{
	char seen[ADDR_STRLEN];

	v->natted = false;
	snprintf(v->evidence, sizeof(v->evidence), "%s source %s",
		 addr_is_none(&c->via) ? "no address other than" : "via =",
		 addr_ip_str(seen, &c->source));
}

static void presume(struct nat_verdict *v, const struct nat_claims *c)
{
	char seen[ADDR_STRLEN];

	v->natted = true;
	snprintf(v->evidence, sizeof(v->evidence),
		 "connection from %s, no address named",
		 addr_ip_str(seen, &c->source));
}

void nat_detect(struct nat_verdict *v, const struct nat_claims *c)
{
	const struct claim claims[] = {
		{"via", &c->via, other_host},
		{"contact", &c->contact, other_host},
		{"sdp", &c->media, unreachable_host},
	};

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		if (addr_is_none(claims[i].addr))
			continue;
		if (claims[i].convicts(claims[i].addr, &c->source)) {
			convict(v, &claims[i], &c->source);
			return;
		}
	}
	if (c->stream && addr_is_none(&c->via) && addr_is_none(&c->contact))
		presume(v, c);
	else
		acquit(v, c);
}

/* No address yet, or a call on hold: nothing that could be out of reach. */
static bool unknown(enum addr_class c)
{
	return c == ADDR_NONE || c == ADDR_ANY;
}

bool nat_reachable(const struct addr *a, const struct addr *b)
{
	enum addr_class ca = addr_class(a), cb = addr_class(b);

	if (unknown(ca) || unknown(cb))
		return true;
	if (addr_family(a) != addr_family(b) || ca != cb)
		return false;
	return ca == ADDR_PUBLIC || ca == ADDR_PRIVATE || ca == ADDR_LOOPBACK;
}
