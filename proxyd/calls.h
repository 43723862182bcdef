#ifndef PROXYD_CALLS_H
#define PROXYD_CALLS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "proxyd/parties.h"

struct calls;
struct deadlines;
struct paging;

/*
 * The calls that this proxy may have to end: answered ones that have a relay
 * resource of its own or a session timer, or all where parties are probed, by
 * session id. Times are milliseconds of the deadlines' clock.
 */
struct call {
	const char *id;
	struct parties *parties;
	struct addr relay;    /* that holds its resource; none: it has none */
	bool first;           /* no proxy of the site is before this one */
	bool natted[PARTIES]; /* behind a NAT, as its route says */
	uint64_t since;
	uint64_t expires; /* its session timer has run out; 0: it has none */
	uint64_t leaving; /* until then one of them may be hanging up */
	uint64_t forget;
	struct call_probe {
		uint64_t when; /* to ask it next; 0: not */
		unsigned missed;
		bool under_way;
	} probe[PARTIES];
};

/* What is to be done with a call that is due. */
enum call_due {
	CALL_NOTHING,
	CALL_EXPIRED,
	CALL_FORGOTTEN,
	CALL_ASK_CALLER,
	CALL_ASK_CALLEE,
};

/* Something may have to be done: call_due() says what. */
typedef void calls_due_h(const char *id, void *arg);

struct calls_config {
	struct deadlines *deadlines; /* run by the owner, outlives it */
	size_t max;
	calls_due_h *due;
	void *arg;
};

int calls_alloc(struct calls **cp, const struct calls_config *cfg);
void calls_free(struct calls *c);

/*
 * A call begins, or is known better. Owns `parties` from here on, also where it
 * fails; relay NULL: it has no resource of ours. 0, -ENOSPC, -ENOMEM.
 */
enum { CALLS_HOURS = 12 }; /* it is forgotten after, without news */
int calls_put(struct calls *c, const char *id, uint64_t now,
	      struct parties *parties, const struct addr *relay, bool first);
void calls_del(struct calls *c, const char *id);

/* Who of them is behind a NAT. */
void calls_natted(struct calls *c, const char *id, bool caller, bool callee);

/* It has got a relay resource since, or another one. */
void calls_hold(struct calls *c, const char *id, const struct addr *relay);

/* NULL where there is none; valid until the next put or del. */
const struct call *calls_get(const struct calls *c, const char *id);
size_t calls_count(const struct calls *c);

/* Its session timer now ends then; 0: it has none. */
void calls_expire(struct calls *c, const char *id, uint64_t when);

/* One of the parties hangs up: nothing is done until then. */
void calls_leave(struct calls *c, const char *id, uint64_t until);

/* Ask a party then, having `missed` so many answers in a row. 0: not. */
void calls_ask(struct calls *c, const char *id, enum party who, uint64_t when,
	       unsigned missed);
void calls_asking(struct calls *c, const char *id, enum party who,
		  bool under_way);

/* Look after it anew, after something was done. */
void calls_again(struct calls *c, const char *id);

/* Pure. */
enum call_due call_due(const struct call *call, uint64_t now);
/* When that will be something; UINT64_MAX: never. Pure. */
uint64_t call_next(const struct call *call);

/* Each in turn, in no order, until fn returns non-zero; it changes nothing. */
void calls_apply(const struct calls *c,
		 int (*fn)(const struct call *call, void *arg), void *arg);

/* {"session", "relay", "since_ms", "expires_ms", "missed": [caller, callee]}
 * each, ages and times left. */
void calls_page(struct paging *page, const struct calls *c, uint64_t now);

#endif
