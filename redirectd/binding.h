#ifndef REDIRECTD_BINDING_H
#define REDIRECTD_BINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "proto/redirect.h"

enum {
	BINDINGS_MAX = REDIRECT_TARGETS_MAX, /* of one client */
	BINDING_INSTANCE_MAX = 128,
	BINDING_PATH_MAX = 512,
};

/*
 * Directory time: milliseconds since 1970 by the wall clock at the daemon's
 * start, from then on by the monotonic clock. It is passed in everywhere.
 */
typedef uint64_t dir_time;

/*
 * One record of the client table (Fig. 1, 104/110): a signalling channel of a
 * client and the proxy that serves it. Strings are never NULL; whose they are
 * is said where a binding is handed over.
 */
struct binding {
	const char *url;      /* the Contact URI as it came, without <> */
	const char *instance; /* +sip.instance with its quotes; "": none */
	const char *call_id;  /* of the REGISTER that made or refreshed it */
	const char *path;     /* its Path behind the serving proxy; "": none */
	uint32_t cseq;
	uint32_t reg_id;     /* RFC 5626; 0: none */
	unsigned q;          /* 0-1000 */
	struct addr serving; /* the top Path of that REGISTER (RFC 3327) */
	dir_time registered; /* when it was made or refreshed */
	dir_time expires;
};

/*
 * Whether `b` is the same phone's binding as `a`, so that it replaces it:
 *
 * - both carry +sip.instance and reg-id: these decide (RFC 5626 section 6);
 * - both carry the NAT mark: same user, own address, transport and serving
 *   proxy, and the same +sip.instance; where neither has one, the same NAT
 *   address (any port) or the same Call-ID;
 * - neither does: the URIs are equal (RFC 3261 19.1.4, of the parameters only
 *   those that must match: transport, user, method, maddr).
 */
bool binding_same(const struct binding *a, const struct binding *b);

/* Best q first, then the most recently registered. */
void binding_sort(struct binding *v, size_t n);

/* An independent copy of `n` bindings, strings included, in one block that is
 * released with free(). NULL: out of memory. `n` must not be 0. */
struct binding *binding_copy(const struct binding *v, size_t n);

/* Whole seconds left at `now`, rounded up; 0 once it has run out. */
uint32_t binding_left(const struct binding *b, dir_time now);

#endif
