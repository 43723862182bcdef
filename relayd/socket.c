#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"

#include "relayd/burst.h"
#include "relayd/socket.h"

enum {
	PART = SOCKET_BUF / SOCKET_PACKET_MAX, /* packets a system call */
	PARTS = 4, /* a wake-up, so that one port starves no other */
	/* bursts in a row: more than a socket holds, but not for ever */
	DRAIN_MAX = 512,
};

struct socket {
	uv_poll_t poll;
	struct socket_config cfg;
	const struct socket *door;
	int fd;
	bool closing;
	bool connected;
	bool burst;    /* packets now handed out are parts of one */
	bool busy;     /* had more than one packet at its last wake-up */
	uint64_t last; /* wake-up, ms */
};

/* Marking is a wish: a kernel that refuses it still relays. */
static void mark(int fd, int family, int dscp)
{
	int tos = dscp << 2;

	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
	else
		setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
}

/* An error (ICMP) stays until it is taken off. */
static void clear_error(struct socket *s)
{
	socklen_t len = sizeof(int);
	int err;

	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	++*s->cfg.errors;
}

/* One packet. */
static void receive(struct socket *s)
{
	struct addr src = {0};
	socklen_t slen = sizeof(src.u);
	ssize_t n = recvfrom(s->fd, s->cfg.buf, SOCKET_PACKET_MAX, MSG_DONTWAIT,
			     &src.u.sa, &slen);

	if (n >= 0)
		s->cfg.packet(s, &src, s->cfg.buf, (size_t)n, s->cfg.arg);
	else if (errno != EAGAIN && errno != EINTR)
		++*s->cfg.errors;
}

/* Up to PART packets, with one system call; how many there were. */
static unsigned receive_part(struct socket *s)
{
	struct mmsghdr msgs[PART];
	struct iovec iov[PART];
	struct addr src[PART];
	int n;

	memset(msgs, 0, sizeof(msgs));
	memset(src, 0, sizeof(src));
	for (size_t i = 0; i < PART; i++) {
		iov[i].iov_base = s->cfg.buf + i * SOCKET_PACKET_MAX;
		iov[i].iov_len = SOCKET_PACKET_MAX;
		msgs[i].msg_hdr.msg_name = &src[i].u;
		msgs[i].msg_hdr.msg_namelen = sizeof(src[i].u);
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(s->fd, msgs, PART, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		++*s->cfg.errors;
	for (int i = 0; i < n; i++)
		s->cfg.packet(s, &src[i], iov[i].iov_base, msgs[i].msg_len,
			      s->cfg.arg);
	return n > 0 ? (unsigned)n : 0;
}

/* Whether there may be more. */
static bool receive_burst(struct socket *s)
{
	unsigned n = PART;

	s->burst = true;
	for (unsigned i = 0; i < PARTS && n == PART && !s->closing; i++) {
		n = receive_part(s);
		s->cfg.turn(s->cfg.arg);
	}
	s->burst = false;
	s->busy = n > 1;
	return n == PART && !s->closing;
}

/* As a rule there is one packet on a port, and asking for a second costs a
 * system call: the loop tells of it again. Twice in a millisecond is a burst.
 */
static void receive_some(struct socket *s)
{
	uint64_t now = uv_now(s->cfg.loop);

	if (s->busy || s->last == now) {
		receive_burst(s);
	} else {
		receive(s);
		s->cfg.turn(s->cfg.arg);
	}
	s->last = now;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct socket *s = poll->data;

	(void)events;
	if (status < 0) {
		/* libuv has stopped the handle */
		clear_error(s);
		uv_poll_start(&s->poll, UV_READABLE, on_poll);
		return;
	}
	receive_some(s);
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

/* Into the loop; takes over `fd`. */
static int start(struct socket **sp, const struct socket_config *cfg, int fd)
{
	struct socket *s = calloc(1, sizeof(*s));
	int err = s ? uv_poll_init(cfg->loop, &s->poll, fd) : -ENOMEM;

	if (err) {
		close(fd);
		free(s);
		return err;
	}
	s->cfg = *cfg;
	s->door = s;
	s->fd = fd;
	s->poll.data = s;
	err = uv_poll_start(&s->poll, UV_READABLE, on_poll);
	if (err)
		socket_close(s);
	else
		*sp = s;
	return err;
}

static int make(int *fdp, int family, int dscp)
{
	int on = 1;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	mark(fd, family, dscp);
	*fdp = fd;
	return 0;
}

int socket_open(struct socket **sp, const struct socket_config *cfg,
		const struct addr *address, uint16_t port)
{
	struct addr a = *address;
	int on = 1, fd, err = make(&fd, addr_family(&a), cfg->dscp);

	if (err)
		return err;
	addr_set_port(&a, port);
	if (bind(fd, &a.u.sa, addr_len(&a)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	/* Only now, that another relayd's port is never shared: from here on
	 * connected ones may be bound beside it. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	return start(sp, cfg, fd);
}

/* It belongs to one that is not connected. */
static void set_beside(struct socket *s, const struct socket *door)
{
	s->door = door;
	s->connected = true;
	++*s->cfg.connected;
}

int socket_adopt(struct socket **sp, const struct socket_config *cfg, int fd,
		 const struct socket *door)
{
	int family = AF_UNSPEC;
	socklen_t len = sizeof(family);
	int ret;

	/* The loop never waits in a call, whoever made the socket. */
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	mark(fd, family, cfg->dscp);
	ret = start(sp, cfg, fd);
	if (!ret && door)
		set_beside(*sp, door);
	return ret;
}

int socket_fd(const struct socket *s)
{
	return s->fd;
}

static int bind_beside(int fd, const struct socket *door)
{
	struct addr a = {0};
	socklen_t len = sizeof(a.u);
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    getsockname(door->fd, &a.u.sa, &len) || bind(fd, &a.u.sa, len))
		return -errno;
	return 0;
}

int socket_connect(struct socket **sp, struct socket *door,
		   const struct addr *peer)
{
	int fd, err;

	if (*door->cfg.connected >= SOCKET_CONNECT_MAX)
		return -ENOBUFS;
	err = make(&fd, addr_family(peer), door->cfg.dscp);
	if (err)
		return err;
	err = fd < door->cfg.connect_below ? bind_beside(fd, door) : -EMFILE;
	if (!err && connect(fd, &peer->u.sa, addr_len(peer)))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	err = start(sp, &door->cfg, fd);
	if (!err)
		set_beside(*sp, door);
	return err;
}

const struct socket *socket_door(const struct socket *s)
{
	return s->door;
}

bool socket_send(struct socket *s, const struct addr *dst, const uint8_t *data,
		 size_t len)
{
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	if (dst)
		return sendto(s->fd, data, len, flags, &dst->u.sa,
			      addr_len(dst)) >= 0;
	/* An ICMP error of an earlier one is reported once and sends nothing:
	 * this one has not failed yet. */
	return send(s->fd, data, len, flags) >= 0 ||
	       (errno == ECONNREFUSED && send(s->fd, data, len, flags) >= 0);
}

bool socket_gather(struct socket *s, struct burst *b, const uint8_t *data,
		   size_t len)
{
	if (!burst_fits(b, s->fd, len))
		return false;
	burst_add(b, s->fd, data, len);
	return true;
}

bool socket_in_burst(const struct socket *s)
{
	return s->burst;
}

void socket_drain(struct socket *s)
{
	for (unsigned n = 0; n < DRAIN_MAX && receive_burst(s);)
		n++;
}

void socket_close(struct socket *s)
{
	if (!s || s->closing)
		return;
	s->closing = true;
	*s->cfg.connected -= s->connected;
	uv_close((uv_handle_t *)&s->poll, on_closed);
	close(s->fd);
	s->fd = -1;
}
