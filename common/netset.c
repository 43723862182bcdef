#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/netset.h"

struct net {
	struct addr addr;
	unsigned bits;
};

struct netset {
	struct net *nets;
	size_t n;
	size_t cap;
};

static const uint8_t *ip_bytes(const struct addr *a)
{
	return addr_family(a) == AF_INET ? (const uint8_t *)&a->u.in.sin_addr
					 : (const uint8_t *)&a->u.in6.sin6_addr;
}

static unsigned ip_bits(const struct addr *a)
{
	return addr_family(a) == AF_INET ? 32 : 128;
}

static int parse_bits(unsigned *bits, const char *str, unsigned max)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; str[i] >= '0' && str[i] <= '9' && i < 3; i++)
		n = n * 10 + (unsigned)(str[i] - '0');
	if (i == 0 || str[i] != '\0' || n > max)
		return -EINVAL;
	*bits = n;
	return 0;
}

static int parse_net(struct net *net, const char *cidr)
{
	const char *slash = strchr(cidr, '/');
	size_t len = slash ? (size_t)(slash - cidr) : strlen(cidr);
	int err = addr_set(&net->addr, cidr, len, 0);

	if (err)
		return err;
	net->bits = ip_bits(&net->addr);
	if (slash)
		err = parse_bits(&net->bits, slash + 1, net->bits);
	return err;
}

static bool net_has(const struct net *net, const struct addr *a)
{
	const uint8_t *x = ip_bytes(&net->addr), *y = ip_bytes(a);
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (addr_family(&net->addr) != addr_family(a))
		return false;
	if (memcmp(x, y, whole) != 0)
		return false;
	return rest == 0 || (x[whole] ^ y[whole]) >> (8 - rest) == 0;
}

int netset_alloc(struct netset **setp)
{
	*setp = calloc(1, sizeof(**setp));
	return *setp ? 0 : -ENOMEM;
}

void netset_free(struct netset *set)
{
	if (!set)
		return;
	free(set->nets);
	free(set);
}

int netset_add(struct netset *set, const char *cidr)
{
	size_t cap = set->cap ? 2 * set->cap : 8;
	struct net net, *nets;
	int err = parse_net(&net, cidr);

	if (err)
		return err;
	if (set->n == set->cap) {
		nets = realloc(set->nets, cap * sizeof(*nets));
		if (!nets)
			return -ENOMEM;
		set->nets = nets;
		set->cap = cap;
	}
	set->nets[set->n++] = net;
	return 0;
}

bool netset_has(const struct netset *set, const struct addr *a)
{
	if (!set || addr_is_none(a))
		return false;
	for (size_t i = 0; i < set->n; i++) {
		if (net_has(&set->nets[i], a))
			return true;
	}
	return false;
}

size_t netset_count(const struct netset *set)
{
	return set ? set->n : 0;
}
