#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/deadlines.h"

enum { MANY = 5000, FIRED_MAX = 64 };

/* One deadline of a test: firing writes its number into the log. */
struct probe {
	struct scene *scene;
	int number;
};

struct scene {
	struct deadlines *d;
	int fired[FIRED_MAX];
	int nfired;
	deadline_id victim;
	deadline_id own;
	uint64_t now;
};

static struct scene scene;

static void setup(void)
{
	memset(&scene, 0, sizeof(scene));
	ck_assert_int_eq(deadlines_alloc(&scene.d), 0);
}

static void teardown(void)
{
	deadlines_free(scene.d);
}

static void note(void *arg)
{
	struct probe *p = arg;

	ck_assert_int_lt(p->scene->nfired, FIRED_MAX);
	p->scene->fired[p->scene->nfired++] = p->number;
}

static deadline_id add(uint64_t when, deadline_h *fn, struct probe *p)
{
	deadline_id id = 0;

	ck_assert_int_eq(deadlines_add(&id, scene.d, when, fn, p), 0);
	ck_assert(id != 0);
	return id;
}

START_TEST(fires_in_order_and_once)
{
	struct probe p[4] = {
		{&scene, 0}, {&scene, 1}, {&scene, 2}, {&scene, 3}};

	ck_assert_uint_eq(deadlines_next(scene.d), UINT64_MAX);
	add(30, note, &p[3]);
	add(10, note, &p[0]);
	add(20, note, &p[1]);
	add(20, note, &p[2]);
	ck_assert_uint_eq(deadlines_next(scene.d), 10);
	deadlines_run(scene.d, 9);
	ck_assert_int_eq(scene.nfired, 0);
	deadlines_run(scene.d, 20);
	ck_assert_int_eq(scene.nfired, 3);
	ck_assert_uint_eq(deadlines_count(scene.d), 1);
	ck_assert_uint_eq(deadlines_next(scene.d), 30);
	deadlines_run(scene.d, 1000);
	deadlines_run(scene.d, 2000);
	ck_assert_int_eq(scene.nfired, 4);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(scene.fired[i], i);
	ck_assert_uint_eq(deadlines_next(scene.d), UINT64_MAX);
}
END_TEST

START_TEST(cancelled_does_not_fire)
{
	struct probe p[3] = {{&scene, 0}, {&scene, 1}, {&scene, 2}};
	deadline_id id;

	add(10, note, &p[0]);
	id = add(5, note, &p[1]);
	add(20, note, &p[2]);
	deadlines_cancel(scene.d, id);
	ck_assert_uint_eq(deadlines_count(scene.d), 2);
	ck_assert_uint_eq(deadlines_next(scene.d), 10);
	deadlines_cancel(scene.d, id);
	deadlines_cancel(scene.d, 0);
	deadlines_cancel(scene.d, UINT64_MAX);
	ck_assert_uint_eq(deadlines_count(scene.d), 2);
	deadlines_run(scene.d, 20);
	ck_assert_int_eq(scene.nfired, 2);
	ck_assert_int_eq(scene.fired[0], 0);
	ck_assert_int_eq(scene.fired[1], 2);
}
END_TEST

START_TEST(stale_id_spares_the_next_tenant)
{
	struct probe p = {&scene, 7};
	deadline_id old = add(1, note, &p), young;

	deadlines_run(scene.d, 1);
	young = add(2, note, &p);
	ck_assert(old != young);
	deadlines_cancel(scene.d, old);
	ck_assert_uint_eq(deadlines_count(scene.d), 1);
	deadlines_run(scene.d, 2);
	ck_assert_int_eq(scene.nfired, 2);
}
END_TEST

static void note_and_cancel(void *arg)
{
	note(arg);
	deadlines_cancel(scene.d, scene.own);
	deadlines_cancel(scene.d, scene.victim);
	deadlines_cancel(scene.d, scene.victim);
}

START_TEST(handler_cancels_itself_and_one_due_with_it)
{
	struct probe p[3] = {{&scene, 0}, {&scene, 1}, {&scene, 2}};

	scene.own = add(10, note_and_cancel, &p[0]);
	scene.victim = add(10, note, &p[1]);
	add(10, note, &p[2]);
	deadlines_run(scene.d, 10);
	ck_assert_int_eq(scene.nfired, 2);
	ck_assert_int_eq(scene.fired[1], 2);
	ck_assert_uint_eq(deadlines_count(scene.d), 0);
}
END_TEST

START_TEST(handler_cancels_a_later_one)
{
	struct probe p[2] = {{&scene, 0}, {&scene, 1}};

	add(10, note_and_cancel, &p[0]);
	scene.victim = add(50, note, &p[1]);
	deadlines_run(scene.d, 10);
	deadlines_run(scene.d, 50);
	ck_assert_int_eq(scene.nfired, 1);
}
END_TEST

static void note_and_add_again(void *arg)
{
	note(arg);
	add(scene.now, note_and_add_again, arg);
}

START_TEST(added_in_a_run_waits_for_the_next)
{
	struct probe p = {&scene, 1};

	scene.now = 10;
	add(10, note_and_add_again, &p);
	deadlines_run(scene.d, 10);
	ck_assert_int_eq(scene.nfired, 1);
	ck_assert_uint_eq(deadlines_next(scene.d), 10);
	deadlines_run(scene.d, 10);
	ck_assert_int_eq(scene.nfired, 2);
	ck_assert_uint_eq(deadlines_count(scene.d), 1);
}
END_TEST

static void note_and_add_many(void *arg)
{
	note(arg);
	for (int i = 0; i < MANY; i++)
		add(100, note, arg);
}

START_TEST(handler_may_grow_the_heap)
{
	struct probe p[2] = {{&scene, 0}, {&scene, 1}};

	add(10, note_and_add_many, &p[0]);
	add(10, note, &p[1]);
	deadlines_run(scene.d, 10);
	ck_assert_int_eq(scene.nfired, 2);
	ck_assert_int_eq(scene.fired[1], 1);
	ck_assert_uint_eq(deadlines_count(scene.d), MANY);
}
END_TEST

static uint64_t last_fired;
static int fired_count;

static void check_order(void *arg)
{
	const uint64_t *when = arg;

	ck_assert_uint_ge(*when, last_fired);
	last_fired = *when;
	fired_count++;
}

START_TEST(random_adds_and_cancels_keep_the_order)
{
	static uint64_t when[MANY];
	static deadline_id id[MANY];
	int left = MANY;

	srandom((unsigned)_i + 1);
	last_fired = 0;
	fired_count = 0;
	for (int i = 0; i < MANY; i++) {
		when[i] = (uint64_t)random() % 1000;
		ck_assert_int_eq(deadlines_add(&id[i], scene.d, when[i],
					       check_order, &when[i]),
				 0);
	}
	for (int i = 0; i < MANY; i += 1 + (int)(random() % 3)) {
		deadlines_cancel(scene.d, id[i]);
		left--;
	}
	ck_assert_uint_eq(deadlines_count(scene.d), left);
	for (uint64_t now = 0; now < 1000 + 7; now += 7) {
		deadlines_run(scene.d, now);
		ck_assert(deadlines_next(scene.d) > now);
	}
	ck_assert_int_eq(fired_count, left);
}
END_TEST

START_TEST(id_may_be_null_and_free_drops_pending)
{
	struct probe p = {&scene, 0};

	ck_assert_int_eq(deadlines_add(NULL, scene.d, 1, note, &p), 0);
	ck_assert_uint_eq(deadlines_count(scene.d), 1);
	deadlines_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("deadlines");
	TCase *tc = tcase_create("deadlines");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, fires_in_order_and_once);
	tcase_add_test(tc, cancelled_does_not_fire);
	tcase_add_test(tc, stale_id_spares_the_next_tenant);
	tcase_add_test(tc, handler_cancels_itself_and_one_due_with_it);
	tcase_add_test(tc, handler_cancels_a_later_one);
	tcase_add_test(tc, added_in_a_run_waits_for_the_next);
	tcase_add_test(tc, handler_may_grow_the_heap);
	tcase_add_loop_test(tc, random_adds_and_cancels_keep_the_order, 0, 4);
	tcase_add_test(tc, id_may_be_null_and_free_drops_pending);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
