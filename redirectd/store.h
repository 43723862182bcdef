#ifndef REDIRECTD_STORE_H
#define REDIRECTD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "common/conf.h"
#include "redirectd/binding.h"
#include "redirectd/user.h"

struct store;

/*
 * Where the directory is kept: clients with their bindings, the users that may
 * authenticate for them, and aliases of client ids. All kinds look alike:
 *
 * - What a request needs is read at once, from memory. Where the truth is
 *   elsewhere (Redis), or about to change, -EAGAIN says so; store_await() then
 *   tells when to look again, and the request is begun anew.
 * - A change is -EINPROGRESS where it takes time to be durable; until its
 *   handler is called nobody sees it.
 *
 * Handlers are called from the loop, never from within the call that names
 * them, and not at all once the store is closed.
 */
typedef void store_done_h(int err, void *arg);

/* A client as the store holds it, valid until the loop goes on or the store is
 * next changed. */
struct client {
	const char *id; /* its own, also where an alias was asked for */
	size_t n;       /* 0: known, but not registered now */
	const struct binding *v;
	bool stale; /* the truth is out of reach; this is what was known */
};

/* One binding ran out; called from store_run() and from the loop. */
typedef void store_expired_h(const char *id, const struct binding *b,
			     void *arg);

struct store_config {
	uv_loop_t *loop;
	size_t max;   /* client ids and aliases kept, registered or not */
	dir_time now; /* bindings that ran out before are not loaded */
	/* For a command beside a daemon that may be running: users and aliases
	 * are changed, bindings are not. */
	bool beside;
	/* Changes need not be durable one by one, but all once it is closed. */
	bool bulk;
	store_expired_h *expired; /* may be NULL */
	void *arg;
};

struct store_counts {
	size_t known;   /* client ids */
	size_t clients; /* of these, registered now */
	size_t contacts;
	size_t users;
	bool up; /* the truth is within reach */
};

struct store_served;

/* What a request looks at the store with. */
struct store_view {
	dir_time now;
	uint64_t since; /* store_since() when the request came */
	bool change;    /* it is about to change the client */
};

/* A change to who may authenticate, or to who is called what. */
struct store_edit {
	enum { STORE_USER, STORE_ALIAS } kind;
	const char *id;
	const struct user *user; /* of STORE_USER; NULL: remove it */
	const char *alias_of;    /* of STORE_ALIAS; NULL: remove it */
};

/* Visitors of all that is kept; a member that is NULL is passed over. A
 * non-zero return stops. */
struct store_visit {
	int (*client)(const struct client *c, void *arg);
	int (*user)(const char *id, const struct user *u, void *arg);
	int (*alias)(const char *id, const char *of, void *arg);
	void *arg;
};

/*
 * What a kind of store can do. `name` is what the configuration calls it
 * ("sqlite:WHERE"); the functions are those of the store_ prefix below, which
 * only hand on.
 */
struct store_class {
	const char *name;
	const char *form; /* "sqlite:PATH" */
	const char *about;
	bool where;                      /* something must follow the colon */
	int (*check)(const char *where); /* NULL: anything is good */
	int (*open)(struct store **sp, const char *where,
		    const struct store_config *cfg, char err[CONF_ERRLEN]);
	void (*close)(struct store *s);
	uint64_t (*since)(struct store *s); /* NULL: 0 */
	int (*get)(struct client *c, struct store *s, const char *id,
		   const struct store_view *w);
	int (*user)(struct user *u, struct store *s, const char *id,
		    const struct store_view *w);
	int (*await)(struct store *s, const char *id, store_done_h *fn,
		     void *arg);
	int (*put)(struct store *s, const char *id, const struct binding *v,
		   size_t n, dir_time now, store_done_h *fn, void *arg);
	int (*edit)(struct store *s, const struct store_edit *e,
		    store_done_h *fn, void *arg);
	int (*apply)(struct store *s, int (*fn)(const struct client *, void *),
		     void *arg);
	int (*walk)(struct store *s, const struct store_visit *visit,
		    store_done_h *fn, void *arg);
	int (*served)(struct store *s, const struct store_served *q,
		      const struct store_view *w);
	int (*await_served)(struct store *s, const struct store_served *q,
			    store_done_h *fn, void *arg);
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
extern const struct store_class store_redis_class;
extern const struct store_class store_redis_unix_class;

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

/* Its kind; where it is may contain a password. */
const char *store_name(const struct store *s);

/* A moment of the store's own: what is read from elsewhere for a request has
 * been asked for no earlier than when the request came. */
uint64_t store_since(struct store *s);

/*
 * The live bindings of a client id or of what it is an alias of, in no order.
 * 0, or -ENOENT where the id was never registered (or has been forgotten
 * since; c->id is set all the same), -EAGAIN: store_await() it; -EIO: out of
 * reach, and not known here.
 */
int store_get(struct client *c, struct store *s, const char *id,
	      const struct store_view *w);

/* The user of a client id or of what it is an alias of (copied). 0, -ENOENT,
 * -EAGAIN, -EIO as store_get(). */
int store_user(struct user *u, struct store *s, const char *id,
	       const struct store_view *w);

/* Tell once when store_get() and store_user() of this id should be tried again;
 * not before the loop goes on. 0; -ENOMEM, -ENOBUFS (too many wait). */
int store_await(struct store *s, const char *id, store_done_h *fn, void *arg);

/*
 * Replace all bindings of a client id (not an alias), which becomes known; they
 * are copied. All or nothing. `n` at most BINDINGS_MAX, none of them run out.
 * They have been worked out from what store_get() last gave with `change`. With
 * `max` ids known the one that has been unregistered the longest is forgotten
 * for a new one. 0: done and durable. -EINPROGRESS: fn tells when it is, or
 * that it is not. These, or fn's: -ENOSPC where all ids are registered or the
 * store is full, -ENOMEM, -EIO (not written: the store has logged why), -EAGAIN
 * (somebody else has changed it meanwhile: begin anew); then nothing has
 * changed.
 */
int store_put(struct store *s, const char *id, const struct binding *v,
	      size_t n, dir_time now, store_done_h *fn, void *arg);

/* Add, change or remove a user or an alias. 0 or -EINPROGRESS as store_put();
 * -ENOENT: nothing there to remove; -EEXIST: the alias is a client's id, or
 * what it stands for is an alias itself; -ENOSPC, -ENOMEM, -EIO. */
int store_edit(struct store *s, const struct store_edit *e, store_done_h *fn,
	       void *arg);

/* Call `fn` for each known client that is at hand here (Redis: the copy), in no
 * order; it must not change the store. A non-zero return stops and is returned.
 */
int store_apply(struct store *s, int (*fn)(const struct client *, void *),
		void *arg);

/* Visit all that is kept, wherever: clients, users, aliases. 0: all have been;
 * -EINPROGRESS: fn tells when; -EIO, -ENOMEM, or what a visitor returned. */
int store_walk(struct store *s, const struct store_visit *visit,
	       store_done_h *fn, void *arg);

/* Those of a serving proxy, page by page. */
struct store_served {
	const struct addr *proxy;
	const char *after; /* the last client of the page before; "": none */
	/* A client that may have bindings served by it; non-zero: enough. */
	int (*fn)(const struct client *c, void *arg);
	void *arg;
};

/*
 * Clients behind `after` in an order of the store's own, which changes for
 * nobody while clients come and go; a bounded number is looked at, so that no
 * page holds others up. Returns 0 where the last has been reached, 1 where
 * there may be more behind the last one handed out, -ESTALE where `after` is
 * not known any more, -EAGAIN: store_await_served(); -EIO; or what fn returned,
 * if it is negative.
 */
int store_served(struct store *s, const struct store_served *q,
		 const struct store_view *w);
int store_await_served(struct store *s, const struct store_served *q,
		       store_done_h *fn, void *arg);

/* When the next binding runs out (UINT64_MAX: none has to), and removing those
 * that have. Costs nothing for the others. */
dir_time store_next(const struct store *s);
void store_run(struct store *s, dir_time now);

struct store_counts store_counts(const struct store *s);

#endif
