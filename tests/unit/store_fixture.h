#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "common/log.h"
#include "redirectd/store.h"
#include "tests/unit/redis_fixture.h"

/* One conformance suite, run against every kind of store. */
enum { MEMORY, SQLITE, REDIS, KINDS, KNOWN_MAX = 4 };

enum { PATIENCE_MS = 20000, TRIES = 32 };

static const dir_time t0 = 1700000000000;

static struct {
	uv_loop_t loop;
	uv_timer_t patience; /* of one wait */
	bool late;
	char dir[64];
	char path[128];
	char spec[256];
	struct redis_server redis;
	struct store *s;
	unsigned expired;
	char last_expired[64];
} scene;

/* The kinds that can be tested here; the last may need a program. */
static inline int kinds(void)
{
	return redis_wanted() ? KINDS : REDIS;
}

static inline void on_expired(const char *id, const struct binding *b,
			      void *arg)
{
	(void)arg;
	scene.expired++;
	(void)snprintf(scene.last_expired, sizeof(scene.last_expired), "%s %s",
		       id, b->url);
}

static inline void on_late(uv_timer_t *timer)
{
	(void)timer;
	scene.late = true;
}

/* Let the loop turn until it is so, within a bound. */
#define run_until(cond)                                                        \
	do {                                                                   \
		begin_wait();                                                  \
		while (!(cond) && !scene.late)                                 \
			(void)uv_run(&scene.loop, UV_RUN_ONCE);                \
		end_wait();                                                    \
		ck_assert_msg((cond), "waited in vain for: %s", #cond);        \
	} while (0)

static inline void begin_wait(void)
{
	scene.late = false;
	ck_assert_int_eq(
		uv_timer_start(&scene.patience, on_late, PATIENCE_MS, 0), 0);
}

static inline void end_wait(void)
{
	(void)uv_timer_stop(&scene.patience);
}

static inline int try_open(dir_time now, size_t max, char err[CONF_ERRLEN])
{
	const struct store_config cfg = {.loop = &scene.loop,
					 .max = max,
					 .now = now,
					 .expired = on_expired};

	return store_open(&scene.s, scene.spec, &cfg, err);
}

static inline void open_at(dir_time now)
{
	char err[CONF_ERRLEN] = "";

	ck_assert_msg(try_open(now, KNOWN_MAX, err) == 0, "%s", err);
}

static inline void close_store(void)
{
	store_close(scene.s);
	scene.s = NULL;
}

static inline void begin_redis(const char *const *options)
{
	redis_start(&scene.redis, options);
	(void)snprintf(scene.spec, sizeof(scene.spec), "redis+unix://%s",
		       scene.redis.path);
}

static inline void begin(int kind)
{
	if (kind == MEMORY)
		strcpy(scene.spec, "memory");
	else if (kind == SQLITE)
		(void)snprintf(scene.spec, sizeof(scene.spec), "sqlite:%s",
			       scene.path);
	else
		begin_redis(NULL);
	open_at(t0);
}

static inline void setup(void)
{
	memset(&scene, 0, sizeof(scene));
	strcpy(scene.dir, "/tmp/redirectd_store.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(scene.dir));
	strcpy(scene.redis.dir, scene.dir);
	(void)snprintf(scene.path, sizeof(scene.path), "%s/dir.db", scene.dir);
	ck_assert_int_eq(uv_loop_init(&scene.loop), 0);
	ck_assert_int_eq(uv_timer_init(&scene.loop, &scene.patience), 0);
	log_set_level(LOG_LEVEL_ERROR);
}

/* What the store had opened in the loop is closed in the end. */
static inline void close_loop(void)
{
	begin_wait();
	uv_unref((uv_handle_t *)&scene.patience);
	while (uv_run(&scene.loop, UV_RUN_ONCE) && !scene.late)
		;
	ck_assert_msg(!scene.late, "the loop does not end");
	uv_close((uv_handle_t *)&scene.patience, NULL);
	(void)uv_run(&scene.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&scene.loop), 0);
}

static inline void teardown(void)
{
	static const char *const ends[] = {"",         "-wal",  "-shm",
					   "-journal", "-lock", ".lock"};
	char name[160];
	size_t i;

	close_store();
	close_loop();
	redis_stop(&scene.redis);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", scene.path, ends[i]);
		(void)unlink(name);
	}
	ck_assert_int_eq(rmdir(scene.dir), 0);
}

/* What a handler was told. */
struct outcome {
	bool called;
	int err;
};

static inline void on_done(int err, void *arg)
{
	struct outcome *o = arg;

	ck_assert(!o->called);
	o->called = true;
	o->err = err;
}

/* The end of what was begun: its own result, or that of its handler. */
static inline int finish(int err, const struct outcome *o)
{
	if (err != -EINPROGRESS) {
		ck_assert(!o->called);
		return err;
	}
	run_until(o->called);
	return o->err;
}

static inline void wait_for(const char *id)
{
	struct outcome o = {false, 0};

	ck_assert_int_eq(store_await(scene.s, id, on_done, &o), 0);
	(void)finish(-EINPROGRESS, &o);
}

static inline struct store_view view_at(dir_time now)
{
	struct store_view w = {.now = now, .since = store_since(scene.s)};

	return w;
}

/* As a request asks, which begins anew while it is told to. */
static inline int get_as(struct client *c, const char *id,
			 const struct store_view *w)
{
	int i, err = -EAGAIN;

	for (i = 0; i < TRIES && err == -EAGAIN; i++) {
		if (i)
			wait_for(id);
		err = store_get(c, scene.s, id, w);
	}
	ck_assert_int_ne(err, -EAGAIN);
	return err;
}

static inline int get(struct client *c, const char *id, dir_time now)
{
	const struct store_view w = view_at(now);

	return get_as(c, id, &w);
}

static inline int get_user(struct user *u, const char *id)
{
	const struct store_view w = view_at(t0);
	int i, err = -EAGAIN;

	for (i = 0; i < TRIES && err == -EAGAIN; i++) {
		if (i)
			wait_for(id);
		err = store_user(u, scene.s, id, &w);
	}
	return err;
}

/* Look, and then change. */
static inline int put_once(const char *id, const struct binding *v, size_t n,
			   dir_time now)
{
	struct store_view w = view_at(now);
	struct outcome o = {false, 0};
	struct client c;

	w.change = true;
	(void)get_as(&c, id, &w);
	return finish(store_put(scene.s, id, v, n, now, on_done, &o), &o);
}

static inline int put_all(const char *id, const struct binding *v, size_t n,
			  dir_time now)
{
	int i, err = -EAGAIN;

	for (i = 0; i < TRIES && err == -EAGAIN; i++)
		err = put_once(id, v, n, now);
	return err;
}

static inline int edit(const struct store_edit *e)
{
	struct outcome o = {false, 0};

	return finish(store_edit(scene.s, e, on_done, &o), &o);
}

static inline int edit_alias(const char *id, const char *of)
{
	const struct store_edit e = {
		.kind = STORE_ALIAS, .id = id, .alias_of = of};

	return edit(&e);
}

static inline int edit_user(const char *id, const struct user *u)
{
	const struct store_edit e = {.kind = STORE_USER, .id = id, .user = u};

	return edit(&e);
}

/* All that was asked of the store before has been answered. */
static inline void settle(void)
{
	struct client c;

	(void)get(&c, "settle@a", t0);
	(void)get(&c, "settle@a", t0);
}

/* Time goes by: once for a poll that may be under way, once for one that knows
 * the time. */
static inline void run_at(dir_time now)
{
	store_run(scene.s, now);
	settle();
	store_run(scene.s, now);
	settle();
}

static inline struct binding make(const char *url, dir_time expires)
{
	struct binding b = {
		.url = url,
		.instance = "\"<urn:uuid:1>\"",
		.path = "<sip:edge@192.0.2.9;lr>, <sip:far;lr>",
		.call_id = "call@phone",
		.cseq = 4000000000u,
		.reg_id = 7,
		.q = 700,
		.registered = t0,
		.expires = expires,
	};

	ck_assert_int_eq(addr_parse(&b.serving, "203.0.113.1:5060", 0), 0);
	return b;
}

static inline int put(const char *id, const char *url, dir_time expires)
{
	struct binding b = make(url, expires);

	return put_all(id, &b, 1, t0);
}

static inline void check_client(const char *id, dir_time now, size_t n)
{
	struct client c;

	ck_assert_int_eq(get(&c, id, now), 0);
	ck_assert_str_eq(c.id, id);
	ck_assert_uint_eq(c.n, n);
	ck_assert(!c.stale);
}

static inline bool counts_are(size_t known, size_t clients, size_t contacts)
{
	struct store_counts n = store_counts(scene.s);

	return n.known == known && n.clients == clients &&
	       n.contacts == contacts;
}

/* Have them asked for now instead of before long. */
static inline void hurry_counts(void)
{
	settle();
	store_run(scene.s, t0);
}

static inline void check_counts(size_t known, size_t clients, size_t contacts)
{
	if (!counts_are(known, clients, contacts))
		hurry_counts();
	run_until(counts_are(known, clients, contacts));
}

static inline void check_same(const struct binding *a, const struct binding *b)
{
	ck_assert_str_eq(a->url, b->url);
	ck_assert_str_eq(a->instance, b->instance);
	ck_assert_str_eq(a->call_id, b->call_id);
	ck_assert_str_eq(a->path, b->path);
	ck_assert_uint_eq(a->cseq, b->cseq);
	ck_assert_uint_eq(a->reg_id, b->reg_id);
	ck_assert_uint_eq(a->q, b->q);
	ck_assert_uint_eq(a->registered, b->registered);
	ck_assert_uint_eq(a->expires, b->expires);
	ck_assert(addr_eq(&a->serving, &b->serving));
}

static inline struct user make_user(const char *name)
{
	struct user u = {.realm = "a"};

	(void)snprintf(u.name, sizeof(u.name), "%s", name);
	memset(u.ha1[DIGEST_MD5].hex, 'a', 32);
	memset(u.ha1[DIGEST_SHA256].hex, 'b', 64);
	memset(u.ha1[DIGEST_SHA512_256].hex, 'c', 64);
	return u;
}

#endif
