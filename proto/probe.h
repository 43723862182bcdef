#ifndef PROTO_PROBE_H
#define PROTO_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/sipmsg.h"

struct strbuf;

/*
 * The doctor's question to a peer: an OPTIONS that looks like what a phone
 * sends, so that whatever rewrites the phones' messages on the way rewrites it
 * too, and an answer that says what arrived. Base64 hides that copy from who
 * would rewrite it back.
 */
enum {
	PROBE_MAX = 1400, /* bytes of a question that are sent back */
	PROBE_TOKEN_LEN = 17,
	PROBE_DAEMON_LEN = 16,
	PROBE_ARRIVED_CAP = PROBE_MAX + 8, /* base64 is decoded in threes */
};

/* The user part of its Request-URI. */
#define PROTO_DOCTOR_USER "pinhole-doctor"

/* Print one: `self` is the socket it leaves from, `to` goes into the
 * Request-URI; branch, tag and Call-ID are made of the token. 0, -EMSGSIZE. */
int probe_print(struct strbuf *out, const struct addr *self,
		const struct addr *to, const char *token);

/* Whether a request is that, and has been through no proxy. Who may ask is for
 * the caller to judge. */
bool probe_is(const sip_t *sip);

/* What the peer says. */
struct probe_report {
	const char *daemon; /* "relayd" */
	uint64_t clock_ms;  /* since 1970, there */
	struct addr from;   /* where the question came from */
	const char *arrived;
	size_t arrived_len; /* up to PROBE_MAX */
};

/* The 200 to it. 0, -EMSGSIZE, -ENOMEM. */
int probe_answer_print(struct strbuf *out, const sip_t *req,
		       const struct probe_report *r);

/* The same as read, with room of its own. */
struct probe_answer {
	char daemon[PROBE_DAEMON_LEN];
	uint64_t clock_ms;
	struct addr from;
	char arrived[PROBE_ARRIVED_CAP];
	size_t arrived_len;
};

/* 0, or -EBADMSG: it is no such answer. */
int probe_answer_parse(struct probe_answer *a, const sip_t *sip);

/*
 * The first line in which what arrived is not what was sent, each without its
 * line end and cut to PROBE_LINE_LEN - 1 bytes; "" where the line is missing.
 * False: nothing was changed.
 */
enum { PROBE_LINE_LEN = 80 };
struct probe_change {
	char sent[PROBE_LINE_LEN], arrived[PROBE_LINE_LEN];
};
bool probe_changed(struct probe_change *c, const char *sent, size_t sent_len,
		   const char *arrived, size_t arrived_len);

#endif
