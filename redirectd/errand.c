#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "redirectd/errand.h"

enum {
	TICK_MS = 20,
	PATIENCE_MS = 10000, /* as long as nothing at all happens */
};

/* "sqlite", "redis": what follows may hold a password. */
static int kind_len(const struct errand *e)
{
	return (int)strcspn(e->spec, ":");
}

static void fail(char err[CONF_ERRLEN], const struct errand *e,
		 const char *what)
{
	(void)snprintf(err, CONF_ERRLEN, "store: %.*s: %s", kind_len(e),
		       e->spec, what);
}

void errand_fail(char err[CONF_ERRLEN], const struct errand *e, int error)
{
	switch (error) {
	case -EIO:
		fail(err, e, "cannot be read or written, is it there and up?");
		break;
	case -ENOSPC:
		fail(err, e, "is full, raise known.max");
		break;
	case -EBADMSG:
		fail(err, e, "holds a record that redirectd never wrote");
		break;
	case -ETIMEDOUT:
		fail(err, e, "does not answer, is it there and up?");
		break;
	case -EAGAIN:
		fail(err, e, "others keep changing the same, try again");
		break;
	default:
		fail(err, e, strerror(-error));
		break;
	}
}

/* Nothing but the loop going round. */
static void on_tick(uv_timer_t *tick)
{
	(void)tick;
}

void errand_note(struct errand *e)
{
	e->since = uv_now(&e->loop);
}

static bool is_late(const struct errand *e)
{
	return uv_now(&e->loop) > e->since + PATIENCE_MS;
}

int errand_run(struct errand *e, const bool *done, char err[CONF_ERRLEN])
{
	uv_update_time(&e->loop);
	errand_note(e);
	while (!*done && !is_late(e))
		uv_run(&e->loop, UV_RUN_ONCE);
	if (*done)
		return 0;
	errand_fail(err, e, -ETIMEDOUT);
	return -ETIMEDOUT;
}

void errand_done(int err, void *arg)
{
	struct errand *e = arg;

	e->done = true;
	e->result = err;
}

int errand_wait(struct errand *e, int ret, char err[CONF_ERRLEN])
{
	if (ret == -EINPROGRESS) {
		ret = errand_run(e, &e->done, err);
		if (ret)
			return ret;
		ret = e->result;
	}
	if (ret < 0 && ret != -ENOENT && ret != -EEXIST)
		errand_fail(err, e, ret);
	return ret;
}

static struct store_view view(const struct errand *e)
{
	return (struct store_view){
		.now = dir_clock_now(&e->clock),
		.since = store_since(e->store),
	};
}

/* Until a store that is elsewhere has been reached. */
static int reach(struct errand *e, char err[CONF_ERRLEN])
{
	uv_update_time(&e->loop);
	errand_note(e);
	while (!store_counts(e->store).up && !is_late(e))
		uv_run(&e->loop, UV_RUN_ONCE);
	if (store_counts(e->store).up)
		return 0;
	errand_fail(err, e, -ETIMEDOUT);
	return -ETIMEDOUT;
}

static int open_store(struct errand *e, const struct redirectd_conf *conf,
		      enum errand_way way, char err[CONF_ERRLEN])
{
	const struct store_config cfg = {
		.loop = &e->loop,
		.max = (size_t)conf->known_max,
		.now = dir_clock_now(&e->clock),
		.beside = way == ERRAND_BESIDE,
		.bulk = way == ERRAND_BULK,
	};
	char why[CONF_ERRLEN];
	const char *where;
	int ret;

	if (store_find(&where, conf->store, why, sizeof(why)) ==
	    &store_memory_class) {
		fail(err, e,
		     "keeps nothing beyond the process that it is in; "
		     "configure another one");
		return -EINVAL;
	}
	ret = store_open(&e->store, conf->store, &cfg, err);
	return ret ? ret : reach(e, err);
}

int errand_begin(struct errand *e, const struct redirectd_conf *conf,
		 enum errand_way way, char err[CONF_ERRLEN])
{
	int ret;

	memset(e, 0, sizeof(*e));
	e->spec = conf->store;
	ret = uv_loop_init(&e->loop);
	if (ret) {
		errand_fail(err, e, ret);
		return ret;
	}
	dir_clock_init(&e->clock, &e->loop);
	(void)uv_timer_init(&e->loop, &e->tick);
	(void)uv_timer_start(&e->tick, on_tick, TICK_MS, TICK_MS);
	return open_store(e, conf, way, err);
}

/* What closing has begun ends by itself; the tick bounds the wait. */
void errand_end(struct errand *e)
{
	if (!e->tick.loop)
		return;
	store_close(e->store);
	e->store = NULL;
	uv_unref((uv_handle_t *)&e->tick);
	uv_update_time(&e->loop);
	errand_note(e);
	while (uv_loop_alive(&e->loop) && !is_late(e))
		uv_run(&e->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&e->tick, NULL);
	uv_run(&e->loop, UV_RUN_NOWAIT);
	(void)uv_loop_close(&e->loop);
}

/* store_get() until it knows; the client's own id tells an alias. */
static int resolve(struct errand *e, const char *id, char err[CONF_ERRLEN])
{
	const struct store_view w = view(e);
	struct client c;
	int ret;

	while ((ret = store_get(&c, e->store, id, &w)) == -EAGAIN) {
		e->done = false;
		ret = store_await(e->store, id, errand_done, e);
		ret = errand_wait(e, ret ? ret : -EINPROGRESS, err);
		if (ret)
			return ret;
	}
	if (ret && ret != -ENOENT) {
		errand_fail(err, e, ret);
		return ret;
	}
	if (!strcmp(c.id, id))
		return 0;
	(void)snprintf(err, CONF_ERRLEN, "%s is an alias, name %s instead", id,
		       c.id);
	return -EINVAL;
}

int errand_user(struct user *u, struct errand *e, const char *id,
		char err[CONF_ERRLEN])
{
	const struct store_view w = view(e);
	int ret = resolve(e, id, err);

	while (!ret && (ret = store_user(u, e->store, id, &w)) == -EAGAIN) {
		e->done = false;
		ret = store_await(e->store, id, errand_done, e);
		ret = errand_wait(e, ret ? ret : -EINPROGRESS, err);
		if (ret)
			return ret;
	}
	if (ret == -EIO)
		errand_fail(err, e, ret);
	return ret;
}

int errand_edit(struct errand *e, const struct store_edit *edit,
		char err[CONF_ERRLEN])
{
	e->done = false;
	return errand_wait(e, store_edit(e->store, edit, errand_done, e), err);
}

/* A walk on which every record seen is news. */
struct walk {
	struct errand *e;
	const struct store_visit *visit;
};

static int walk_client(const struct client *c, void *arg)
{
	const struct walk *w = arg;

	errand_note(w->e);
	return w->visit->client(c, w->visit->arg);
}

static int walk_user(const char *id, const struct user *u, void *arg)
{
	const struct walk *w = arg;

	errand_note(w->e);
	return w->visit->user(id, u, w->visit->arg);
}

static int walk_alias(const char *id, const char *of, void *arg)
{
	const struct walk *w = arg;

	errand_note(w->e);
	return w->visit->alias(id, of, w->visit->arg);
}

int errand_walk(struct errand *e, const struct store_visit *visit,
		char err[CONF_ERRLEN])
{
	struct walk w = {e, visit};
	const struct store_visit noted = {
		.client = visit->client ? walk_client : NULL,
		.user = visit->user ? walk_user : NULL,
		.alias = visit->alias ? walk_alias : NULL,
		.arg = &w,
	};

	e->done = false;
	return errand_wait(e, store_walk(e->store, &noted, errand_done, e),
			   err);
}
