#include "proto/probe.h"
#include "tests/unit/proto_example.h"

static const char token[] = "0123456789abcdef";

static void print(void)
{
	struct addr self;

	ck_assert_int_eq(addr_parse(&self, "203.0.113.1:41000", 0), 0);
	strbuf_init(&sb, text, sizeof(text));
	ck_assert_int_eq(probe_print(&sb, &self, &redirect, token), 0);
}

static struct probe_report report(const char *arrived, size_t len)
{
	struct probe_report r = {
		.daemon = "redirectd",
		.clock_ms = 1764464321123,
		.arrived = arrived,
		.arrived_len = len,
	};

	ck_assert_int_eq(addr_parse(&r.from, "203.0.113.1:41000", 0), 0);
	return r;
}

/* The answer to what was just printed is what the text becomes. */
static void answer(void)
{
	static char question[2048];
	msg_t *msg = parsed(text);
	struct probe_report r;

	memcpy(question, text, sb.len + 1);
	r = report(question, sb.len);
	strbuf_init(&sb, text, sizeof(text));
	ck_assert_int_eq(probe_answer_print(&sb, sip_object(msg), &r), 0);
	msg_destroy(msg);
}

START_TEST(it_is_asked_as_the_example_shows)
{
	struct addr self;

	print();
	assert_example("probe");
	ck_assert_int_eq(addr_parse(&self, "203.0.113.1:41000", 0), 0);
	assert_all_small_fail(probe_print(&sb, &self, &redirect, token));
}
END_TEST

START_TEST(it_is_answered_as_the_example_shows)
{
	struct probe_answer a;
	char sent[2048];
	size_t len;
	msg_t *msg;

	print();
	memcpy(sent, text, sb.len + 1);
	len = sb.len;
	answer();
	assert_example("probe-answer");
	msg = parsed(text);
	ck_assert_int_eq(probe_answer_parse(&a, sip_object(msg)), 0);
	msg_destroy(msg);
	ck_assert_str_eq(a.daemon, "redirectd");
	ck_assert_uint_eq(a.clock_ms, 1764464321123);
	ck_assert_uint_eq(addr_port(&a.from), 41000);
	ck_assert_uint_eq(a.arrived_len, len);
	ck_assert_mem_eq(a.arrived, sent, len);
}
END_TEST

/* No phone's request is one, nor what has come through a proxy. */
START_TEST(it_is_known_by_its_user_and_its_one_via)
{
	static const char via[] =
		"Via: SIP/2.0/UDP 10.0.0.16;branch=z9hG4bKp\r\n";
	char more[4096];
	char *at;
	msg_t *msg;

	print();
	msg = parsed(text);
	ck_assert(probe_is(sip_object(msg)));
	msg_destroy(msg);
	at = strstr(text, "Max-Forwards");
	snprintf(more, sizeof(more), "%.*s%s%s", (int)(at - text), text, via,
		 at);
	msg = parsed(more);
	ck_assert(!probe_is(sip_object(msg)));
	msg_destroy(msg);
	memcpy(strstr(text, "pinhole-doctor"), "pinhole-patient", 14);
	msg = parsed(text);
	ck_assert(!probe_is(sip_object(msg)));
	msg_destroy(msg);
}
END_TEST

START_TEST(more_than_a_datagram_is_not_sent_back)
{
	static char much[PROBE_MAX + 1];
	struct probe_report r = report(much, sizeof(much));
	msg_t *msg;

	memset(much, 'x', sizeof(much));
	print();
	msg = parsed(text);
	strbuf_init(&sb, text, sizeof(text));
	ck_assert_int_eq(probe_answer_print(&sb, sip_object(msg), &r),
			 -EMSGSIZE);
	r.arrived_len = PROBE_MAX;
	ck_assert_int_eq(probe_answer_print(&sb, sip_object(msg), &r), 0);
	msg_destroy(msg);
}
END_TEST

static int read_body(const char *body)
{
	static struct probe_answer a;
	char all[4096];
	msg_t *msg;
	int err;

	snprintf(all, sizeof(all),
		 "SIP/2.0 200 OK\r\n"
		 "Via: SIP/2.0/UDP 203.0.113.1:41000;branch=z9hG4bKx\r\n"
		 "From: <sip:d@203.0.113.1>;tag=a\r\n"
		 "To: <sip:d@203.0.113.3>;tag=b\r\nCall-ID: x@y\r\n"
		 "CSeq: 1 OPTIONS\r\nContent-Type: application/json\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	msg = parsed(all);
	err = probe_answer_parse(&a, sip_object(msg));
	msg_destroy(msg);
	return err;
}

START_TEST(what_is_no_such_answer_is_refused)
{
	static char much[4000];
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"daemon\":\"relayd\",\"clock_ms\":1,\"from\":\"1.2.3.4:5\"}",
		"{\"daemon\":\"relayd\",\"clock_ms\":-1,\"from\":\"1.2.3.4:5\","
		"\"arrived\":\"\"}",
		"{\"daemon\":\"relayd\",\"clock_ms\":1,\"from\":\"nowhere\","
		"\"arrived\":\"\"}",
		"{\"daemon\":\"0123456789abcdef\",\"clock_ms\":1,"
		"\"from\":\"1.2.3.4:5\",\"arrived\":\"\"}",
		"{\"daemon\":\"relayd\",\"clock_ms\":1,\"from\":\"1.2.3.4:5\","
		"\"arrived\":\"abc\"}",
		"{\"daemon\":\"relayd\",\"clock_ms\":1,\"from\":\"1.2.3.4:5\","
		"\"arrived\":\"a?c!\"}",
	};
	static const char good[] =
		"{\"daemon\":\"relayd\",\"clock_ms\":1,\"from\":\"1.2.3.4:5\","
		"\"arrived\":\"YQ==\"}";

	ck_assert_int_eq(read_body(good), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(read_body(bad[i]) == -EBADMSG, "%s", bad[i]);
	snprintf(much, sizeof(much),
		 "{\"daemon\":\"relayd\",\"clock_ms\":1,\"from\":\"1.2.3.4:5\","
		 "\"arrived\":\"%0*d\"}",
		 2000, 0);
	ck_assert_int_eq(read_body(much), -EBADMSG);
}
END_TEST

static bool changed(struct probe_change *c, const char *sent,
		    const char *arrived)
{
	return probe_changed(c, sent, strlen(sent), arrived, strlen(arrived));
}

START_TEST(the_first_line_that_was_changed_is_named)
{
	static const char sent[] = "A: 1\r\nContact: <sip:d@10.0.0.1>\r\n\r\nx";
	struct probe_change c;

	ck_assert(!changed(&c, sent, sent));
	ck_assert(changed(&c, sent,
			  "A: 1\r\nContact: <sip:d@192.0.2.1>\r\n\r\nx"));
	ck_assert_str_eq(c.sent, "Contact: <sip:d@10.0.0.1>");
	ck_assert_str_eq(c.arrived, "Contact: <sip:d@192.0.2.1>");
	ck_assert(changed(&c, sent, "A: 1\r\n"));
	ck_assert_str_eq(c.sent, "Contact: <sip:d@10.0.0.1>");
	ck_assert_str_eq(c.arrived, "");
	ck_assert(changed(&c, sent, ""));
	ck_assert_str_eq(c.sent, "A: 1");
	ck_assert(changed(&c, "", sent));
	ck_assert_str_eq(c.arrived, "A: 1");
	/* the line ends alone are other ones */
	ck_assert(changed(&c, "A: 1\r\nB: 2\r\n", "A: 1\nB: 2\n"));
}
END_TEST

START_TEST(a_long_line_is_cut)
{
	char sent[300], arrived[300];
	struct probe_change c;

	memset(sent, 'a', sizeof(sent));
	memset(arrived, 'b', sizeof(arrived));
	ck_assert(probe_changed(&c, sent, sizeof(sent), arrived,
				sizeof(arrived)));
	ck_assert_uint_eq(strlen(c.sent), PROBE_LINE_LEN - 1);
	ck_assert_uint_eq(strlen(c.arrived), PROBE_LINE_LEN - 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proto_probe");
	TCase *t = tcase_create("probe");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, it_is_asked_as_the_example_shows);
	tcase_add_test(t, it_is_answered_as_the_example_shows);
	tcase_add_test(t, it_is_known_by_its_user_and_its_one_via);
	tcase_add_test(t, more_than_a_datagram_is_not_sent_back);
	tcase_add_test(t, what_is_no_such_answer_is_refused);
	tcase_add_test(t, the_first_line_that_was_changed_is_named);
	tcase_add_test(t, a_long_line_is_cut);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
