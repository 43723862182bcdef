#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A bounded hash table from byte strings to pointers. The hash is keyed with
 * a random secret per process (SipHash), so that nobody outside can choose
 * keys that collide. Keys are copied; values stay their owner's.
 */
struct table;

int table_alloc(struct table **tp, size_t max); /* 0 or -ENOMEM */
void table_free(struct table *t);               /* not the values */

/* The same, after fn(value) for each entry; fn must not touch the table. */
typedef void table_value_h(void *value);
void table_free_values(struct table *t, table_value_h *fn);

void *table_get(const struct table *t, const void *key, size_t len);

/* 0, -EEXIST, -ENOSPC at `max` entries, -ENOMEM. */
int table_put(struct table *t, const void *key, size_t len, void *value);

/* Returns the value that was removed, or NULL. */
void *table_del(struct table *t, const void *key, size_t len);

size_t table_count(const struct table *t);

/*
 * Call `fn` for every entry, in no order; it may delete the entry it is given
 * and no other, and must not put. A non-zero return stops and is returned.
 */
typedef int table_apply_h(const void *key, size_t len, void *value, void *arg);
int table_apply(struct table *t, table_apply_h *fn, void *arg);

#endif
