#ifndef COMMON_RESOLVE_CACHE_H
#define COMMON_RESOLVE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "common/dnsmsg.h"

/*
 * What name servers have said, for as long as they said it holds, within
 * bounds; that something is not there too (RFC 2308), and for a moment that
 * they did not answer. Times are milliseconds of one monotonic clock.
 */
struct resolve_cache;

enum {
	/* A burst of calls asks once, and one answer serves a whole look-up. */
	RESOLVE_TTL_MIN_MS = 10 * 1000,
	RESOLVE_TTL_MAX_MS = 3600 * 1000,
	RESOLVE_TTL_LACK_MAX_MS = 300 * 1000,
	RESOLVE_TTL_FAILED_MS = 10 * 1000,
};

int resolve_cache_alloc(struct resolve_cache **cp, size_t max);
void resolve_cache_free(struct resolve_cache *c);

/* Write one down (copied), in place of what was known; at `max` answers the
 * oldest goes. 0 or -ENOMEM. */
int resolve_cache_put(struct resolve_cache *c, enum dns_type type,
		      const char *name, const struct dns_answer *a,
		      uint64_t now);

/* NULL where nothing is known or it has expired. Valid until the next put. */
const struct dns_answer *resolve_cache_get(const struct resolve_cache *c,
					   enum dns_type type, const char *name,
					   uint64_t now);

/* Forget everything. */
void resolve_cache_clear(struct resolve_cache *c);
size_t resolve_cache_count(const struct resolve_cache *c);

#endif
