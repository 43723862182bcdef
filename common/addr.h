#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* "[" + INET6_ADDRSTRLEN + "]:65535" + NUL */
enum { ADDR_STRLEN = 64 };

/*
 * An IP address and port, IPv4 or IPv6; all zero means "none". A v4-mapped
 * IPv6 address is always turned into the IPv4 one, so two spellings of one
 * address compare equal.
 */
struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u;
};

enum addr_class {
	ADDR_NONE,
	ADDR_PUBLIC,
	ADDR_PRIVATE, /* RFC 1918, RFC 6598, RFC 4193 */
	ADDR_LOOPBACK,
	ADDR_LINKLOCAL,
	ADDR_ANY,       /* 0.0.0.0, :: */
	ADDR_MULTICAST, /* and broadcast, reserved */
};

/*
 * Parse "192.0.2.1", "192.0.2.1:5060", "2001:db8::1", "[2001:db8::1]:5060".
 * Numeric only: no name is ever looked up. `default_port` (host order) where
 * the text has none. 0, or -EINVAL (then *a is untouched).
 */
int addr_parse(struct addr *a, const char *str, uint16_t default_port);

/* As addr_parse, from `len` bytes without NUL and a port; brackets allowed. */
int addr_set(struct addr *a, const char *ip, size_t len, uint16_t port);

/* Take over a socket address (v4-mapped becomes v4). 0 or -EAFNOSUPPORT. */
int addr_from_sa(struct addr *a, const struct sockaddr *sa);

/* "192.0.2.1:5060", "[2001:db8::1]:5060", "-" for none. Returns buf. */
const char *addr_str(char buf[ADDR_STRLEN], const struct addr *a);

/* The address alone, without brackets or port. Returns buf. */
const char *addr_ip_str(char buf[ADDR_STRLEN], const struct addr *a);

/* As a SIP host: IPv6 in brackets, no port. Returns buf. */
const char *addr_host_str(char buf[ADDR_STRLEN], const struct addr *a);

int addr_family(const struct addr *a);    /* AF_INET, AF_INET6 or AF_UNSPEC */
socklen_t addr_len(const struct addr *a); /* of the sockaddr */
uint16_t addr_port(const struct addr *a); /* host order */
void addr_set_port(struct addr *a, uint16_t port);
bool addr_is_none(const struct addr *a);
bool addr_eq(const struct addr *a, const struct addr *b);    /* IP and port */
bool addr_ip_eq(const struct addr *a, const struct addr *b); /* IP alone */
uint64_t addr_hash(const struct addr *a);

/* Who it is of, as a key of a table: an IPv4 address, or the first 64 bits of
 * an IPv6 one, as whoever has one of these has all of them. No padding. */
struct addr_source {
	uint64_t prefix; /* as it is in the address */
	uint64_t family;
};
struct addr_source addr_source(const struct addr *a);

/* The class of an IPv6 address that leads to an IPv4 one (NAT64, 6to4,
 * v4-compatible) is that one's. */
enum addr_class addr_class(const struct addr *a);
/* The IPv4 address that such an IPv6 one leads to, with its port. False: it is
 * none. */
bool addr_carried(struct addr *v4, const struct addr *a);
const char *addr_class_name(enum addr_class c);

/*
 * The address this host would send from to reach `remote`, by the routing
 * table (no packet is sent), with port 0; for the IPv4 default route pass
 * NULL. 0, or a negative errno where there is no route.
 */
int addr_local_for(struct addr *local, const struct addr *remote);

#endif
