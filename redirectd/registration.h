#ifndef REDIRECTD_REGISTRATION_H
#define REDIRECTD_REGISTRATION_H

#include <stddef.h>
#include <stdint.h>

#include "common/sipmsg.h"
#include "redirectd/asking.h"
#include "redirectd/counters.h"

struct store;
struct strbuf;

/* Seconds; expires_min <= expires_default <= expires_max. */
struct registration_limits {
	uint32_t expires_default;
	uint32_t expires_min;
	uint32_t expires_max;
	size_t contacts_max; /* bindings of one client, 1 to BINDINGS_MAX */
};

struct registrar {
	struct store *store;
	struct registration_limits limits;
	struct redirectd_counters *n;
};

/*
 * A REGISTER of a trusted proxy, as RFC 3261 10.3 has it, with the serving
 * proxy from Path (RFC 3327): all of its contacts are taken or none. The answer
 * is printed into `out`. Returns its status, or what asking.h says:
 *
 * 200 done, with all bindings     403 too many bindings
 * 400 not to be understood        420 an extension that is not known
 * 423 expiry below the least      500 older than what is known
 * 503 the store could not take it  439 no proxy that keeps flows
 */
int registration_answer(struct strbuf *out, struct registrar *reg,
			struct asking *a);

/* The store has taken the change (0), or not: tell, and print the answer anew
 * where it has become another. Returns the status of the answer. */
int registration_done(struct strbuf *out, struct registrar *reg,
		      struct asking *a, int err);

#endif
