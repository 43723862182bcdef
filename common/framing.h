#ifndef COMMON_FRAMING_H
#define COMMON_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Cuts the bytes of one stream into SIP messages (RFC 3261 18.3) and
 * keepalives (RFC 5626 4.4.1). Zero-initialised it is at the stream's start; it
 * holds memory only while part of a message is waiting for the rest.
 */
struct framing {
	char *buf;
	size_t start, len, cap; /* buf[start..len) is not taken yet */
	size_t seen;            /* bytes of the header that were looked at */
	size_t line;            /* where the line that is not whole begins */
	size_t whole;           /* length of the message, once known */
	bool begun;             /* the start line was found to be one */
	bool expects_pong;
	bool half; /* a lone CRLF came, which another one makes a ping */
	char held; /* what the message's NUL stands on */
	bool holds;
};

enum framing_item {
	FRAMING_NONE, /* give it more */
	FRAMING_MESSAGE,
	FRAMING_PING,
	FRAMING_PONG,
};

/* Append what came, after everything before was taken out. 0 or -ENOMEM. */
int framing_add(struct framing *f, const char *data, size_t len);

/*
 * The next item, or a negative errno, after which the stream cannot be read
 * any further: -EBADMSG where no SIP message begins (its first line is not of
 * one), or where its Content-Length is missing, said twice or no number;
 * -EMSGSIZE where it would be longer than SIPMSG_MAX. A message of *len bytes
 * is in *msg, NUL-terminated behind them, may be written to, and is valid until
 * the next call. CRLFs ahead of a message are skipped (RFC 3261 7.5).
 */
int framing_next(struct framing *f, char **msg, size_t *len);

/* A ping was sent: a CRLF alone is its answer, and not half of a ping. */
void framing_expect_pong(struct framing *f);

/* Whether part of a message has come. */
bool framing_is_partial(const struct framing *f);

void framing_reset(struct framing *f); /* frees its memory */

#endif
