#ifndef COMMON_RECENT_H
#define COMMON_RECENT_H

#include <stddef.h>
#include <stdint.h>

/*
 * A bounded memory of what was seen lately: values of one size by byte-string
 * keys, in the order of their last use. One that is not used for `keep_ms` is
 * forgotten, and where there is no room for a new one the longest unused goes:
 * it never refuses and needs no timer. Times are milliseconds of any monotonic
 * clock, passed in.
 */
struct recent;

/* `max` entries of `size` bytes each. 0 or -ENOMEM. */
int recent_alloc(struct recent **rp, size_t max, size_t size, uint64_t keep_ms);
void recent_free(struct recent *r);

/* From now on entries are kept so long. */
void recent_keep(struct recent *r, uint64_t keep_ms);

/* The value of a key, used now; NULL where there is none. It is valid until
 * the next call. */
void *recent_get(struct recent *r, uint64_t now, const void *key, size_t len);

/* The same, all zero where there was none. NULL: out of memory. */
void *recent_put(struct recent *r, uint64_t now, const void *key, size_t len);

void recent_del(struct recent *r, const void *key, size_t len);
size_t recent_count(const struct recent *r);

/* The value that would go first, where there is no room for a new key; NULL
 * where there is room. */
const void *recent_next_out(const struct recent *r);

#endif
