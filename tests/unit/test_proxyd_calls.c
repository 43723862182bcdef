#include "common/deadlines.h"
#include "proto/record.h"
#include "common/paging.h"
#include "proxyd/calls.h"
#include "tests/unit/sip_text.h"

enum { HOUR = 3600 * 1000, MAX = 3 };

static struct deadlines *deadlines;
static struct calls *calls;
static struct addr relay;
static char last[64]; /* that something was due for */
static unsigned due;

static void on_due(const char *id, void *arg)
{
	(void)arg;
	due++;
	(void)snprintf(last, sizeof(last), "%s", id);
	calls_again(calls, id);
}

static void setup(void)
{
	const struct calls_config cfg = {.max = MAX, .due = on_due};
	struct calls_config c = cfg;

	due = 0;
	relay = address("203.0.113.4:5060");
	ck_assert_int_eq(deadlines_alloc(&deadlines), 0);
	c.deadlines = deadlines;
	ck_assert_int_eq(calls_alloc(&calls, &c), 0);
}

static void teardown(void)
{
	calls_free(calls);
	ck_assert_uint_eq(deadlines_count(deadlines), 0);
	deadlines_free(deadlines);
}

static struct parties *parties(void)
{
	const struct record_side side = {"<sip:a@b>;tag=t", "sip:a@203.0.113.9",
					 "", channel_udp(&relay), 1};
	const struct record r = {
		.call_id = "c", .relay = relay, .side = {side, side}};
	struct parties *p = NULL;

	ck_assert_int_eq(parties_restore(&p, &r), 0);
	return p;
}

static void put(const char *id, uint64_t now)
{
	ck_assert_int_eq(calls_put(calls, id, now, parties(), &relay, true), 0);
}

static void assert_due(uint64_t now, enum call_due what)
{
	ck_assert_int_eq(call_due(calls_get(calls, "c"), now), what);
}

START_TEST(nothing_but_to_be_forgotten)
{
	put("c", 1000);
	assert_due(1000, CALL_NOTHING);
	assert_due(1000 + CALLS_HOURS * (uint64_t)HOUR - 1, CALL_NOTHING);
	assert_due(1000 + CALLS_HOURS * (uint64_t)HOUR, CALL_FORGOTTEN);
	deadlines_run(deadlines, 1000 + CALLS_HOURS * (uint64_t)HOUR);
	ck_assert_uint_eq(due, 1);
	ck_assert_str_eq(last, "c");
}
END_TEST

START_TEST(a_timer_runs_out_is_set_anew_and_taken_off)
{
	put("c", 0);
	calls_expire(calls, "c", 5000);
	ck_assert_uint_eq(deadlines_next(deadlines), 5000);
	assert_due(4999, CALL_NOTHING);
	assert_due(5000, CALL_EXPIRED);
	calls_expire(calls, "c", 9000);
	assert_due(5000, CALL_NOTHING);
	assert_due(9000, CALL_EXPIRED);
	calls_expire(calls, "c", 0);
	assert_due(9000, CALL_NOTHING);
	ck_assert_uint_eq(deadlines_next(deadlines),
			  CALLS_HOURS * (uint64_t)HOUR);
}
END_TEST

START_TEST(a_party_that_hangs_up_has_its_time)
{
	put("c", 0);
	calls_expire(calls, "c", 5000);
	calls_leave(calls, "c", 45000);
	ck_assert_uint_eq(deadlines_next(deadlines), 45000);
	assert_due(44999, CALL_NOTHING);
	assert_due(45000, CALL_EXPIRED);
}
END_TEST

START_TEST(parties_are_asked_one_question_at_a_time)
{
	put("c", 0);
	calls_ask(calls, "c", PARTY_CALLER, 1000, 0);
	calls_ask(calls, "c", PARTY_CALLEE, 1500, 1);
	assert_due(999, CALL_NOTHING);
	assert_due(1500, CALL_ASK_CALLER);
	calls_asking(calls, "c", PARTY_CALLER, true);
	assert_due(1500, CALL_ASK_CALLEE);
	ck_assert_uint_eq(deadlines_next(deadlines), 1500);
	calls_asking(calls, "c", PARTY_CALLEE, true);
	assert_due(100000, CALL_NOTHING);
	calls_asking(calls, "c", PARTY_CALLER, false);
	calls_ask(calls, "c", PARTY_CALLER, 0, 0);
	assert_due(100000, CALL_NOTHING);
	ck_assert_uint_eq(calls_get(calls, "c")->probe[PARTY_CALLEE].missed, 1);
}
END_TEST

START_TEST(is_bounded_and_forgets_what_it_is_told_to)
{
	put("c", 0);
	put("d", 0);
	put("e", 0);
	put("c", 10); /* known better */
	ck_assert_uint_eq(calls_count(calls), 3);
	ck_assert_uint_eq(calls_get(calls, "c")->since, 0);
	ck_assert_int_eq(calls_put(calls, "f", 0, parties(), NULL, true),
			 -ENOSPC);
	calls_del(calls, "d");
	calls_del(calls, "d");
	ck_assert_ptr_null(calls_get(calls, "d"));
	ck_assert_uint_eq(deadlines_count(deadlines), 2);
	/* those of calls that are gone do nothing */
	calls_expire(calls, "d", 5);
	calls_leave(calls, "d", 5);
	calls_ask(calls, "d", PARTY_CALLER, 5, 0);
	calls_asking(calls, "d", PARTY_CALLER, true);
	calls_again(calls, "d");
	ck_assert_uint_eq(calls_count(calls), 2);
}
END_TEST

START_TEST(people_see_what_is_left)
{
	struct paging page = {.limit = 2, .list = json_array()};
	json_t *one;

	put("c", 1000);
	calls_expire(calls, "c", 9000);
	calls_ask(calls, "c", PARTY_CALLEE, 5000, 1);
	calls_page(&page, calls, 3000);
	ck_assert_uint_eq(json_array_size(page.list), 1);
	one = json_array_get(page.list, 0);
	ck_assert_str_eq(json_string_value(json_object_get(one, "session")),
			 "c");
	ck_assert_str_eq(json_string_value(json_object_get(one, "relay")),
			 "203.0.113.4:5060");
	ck_assert_int_eq(json_integer_value(json_object_get(one, "since_ms")),
			 2000);
	ck_assert_int_eq(json_integer_value(json_object_get(one, "expires_ms")),
			 6000);
	json_decref(page.list);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd_calls");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_but_to_be_forgotten);
	tcase_add_test(tc, a_timer_runs_out_is_set_anew_and_taken_off);
	tcase_add_test(tc, a_party_that_hangs_up_has_its_time);
	tcase_add_test(tc, parties_are_asked_one_question_at_a_time);
	tcase_add_test(tc, is_bounded_and_forgets_what_it_is_told_to);
	tcase_add_test(tc, people_see_what_is_left);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
