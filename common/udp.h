#ifndef COMMON_UDP_H
#define COMMON_UDP_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "common/metrics.h"

struct addr;
struct udp;

enum {
	UDP_DATAGRAM_MAX = 65535,
	/* Bytes of each of a socket's buffers, asked for; without CAP_NET_ADMIN
	 * the kernel gives no more than net.core.{r,w}mem_max. */
	UDP_BUFFER = 4 << 20,
};

/* One datagram as it came; `data` (NUL-terminated behind `len`) lives until
 * the handler returns and may be written to. */
typedef void udp_recv_h(struct udp *u, const struct addr *src, char *data,
			size_t len, void *arg);

/*
 * Bind `local` (port 0: any) and receive on `loop` with recvmmsg, at most a
 * bounded number of datagrams a turn so that one socket cannot starve the
 * others. 0 or a negative errno.
 */
int udp_listen(struct udp **up, uv_loop_t *loop, const struct addr *local,
	       udp_recv_h *recvh, void *arg);

/* The same on a bound socket that another process had; takes `fd` over, also
 * where it fails. */
int udp_adopt(struct udp **up, uv_loop_t *loop, int fd, udp_recv_h *recvh,
	      void *arg);

/*
 * Send one datagram. It is copied and leaves with sendmmsg at the end of this
 * turn of the loop; a full socket buffer keeps it until writable, a bounded
 * queue then drops the newest. 0, -ENOBUFS (dropped), -EMSGSIZE,
 * -EAFNOSUPPORT (not of the socket's family). What the kernel refuses later
 * (no route, ICMP errors) only shows in tx_errors.
 */
int udp_send(struct udp *u, const struct addr *dst, const void *data,
	     size_t len);

/* Send what is queued now. */
void udp_flush(struct udp *u);

const struct addr *udp_local(const struct udp *u); /* as bound */

/* For other threads to send on, until udp_close(). */
int udp_fd(const struct udp *u);

/* What a socket counts, once: name, help. */
#define UDP_COUNTERS(X)                                                        \
	X(rx, "Datagrams received")                                            \
	X(tx, "Datagrams sent")                                                \
	X(rx_bytes, "Bytes received")                                          \
	X(tx_bytes, "Bytes sent")                                              \
	X(tx_dropped, "Datagrams dropped because the queue was full")          \
	X(tx_errors, "Datagrams that the kernel did not send")

struct udp_counts {
	UDP_COUNTERS(METRICS_FIELD)
};
const struct udp_counts *udp_counts(const struct udp *u);

/* Flush once, close and free; safe inside the receive handler. */
void udp_close(struct udp *u);

#endif
