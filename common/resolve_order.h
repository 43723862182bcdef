#ifndef COMMON_RESOLVE_ORDER_H
#define COMMON_RESOLVE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/channel.h"
#include "common/dnsmsg.h"

/*
 * In which order the answers of name servers are to be used: RFC 3263 4.1 and
 * 4.2, RFC 2782. Pure; chance comes in as a seed, so that one call always sees
 * the same order, and different calls share the servers by their weights.
 */
uint64_t resolve_random(uint64_t *state); /* the next one of a sequence */

/* A transport that a domain offers, and the name to ask for next. */
struct resolve_service {
	enum transport transport;
	bool is_host; /* a host of the default port, not an SRV name */
	char name[DNS_NAME_LEN];
};

/*
 * The SIP services of a NAPTR answer that use one of `transports` (bit 1u <<
 * enum transport; those of sips where `sips`), of the lowest order, the
 * preferred first. Their number, at most `max`; -ENOENT where the domain names
 * no SIP service at all, -EPROTONOSUPPORT where none is usable here.
 */
int resolve_order_naptr(struct resolve_service *out, size_t max,
			const struct dns_answer *naptr, unsigned transports,
			bool sips);

/* SRV records by priority, and by weight and chance within one: the indices
 * into answer->rr go to `out`, which has room for DNS_RECORDS_MAX. Targets that
 * are "." are left out. Returns how many. */
size_t resolve_order_srv(uint8_t *out, const struct dns_answer *srv,
			 uint64_t *random);

/* "_sip._udp.example.com" (RFC 3263 4.1, 7118); 0, or -EINVAL where it gets
 * too long. */
int resolve_srv_name(char out[DNS_NAME_LEN], enum transport t,
		     const char *domain);

#endif
