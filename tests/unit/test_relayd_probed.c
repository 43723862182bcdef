#include "proto/probe.h"
#include "tests/unit/relayd_fixture.h"

/* A doctor's question to relayd, and to whom it is answered. */

static int probe_from(const char *src, size_t padding)
{
	static char text[8192];
	static char pad[4096];
	struct addr from;
	struct strbuf sb;
	char *at;

	ck_assert_int_eq(addr_parse(&from, src, 0), 0);
	strbuf_init(&sb, text, sizeof(text));
	ck_assert_int_eq(probe_print(&sb, &from, &self, "0123456789abcdef"), 0);
	if (padding) {
		/* one more header, in front of CSeq */
		memset(pad, 'x', padding);
		pad[padding] = '\0';
		at = strstr(text, "CSeq: ");
		memmove(at + padding + 9, at, strlen(at) + 1);
		memcpy(at, "Subject: ", 9);
		memcpy(at + 9, pad, padding);
		memcpy(at + 7 + padding, "\r\n", 2);
	}
	return ask_from(&from, text);
}

static bool read_answer(struct probe_answer *a)
{
	msg_t *msg = NULL;
	bool is;

	ck_assert_int_eq(sipmsg_parse(&msg, answer, answer_len, NULL), 0);
	is = !probe_answer_parse(a, sip_object(msg));
	msg_destroy(msg);
	return is;
}

START_TEST(a_trusted_proxy_is_answered)
{
	struct probe_answer a;

	ck_assert_int_eq(probe_from("127.0.0.1:41000", 0), 200);
	ck_assert(read_answer(&a));
	ck_assert_str_eq(a.daemon, "relayd");
	ck_assert_uint_eq(addr_port(&a.from), 41000);
	ck_assert_uint_gt(a.arrived_len, 400);
}
END_TEST

START_TEST(a_stranger_is_refused)
{
	ck_assert_int_eq(probe_from("192.0.2.1:41000", 0), 403);
}
END_TEST

/* The directory's host, whose doctor asks; it is no proxy all the same. */
START_TEST(the_site_is_answered_and_not_served)
{
	static char text[TEXT_MAX];
	struct addr site;
	struct probe_answer a;

	addr_parse(&site, "192.0.2.1:5060", 0);
	control_free(control);
	ck_assert_int_eq(
		control_alloc(&control,
			      &(struct control_config){.sessions = sessions,
						       .ports = ports,
						       .load = &load,
						       .journal = journal,
						       .counters = &counters,
						       .trusted = trusted,
						       .site = &site,
						       .nsite = 1}),
		0);
	ck_assert_int_eq(probe_from("192.0.2.1:41000", 0), 200);
	ck_assert(read_answer(&a));
	ck_assert_int_eq(
		ask_from(&site, request(text, "OPTIONS", "c1", "a", NULL, "")),
		403);
}
END_TEST

START_TEST(a_long_one_is_asked_for_health)
{
	struct probe_answer a;

	ck_assert_int_eq(probe_from("127.0.0.1:41000", PROBE_MAX), 200);
	ck_assert(!read_answer(&a));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_probed");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_trusted_proxy_is_answered);
	tcase_add_test(tc, a_stranger_is_refused);
	tcase_add_test(tc, the_site_is_answered_and_not_served);
	tcase_add_test(tc, a_long_one_is_asked_for_health);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
