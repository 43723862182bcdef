#ifndef REDIRECTD_STORE_MEMORY_H
#define REDIRECTD_STORE_MEMORY_H

#include "redirectd/store.h"

/*
 * A change of one client in two halves, for stores that write it elsewhere in
 * between: prepare() takes all that can be short (memory, room), commit()
 * cannot fail, abort() leaves everything as it was. There may be any number of
 * changes under way, one for each client: until one ends nobody sees it, and
 * store_get() with `change` says -EAGAIN.
 */
struct store_change;

/* 0 and *chp, or -ENOSPC, -ENOMEM as store_put(), -EAGAIN: one is under way. */
int store_memory_prepare(struct store_change **chp, struct store *s,
			 const char *id, const struct binding *v, size_t n);
void store_memory_commit(struct store_change *ch);
void store_memory_abort(struct store_change *ch);

/* What it is: these stay as they are until it ends, so that another thread may
 * read them. The victim is the client id that is forgotten to make room, or
 * NULL. */
const char *store_memory_id(const struct store_change *ch);
const char *store_memory_victim(const struct store_change *ch);
const struct binding *store_memory_bindings(size_t *n,
					    const struct store_change *ch);

bool store_memory_is_new(const struct store_change *ch); /* not known before */

/* The alias of a client id, or none (NULL): 0, or as store_edit(). */
int store_memory_alias(struct store *s, const char *id, const char *of);

/* Forget every alias that is not `kept`. */
void store_memory_drop_aliases(struct store *s,
			       bool (*kept)(const char *id, void *arg),
			       void *arg);

#endif
