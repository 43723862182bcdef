#ifndef COMMON_WS_HANDSHAKE_H
#define COMMON_WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/*
 * The opening handshake of a WebSocket that carries SIP, for the server (RFC
 * 6455 section 4.2, RFC 7118 section 4): pure.
 */
enum {
	WS_HEAD_MAX = 8192,  /* of a request, with its blank line */
	WS_ANSWER_MAX = 512, /* room that the longest answer needs, with NUL */
};

/* Whether a request's head ends with the last of these bytes. */
bool ws_head_ends(const char *head, size_t len);

/*
 * Append the answer to a whole head: 101, which is returned as 0, or a refusal
 * with a line for people as its body, which is returned as its status (400,
 * 403, 405, 426, 505); *why is then that line. Any path is served, for the
 * listener has no other use. `origins` (borrowed, up to a NULL) are the only
 * ones whose pages may connect; NULL or none: any. What sends no Origin is no
 * browser, and is let in (RFC 6455 10.2).
 */
int ws_handshake(struct strbuf *out, const char **why, const char *head,
		 size_t len, const char *const *origins);

/* Append a refusal: 431, a head longer than WS_HEAD_MAX, or 400, what cannot be
 * one. Returns its line for people. */
const char *ws_handshake_refuse(struct strbuf *out, int status);

#endif
