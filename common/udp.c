#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/sendq.h"
#include "common/udp.h"

enum {
	BATCH = 32,      /* datagrams a recvmmsg */
	BATCHES_MAX = 4, /* recvmmsg calls a turn of the loop */
	/* UDP_DATAGRAM_MAX and its NUL, and a page and a line more, lest all
	 * begin at the same place of the caches */
	SLOT = 65536 + 4096 + 64,
	UDP4_PAYLOAD = 65507, /* 65535 less the IPv4 and UDP headers */
	UDP6_PAYLOAD = 65527, /* IPv6 does not count its own header */
	HANDLES = 2,
};

/*
 * Where a batch is received. One for all sockets of a thread, as nothing in it
 * outlives a handler; pages that no datagram ever reached stay unmapped.
 */
struct ring {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct addr src[BATCH];
	char *slots;
	unsigned users;
};

struct udp {
	uv_poll_t poll;
	uv_prepare_t prepare; /* runs before the loop waits: the turn's end */
	int fd;
	int events;
	unsigned handles; /* still open in the loop */
	bool closing;
	bool receiving; /* a batch is being handed out */
	struct addr local;
	struct ring *ring;
	struct sendq queue;
	struct udp_counts counts;
	udp_recv_h *recvh;
	void *arg;
};

static _Thread_local struct ring *thread_ring;

static void on_poll(uv_poll_t *poll, int status, int events);

static int ring_get(struct ring **rp)
{
	struct ring *r = thread_ring;
	size_t size = (size_t)BATCH * SLOT;

	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return -ENOMEM;
		r->slots = mmap(NULL, size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
				0);
		if (r->slots == MAP_FAILED) {
			free(r);
			return -ENOMEM;
		}
		/* A huge page would make all of it resident at once. */
		madvise(r->slots, size, MADV_NOHUGEPAGE);
		thread_ring = r;
	}
	r->users++;
	*rp = r;
	return 0;
}

static void ring_put(struct ring *r)
{
	if (!r || --r->users > 0)
		return;
	munmap(r->slots, (size_t)BATCH * SLOT);
	free(r);
	thread_ring = NULL;
}

/* The kernel writes lengths into the headers: set them anew for each batch. */
static int ring_receive(struct ring *r, int fd)
{
	int n;

	for (size_t i = 0; i < BATCH; i++) {
		struct msghdr *h = &r->msgs[i].msg_hdr;

		r->iov[i].iov_base = r->slots + i * SLOT;
		r->iov[i].iov_len = UDP_DATAGRAM_MAX;
		h->msg_name = &r->src[i];
		h->msg_namelen = sizeof(r->src[i]);
		h->msg_iov = &r->iov[i];
		h->msg_iovlen = 1;
		h->msg_flags = 0;
	}
	n = recvmmsg(fd, r->msgs, BATCH, MSG_DONTWAIT, NULL);
	return n < 0 ? -errno : n;
}

static void deliver(struct udp *u, size_t i)
{
	struct ring *r = u->ring;
	size_t len = r->msgs[i].msg_len;
	char *data = r->slots + i * SLOT;
	struct addr src;

	if (r->msgs[i].msg_hdr.msg_flags & MSG_TRUNC)
		return;
	if (addr_from_sa(&src, &r->src[i].u.sa) != 0)
		return;
	u->counts.rx++;
	u->counts.rx_bytes += len;
	data[len] = '\0';
	u->recvh(u, &src, data, len, u->arg);
}

/* Hand out what has come, until there is no more or others' turn has come. */
static void receive(struct udp *u)
{
	int n = BATCH;

	u->receiving = true;
	for (int i = 0; i < BATCHES_MAX && n == BATCH && !u->closing; i++) {
		n = ring_receive(u->ring, u->fd);
		if (n < 0 && n != -EAGAIN && n != -EINTR)
			u->counts.tx_errors++; /* ICMP about one we sent */
		for (int j = 0; j < n && !u->closing; j++)
			deliver(u, (size_t)j);
	}
	u->receiving = false;
}

static void poll_for(struct udp *u, int events)
{
	if (u->events == events)
		return;
	u->events = events;
	uv_poll_start(&u->poll, events, on_poll);
}

/*
 * An ICMP error of an earlier datagram sits in the socket, and libuv has
 * stopped polling for it: fetch it, count it, go on.
 */
static void clear_error(struct udp *u)
{
	socklen_t len = sizeof(int);
	int events = u->events;
	int err = 0;

	getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	u->counts.tx_errors++;
	u->events = 0;
	poll_for(u, events);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct udp *u = poll->data;

	if (status < 0) {
		clear_error(u);
		return;
	}
	if (events & UV_READABLE)
		receive(u);
	if (!u->closing)
		udp_flush(u);
}

static void on_prepare(uv_prepare_t *prepare)
{
	udp_flush(prepare->data);
}

static void on_closed(uv_handle_t *handle)
{
	struct udp *u = handle->data;

	if (--u->handles > 0)
		return;
	ring_put(u->ring);
	sendq_reset(&u->queue);
	free(u);
}

static void raise_buffer(int fd, int forced, int plain)
{
	const int size = UDP_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) != 0)
		setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size));
}

/* What it is bound to; and room for bursts. */
static int settle(struct udp *u)
{
	struct addr bound;
	socklen_t len = sizeof(bound);

	if (getsockname(u->fd, &bound.u.sa, &len) != 0)
		return -errno;
	raise_buffer(u->fd, SO_RCVBUFFORCE, SO_RCVBUF);
	raise_buffer(u->fd, SO_SNDBUFFORCE, SO_SNDBUF);
	return addr_from_sa(&u->local, &bound.u.sa);
}

static int bind_socket(struct udp *u, const struct addr *local)
{
	const int on = 1;

	u->fd = socket(addr_family(local),
		       SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->fd < 0)
		return -errno;
	if (addr_family(local) == AF_INET6 &&
	    setsockopt(u->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return -errno;
	if (bind(u->fd, &local->u.sa, addr_len(local)) != 0)
		return -errno;
	return settle(u);
}

static int attach(struct udp *u, uv_loop_t *loop)
{
	int err = uv_poll_init(loop, &u->poll, u->fd);

	if (err)
		return err;
	uv_prepare_init(loop, &u->prepare);
	uv_unref((uv_handle_t *)&u->prepare);
	u->poll.data = u;
	u->prepare.data = u;
	u->handles = HANDLES;
	poll_for(u, UV_READABLE);
	return 0;
}

/* On `fd`, or on a new socket where that is negative. */
static int open_udp(struct udp **up, uv_loop_t *loop, const struct addr *local,
		    int fd, udp_recv_h *recvh, void *arg)
{
	struct udp *u = calloc(1, sizeof(*u));
	int err;

	if (!u) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	u->fd = fd;
	u->recvh = recvh;
	u->arg = arg;
	err = ring_get(&u->ring);
	if (!err)
		err = fd >= 0 ? settle(u) : bind_socket(u, local);
	if (!err)
		err = attach(u, loop);
	if (err)
		goto out;
	*up = u;
	u = NULL;
out:
	if (u) {
		if (u->fd >= 0)
			close(u->fd);
		ring_put(u->ring);
		free(u);
	}
	return err;
}

int udp_listen(struct udp **up, uv_loop_t *loop, const struct addr *local,
	       udp_recv_h *recvh, void *arg)
{
	return open_udp(up, loop, local, -1, recvh, arg);
}

int udp_adopt(struct udp **up, uv_loop_t *loop, int fd, udp_recv_h *recvh,
	      void *arg)
{
	return open_udp(up, loop, NULL, fd, recvh, arg);
}

int udp_send(struct udp *u, const struct addr *dst, const void *data,
	     size_t len)
{
	size_t max = addr_family(dst) == AF_INET ? UDP4_PAYLOAD : UDP6_PAYLOAD;
	int err;

	if (addr_family(dst) != addr_family(&u->local))
		return -EAFNOSUPPORT;
	if (len > max)
		return -EMSGSIZE;
	err = u->closing ? -ENOBUFS : sendq_add(&u->queue, dst, data, len);
	if (err)
		u->counts.tx_dropped++;
	else if (!u->receiving && !(u->events & UV_WRITABLE))
		uv_prepare_start(&u->prepare, on_prepare);
	return err;
}

void udp_flush(struct udp *u)
{
	struct sendq_counts done = {0};
	int err;

	if (u->closing)
		return;
	err = sendq_flush(&u->queue, u->fd, &done);
	u->counts.tx += done.sent;
	u->counts.tx_bytes += done.sent_bytes;
	u->counts.tx_errors += done.errors;
	uv_prepare_stop(&u->prepare);
	poll_for(u, err == -EAGAIN ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

const struct addr *udp_local(const struct udp *u)
{
	return &u->local;
}

int udp_fd(const struct udp *u)
{
	return u->fd;
}

const struct udp_counts *udp_counts(const struct udp *u)
{
	return &u->counts;
}

void udp_close(struct udp *u)
{
	if (!u || u->closing)
		return;
	udp_flush(u);
	u->closing = true;
	uv_close((uv_handle_t *)&u->poll, on_closed);
	uv_close((uv_handle_t *)&u->prepare, on_closed);
	close(u->fd);
	u->fd = -1;
}
