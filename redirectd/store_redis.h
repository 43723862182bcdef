#ifndef REDIRECTD_STORE_REDIS_H
#define REDIRECTD_STORE_REDIS_H

#include <sys/queue.h>

#include "redirectd/redis_conn.h"
#include "redirectd/redis_copy.h"
#include "redirectd/store.h"
#include "redirectd/waiters.h"

/* How long a client stays known that is not registered (480 instead of 404). */
#define STORE_REDIS_REMEMBERED_MS (30ull * 24 * 3600 * 1000)

struct redis_page;

/* Something to be done once it is known whether the server can be reached. */
struct redis_parked {
	STAILQ_ENTRY(redis_parked) link;
	void (*go)(void *arg);
	void *arg;
};

struct store_redis {
	struct store base;
	struct store_config cfg;
	struct redis_conn *conn;
	struct redis_copy *copy;
	struct table *reads; /* id -> the last question under way */
	struct table *puts;  /* id -> the change under way */
	struct waiters *waiters;
	STAILQ_HEAD(, redis_parked) parked;
	TAILQ_HEAD(, redis_page) pages;
	size_t npages;
	uv_timer_t timer; /* of the poll */
	bool polling;
	bool counted;   /* a poll has been answered, some time */
	dir_time shift; /* directory time at the loop's time 0 */
	struct store_counts counts;
	bool failing;  /* the last change was refused */
	uint64_t revs; /* of which each revision is one */
	bool closing;  /* nobody is told anything any more */
	unsigned open; /* timer and connection, not closed yet */
};

static inline struct store_redis *store_redis_of(struct store *s)
{
	return (struct store_redis *)s;
}

/* Directory time, as far as it has been told or has passed since. */
dir_time store_redis_now(const struct store_redis *r);
void store_redis_note_now(struct store_redis *r, dir_time now);

/*
 * Whether the server answers; whether it is not known yet that it does, or how
 * many users it has: requests then wait, so that none is let through for want
 * of users.
 */
bool store_redis_is_up(const struct store_redis *r);
bool store_redis_is_begun(const struct store_redis *r);

/* -EAGAIN: one of the two; -EIO. */
int store_redis_reach(const struct store_redis *r);

/* For what begins while store_redis_is_begun(): `go` is called once it is not
 * any more. 0, -ENOMEM: it is not called. */
int store_redis_park(struct store_redis *r, void (*go)(void *arg), void *arg);

/* A refused change: logged once, until one is done again. 0, -ENOSPC, -EIO. */
int store_redis_refused(struct store_redis *r, const redisReply *reply);

/* The word that a script answers with, as an error: 0 is "done". */
int store_redis_word(struct store_redis *r, const redisReply *reply);

/* store_redis_read.c */
int store_redis_get(struct client *c, struct store *s, const char *id,
		    const struct store_view *w);
int store_redis_user(struct user *u, struct store *s, const char *id,
		     const struct store_view *w);
int store_redis_await(struct store *s, const char *id, store_done_h *fn,
		      void *arg);

/* store_redis_put.c */
int store_redis_put(struct store *s, const char *id, const struct binding *v,
		    size_t n, dir_time now, store_done_h *fn, void *arg);
bool store_redis_is_changing(const struct store_redis *r, const char *id);

/* The next revision, unlike any other. */
void store_redis_rev(char rev[REDIS_REV_LEN + 1], struct store_redis *r);

/* store_redis_edit.c */
int store_redis_edit(struct store *s, const struct store_edit *e,
		     store_done_h *fn, void *arg);

/* store_redis_walk.c */
int store_redis_walk(struct store *s, const struct store_visit *visit,
		     store_done_h *fn, void *arg);

/* store_redis_served.c */
int store_redis_served(struct store *s, const struct store_served *q,
		       const struct store_view *w);
int store_redis_await_served(struct store *s, const struct store_served *q,
			     store_done_h *fn, void *arg);
void store_redis_drop_pages(struct store_redis *r);

/* store_redis_poll.c: counts, and bindings that have run out. */
enum { STORE_REDIS_POLL_MS = 1000 };
void store_redis_poll(struct store_redis *r);
void store_redis_counted(struct store_redis *r); /* one has been answered */

/* What names a binding of a client in REDIS_ENDS. */
enum { STORE_REDIS_TAG = 16 };
void store_redis_tag(char tag[STORE_REDIS_TAG + 1], const struct binding *b);

#endif
