#ifndef PROXYD_ENDING_H
#define PROXYD_ENDING_H

#include <stdbool.h>

#include "proxyd/parties.h"

struct proxy;

/* Why a call is ended that nobody has hung up, once: name, its counter, what
 * the log says. */
#define ENDING_CAUSES(X)                                                       \
	X(MEDIA, calls_gone, "call ended: its media is gone")                  \
	X(TIMER, calls_expired, "call ended: its session timer ran out")       \
	X(ANSWER, hung_up,                                                     \
	  "call ended: its new answer could not be passed on")                 \
	X(VANISHED, calls_vanished, "call ended: a party is no longer there")

enum ending_cause {
#define ENDING_ENUM(name, counter, text) ENDING_##name,
	ENDING_CAUSES(ENDING_ENUM) ENDING_CAUSE_COUNT
#undef ENDING_ENUM
};

/*
 * The one place that ends calls: each party whose way is known gets a BYE in
 * the other's name with this Reason (RFC 3326; the header's value), the relay
 * resource is given back, and the session forgotten. A party that has hung up
 * just then answers 481, and so will the other to its BYE (RFC 3261 15.1.2).
 * False where there is no such call.
 */
bool ending_call(struct proxy *p, const char *session, enum ending_cause cause,
		 const char *reason);

/* The way to a party and our end of it; false where that is not known, or may
 * not be gone. */
bool ending_way(struct channel *dst, struct channel *self,
		const struct proxy *p, const struct parties *parties,
		enum party to);

/* A BYE to this party in the other's name. Whether it is under way. */
bool ending_bye(struct proxy *p, struct parties *parties, enum party to,
		const char *reason);

#endif
