#ifndef TESTS_UNIT_STORE_REDIS_FIXTURE_H
#define TESTS_UNIT_STORE_REDIS_FIXTURE_H

#include "tests/unit/store_fixture.h"

/* What the log says is kept, to be looked at. */
static char log_path[160];

static inline void setup_logged(void)
{
	setup();
	(void)snprintf(log_path, sizeof(log_path), "%s/log", scene.dir);
	ck_assert_ptr_nonnull(freopen(log_path, "w", stderr));
	log_set_level(LOG_LEVEL_WARN);
}

static inline void teardown_logged(void)
{
	(void)unlink(log_path);
	teardown();
}

static inline bool log_has(const char *what)
{
	static char text[65536];
	FILE *f = fopen(log_path, "r");
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	return strstr(text, what) != NULL;
}

static inline bool is_up(void)
{
	return store_counts(scene.s).up;
}

static inline void begin_up(void)
{
	begin(REDIS);
	run_until(is_up());
}

static inline void check_reply(long long want, redisReply *r)
{
	ck_assert_int_eq(r->type, REDIS_REPLY_INTEGER);
	ck_assert_int_eq(r->integer, want);
	freeReplyObject(r);
}

static inline void know_alice(void)
{
	struct user u = make_user("alice");
	struct client c;

	ck_assert_int_eq(put("alice@a", "sip:a@192.0.2.1", t0 + 90000), 0);
	ck_assert_int_eq(edit_user("alice@a", &u), 0);
	ck_assert_int_eq(edit_alias("sales@a", "alice@a"), 0);
	ck_assert_int_eq(get(&c, "sales@a", t0), 0);
	ck_assert_int_eq(get(&c, "unknown@a", t0), -ENOENT);
}

#endif
