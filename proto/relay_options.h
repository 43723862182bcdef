#ifndef PROTO_RELAY_OPTIONS_H
#define PROTO_RELAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/sipmsg.h"

struct strbuf;

/*
 * What the proxy wants of one session, in URI parameters of the relay request
 * (PROTO_RESEQUENCE, PROTO_LEARN, PROTO_TOWARD, PROTO_TENTATIVE, PROTO_BEGINS).
 * All zero asks
 * for nothing: everything is as relayd is configured.
 */
enum { RELAY_RESEQUENCE_MAX_MS = 200, RELAY_LEARN_LEN = 16 };

/* The words of PROTO_LEARN, for who has to choose one. */
#define RELAY_LEARN_WORDS(X)                                                   \
	X("strict")                                                            \
	X("signalled")                                                         \
	X("open")

struct relay_options {
	bool has_resequence;
	uint16_t resequence_ms;      /* up to the above; 0: do not */
	char learn[RELAY_LEARN_LEN]; /* "": absent; relayd knows the words */
	bool begins;                 /* refused where a call is up */
	struct addr toward; /* where the other party is; port 0: not known */
	bool tentative; /* an offer that may still be refused: ports alone */
};

/* Append them as URI parameters. 0, or -EINVAL where one cannot be said; what
 * does not fit is out's error. */
int relay_options_print(struct strbuf *out, const struct relay_options *o);

/* Read those of a Request-URI. 0, or -EINVAL where one is there and is no such
 * number, word or address. */
int relay_options_parse(struct relay_options *o, const url_t *url);

/* Whether it is one of RELAY_LEARN_WORDS. */
bool relay_options_learn_ok(const char *word);

#endif
