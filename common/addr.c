#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/siphash.h"

/* RFC 863; any port does where only the route is asked for. */
enum { DISCARD_PORT = 9 };

/* RFC 5737 TEST-NET-1: an address that only the default route leads to. */
static const char default_route_probe[] = "192.0.2.1";

struct v4_range {
	uint32_t net;
	unsigned bits;
	enum addr_class class;
};

static const struct v4_range v4_ranges[] = {
	{0x00000000, 8, ADDR_ANY},        {0x0a000000, 8, ADDR_PRIVATE},
	{0x64400000, 10, ADDR_PRIVATE},   {0x7f000000, 8, ADDR_LOOPBACK},
	{0xa9fe0000, 16, ADDR_LINKLOCAL}, {0xac100000, 12, ADDR_PRIVATE},
	{0xc0a80000, 16, ADDR_PRIVATE},   {0xe0000000, 3, ADDR_MULTICAST},
};

/* IPv6 addresses that carry an IPv4 one, from this byte on, and lead to it:
 * RFC 6052, 3056, 4291 2.5.5.1. */
static const struct v6_carrier {
	uint8_t prefix[12];
	unsigned len;
	unsigned at;
} v6_carriers[] = {
	{{0x00, 0x64, 0xff, 0x9b}, 12, 12},
	{{0x20, 0x02}, 2, 2},
	{{0}, 12, 12},
};

/* RFC 4193, and what is local in other ways: RFC 8215, RFC 3879. */
static const struct v6_range {
	uint8_t prefix[6];
	unsigned bits;
	enum addr_class class;
} v6_ranges[] = {
	{{0xfc}, 7, ADDR_PRIVATE},
	{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, ADDR_PRIVATE},
	{{0xfe, 0x80}, 10, ADDR_LINKLOCAL},
	{{0xfe, 0xc0}, 10, ADDR_PRIVATE},
	{{0xff}, 8, ADDR_MULTICAST},
};

static const char *const class_names[] = {
	[ADDR_NONE] = "none",
	[ADDR_PUBLIC] = "public",
	[ADDR_PRIVATE] = "private",
	[ADDR_LOOPBACK] = "loopback",
	[ADDR_LINKLOCAL] = "link-local",
	[ADDR_ANY] = "any",
	[ADDR_MULTICAST] = "multicast",
};

static void set_v4(struct addr *a, const void *ip, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	a->u.in.sin_family = AF_INET;
	memcpy(&a->u.in.sin_addr, ip, 4);
	a->u.in.sin_port = htons(port);
}

static void set_v6(struct addr *a, const struct in6_addr *ip, uint16_t port)
{
	if (IN6_IS_ADDR_V4MAPPED(ip)) {
		set_v4(a, &ip->s6_addr[12], port);
		return;
	}
	memset(a, 0, sizeof(*a));
	a->u.in6.sin6_family = AF_INET6;
	a->u.in6.sin6_addr = *ip;
	a->u.in6.sin6_port = htons(port);
}

/* One to five digits up to the end of the text. */
static int parse_port(uint16_t *port, const char *str)
{
	unsigned long n = 0;
	size_t i;

	for (i = 0; str[i] >= '0' && str[i] <= '9' && i < 5; i++)
		n = n * 10 + (unsigned long)(str[i] - '0');
	if (i == 0 || str[i] != '\0' || n > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)n;
	return 0;
}

/* The bytes of the IP alone, in network order; none has none. */
static const void *ip_bytes(size_t *len, const struct addr *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		*len = sizeof(a->u.in.sin_addr);
		return &a->u.in.sin_addr;
	case AF_INET6:
		*len = sizeof(a->u.in6.sin6_addr);
		return &a->u.in6.sin6_addr;
	default:
		*len = 0;
		return a;
	}
}

static enum addr_class v4_class(uint32_t ip)
{
	const size_t n = sizeof(v4_ranges) / sizeof(v4_ranges[0]);

	for (size_t i = 0; i < n; i++) {
		const struct v4_range *r = &v4_ranges[i];

		if ((ip ^ r->net) >> (32 - r->bits) == 0)
			return r->class;
	}
	return ADDR_PUBLIC;
}

static bool v6_in(const struct in6_addr *ip, const struct v6_range *r)
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;

	return !memcmp(ip->s6_addr, r->prefix, whole) &&
	       (!rest ||
		(ip->s6_addr[whole] ^ r->prefix[whole]) >> (8 - rest) == 0);
}

/* The IPv4 address within, in host order. */
static bool v6_carried(uint32_t *v4, const struct in6_addr *ip)
{
	const size_t n = sizeof(v6_carriers) / sizeof(v6_carriers[0]);

	for (size_t i = 0; i < n; i++) {
		const struct v6_carrier *c = &v6_carriers[i];

		if (memcmp(ip->s6_addr, c->prefix, c->len) != 0)
			continue;
		memcpy(v4, &ip->s6_addr[c->at], sizeof(*v4));
		*v4 = ntohl(*v4);
		return true;
	}
	return false;
}

static enum addr_class v6_class(const struct in6_addr *ip)
{
	const size_t n = sizeof(v6_ranges) / sizeof(v6_ranges[0]);
	uint32_t v4;

	if (IN6_IS_ADDR_UNSPECIFIED(ip))
		return ADDR_ANY;
	if (IN6_IS_ADDR_LOOPBACK(ip))
		return ADDR_LOOPBACK;
	for (size_t i = 0; i < n; i++) {
		if (v6_in(ip, &v6_ranges[i]))
			return v6_ranges[i].class;
	}
	return v6_carried(&v4, ip) ? v4_class(v4) : ADDR_PUBLIC;
}

bool addr_carried(struct addr *v4, const struct addr *a)
{
	uint32_t ip;

	if (addr_family(a) != AF_INET6 || !v6_carried(&ip, &a->u.in6.sin6_addr))
		return false;
	ip = htonl(ip);
	set_v4(v4, &ip, addr_port(a));
	return true;
}

int addr_parse(struct addr *a, const char *str, uint16_t default_port)
{
	const char *colon = strchr(str, ':');
	const char *end = str + strlen(str);
	uint16_t port = default_port;

	if (str[0] == '[') {
		end = strchr(str, ']');
		if (!end)
			return -EINVAL;
		end++;
	} else if (colon && !strchr(colon + 1, ':')) {
		end = colon;
	}
	if (*end == ':' && parse_port(&port, end + 1) != 0)
		return -EINVAL;
	if (*end != ':' && *end != '\0')
		return -EINVAL;
	return addr_set(a, str, (size_t)(end - str), port);
}

int addr_set(struct addr *a, const char *ip, size_t len, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	struct in_addr in;
	bool bracketed = len >= 2 && ip[0] == '[' && ip[len - 1] == ']';

	if (bracketed) {
		ip++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(text) || memchr(ip, '\0', len))
		return -EINVAL;
	memcpy(text, ip, len);
	text[len] = '\0';
	if (!bracketed && inet_pton(AF_INET, text, &in) == 1)
		set_v4(a, &in, port);
	else if (inet_pton(AF_INET6, text, &in6) == 1)
		set_v6(a, &in6, port);
	else
		return -EINVAL;
	return 0;
}

int addr_from_sa(struct addr *a, const struct sockaddr *sa)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof(in));
		set_v4(a, &in.sin_addr, ntohs(in.sin_port));
		return 0;
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		set_v6(a, &in6.sin6_addr, ntohs(in6.sin6_port));
		if (addr_class(a) == ADDR_LINKLOCAL &&
		    addr_family(a) == AF_INET6)
			a->u.in6.sin6_scope_id = in6.sin6_scope_id;
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

/* A number below 100,000; behind its last digit. Addresses are printed about a
 * hundred times in a call, and inet_ntop() is slow at it. */
static char *put_number(char *p, unsigned n)
{
	unsigned unit = 10000;

	while (unit > 1 && n < unit)
		unit /= 10;
	for (; unit; unit /= 10)
		*p++ = (char)('0' + n / unit % 10);
	return p;
}

const char *addr_str(char buf[ADDR_STRLEN], const struct addr *a)
{
	char *end;

	addr_host_str(buf, a);
	if (!addr_is_none(a)) {
		end = buf + strlen(buf);
		*end++ = ':';
		*put_number(end, addr_port(a)) = '\0';
	}
	return buf;
}

static const char *ipv4_str(char buf[ADDR_STRLEN], const uint8_t *ip)
{
	char *p = buf;

	for (size_t i = 0; i < sizeof(struct in_addr); i++) {
		p = put_number(p, ip[i]);
		*p++ = '.';
	}
	p[-1] = '\0';
	return buf;
}

const char *addr_ip_str(char buf[ADDR_STRLEN], const struct addr *a)
{
	size_t len;
	const void *ip = ip_bytes(&len, a);

	if (len == sizeof(struct in_addr))
		return ipv4_str(buf, ip);
	if (len == 0 || !inet_ntop(a->u.sa.sa_family, ip, buf, ADDR_STRLEN))
		strcpy(buf, "-");
	return buf;
}

const char *addr_host_str(char buf[ADDR_STRLEN], const struct addr *a)
{
	char ip[ADDR_STRLEN];

	addr_ip_str(ip, a);
	if (addr_family(a) == AF_INET6)
		snprintf(buf, ADDR_STRLEN, "[%.*s]", INET6_ADDRSTRLEN, ip);
	else
		memcpy(buf, ip, sizeof(ip));
	return buf;
}

int addr_family(const struct addr *a)
{
	return a->u.sa.sa_family;
}

socklen_t addr_len(const struct addr *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return sizeof(a->u.in);
	case AF_INET6:
		return sizeof(a->u.in6);
	default:
		return 0;
	}
}

uint16_t addr_port(const struct addr *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return ntohs(a->u.in.sin_port);
	case AF_INET6:
		return ntohs(a->u.in6.sin6_port);
	default:
		return 0;
	}
}

void addr_set_port(struct addr *a, uint16_t port)
{
	if (a->u.sa.sa_family == AF_INET)
		a->u.in.sin_port = htons(port);
	else if (a->u.sa.sa_family == AF_INET6)
		a->u.in6.sin6_port = htons(port);
}

bool addr_is_none(const struct addr *a)
{
	return a->u.sa.sa_family == AF_UNSPEC;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_port(a) == addr_port(b) && addr_ip_eq(a, b);
}

bool addr_ip_eq(const struct addr *a, const struct addr *b)
{
	size_t alen, blen;
	const void *aip = ip_bytes(&alen, a);
	const void *bip = ip_bytes(&blen, b);

	return a->u.sa.sa_family == b->u.sa.sa_family && alen == blen &&
	       memcmp(aip, bip, alen) == 0;
}

struct addr_source addr_source(const struct addr *a)
{
	struct addr_source key = {.family = (uint64_t)addr_family(a)};

	if (addr_family(a) == AF_INET6)
		memcpy(&key.prefix, &a->u.in6.sin6_addr, sizeof(key.prefix));
	else
		memcpy(&key.prefix, &a->u.in.sin_addr,
		       sizeof(a->u.in.sin_addr));
	return key;
}

uint64_t addr_hash(const struct addr *a)
{
	uint8_t key[2 + sizeof(struct in6_addr)];
	uint16_t port = addr_port(a);
	size_t len;
	const void *ip = ip_bytes(&len, a);

	memcpy(key, &port, 2);
	memcpy(key + 2, ip, len);
	return siphash_secret(key, 2 + len);
}

enum addr_class addr_class(const struct addr *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return v4_class(ntohl(a->u.in.sin_addr.s_addr));
	case AF_INET6:
		return v6_class(&a->u.in6.sin6_addr);
	default:
		return ADDR_NONE;
	}
}

const char *addr_class_name(enum addr_class c)
{
	return class_names[c];
}

int addr_local_for(struct addr *local, const struct addr *remote)
{
	struct sockaddr_storage ss;
	socklen_t sslen = sizeof(ss);
	struct addr to;
	int fd, err = 0;

	if (remote)
		to = *remote;
	else if (addr_set(&to, default_route_probe,
			  sizeof(default_route_probe) - 1, 0) != 0)
		return -EINVAL;
	addr_set_port(&to, DISCARD_PORT);
	fd = socket(addr_family(&to), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, &to.u.sa, addr_len(&to)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&ss, &sslen) != 0)
		err = -errno;
	close(fd);
	if (!err)
		err = addr_from_sa(local, (struct sockaddr *)&ss);
	if (!err)
		addr_set_port(local, 0);
	return err;
}
