#ifndef PROXYD_RELAYS_H
#define PROXYD_RELAYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/pool.h"

/*
 * The relays that this proxy knows: configured, or named by redirectd, each
 * with what its answers say of it. Opens no socket; pooling.c asks. Times are
 * milliseconds of one monotonic clock.
 */
struct relays;
typedef uint64_t relay_id; /* 0 is none */

enum {
	/* One that redirectd names no longer is a spare for so long: it may be
	 * the directory that has forgotten (a restart), or is away. */
	RELAYS_KEEP_MS = 60 * 1000,
	RELAYS_AVOID_MS = 5 * 1000, /* after a 503 that does not say how long */
	RELAYS_AVOID_MAX_MS = 30 * 1000,
};

int relays_alloc(struct relays **rp); /* 0 or -ENOMEM */
void relays_free(struct relays *r);   /* NULL is fine */

/* One of the configuration: it stays. 0 or -ENOSPC. */
int relays_add(struct relays *r, const struct addr *at);

/* An answer of redirectd: these have joined, others no longer. */
void relays_listed(struct relays *r, const struct pool_relay *v, size_t n,
		   uint64_t now);

/* Forget those that have not been listed for RELAYS_KEEP_MS. */
void relays_expire(struct relays *r, uint64_t now);

/* What was heard of one: it answered with this q and whether it drains; it did
 * not answer; it is to be left alone until then. Unknown ids are ignored. */
void relays_answered(struct relays *r, relay_id id, unsigned q, bool draining);
void relays_silent(struct relays *r, relay_id id);
void relays_avoid(struct relays *r, relay_id id, uint64_t until);

/*
 * The nth choice for a call. First come those that have joined, have room and
 * answer; then the spare ones, then those that are full, were silent or are to
 * be left alone, as it may be better now; one that drains never.
 */
bool relays_nth(struct addr *out, const struct relays *r, const char *call_id,
		size_t nth, uint64_t now);

relay_id relays_id(const struct relays *r, const struct addr *at);
/* The i-th, in no order; 0 and *at untouched where there are not that many. */
relay_id relays_each(struct addr *at, const struct relays *r, size_t i);
size_t relays_count(const struct relays *r);
/* Those that new calls go to. */
size_t relays_usable(const struct relays *r, uint64_t now);

/* [{"relay", "q", "configured", "joined", "silent", "draining",
 * "avoided_ms"}]; new reference. */
json_t *relays_json(const struct relays *r, uint64_t now);

#endif
