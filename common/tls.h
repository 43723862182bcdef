#ifndef COMMON_TLS_H
#define COMMON_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct addr;

/*
 * TLS without sockets: bytes of the wire go in and come out, so that libuv
 * keeps the connections. TLS 1.2 is the oldest that is spoken.
 */

/* Our certificate, and those we trust. */
struct tls_context;

/*
 * `certificate` (a PEM chain, our own first) and `key` (no password) are files;
 * "" for both: we are no TLS server, and show no certificate as a client. `ca`
 * is a PEM file of those whom we trust to certify the servers we connect to;
 * "": the system's, read when the first is connected to. 0, or negative and one
 * line in err.
 */
int tls_context_alloc(struct tls_context **cp, const char *certificate,
		      const char *key, const char *ca, char *err,
		      size_t err_len);
/* Sessions that live go on. */
void tls_context_free(struct tls_context *ctx);
bool tls_context_serves(const struct tls_context *ctx);

struct tls;

/* The server's side of a new session. 0, -ENOENT without a certificate of ours,
 * -ENOMEM. */
int tls_accept(struct tls **tp, const struct tls_context *ctx);

/*
 * The client's. The server's certificate must be for `name` (a name or address
 * as in the URI, before any look-up: RFC 5922 7.2), or where that is NULL for
 * the address itself.
 * 0, -EINVAL where the name cannot be one, -ENOENT where no trusted
 * certificates can be read, -ENOMEM.
 */
int tls_connect(struct tls **tp, struct tls_context *ctx, const char *name,
		const struct addr *addr);

/* Feed bytes from the wire. 0 or -ENOMEM. */
int tls_input(struct tls *t, const void *data, size_t len);

/*
 * Go on as far as the input allows, and take what it said. The number of bytes,
 * 0 where more input is needed; -EPIPE once the far end has said goodbye,
 * -EPROTO when the session is broken (tls_why).
 */
int tls_read(struct tls *t, void *buf, size_t cap);

/* Whether the handshake is done: only then may be written. */
bool tls_is_up(const struct tls *t);

/* Encrypt. 0, -EPROTO, -ENOMEM. */
int tls_write(struct tls *t, const void *data, size_t len);

/* Say goodbye (close_notify). */
void tls_shutdown(struct tls *t);

/* What is to go out on the wire: its length, and where it is until the next
 * call of any of these; tls_sent() removes it. */
size_t tls_output(struct tls *t, const char **data);
void tls_sent(struct tls *t);

/* What broke the session, in words. */
const char *tls_why(const struct tls *t);

void tls_free(struct tls *t);

#endif
