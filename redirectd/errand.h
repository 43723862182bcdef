#ifndef REDIRECTD_ERRAND_H
#define REDIRECTD_ERRAND_H

#include <uv.h>

#include "redirectd/clock.h"
#include "redirectd/conf.h"
#include "redirectd/store.h"

/*
 * A command's way to the configured store: opened, asked, waited for within
 * bounds, and closed. What goes wrong is one line in err.
 */
struct errand {
	uv_loop_t loop;
	uv_timer_t tick;
	struct dir_clock clock;
	struct store *store;
	const char *spec; /* the configuration's */
	uint64_t since;   /* uv_now() when something last happened */
	bool done;
	int result; /* once done */
};

/* How a store is opened. */
enum errand_way {
	ERRAND_BESIDE, /* a daemon may be running: users and aliases change */
	ERRAND_BULK,   /* nobody else: everything may be written */
};

/*
 * 0; -EINVAL where the store keeps nothing, or as store_open(); -ETIMEDOUT
 * where it stays out of reach. Ended with errand_end() in both cases, after
 * which all that was written is durable.
 */
int errand_begin(struct errand *e, const struct redirectd_conf *conf,
		 enum errand_way way, char err[CONF_ERRLEN]);
void errand_end(struct errand *e);

/* A store_done_h with `arg` the errand, for errand_wait(). */
void errand_done(int err, void *arg);

/* Something has happened: it is not given up yet. */
void errand_note(struct errand *e);

/* Run the loop until *done. 0, or -ETIMEDOUT where nothing happens any more. */
int errand_run(struct errand *e, const bool *done, char err[CONF_ERRLEN]);

/* What a call with errand_done() came to in the end: `ret`, unless it was
 * -EINPROGRESS. Failures that every call can have are put into err. */
int errand_wait(struct errand *e, int ret, char err[CONF_ERRLEN]);

/* The user of a client id, which is no alias; 0, -ENOENT (without a line), or
 * what went wrong. */
int errand_user(struct user *u, struct errand *e, const char *id,
		char err[CONF_ERRLEN]);

/* store_edit(), store_walk() and the end of them. -ENOENT and -EEXIST have no
 * line, nor what a visitor returned beside the errors of a store. */
int errand_edit(struct errand *e, const struct store_edit *edit,
		char err[CONF_ERRLEN]);
int errand_walk(struct errand *e, const struct store_visit *visit,
		char err[CONF_ERRLEN]);

/* A line for a store's error. */
void errand_fail(char err[CONF_ERRLEN], const struct errand *e, int error);

#endif
