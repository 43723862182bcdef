#include <check.h>
#include <stdlib.h>
#include <uv.h>

#include "relayd/worker.h"

struct note {
	struct worker_task task;
	uv_thread_t thread;
	unsigned n;
};

static unsigned seen[100];
static unsigned nseen;
static uv_thread_t ran_in;

static void append(struct worker_task *task)
{
	struct note *note = (struct note *)(void *)task;

	if (nseen < 100)
		seen[nseen] = note->n;
	nseen++;
	ran_in = uv_thread_self();
	free(note);
}

static struct note *make_note(unsigned n)
{
	struct note *note = calloc(1, sizeof(*note));

	note->task.fn = append;
	note->n = n;
	return note;
}

static void look(void *arg)
{
	*(unsigned *)arg = nseen;
}

/* What was posted runs in order, in another thread, before a later call. */
START_TEST(posts_run_in_order_before_a_call)
{
	struct worker *w;
	uv_thread_t self = uv_thread_self();
	unsigned n = 0;

	nseen = 0;
	ck_assert_int_eq(worker_start(&w), 0);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(worker_post(w, &make_note(i)->task), 0);
	worker_call(w, look, &n);
	ck_assert_uint_eq(n, 100);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_uint_eq(seen[i], i);
	ck_assert(!uv_thread_equal(&ran_in, &self));
	worker_stop(w);
}
END_TEST

static uv_sem_t may_go, waiting;

static void hold(struct worker_task *task)
{
	(void)task;
	uv_sem_post(&waiting);
	uv_sem_wait(&may_go);
}

/* A worker that does not keep up refuses more, and forgets nothing. */
START_TEST(full_mailbox_refuses)
{
	struct worker_task stuck = {NULL, hold};
	struct note *last = make_note(0);
	struct worker *w;
	unsigned n = 0;

	nseen = 0;
	uv_sem_init(&may_go, 0);
	uv_sem_init(&waiting, 0);
	ck_assert_int_eq(worker_start(&w), 0);
	ck_assert_int_eq(worker_post(w, &stuck), 0);
	uv_sem_wait(&waiting);
	for (unsigned i = 0; i < WORKER_MAILBOX_MAX; i++)
		ck_assert_int_eq(worker_post(w, &make_note(i)->task), 0);
	ck_assert_int_eq(worker_post(w, &last->task), UV_ENOBUFS);
	free(last);
	uv_sem_post(&may_go);
	worker_call(w, look, &n);
	ck_assert_uint_eq(n, WORKER_MAILBOX_MAX);
	worker_stop(w);
	uv_sem_destroy(&may_go);
	uv_sem_destroy(&waiting);
}
END_TEST

/* Asked without waiting; one that is stuck is known by the second question, and
 * has turned again when it goes on. */
START_TEST(stuck_worker_has_not_turned)
{
	struct worker_task stuck = {NULL, hold};
	struct worker *w;
	unsigned n;

	uv_sem_init(&may_go, 0);
	uv_sem_init(&waiting, 0);
	ck_assert_int_eq(worker_start(&w), 0);
	ck_assert(worker_turned(w));
	worker_call(w, look, &n);
	ck_assert(worker_turned(w));
	worker_call(w, look, &n);
	ck_assert_int_eq(worker_post(w, &stuck), 0);
	uv_sem_wait(&waiting);
	ck_assert(worker_turned(w));
	ck_assert(!worker_turned(w));
	ck_assert(!worker_turned(w));
	uv_sem_post(&may_go);
	worker_call(w, look, &n);
	ck_assert(worker_turned(w));
	worker_stop(w);
	uv_sem_destroy(&may_go);
	uv_sem_destroy(&waiting);
}
END_TEST

static uv_timer_t timer;
static unsigned ticks;

static void tick(uv_timer_t *t)
{
	if (++ticks == 3)
		uv_close((uv_handle_t *)t, NULL);
}

static void open_timer(void *arg)
{
	uv_timer_init(worker_loop(arg), &timer);
	uv_timer_start(&timer, tick, 1, 1);
}

/* The loop is one like any other, and ends when its handles are closed. */
START_TEST(handles_live_in_its_loop)
{
	struct worker *w;

	ticks = 0;
	ck_assert_int_eq(worker_start(&w), 0);
	worker_call(w, open_timer, w);
	worker_stop(w);
	ck_assert_uint_eq(ticks, 3);
}
END_TEST

/* What is in the mailbox is done before it stops, what comes then is done
 * when it goes on, and nothing in between. */
START_TEST(held)
{
	struct worker *w;

	nseen = 0;
	ck_assert_int_eq(worker_start(&w), 0);
	for (unsigned i = 0; i < 50; i++)
		ck_assert_int_eq(worker_post(w, &make_note(i)->task), 0);
	worker_hold(w);
	ck_assert_uint_eq(nseen, 50);
	for (unsigned i = 50; i < 100; i++)
		ck_assert_int_eq(worker_post(w, &make_note(i)->task), 0);
	ck_assert_uint_eq(nseen, 50);
	worker_resume(w);
	worker_stop(w);
	ck_assert_uint_eq(nseen, 100);
}
END_TEST

/* In the meantime its loop is the caller's. */
START_TEST(held_loop_is_the_caller_s)
{
	struct worker *w;

	ticks = 0;
	ck_assert_int_eq(worker_start(&w), 0);
	worker_hold(w);
	open_timer(w);
	worker_resume(w);
	worker_stop(w);
	ck_assert_uint_eq(ticks, 3);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_worker");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, posts_run_in_order_before_a_call);
	tcase_add_test(tc, full_mailbox_refuses);
	tcase_add_test(tc, stuck_worker_has_not_turned);
	tcase_add_test(tc, handles_live_in_its_loop);
	tcase_add_test(tc, held);
	tcase_add_test(tc, held_loop_is_the_caller_s);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
