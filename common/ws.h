#ifndef COMMON_WS_H
#define COMMON_WS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/ws_frame.h"

/*
 * The server's side of one WebSocket that carries SIP (RFC 6455, RFC 7118):
 * the bytes of a connection in, SIP messages and answers out. No socket, no
 * clock. Between messages it holds no more than itself.
 */
struct ws;

enum ws_keepalive { WS_KEEPALIVE_PING, WS_KEEPALIVE_PONG };

struct ws_handlers {
	/* Bytes for the peer, in order; copy them. */
	void (*send)(const void *data, size_t len, void *arg);
	/* One whole SIP message of at most SIPMSG_MAX bytes, from text or
	 * binary frames, fragments joined, NUL-terminated behind `len`, without
	 * CRLFs before it; it may be written to and lives until this returns.
	 * Whether it is SIP is not checked. */
	void (*message)(char *data, size_t len, void *arg);
	/* The peer's ping, which is already answered, or its pong: of
	 * WebSocket, or CRLFCRLF and CRLF as a message (RFC 7118 6). */
	void (*keepalive)(enum ws_keepalive what, void *arg);
};

/*
 * A connection just accepted. Only pages of these origins may use it
 * ("https://phone.example.com"; borrowed until ws_free(), up to a NULL; NULL:
 * any); what is no browser may. 0 or -ENOMEM.
 */
int ws_alloc(struct ws **wp, const char *const *origins);
void ws_free(struct ws *w); /* not inside a handler */

/*
 * Bytes that came, which are written to. Negative: close the connection; what
 * the peer is to be told has been given to send. -ESHUTDOWN after a close, by
 * the peer or by ws_close(); -EACCES: the handshake is refused; -EPROTO: broken
 * frames, -EILSEQ: text that is not UTF-8, -EMSGSIZE: longer than SIPMSG_MAX;
 * -ENOMEM.
 */
int ws_input(struct ws *w, char *data, size_t len, const struct ws_handlers *h,
	     void *arg);

/* What was wrong, in a few words, after a negative ws_input(). */
const char *ws_error(const struct ws *w);

/* Whether the handshake is done and no close was sent: frames may be sent
 * (ws_frame.h says how). */
bool ws_is_open(const struct ws *w);

/* Whether part of a frame, of a message or of the handshake has come. */
bool ws_is_partial(const struct ws *w);

/* Give a close frame to send (enum ws_code; nothing where it is not open); no
 * handler is called any more. May be used inside a handler. */
void ws_close(struct ws *w, unsigned code, const struct ws_handlers *h,
	      void *arg);

#endif
