#ifndef COMMON_AVOID_H
#define COMMON_AVOID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/channel.h"

/*
 * Destinations that have failed, each left alone for a while (RFC 3263 4.3):
 * among several those go last, so that not every call finds out anew. A
 * bounded table; times are milliseconds of one monotonic clock. Opens nothing.
 */
struct avoid;

enum {
	AVOID_FAILED_MS =
		30 * 1000,         /* it was silent, or could not be reached */
	AVOID_MAX_MS = 300 * 1000, /* whatever a Retry-After says */
};

int avoid_alloc(struct avoid **ap, size_t max); /* 0 or -ENOMEM */
void avoid_free(struct avoid *a);

/* One has failed: leave it alone for so long (AVOID_MAX_MS at most). In a full
 * table the one that would be free again first makes room. */
void avoid_add(struct avoid *a, const struct channel *ch, uint64_t now,
	       uint64_t ms);

/* It has answered. */
void avoid_del(struct avoid *a, const struct channel *ch);
bool avoid_has(const struct avoid *a, const struct channel *ch, uint64_t now);

/* Put those to be left alone behind the others; both parts keep their order,
 * and if all have failed it is as good as before. */
void avoid_sort(const struct avoid *a, struct channel *v, size_t n,
		uint64_t now);

size_t avoid_count(const struct avoid *a, uint64_t now);

#endif
