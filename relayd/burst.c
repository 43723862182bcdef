#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "relayd/burst.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* linux/udp.h, which does not go with netinet's */
#endif

bool burst_fits(const struct burst *b, int fd, size_t len)
{
	if (b->n == 0)
		return len > 0 && len <= BURST_LEN_MAX;
	return b->fd == fd && b->n < BURST_MAX && !b->whole && len > 0 &&
	       len <= b->iov[0].iov_len;
}

void burst_add(struct burst *b, int fd, const uint8_t *data, size_t len)
{
	b->fd = fd;
	b->iov[b->n].iov_base = (void *)(uintptr_t)data;
	b->iov[b->n].iov_len = len;
	b->whole = len < b->iov[0].iov_len;
	b->n++;
}

static bool send_as_one(struct burst *b)
{
	union {
		char room[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr msg = {
		.msg_iov = b->iov,
		.msg_iovlen = b->n,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	uint16_t size = (uint16_t)b->iov[0].iov_len;

	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
	return sendmsg(b->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static bool send_single(const struct burst *b, const struct iovec *v)
{
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	/* An error of an earlier packet (ICMP) is told once. */
	return send(b->fd, v->iov_base, v->iov_len, flags) >= 0 ||
	       (errno == ECONNREFUSED &&
		send(b->fd, v->iov_base, v->iov_len, flags) >= 0);
}

unsigned burst_flush(size_t *bytes, struct burst *b)
{
	unsigned failed = 0;

	*bytes = 0;
	/* What the way does not take as one (its MTU, its device) may well go
	 * one by one. */
	if (b->n < 2 || !send_as_one(b)) {
		for (unsigned i = 0; i < b->n; i++) {
			if (send_single(b, &b->iov[i]))
				continue;
			failed++;
			*bytes += b->iov[i].iov_len;
		}
	}
	b->n = 0;
	b->whole = false;
	return failed;
}
