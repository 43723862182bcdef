#ifndef RELAYD_REFUSAL_H
#define RELAYD_REFUSAL_H

#include "common/sipmsg.h"

struct relayd_counters;
struct strbuf;

/*
 * Every way to say no to a proxy: status, phrase, Retry-After in seconds (0:
 * none), what it counts as.
 */
#define REFUSALS(X)                                                            \
	X(BROKEN, 400, "Broken Relay Request", 0, broken)                      \
	X(BAD_OPTION, 400, "Bad Option of a Relay Request", 0, bad_option)     \
	X(UNTRUSTED, 403, "Not an Allowed Proxy", 0, untrusted)                \
	X(FOREIGN_TAG, 403, "Tag of Neither Party", 0, foreign_tag)            \
	X(IN_USE, 482, "Call-ID In Use", 0, call_id_in_use)                    \
	X(METHOD, 405, NULL, 0, requests_other)                                \
	X(NO_SESSION, 481, NULL, 0, unknown_session)                           \
	X(NO_PORTS, 486, "No Relay Ports Free", 5, no_ports)                   \
	X(NO_SDP, 488, "No Usable SDP", 0, unusable_sdp)                       \
	X(DRAINING, 503, "Relay Draining", 30, draining)                       \
	X(FULL, 503, "Too Many Sessions", 5, full)                             \
	X(TOO_FAST, 503, "Too Many New Sessions", 1, rate_exceeded)            \
	X(TOO_MUCH, 503, "Too Much Media", 5, bandwidth_exceeded)              \
	X(FAILED, 503, "Out of Memory or Descriptors", 5, overload)

enum refusal {
	NONE,
#define REFUSAL_ENUM(name, status, phrase, retry, counter) name,
	REFUSALS(REFUSAL_ENUM)
#undef REFUSAL_ENUM
};

/* Print the answer and count it. 0 or -EMSGSIZE. */
int refusal_print(struct strbuf *out, enum refusal why, const sip_t *sip,
		  struct relayd_counters *counters);

int refusal_status(enum refusal why);
const char *refusal_phrase(enum refusal why); /* NULL: the standard one */

#endif
