#ifndef RELAYD_SOCKET_H
#define RELAYD_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct addr;

/*
 * A UDP socket for media in a worker's loop: bound to a port, or beside one
 * that is, connected to a single peer. What a connected socket receives may
 * still be from others: it looks at every port's packets between bind(2) and
 * connect(2).
 */
struct socket;

/* One packet; `data` lives until it returns. It may close sockets. */
typedef void socket_packet_h(const struct addr *src, const uint8_t *data,
			     size_t len, void *arg);
/* Behind the packets of one wake-up. */
typedef void socket_turn_h(void *arg);

struct socket_config {
	uv_loop_t *loop;
	uint8_t *buf;      /* SOCKET_BUF bytes, used within one wake-up */
	int dscp;          /* 0-63 */
	int connect_below; /* descriptor from which on none is connected */
	uint64_t *errors;  /* counts those on receiving, ICMP included */
	socket_packet_h *packet;
	socket_turn_h *turn; /* may be NULL */
	void *arg;
};

enum { SOCKET_BUF = 65536 };

/*
 * Bind to the IP of `address` and to `port` (host order), where nobody else is,
 * and receive. 0 or a negative errno (-EADDRINUSE).
 */
int socket_open(struct socket **sp, const struct socket_config *cfg,
		const struct addr *address, uint16_t port);

/*
 * Another one at the address of `door`, connected to `peer`; what waits in
 * `door` is received first, so that nothing overtakes it. 0 or a negative
 * errno, -EMFILE also where the descriptors left are better kept for calls.
 */
int socket_connect(struct socket **sp, struct socket *door,
		   const struct addr *peer);

/* To `dst`; NULL: to the peer it is connected to. Whether it is under way. */
bool socket_send(struct socket *s, const struct addr *dst, const uint8_t *data,
		 size_t len);

/* Receive what is waiting, now. */
void socket_drain(struct socket *s);

/* NULL is fine. The port is free at once. */
void socket_close(struct socket *s);

#endif
