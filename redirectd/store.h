#ifndef REDIRECTD_STORE_H
#define REDIRECTD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "redirectd/binding.h"

struct store;

/* A client as the store holds it, valid until the store is next changed. */
struct client {
	const char *id;
	size_t n; /* 0: known, but not registered now */
	const struct binding *v;
};

/* One binding ran out; called from store_run() and store_get(). */
typedef void store_expired_h(const char *id, const struct binding *b,
			     void *arg);

struct store_config {
	size_t max;   /* client ids kept, registered or not */
	dir_time now; /* bindings that ran out before are not loaded */
	store_expired_h *expired; /* may be NULL */
	void *arg;
};

struct store_counts {
	size_t known;   /* client ids */
	size_t clients; /* of these, registered now */
	size_t contacts;
};

/*
 * What a kind of store can do. `name` is what the configuration calls it
 * ("sqlite:WHERE"); the functions are those of the store_ prefix below, which
 * only hand on.
 */
struct store_class {
	const char *name;
	const char *about;
	bool where; /* something must follow the colon */
	int (*open)(struct store **sp, const char *where,
		    const struct store_config *cfg, char err[CONF_ERRLEN]);
	void (*close)(struct store *s);
	int (*get)(struct client *c, struct store *s, const char *id,
		   dir_time now);
	int (*put)(struct store *s, const char *id, const struct binding *v,
		   size_t n, dir_time now);
	int (*apply)(struct store *s, int (*fn)(const struct client *, void *),
		     void *arg);
	int (*after)(struct client *c, struct store *s, const char *id);
	dir_time (*next)(const struct store *s);
	void (*run)(struct store *s, dir_time now);
	struct store_counts (*counts)(const struct store *s);
};

/* The first member of every store. */
struct store {
	const struct store_class *cls;
};

extern const struct store_class store_memory_class;
extern const struct store_class store_sqlite_class;

/* The store a specification names ("memory", "sqlite:PATH"); *where points
 * behind its colon. NULL, with what was expected in why[len]. */
const struct store_class *store_find(const char **where, const char *spec,
				     char *why, size_t len);

/* A conf_check_h: whether store_open() would know the kind. */
int store_check(const char *spec, char *why, size_t len);

/*
 * Open what `spec` names. 0; or -EINVAL, -ENOMEM, -EIO, -EBUSY, -EPROTO (made
 * by a newer version, or not ours), with one line in err.
 */
int store_open(struct store **sp, const char *spec,
	       const struct store_config *cfg, char err[CONF_ERRLEN]);
void store_close(struct store *s); /* NULL is fine */

/* The live bindings of a client id at `now`, in no order. 0, or -ENOENT where
 * the id was never registered (or has been forgotten since). */
int store_get(struct client *c, struct store *s, const char *id, dir_time now);

/*
 * Replace all bindings of a client id, which becomes known; they are copied.
 * All or nothing, and durable on return where the store is. `n` at most
 * BINDINGS_MAX, none of them run out. With `max` ids known the one that has
 * been unregistered the longest is forgotten for a new one.
 * 0; -ENOSPC where all of them are registered, -ENOMEM, -EIO (not written: the
 * store has logged why); then nothing has changed.
 */
int store_put(struct store *s, const char *id, const struct binding *v,
	      size_t n, dir_time now);

/* Call `fn` for each known client, in no order; it must not change the store.
 * A non-zero return stops and is returned. */
int store_apply(struct store *s, int (*fn)(const struct client *, void *),
		void *arg);

/*
 * The known client behind `id` (NULL: the first) in an order of the store's
 * own, which changes for nobody while clients come and go. 0, -ENOENT where
 * there is none, -ESTALE where `id` is not known any more.
 */
int store_after(struct client *c, struct store *s, const char *id);

/* When the next binding runs out (UINT64_MAX: none has to), and removing those
 * that have. Costs nothing for the others. */
dir_time store_next(const struct store *s);
void store_run(struct store *s, dir_time now);

struct store_counts store_counts(const struct store *s);

#endif
