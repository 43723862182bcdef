#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relayd/route.h"

enum { ANSWER_MAX = 8192 };

struct routes {
	int fd;
	uint32_t serial;
};

struct question {
	struct nlmsghdr head;
	struct rtmsg route;
	uint8_t attrs[2 * RTA_SPACE(sizeof(struct in6_addr))];
};

static const void *ip_of(const struct addr *a, size_t *len)
{
	if (addr_family(a) == AF_INET6) {
		*len = sizeof(a->u.in6.sin6_addr);
		return &a->u.in6.sin6_addr;
	}
	*len = sizeof(a->u.in.sin_addr);
	return &a->u.in.sin_addr;
}

static uint8_t put_ip(struct question *q, unsigned short type,
		      const struct addr *a)
{
	size_t len;
	const void *ip = ip_of(a, &len);
	struct rtattr *at =
		(void *)((char *)q + NLMSG_ALIGN(q->head.nlmsg_len));

	at->rta_type = type;
	at->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(at), ip, len);
	q->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->head.nlmsg_len) +
				       RTA_ALIGN(at->rta_len));
	return (uint8_t)(len * 8);
}

static int ask(struct routes *r, const struct addr *from, const struct addr *to)
{
	struct question q = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(q.route)),
			 .nlmsg_type = RTM_GETROUTE,
			 .nlmsg_flags = NLM_F_REQUEST,
			 .nlmsg_seq = ++r->serial},
		.route = {.rtm_family = (uint8_t)addr_family(to)},
	};

	q.route.rtm_dst_len = put_ip(&q, RTA_DST, to);
	q.route.rtm_src_len = put_ip(&q, RTA_SRC, from);
	if (send(r->fd, &q, q.head.nlmsg_len, 0) < 0)
		return -errno;
	return 0;
}

static int set_ip(struct addr *a, int family, const void *ip, size_t len)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in = {.sin_family = AF_INET};

	if (family == AF_INET && len == sizeof(in.sin_addr)) {
		memcpy(&in.sin_addr, ip, len);
		return addr_from_sa(a, (const struct sockaddr *)&in);
	}
	if (family == AF_INET6 && len == sizeof(in6.sin6_addr)) {
		memcpy(&in6.sin6_addr, ip, len);
		return addr_from_sa(a, (const struct sockaddr *)&in6);
	}
	return -EINVAL;
}

/* An IPv4 route by way of an IPv6 neighbour (RFC 5549). */
static int set_via(struct addr *a, struct rtattr *at)
{
	const struct rtvia *via = RTA_DATA(at);

	if (RTA_PAYLOAD(at) < sizeof(*via))
		return -EINVAL;
	return set_ip(a, via->rtvia_family, via->rtvia_addr,
		      RTA_PAYLOAD(at) - sizeof(*via));
}

static uint32_t number(struct rtattr *at)
{
	uint32_t n = 0;

	if (RTA_PAYLOAD(at) >= sizeof(n))
		memcpy(&n, RTA_DATA(at), sizeof(n));
	return n;
}

static uint32_t mtu_of(struct rtattr *metrics)
{
	struct rtattr *at = RTA_DATA(metrics);
	unsigned len = (unsigned)RTA_PAYLOAD(metrics);

	for (; RTA_OK(at, len); at = RTA_NEXT(at, len))
		if (at->rta_type == RTAX_MTU)
			return number(at);
	return 0;
}

static int read_route(struct route *out, struct nlmsghdr *head)
{
	struct rtmsg *route = NLMSG_DATA(head);
	struct rtattr *at = RTM_RTA(route);
	unsigned len;
	int err = 0;

	if (head->nlmsg_len < NLMSG_LENGTH(sizeof(*route)))
		return -EPROTO;
	if (route->rtm_type != RTN_UNICAST)
		return -ENETUNREACH;
	len = (unsigned)RTM_PAYLOAD(head);
	for (; !err && RTA_OK(at, len); at = RTA_NEXT(at, len)) {
		if (at->rta_type == RTA_OIF)
			out->ifindex = number(at);
		else if (at->rta_type == RTA_GATEWAY)
			err = set_ip(&out->gateway, route->rtm_family,
				     RTA_DATA(at), RTA_PAYLOAD(at));
		else if (at->rta_type == RTA_VIA)
			err = set_via(&out->gateway, at);
		else if (at->rta_type == RTA_METRICS)
			out->mtu = mtu_of(at);
	}
	return err ? err : out->ifindex ? 0 : -ENETUNREACH;
}

/* The answer to the last question; one to an older one is passed over. */
static int answer(struct route *out, struct routes *r)
{
	_Alignas(struct nlmsghdr) uint8_t buf[ANSWER_MAX];
	struct nlmsghdr *head = (void *)buf;

	for (;;) {
		ssize_t n = recv(r->fd, buf, sizeof(buf), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!NLMSG_OK(head, (size_t)n) || head->nlmsg_seq != r->serial)
			continue;
		if (head->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = NLMSG_DATA(head);

			return e->error ? e->error : -EPROTO;
		}
		return read_route(out, head);
	}
}

static int link_mtu(struct routes *r, struct route *out)
{
	struct ifreq req = {0};

	if (!if_indextoname(out->ifindex, req.ifr_name) ||
	    ioctl(r->fd, SIOCGIFMTU, &req) < 0)
		return -errno;
	out->mtu = (uint32_t)req.ifr_mtu;
	return 0;
}

int routes_open(struct routes **rp)
{
	/* the kernel answers within send(); this is for the day it does not */
	const struct timeval patience = {.tv_sec = 1};
	struct routes *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (r->fd < 0 || setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				    sizeof(patience)) < 0) {
		err = -errno;
		routes_close(r);
		return err;
	}
	*rp = r;
	return 0;
}

void routes_close(struct routes *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

int routes_find(struct route *out, struct routes *r, const struct addr *from,
		const struct addr *to)
{
	int err = ask(r, from, to);

	*out = (struct route){0};
	if (!err)
		err = answer(out, r);
	if (!err && !out->mtu)
		err = link_mtu(r, out);
	if (!err && addr_is_none(&out->gateway)) {
		out->gateway = *to;
		addr_set_port(&out->gateway, 0);
	}
	return err;
}
