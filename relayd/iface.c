#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "relayd/iface.h"

static const struct iface_local *find_local(const struct ifaces *l,
					    const struct addr *ip)
{
	for (size_t i = 0; i < l->nlocal; i++)
		if (addr_ip_eq(&l->local[i].ip, ip))
			return &l->local[i];
	return NULL;
}

static void add_local(struct ifaces *l, const struct ifaddrs *i)
{
	struct iface_local *to = &l->local[l->nlocal];

	if (l->nlocal == IFACE_LOCAL_MAX || !i->ifa_addr ||
	    addr_from_sa(&to->ip, i->ifa_addr))
		return;
	snprintf(to->name, sizeof(to->name), "%s", i->ifa_name);
	to->up = i->ifa_flags & IFF_UP;
	l->nlocal++;
}

/* Addresses of IPv6 that go away by themselves (RFC 8981), or are about to. */
enum { V6_TEMPORARY = 0x01, V6_FAILED = 0x08, V6_DEPRECATED = 0x20 };

static void mark_passing(struct ifaces *l, const struct in6_addr *ip)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = *ip};
	struct addr a;

	(void)addr_from_sa(&a, (struct sockaddr *)&sa);
	for (size_t i = 0; i < l->nlocal; i++)
		if (addr_ip_eq(&l->local[i].ip, &a))
			l->local[i].passing = true;
}

/* getifaddrs(3) does not tell; a kernel without IPv6 has no such file. */
static void look_at_v6_flags(struct ifaces *l)
{
	FILE *f = fopen("/proc/net/if_inet6", "re");
	struct in6_addr ip;
	unsigned flags;
	uint32_t w[4];

	while (f && fscanf(f,
			   "%8" SCNx32 "%8" SCNx32 "%8" SCNx32 "%8" SCNx32
			   " %*x %*x %*x %x %*s",
			   &w[0], &w[1], &w[2], &w[3], &flags) == 5) {
		for (unsigned i = 0; i < 4; i++)
			ip.s6_addr32[i] = htonl(w[i]);
		if (flags & (V6_TEMPORARY | V6_FAILED | V6_DEPRECATED))
			mark_passing(l, &ip);
	}
	if (f)
		fclose(f);
}

int iface_init(struct ifaces *l)
{
	struct ifaddrs *all;

	memset(l, 0, sizeof(*l));
	l->route = addr_local_for;
	if (getifaddrs(&all))
		return -errno;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		add_local(l, i);
	freeifaddrs(all);
	look_at_v6_flags(l);
	return 0;
}

int iface_add(struct ifaces *l, const struct addr *bind,
	      const struct addr *advertise)
{
	const struct iface_local *at = find_local(l, bind);
	struct iface *to = &l->v[l->n];

	if (l->n == IFACE_MAX)
		return -E2BIG;
	if (!addr_is_none(advertise) &&
	    addr_family(advertise) != addr_family(bind))
		return -EAFNOSUPPORT;
	for (size_t i = 0; i < l->n; i++)
		if (addr_ip_eq(&l->v[i].bind, bind))
			return -EEXIST;
	to->bind = *bind;
	to->advertise = addr_is_none(advertise) ? *bind : *advertise;
	addr_set_port(&to->bind, 0);
	addr_set_port(&to->advertise, 0);
	snprintf(to->name, sizeof(to->name), "%s", at ? at->name : "");
	l->n++;
	return 0;
}

static bool tells(enum addr_class c)
{
	return c == ADDR_PUBLIC || c == ADDR_PRIVATE;
}

/* Whether the list has one that would be chosen before it. */
static bool is_covered(const struct ifaces *l, const struct iface_local *a)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct iface *v = &l->v[i];

		if (!strcmp(v->name, a->name) &&
		    addr_family(&v->bind) == addr_family(&a->ip) &&
		    addr_class(&v->bind) == addr_class(&a->ip))
			return true;
	}
	return false;
}

void iface_add_others(struct ifaces *l)
{
	if (l->n == 0 || addr_class(&l->v[0].bind) == ADDR_LOOPBACK)
		return;
	for (size_t i = 0; i < l->nlocal; i++) {
		const struct iface_local *a = &l->local[i];

		if (a->up && !a->passing && tells(addr_class(&a->ip)) &&
		    !is_covered(l, a))
			(void)iface_add(l, &a->ip, &(struct addr){0});
	}
}

size_t iface_count(const struct ifaces *l, int family)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += addr_family(&l->v[i].bind) == family;
	return n;
}

/* How well one suits a peer of its family, by the interface `name` that leads
 * there (NULL: not known). */
static int suits(const struct iface *v, const char *name,
		 const struct addr *peer)
{
	return 2 * (name && !strcmp(v->name, name)) +
	       (addr_class(&v->advertise) == addr_class(peer));
}

static const struct iface *best(const struct ifaces *l, const struct addr *peer)
{
	const struct iface_local *from = NULL;
	const struct iface *found = NULL;
	struct addr local;

	if (!l->route(&local, peer))
		from = find_local(l, &local);
	for (size_t i = 0; i < l->n; i++) {
		const struct iface *v = &l->v[i];
		const char *name = from ? from->name : NULL;

		if (addr_family(&v->bind) != addr_family(peer))
			continue;
		if (!found || suits(v, name, peer) > suits(found, name, peer))
			found = v;
	}
	return found;
}

const struct iface *iface_first(const struct ifaces *l, int family)
{
	for (size_t i = 0; i < l->n; i++)
		if (addr_family(&l->v[i].bind) == family)
			return &l->v[i];
	return NULL;
}

const struct iface *iface_choose(const struct ifaces *l,
				 const struct addr *peer)
{
	/* the routing table is asked only where there is a choice */
	if (iface_count(l, addr_family(peer)) > 1)
		return best(l, peer);
	return iface_first(l, addr_family(peer));
}

const struct iface *iface_at(const struct ifaces *l, const struct addr *ip)
{
	for (size_t i = 0; i < l->n; i++)
		if (addr_ip_eq(&l->v[i].bind, ip))
			return &l->v[i];
	return NULL;
}

bool iface_has(const struct ifaces *l, const struct addr *ip)
{
	for (size_t i = 0; i < l->n; i++)
		if (addr_ip_eq(ip, &l->v[i].bind) ||
		    addr_ip_eq(ip, &l->v[i].advertise))
			return true;
	return false;
}
