#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "common/fdmsg.h"

enum {
	SLACK = 4096,       /* what the kernel counts besides the data */
	RETRY_NS = 1000000, /* too many descriptors on their way */
};

union control {
	struct cmsghdr header; /* for its alignment */
	char room[CMSG_SPACE(sizeof(int) * FDMSG_FDS)];
};

void fdmsg_prepare(int sock)
{
	const int size = FDMSG_MAX + SLACK;

	if (setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 0, -ETIMEDOUT or another negative errno. */
static int wait_for(int sock, short events, long until)
{
	struct pollfd p = {sock, events, 0};
	long left = until - now_ms();
	int n = poll(&p, 1, left > 0 ? (int)left : 0);

	if (n < 0 && errno != EINTR)
		return -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

static void attach(struct msghdr *msg, union control *c, const int *fds,
		   size_t nfds)
{
	struct cmsghdr *h;

	memset(c, 0, sizeof(*c));
	msg->msg_control = c->room;
	msg->msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
	h = CMSG_FIRSTHDR(msg);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
	memcpy(CMSG_DATA(h), fds, sizeof(int) * nfds);
}

int fdmsg_send(int sock, const void *data, size_t len, const int *fds,
	       size_t nfds, int timeout_ms)
{
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	struct iovec iov = {(void *)(size_t)data, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	long until = now_ms() + timeout_ms;
	union control c;
	int err = 0;

	if (nfds > FDMSG_FDS)
		return -EMSGSIZE;
	if (fds && nfds)
		attach(&msg, &c, fds, nfds);
	while (!err && sendmsg(sock, &msg, flags) < 0) {
		if (errno == ETOOMANYREFS && now_ms() < until)
			nanosleep(&(struct timespec){0, RETRY_NS}, NULL);
		else if (errno == EAGAIN || errno == EINTR)
			err = wait_for(sock, POLLOUT, until);
		else
			err = -errno;
	}
	return err;
}

static size_t detach(int *fds, struct msghdr *msg)
{
	size_t n = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h;
	     h = CMSG_NXTHDR(msg, h)) {
		size_t some;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		some = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < some && n < FDMSG_FDS; i++)
			memcpy(&fds[n++], CMSG_DATA(h) + i * sizeof(int),
			       sizeof(int));
	}
	return n;
}

ssize_t fdmsg_recv(int sock, void *buf, size_t cap, int *fds, size_t *nfds,
		   int timeout_ms)
{
	long until = now_ms() + timeout_ms;
	struct iovec iov = {buf, cap};
	union control c;
	struct msghdr msg;
	ssize_t n;
	int err;

	*nfds = 0;
	do {
		msg = (struct msghdr){.msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = c.room,
				      .msg_controllen = sizeof(c.room)};
		n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		err = n < 0 ? wait_for(sock, POLLIN, until) : 0;
	} while (n < 0 && !err);
	if (err)
		return err;
	*nfds = detach(fds, &msg);
	if (n > 0 && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return n;
	while (*nfds)
		close(fds[--*nfds]);
	return n == 0 ? -ECONNRESET : -EMSGSIZE;
}
