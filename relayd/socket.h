#ifndef RELAYD_SOCKET_H
#define RELAYD_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct addr;
struct burst;

/*
 * A UDP socket for media in a worker's loop: bound to a port, or beside one
 * that is, connected to a single peer. What a connected socket receives may
 * still be from others: it looks at every port's packets between bind(2) and
 * connect(2).
 */
struct socket;

/* One packet; `data` lives until it returns. It may close sockets. */
typedef void socket_packet_h(struct socket *s, const struct addr *src,
			     const uint8_t *data, size_t len, void *arg);
/* Behind the packets of one wake-up or of a part of them, and of a drain. */
typedef void socket_turn_h(void *arg);

struct socket_config {
	uv_loop_t *loop;
	/* SOCKET_BUF bytes, used within one wake-up; packets of a burst each
	 * have a part of it until the turn handler is called */
	uint8_t *buf;
	int dscp;          /* 0-63 */
	int connect_below; /* descriptor from which on none is connected */
	unsigned
		*connected; /* how many there are, SOCKET_CONNECT_MAX at most */
	uint64_t *errors;   /* counts those on receiving, ICMP included */
	socket_packet_h *packet;
	socket_turn_h *turn;
	void *arg;
};

/* Beyond some hundreds in a loop the sockets themselves cost more, by what they
 * take of the caches, than the routes that need not be looked up. */
enum { SOCKET_CONNECT_MAX = 512 };

enum { SOCKET_PACKET_MAX = 65536, SOCKET_BUF = 8 * SOCKET_PACKET_MAX };

/*
 * Bind to the IP of `address` and to `port` (host order), where nobody else is,
 * and receive. 0 or a negative errno (-EADDRINUSE).
 */
int socket_open(struct socket **sp, const struct socket_config *cfg,
		const struct addr *address, uint16_t port);

/*
 * Another one at the address of `door`, connected to `peer`; what waits in
 * `door` is received first, so that nothing overtakes it. 0 or a negative
 * errno, -EMFILE also where the descriptors left are better kept for calls,
 * -ENOBUFS where there are enough.
 */
int socket_connect(struct socket **sp, struct socket *door,
		   const struct addr *peer);

/* The one that a connected socket was made beside; itself of any other. Only
 * to be compared: it may be closed. */
const struct socket *socket_door(const struct socket *s);
/* Receive on one that another process had, connected where it has a `door`;
 * takes `fd` over, also where it fails. 0 or a negative errno. */
int socket_adopt(struct socket **sp, const struct socket_config *cfg, int fd,
		 const struct socket *door);

/* For another process to go on with. */
int socket_fd(const struct socket *s);

/* To `dst`; NULL: to the peer it is connected to. Whether it is under way. */
bool socket_send(struct socket *s, const struct addr *dst, const uint8_t *data,
		 size_t len);

/*
 * The same, but it may wait in `b` (one for all sockets of a loop) for others
 * of its burst until socket_flush(); for a connected socket only. False where
 * it does not go with what is there: flush first, and ask again or send.
 */
bool socket_gather(struct socket *s, struct burst *b, const uint8_t *data,
		   size_t len);

/* Whether packets are now being received in bursts. */
bool socket_in_burst(const struct socket *s);

/* Receive all that is waiting, now. */
void socket_drain(struct socket *s);

/* NULL is fine. The port is free at once. */
void socket_close(struct socket *s);

#endif
