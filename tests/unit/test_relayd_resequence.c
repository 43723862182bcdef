#include "relayd/report.h"
#include "relayd/resequence.h"
#include "tests/unit/relayd_fixture.h"

enum { A_MINUTE = 60000, NOT_RTP = 99 };

static int a, b;
static uint16_t pa, pb, relay;

/* RTP may wait longer than any test takes, but for who wants it otherwise. */
static void call(const char *wanted)
{
	options = wanted;
	a = phone(&pa);
	b = phone(&pb);
	ck_assert_int_eq(offer("c1", "a", pa, -1), 302);
	relay = port_of(0);
	ck_assert_int_eq(reply("c1", "a", "b", pb, -1), 302);
}

static void hang_up(void)
{
	ck_assert_int_eq(ask("BYE", "c1", "a", "b", ""), 200);
	close(a);
	close(b);
}

/* The number is the mark, too. */
static void say(uint8_t seq)
{
	uint8_t rtp[20] = {0x80, 0, 0, seq, [8] = 1, [19] = seq};
	struct addr to;

	if (seq == NOT_RTP)
		rtp[0] = 0;
	addr_parse(&to, "127.0.0.1", relay);
	ck_assert_int_eq(
		sendto(a, rtp, sizeof(rtp), 0, &to.u.sa, addr_len(&to)),
		sizeof(rtp));
	uv_run(&loop, UV_RUN_NOWAIT);
}

/* Run the relay until so many are there; what came, in order. */
static const char *heard_next(unsigned count)
{
	static char text[256];
	size_t n = 0;

	*text = '\0';
	for (unsigned i = 0; i < count; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d",
				      n ? " " : "", heard(b));
	return text;
}

static const struct reorder_counts *counts(void)
{
	const struct stream *st =
		session_stream(sessions_find(sessions, "c1"), 0);

	return resequence_counts(stream_resequence(st), LEARN_FIRST);
}

START_TEST(out_of_order_leaves_in_order)
{
	call("");
	say(1);
	ck_assert_str_eq(heard_next(1), "1");
	say(3);
	say(4);
	say(2);
	ck_assert_str_eq(heard_next(3), "2 3 4");
	say(4);
	say(5);
	ck_assert_str_eq(heard_next(1), "5");
	ck_assert_uint_eq(counters.resequence_held, 2);
	ck_assert_uint_eq(counters.resequence_duplicates, 1);
	ck_assert_uint_eq(counters.packets, 5);
	ck_assert_uint_eq(counts()->held, 2);
	hang_up();
}
END_TEST

/* The timer, and who comes behind it. */
START_TEST(lost_is_given_up)
{
	call(";ph-resequence=1");
	say(1);
	say(3);
	say(5);
	ck_assert_str_eq(heard_next(3), "1 3 5");
	say(4);
	say(6);
	ck_assert_str_eq(heard_next(1), "6");
	ck_assert_uint_eq(counters.resequence_given_up, 2);
	ck_assert_uint_eq(counters.resequence_late, 1);
	hang_up();
}
END_TEST

START_TEST(as_it_comes_unless_wanted)
{
	call(";ph-resequence=0");
	ck_assert_ptr_null(stream_resequence(
		session_stream(sessions_find(sessions, "c1"), 0)));
	say(1);
	say(3);
	say(2);
	say(2);
	ck_assert_str_eq(heard_next(4), "1 3 2 2");
	hang_up();
}
END_TEST

static void setup_patient(void)
{
	setup();
	sessions_limit(sessions,
		       &(struct session_limits){.idle_ms = 300000,
						.setup_ms = 200000,
						.resequence_ms = A_MINUTE});
}

/* The configuration speaks for who says nothing, and for new sessions only. */
START_TEST(the_configuration_and_the_request)
{
	static const struct {
		uint32_t configured;
		const char *wanted;
		uint32_t is;
	} cases[] = {
		{0, "", 0},
		{0, ";ph-resequence=30", 30},
		{60, "", 60},
		{60, ";ph-resequence=30", 30},
		{60, ";ph-resequence=0", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct session_limits lim = {
			.idle_ms = 300000,
			.setup_ms = 200000,
			.resequence_ms = cases[i].configured,
		};
		const struct resequence *r;

		sessions_limit(sessions, &lim);
		call(cases[i].wanted);
		lim.resequence_ms = 7;
		sessions_limit(sessions, &lim);
		options = ";ph-resequence=8";
		ck_assert_int_eq(offer("c1", "a", pa, 5000), 302);
		for (unsigned line = 0; line < 2; line++) {
			r = stream_resequence(session_stream(
				sessions_find(sessions, "c1"), line));
			ck_assert_uint_eq(r ? resequence_wait(r) : 0,
					  cases[i].is);
		}
		hang_up();
	}
}
END_TEST

/* What is not RTP has no order to be put in. */
START_TEST(others_pass)
{
	char body[SDP_TEXT];

	call("");
	say(1);
	say(3);
	say(NOT_RTP);
	ck_assert_str_eq(heard_next(2), "1 99");
	/* the line turns to T.38 */
	snprintf(body, sizeof(body),
		 "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n"
		 "c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=image %u udptl t38\r\n",
		 (unsigned)pa);
	ck_assert_int_eq(ask("INVITE", "c1", "a", NULL, body), 302);
	say(9);
	say(8);
	ck_assert_str_eq(heard_next(2), "9 8");
	hang_up();
}
END_TEST

/* A session that ends while something is held: no timer, no memory is left. */
START_TEST(held_when_it_ends)
{
	call("");
	say(1);
	say(3);
	say(NOT_RTP);
	ck_assert_str_eq(heard_next(2), "1 99");
	ck_assert_uint_eq(counters.resequence_held, 1);
	hang_up();
}
END_TEST

START_TEST(the_report_says_so)
{
	const json_t *st, *first;
	json_t *report;

	call("");
	say(1);
	say(3);
	say(2);
	ck_assert_str_eq(heard_next(3), "1 2 3");
	report = report_session(sessions_find(sessions, "c1"), uv_now(&loop));
	st = json_object_get(
		json_array_get(json_object_get(report, "streams"), 0),
		"resequence");
	first = json_object_get(st, "first");
	ck_assert_int_eq(json_integer_value(json_object_get(st, "wait_ms")),
			 A_MINUTE);
	ck_assert_int_eq(json_integer_value(json_object_get(first, "held")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(first, "late")), 0);
	json_decref(report);
	hang_up();
}
END_TEST

static const struct {
	const char *options;
	int status;
} requests[] = {
	{";ph-learn=strict;ph-toward=198.51.100.1", 302},
	{";ph-learn=open;ph-something=1", 302},
	{";ph-learn=sometimes", 400},
	{";ph-resequence=201", 400},
	{";ph-resequence=x", 400},
	{";ph-toward=somewhere", 400},
};

START_TEST(options_are_checked)
{
	bool good = requests[_i].status == 302;

	options = requests[_i].options;
	ck_assert_int_eq(offer("c1", "a", 4000, -1), requests[_i].status);
	ck_assert_uint_eq(counters.bad_option, good ? 0 : 1);
	ck_assert_uint_eq(atomic_load(&load.sessions), good ? 1 : 0);
	if (!good)
		ck_assert_ptr_nonnull(strstr(answer, "400 Bad Option"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("resequence");
	Suite *s = suite_create("relayd resequence");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup_patient, teardown);
	tcase_add_test(tc, out_of_order_leaves_in_order);
	tcase_add_test(tc, lost_is_given_up);
	tcase_add_test(tc, as_it_comes_unless_wanted);
	tcase_add_test(tc, the_configuration_and_the_request);
	tcase_add_test(tc, others_pass);
	tcase_add_test(tc, held_when_it_ends);
	tcase_add_test(tc, the_report_says_so);
	tcase_add_loop_test(tc, options_are_checked, 0,
			    sizeof(requests) / sizeof(requests[0]));
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
