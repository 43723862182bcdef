#ifndef REDIRECTD_STORE_MEMORY_H
#define REDIRECTD_STORE_MEMORY_H

#include "redirectd/store.h"

/*
 * A change in two halves, for stores that write it elsewhere in between:
 * prepare() takes all that can be short (memory, room), commit() cannot fail,
 * abort() leaves everything as it was. One change at a time, with no other
 * call to the store in between.
 */
struct store_change;

/* 0 and *chp, or -ENOSPC, -ENOMEM as store_put(). */
int store_memory_prepare(struct store_change **chp, struct store *s,
			 const char *id, const struct binding *v, size_t n);

/* The client id that will be forgotten to make room, or NULL. */
const char *store_memory_victim(const struct store_change *ch);
void store_memory_commit(struct store_change *ch);
void store_memory_abort(struct store_change *ch);

#endif
