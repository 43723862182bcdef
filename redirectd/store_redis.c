#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/log.h"
#include "common/table.h"
#include "redirectd/redis_url.h"

#include "redirectd/store_redis.h"

enum {
	WAITERS_MAX = 32768,
	WAITERS_EACH = 4096, /* for one client */
};

dir_time store_redis_now(const struct store_redis *r)
{
	return r->shift + uv_now(r->cfg.loop);
}

void store_redis_note_now(struct store_redis *r, dir_time now)
{
	if (now > store_redis_now(r))
		r->shift = now - uv_now(r->cfg.loop);
}

bool store_redis_is_up(const struct store_redis *r)
{
	return r->counted && redis_conn_is_up(r->conn);
}

bool store_redis_is_begun(const struct store_redis *r)
{
	return redis_conn_is_begun(r->conn) ||
	       (!r->counted && redis_conn_is_up(r->conn));
}

int store_redis_reach(const struct store_redis *r)
{
	if (store_redis_is_up(r) || store_redis_is_begun(r))
		return -EAGAIN;
	return -EIO;
}

int store_redis_park(struct store_redis *r, void (*go)(void *arg), void *arg)
{
	struct redis_parked *p = malloc(sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->go = go;
	p->arg = arg;
	STAILQ_INSERT_TAIL(&r->parked, p, link);
	return 0;
}

static void unpark(struct store_redis *r)
{
	struct redis_parked *p;

	r->counts.up = store_redis_is_up(r);
	while ((p = STAILQ_FIRST(&r->parked))) {
		STAILQ_REMOVE_HEAD(&r->parked, link);
		p->go(p->arg);
		free(p);
	}
}

int store_redis_refused(struct store_redis *r, const redisReply *reply)
{
	const char *why = reply->type == REDIS_REPLY_ERROR ? reply->str
							   : "not understood";

	if (!r->failing)
		log_error("the directory cannot be written: registrations "
			  "are refused until it can",
			  LOG_S("store", redis_conn_url(r->conn)->name),
			  LOG_S("error", why));
	r->failing = true;
	/* What was the server has become a replica: look for the new one. */
	if (!strncmp(why, "READONLY", 8))
		redis_conn_refuse(r->conn, why);
	return strncmp(why, "OOM", 3) ? -EIO : -ENOSPC;
}

static void note_written(struct store_redis *r)
{
	if (r->failing)
		log_warn("the directory is written again",
			 LOG_S("store", redis_conn_url(r->conn)->name));
	r->failing = false;
}

int store_redis_word(struct store_redis *r, const redisReply *reply)
{
	static const struct {
		const char *word;
		int err;
	} words[] = {
		{"done", 0},       {"changed", -EAGAIN}, {"full", -ENOSPC},
		{"none", -ENOENT}, {"exists", -EEXIST},
	};
	const redisReply *word = reply;
	size_t i;

	if (reply->type == REDIS_REPLY_ARRAY && reply->elements)
		word = reply->element[0];
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (word->type != REDIS_REPLY_STRING ||
		    strcmp(word->str, words[i].word))
			continue;
		if (!words[i].err)
			note_written(r);
		return words[i].err;
	}
	return store_redis_refused(r, reply);
}

void store_redis_counted(struct store_redis *r)
{
	if (r->counted)
		return;
	r->counted = true;
	unpark(r);
}

static void on_changed(bool up, void *arg)
{
	struct store_redis *r = arg;

	if (up)
		store_redis_poll(r);
	if (!up || r->counted)
		unpark(r);
}

static void on_timer(uv_timer_t *timer)
{
	store_redis_poll(timer->data);
}

static void release(struct store_redis *r)
{
	store_redis_drop_pages(r);
	redis_copy_free(r->copy);
	table_free(r->reads);
	table_free(r->puts);
	waiters_free(r->waiters);
	free(r);
}

static void one_closed(void *arg)
{
	struct store_redis *r = arg;

	if (!--r->open)
		release(r);
}

static void on_timer_closed(uv_handle_t *handle)
{
	one_closed(handle->data);
}

/* What is under way ends, unheard, before the last handle is closed. */
static void redis_close(struct store *s)
{
	struct store_redis *r = store_redis_of(s);

	r->closing = true;
	unpark(r);
	uv_close((uv_handle_t *)&r->timer, on_timer_closed);
	redis_conn_close(r->conn, one_closed, r);
}

static int alloc(struct store_redis **rp, const struct store_config *cfg)
{
	struct store_redis *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	STAILQ_INIT(&r->parked);
	TAILQ_INIT(&r->pages);
	r->cfg = *cfg;
	r->open = 2;
	*rp = r;
	if (redis_copy_alloc(&r->copy, cfg->max) ||
	    table_alloc(&r->reads, WAITERS_MAX) ||
	    table_alloc(&r->puts, WAITERS_MAX) ||
	    waiters_alloc(&r->waiters, WAITERS_MAX, WAITERS_EACH))
		return -ENOMEM;
	return 0;
}

/* The connection is made later: the store is open all the same. */
static int open_url(struct store **sp, const struct redis_url *url,
		    const struct store_config *cfg, char err[CONF_ERRLEN])
{
	struct redis_conn_config conn = {cfg->loop, *url, on_changed, NULL};
	struct store_redis *r = NULL;
	int e = alloc(&r, cfg);

	conn.arg = r;
	if (!e &&
	    getrandom(&r->revs, sizeof(r->revs), 0) != (ssize_t)sizeof(r->revs))
		e = -EIO;
	if (!e)
		e = redis_conn_open(&r->conn, &conn);
	if (e) {
		(void)snprintf(err, CONF_ERRLEN, "store: %s", strerror(-e));
		if (r)
			release(r);
		return e;
	}
	store_redis_note_now(r, cfg->now);
	(void)uv_timer_init(cfg->loop, &r->timer);
	r->timer.data = r;
	(void)uv_timer_start(&r->timer, on_timer, STORE_REDIS_POLL_MS,
			     STORE_REDIS_POLL_MS);
	*sp = &r->base;
	return 0;
}

static int check_tcp(const char *where)
{
	struct redis_url url;

	return redis_url_tcp(&url, where);
}

static int check_unix(const char *where)
{
	struct redis_url url;

	return redis_url_unix(&url, where);
}

static int open_tcp(struct store **sp, const char *where,
		    const struct store_config *cfg, char err[CONF_ERRLEN])
{
	struct redis_url url;
	int e;

	(void)redis_url_tcp(&url, where);
	e = open_url(sp, &url, cfg, err);
	if (!e)
		(*sp)->cls = &store_redis_class;
	return e;
}

static int open_unix(struct store **sp, const char *where,
		     const struct store_config *cfg, char err[CONF_ERRLEN])
{
	struct redis_url url;
	int e;

	(void)redis_url_unix(&url, where);
	e = open_url(sp, &url, cfg, err);
	if (!e)
		(*sp)->cls = &store_redis_unix_class;
	return e;
}

static uint64_t redis_since(struct store *s)
{
	return redis_conn_turn(store_redis_of(s)->conn);
}

static int redis_apply(struct store *s,
		       int (*fn)(const struct client *, void *), void *arg)
{
	struct store_redis *r = store_redis_of(s);

	return redis_copy_apply(r->copy, store_redis_now(r), fn, arg);
}

/* Bindings run out at the server, and are asked for by the poll. */
static dir_time redis_next(const struct store *s)
{
	(void)s;
	return UINT64_MAX;
}

static void redis_run(struct store *s, dir_time now)
{
	struct store_redis *r = store_redis_of(s);

	store_redis_note_now(r, now);
	store_redis_poll(r);
}

static struct store_counts redis_counts(const struct store *s)
{
	return ((const struct store_redis *)s)->counts;
}

#define STORE_REDIS_FUNCTIONS                                                  \
	.about = "a server that several redirectd share", .where = true,       \
	.since = redis_since, .close = redis_close, .get = store_redis_get,    \
	.user = store_redis_user, .await = store_redis_await,                  \
	.put = store_redis_put, .edit = store_redis_edit,                      \
	.apply = redis_apply, .walk = store_redis_walk,                        \
	.served = store_redis_served,                                          \
	.await_served = store_redis_await_served, .next = redis_next,          \
	.run = redis_run, .counts = redis_counts

const struct store_class store_redis_class = {
	.name = "redis",
	.form = "redis://[USER:PASSWORD@]HOST[:PORT][/DB]",
	.check = check_tcp,
	.open = open_tcp,
	STORE_REDIS_FUNCTIONS,
};

const struct store_class store_redis_unix_class = {
	.name = "redis+unix",
	.form = "redis+unix://[USER:PASSWORD@]/PATH[?db=DB]",
	.check = check_unix,
	.open = open_unix,
	STORE_REDIS_FUNCTIONS,
};
