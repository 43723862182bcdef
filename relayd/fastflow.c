#include <arpa/inet.h>
#include <string.h>

#include "relayd/fastflow.h"
#include "relayd/route.h"

/* A link-local address says nothing of the link, and so has no route. */
static bool reachable(const struct addr *a)
{
	return !addr_is_none(a) && addr_port(a) != 0 &&
	       addr_class(a) != ADDR_LINKLOCAL;
}

static bool settled(const struct learn_channel *ch)
{
	return ch->signalled && ch->rank != LEARN_NONE &&
	       ch->fresh == LEARN_SETTLED && reachable(&ch->sendto);
}

static bool same_family(const struct learn_channel *a,
			const struct learn_channel *b)
{
	int family = addr_family(&a->source);

	return addr_family(&a->sendto) == family &&
	       addr_family(&b->source) == family &&
	       addr_family(&b->sendto) == family;
}

/* IPv4 into the first word, the rest zero. */
static void put_ip(__be32 to[4], const struct addr *a)
{
	memset(to, 0, 4 * sizeof(*to));
	if (addr_family(a) == AF_INET6)
		memcpy(to, &a->u.in6.sin6_addr, sizeof(a->u.in6.sin6_addr));
	else
		to[0] = a->u.in.sin_addr.s_addr;
}

bool fastflow_ready(const struct learn *l)
{
	const struct learn_channel *a = &l->ch[LEARN_FIRST];
	const struct learn_channel *b = &l->ch[LEARN_SECOND];

	return settled(a) && settled(b) && same_family(a, b) &&
	       !addr_eq(&a->source, &b->source);
}

void fastflow_of(struct fastflow *out, const struct learn *l,
		 enum learn_side side, const struct addr local[LEARN_SIDES])
{
	out->source = l->ch[side].source;
	out->in = local[side];
	out->out = local[!side];
	out->to = l->ch[!side].sendto;
}

bool fastflow_eq(const struct fastflow *a, const struct fastflow *b)
{
	return addr_eq(&a->source, &b->source) && addr_eq(&a->in, &b->in) &&
	       addr_eq(&a->out, &b->out) && addr_eq(&a->to, &b->to);
}

void fastflow_key(union fastflow_key *out, const struct fastflow *f)
{
	memset(out, 0, sizeof(*out));
	if (addr_family(&f->source) == AF_INET6) {
		put_ip(out->v6.saddr, &f->source);
		put_ip(out->v6.daddr, &f->in);
		out->v6.sport = htons(addr_port(&f->source));
		out->v6.dport = htons(addr_port(&f->in));
		return;
	}
	out->v4.saddr = f->source.u.in.sin_addr.s_addr;
	out->v4.daddr = f->in.u.in.sin_addr.s_addr;
	out->v4.sport = htons(addr_port(&f->source));
	out->v4.dport = htons(addr_port(&f->in));
}

static uint32_t fold32(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	return (uint32_t)((sum & UINT32_MAX) + (sum >> 32));
}

/* What these addresses in place of those add to a one's complement sum. */
static uint32_t sum_ips(const struct addr *was, const struct addr *is)
{
	__be32 old[4], new[4];
	uint64_t sum = 0;

	put_ip(old, was);
	put_ip(new, is);
	for (unsigned i = 0; i < 4; i++)
		sum += (uint64_t)(__be32)~old[i] + new[i];
	return fold32(sum);
}

static uint32_t sum_port(const struct addr *was, const struct addr *is)
{
	return (uint16_t)~htons(addr_port(was)) +
	       (uint32_t)htons(addr_port(is));
}

void fastflow_hop(struct fastpath_hop *out, const struct fastflow *f,
		  const struct route *route, uint32_t slot, int dscp)
{
	memset(out, 0, sizeof(*out));
	put_ip(out->saddr, &f->out);
	put_ip(out->daddr, &f->to);
	put_ip(out->gateway, &route->gateway);
	out->sport = htons(addr_port(&f->out));
	out->dport = htons(addr_port(&f->to));
	out->ifindex = route->ifindex;
	out->mtu = route->mtu;
	out->slot = slot;
	out->gateway_family = (uint16_t)addr_family(&route->gateway);
	out->tos = (uint8_t)(dscp << 2);
	out->sum_addresses = fold32((uint64_t)sum_ips(&f->source, &f->out) +
				    sum_ips(&f->in, &f->to));
	out->sum_ports =
		sum_port(&f->source, &f->out) + sum_port(&f->in, &f->to);
}

static struct addr addr4(__be32 ip, __be16 port)
{
	const struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr.s_addr = ip,
	};
	struct addr a = {0};

	addr_from_sa(&a, (const struct sockaddr *)&in);
	return a;
}

static struct addr addr6(const __be32 ip[4], __be16 port)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = port};
	struct addr a = {0};

	memcpy(&in6.sin6_addr, ip, sizeof(in6.sin6_addr));
	addr_from_sa(&a, (const struct sockaddr *)&in6);
	return a;
}

void fastflow_from(struct fastflow *out, const union fastflow_key *key,
		   const struct fastpath_hop *hop, int family)
{
	if (family == AF_INET6) {
		out->source = addr6(key->v6.saddr, key->v6.sport);
		out->in = addr6(key->v6.daddr, key->v6.dport);
		out->out = addr6(hop->saddr, hop->sport);
		out->to = addr6(hop->daddr, hop->dport);
	} else {
		out->source = addr4(key->v4.saddr, key->v4.sport);
		out->in = addr4(key->v4.daddr, key->v4.dport);
		out->out = addr4(hop->saddr[0], hop->sport);
		out->to = addr4(hop->daddr[0], hop->dport);
	}
}
