#ifndef COMMON_TRANSPORTS_H
#define COMMON_TRANSPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "common/channel.h"
#include "common/metrics.h"

/*
 * All the sockets of a SIP element: what it listens on and the connections of
 * streams, each of which has one owner, here; others hold channels, whose
 * `conn` never means another connection once its own is gone. SIGPIPE must be
 * ignored.
 */
struct transports;

/* One whole message or datagram (`data` is NUL-terminated behind `len` and
 * lives until the handler returns; it may be written to). What is framed on
 * a stream begins where a message should; whether it is one is not checked. */
typedef void transports_message_h(char *data, size_t len,
				  const struct channel *src, void *arg);

/*
 * Keepalives that came: CRLFCRLF or a WebSocket ping, which are answered here
 * (RFC 5626 4.4.1), and the answer to one of ours. On UDP every datagram of up
 * to four bytes is one, unanswered as RFC 5626 knows no CRLF there (two bytes,
 * CRLF, are what some phones answer with); a STUN binding request is
 * answered (RFC 5626 4.4.2).
 */
enum transports_keepalive { TRANSPORTS_PING, TRANSPORTS_PONG };
typedef void transports_keepalive_h(const struct channel *src,
				    enum transports_keepalive what, void *arg);

/*
 * A connection has ended, or could not be opened; what was queued is lost. Told
 * once for each connection that was not closed by transports_close_channel(),
 * never from within a call of ours. `err`: 0 where the far end closed it in
 * order, -ETIMEDOUT (silent, or too slow), -EBADMSG and -EMSGSIZE (what came on
 * it), -ENOBUFS (it did not read what we sent), or what the system said.
 */
typedef void transports_closed_h(const struct channel *ch, int err, void *arg);

struct transports_tls {
	const char *certificate; /* PEM files; "": no TLS listener possible */
	const char *key;
	const char *ca; /* to verify the servers we connect to; "": system's */
};

struct transports_config {
	transports_message_h *message;
	transports_keepalive_h *keepalive;
	transports_closed_h *closed;
	void *arg;
	size_t conns_max; /* at one time; one in 16 is for those we open */
	size_t conns_per_source; /* accepted from one IPv4 address, IPv6 /64 */
	uint32_t idle_ms;        /* a silent connection is closed after */
	/* For connecting and handshakes, a first message; for each message to
	 * come whole, and for ours to be taken. */
	uint32_t setup_ms;
	/* Whose pages may use our WebSockets (up to a NULL, outlives the
	 * transports); NULL: any. */
	const char *const *origins;
	struct transports_tls tls;
};

int transports_alloc(struct transports **tp, uv_loop_t *loop,
		     const struct transports_config *cfg, char *err,
		     size_t err_len);

/* Bind and listen; the number of this end (struct channel's `local`), or a
 * negative errno. `self` is the address others see (port 0: the one bound). */
int transports_listen(struct transports *t, enum transport transport,
		      const struct addr *bind, const struct addr *self);

/*
 * Have a connection to ch->addr opened or find the one that is there, and fill
 * in `conn` and `local`; messages can be sent on it at once. `name`: of the
 * domain we look for there, which the certificate of a TLS server must be for
 * (RFC 5922 7.1); NULL: it must be for the address. Nothing to do on UDP. 0;
 * -ENOBUFS where there are too many connections, -EAFNOSUPPORT as below, or
 * what the system said.
 */
int transports_connect(struct transports *t, struct channel *ch,
		       const char *name);

/*
 * Send one message. On a stream that has no connection yet one is opened
 * (unless `conn` names one), and the bytes wait for it. 0; -ENOTCONN where the
 * connection named is gone, or where none leads to a WebSocket client, who is
 * never connected to; -ENOBUFS where too much waits already (the connection
 * then ends), -EMSGSIZE, -EAFNOSUPPORT where we have no end of this transport
 * and family.
 */
int transports_send(struct transports *t, const struct channel *to,
		    const void *data, size_t len);

/* Send what waits for the end of the turn. */
void transports_flush(struct transports *t);

/* Fill in `conn` and `local` of the connection that leads there, be it up or
 * just being opened. False: none. */
bool transports_find(struct transports *t, struct channel *ch);

/* The end we use towards a channel: its number, and its address as others see
 * it. 0, NULL where there is none. */
unsigned transports_local(const struct transports *t, const struct channel *to);
const struct addr *transports_self(const struct transports *t, unsigned local);
enum transport transports_transport(const struct transports *t, unsigned local);
unsigned transports_count(const struct transports *t); /* of listeners */

/* Whether an address, as bound or as others see it, is one of our ends. */
bool transports_is_self(const struct transports *t, const struct addr *a);

/* Our own keepalive to a client: CRLFCRLF, or a WebSocket ping. -ENOTCONN where
 * no connection is up: none is opened for it. */
int transports_ping(struct transports *t, const struct channel *to);

/* Send what waits, as far as that goes at once, and close. */
void transports_close_channel(struct transports *t, const struct channel *ch);

/* Read certificate and key again; connections that are up keep theirs. 0, or
 * negative with one line in err: the old ones then stay in use. */
int transports_reload(struct transports *t, const struct transports_tls *tls,
		      char *err, size_t err_len);

#define TRANSPORTS_COUNTERS(X)                                                 \
	X(rx, "Messages and datagrams received")                               \
	X(tx, "Messages and datagrams sent")                                   \
	X(rx_bytes, "Bytes of them received")                                  \
	X(tx_bytes, "Bytes of them sent")                                      \
	X(tx_dropped, "Messages dropped because too much waited")              \
	X(tx_errors, "Messages that the kernel or a connection did not take")  \
	X(conns_in, "Connections accepted")                                    \
	X(conns_out, "Connections opened")                                     \
	X(conns_refused, "Connections refused: too many")                      \
	X(conns_failed, "Connections that broke or never came about")          \
	X(conns_tls, "Connections whose TLS failed")                           \
	X(conns_idle, "Connections closed because they were silent or slow")   \
	X(conns_clogged, "Connections closed because ours was not read")       \
	X(framing, "Connections closed because of what came on them")

struct transports_counts {
	TRANSPORTS_COUNTERS(METRICS_FIELD)
};
void transports_counts(struct transports_counts *out,
		       const struct transports *t);
size_t transports_conns(const struct transports *t); /* open ones */

/* Close and free everything; safe inside a handler. Nothing is told. */
void transports_free(struct transports *t);

#endif
