#ifndef REDIRECTD_STORE_MEMORY_INTERNAL_H
#define REDIRECTD_STORE_MEMORY_INTERNAL_H

#include <sys/queue.h>

#include "common/deadlines.h"

#include "redirectd/store_memory.h"

struct store_memory;
struct table;

/*
 * A name that is known: a client, or an alias of one. A client without bindings
 * stands in `idle`, the one that has been so the longest first, unless a change
 * of it is under way; in `all` every client, in the order in which they became
 * known.
 */
struct entry {
	TAILQ_ENTRY(entry) link;
	TAILQ_ENTRY(entry) known;
	struct store_memory *store;
	struct binding *v; /* NULL where n is 0 */
	size_t n;
	deadline_id deadline; /* of the binding that ends first */
	char *of;             /* of an alias: whose; else NULL */
	bool busy;            /* a change of it is under way */
	bool unborn;          /* which makes it */
	bool leaving;         /* another's makes it go */
	char id[];
};

TAILQ_HEAD(entries, entry);

struct store_memory {
	struct store base;
	struct table *table; /* owns the entries */
	struct table *users; /* struct user, by client id; owns them */
	struct entries idle;
	struct entries all;
	struct deadlines *deadlines;
	struct store_config cfg;
	struct store_counts counts;
	size_t aliases;
	size_t unborn, leaving;
	dir_time now; /* of the store_run() under way */
};

static inline struct store_memory *store_memory_of(struct store *s)
{
	return (struct store_memory *)s;
}

/* store_memory_entry.c */

/* Whether as many names are known as may be. */
bool entry_is_full(const struct store_memory *m);

/* A name that is in the table from now on, and nowhere else. 0 or -ENOMEM,
 * -ENOSPC. */
int entry_add(struct entry **ep, struct store_memory *m, const char *id);
/* Out of the table, and freed. */
void entry_drop(struct entry *e);
void entry_free(void *entry);
struct entry *entry_find(const struct store_memory *m, const char *id);

/* Exchange the bindings of a client, for this block of `n` (binding_copy). */
void entry_set(struct entry *e, struct binding *v, size_t n);

/* Those that have run out at m->now go. The arg is the entry. */
void entry_expire(void *arg);
bool entry_has_expired(const struct entry *e, dir_time now);

/* store_memory_users.c */
int store_memory_user(struct user *u, struct store *s, const char *id,
		      const struct store_view *w);
int store_memory_edit(struct store *s, const struct store_edit *e,
		      store_done_h *fn, void *arg);
int store_memory_walk(struct store *s, const struct store_visit *visit,
		      store_done_h *fn, void *arg);

#endif
