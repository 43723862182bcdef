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

#include "common/log.h"
#include "redirectd/store.h"

/* One conformance suite, run against every kind of store. */
enum { MEMORY, SQLITE, KINDS, KNOWN_MAX = 4 };

static const dir_time t0 = 1700000000000;

static struct {
	char dir[64];
	char path[128];
	char spec[160];
	struct store *s;
	unsigned expired;
	char last_expired[64];
} scene;

static inline void on_expired(const char *id, const struct binding *b,
			      void *arg)
{
	(void)arg;
	scene.expired++;
	(void)snprintf(scene.last_expired, sizeof(scene.last_expired), "%s %s",
		       id, b->url);
}

static inline int try_open(dir_time now, size_t max, char err[CONF_ERRLEN])
{
	const struct store_config cfg = {max, now, on_expired, NULL};

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

static inline void begin(int kind)
{
	if (kind == MEMORY)
		strcpy(scene.spec, "memory");
	else
		(void)snprintf(scene.spec, sizeof(scene.spec), "sqlite:%s",
			       scene.path);
	open_at(t0);
}

static inline void setup(void)
{
	memset(&scene, 0, sizeof(scene));
	strcpy(scene.dir, "/tmp/redirectd_store.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(scene.dir));
	(void)snprintf(scene.path, sizeof(scene.path), "%s/dir.db", scene.dir);
	log_set_level(LOG_LEVEL_ERROR);
}

static inline void teardown(void)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char name[160];
	size_t i;

	close_store();
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", scene.path, ends[i]);
		(void)unlink(name);
	}
	ck_assert_int_eq(rmdir(scene.dir), 0);
}

static inline struct binding make(const char *url, dir_time expires)
{
	struct binding b = {
		.url = url,
		.instance = "\"<urn:uuid:1>\"",
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

	return store_put(scene.s, id, &b, 1, t0);
}

static inline void check_client(const char *id, dir_time now, size_t n)
{
	struct client c;

	ck_assert_int_eq(store_get(&c, scene.s, id, now), 0);
	ck_assert_str_eq(c.id, id);
	ck_assert_uint_eq(c.n, n);
}

static inline void check_counts(size_t known, size_t clients, size_t contacts)
{
	struct store_counts n = store_counts(scene.s);

	ck_assert_uint_eq(n.known, known);
	ck_assert_uint_eq(n.clients, clients);
	ck_assert_uint_eq(n.contacts, contacts);
}

static inline void check_same(const struct binding *a, const struct binding *b)
{
	ck_assert_str_eq(a->url, b->url);
	ck_assert_str_eq(a->instance, b->instance);
	ck_assert_str_eq(a->call_id, b->call_id);
	ck_assert_uint_eq(a->cseq, b->cseq);
	ck_assert_uint_eq(a->reg_id, b->reg_id);
	ck_assert_uint_eq(a->q, b->q);
	ck_assert_uint_eq(a->registered, b->registered);
	ck_assert_uint_eq(a->expires, b->expires);
	ck_assert(addr_eq(&a->serving, &b->serving));
}

#endif
