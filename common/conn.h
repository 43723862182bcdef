#ifndef COMMON_CONN_H
#define COMMON_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "common/channel.h"
#include "common/transports.h"

/*
 * One connection of a stream: TCP, and above it TLS and WebSocket where the
 * transport has them. Whole messages go in and come out.
 */
struct conn;

/* What may wait to be sent on one connection: several messages of any size. */
enum { CONN_QUEUE_MAX = 256 << 10, CONN_READ_MAX = 16 << 10 };

/* Why a connection ended on its own account. */
enum conn_end {
	CONN_CLOSED,  /* by the far end, in order */
	CONN_FAILED,  /* broke, or never came about */
	CONN_TLS,     /* its TLS handshake or session failed */
	CONN_IDLE,    /* silent, or a message took too long to come */
	CONN_CLOGGED, /* the far end does not read what we send */
	CONN_GARBAGE, /* what came could not be framed */
};

/* What all connections of one owner have in common; outlives them. */
struct conn_config {
	uv_loop_t *loop;
	uint32_t idle_ms, setup_ms; /* as in struct transports_config */
	const char *const *origins; /* the same */
	void (*message)(const struct channel *src, char *data, size_t len,
			void *owner);
	void (*keepalive)(const struct channel *src,
			  enum transports_keepalive what, void *owner);
	/* Ended: it frees itself, and must not be touched any more. */
	void (*ended)(void *owner, enum conn_end how, int err);
	/* It has something to send: conn_flush() is wanted. */
	void (*dirty)(void *owner);
	char scratch[CONN_READ_MAX]; /* of whichever is reading */
	char plain[CONN_READ_MAX];
};

struct tls_context;

/*
 * Take the next connection of a listening socket; ch->transport, `local` and
 * `conn` are given, ch->addr is told. 0 or a negative errno.
 */
int conn_accept(struct conn **cp, struct conn_config *cfg, uv_stream_t *from,
		struct channel *ch, const struct tls_context *tls, void *owner);

/*
 * Connect to ch->addr (TCP and TLS) from the address `from`, any port.
 * `name` as for tls_connect(). 0, a negative errno where it fails at once;
 * later failures are told by `ended`.
 */
int conn_connect(struct conn **cp, struct conn_config *cfg,
		 const struct channel *ch, const struct addr *from,
		 struct tls_context *tls, const char *name, void *owner);

/* Queue one message, if need be until the connection is up. 0, -ENOTCONN,
 * -EMSGSIZE, or -ENOBUFS where CONN_QUEUE_MAX is reached: it will then end. */
int conn_send(struct conn *c, const void *data, size_t len);

/* Queue a keepalive. As conn_send(); -ENOTCONN while it is not up. */
int conn_ping(struct conn *c);

/* Hand what is queued to the kernel. */
void conn_flush(struct conn *c);

/* Whether it is about to end: nothing can be sent any more. */
bool conn_is_ending(const struct conn *c);

/* Flush once, close and free; safe inside a handler. `ended` is not told. */
void conn_close(struct conn *c);

#endif
