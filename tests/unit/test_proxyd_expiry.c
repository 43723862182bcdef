#include "proxyd/expiry.h"
#include "tests/unit/sip_text.h"

/* RFC 4028 8.1: what becomes of an INVITE; 8.2: of its 2xx. */
#define REQUEST(more)                                                          \
	"INVITE sip:bob@example.com SIP/2.0\r\n"                               \
	"Via: SIP/2.0/UDP 10.0.0.16:5062;branch=z9hG4bK1\r\n"                  \
	"From: <sip:a@b>;tag=a1\r\nTo: <sip:b@b>\r\n"                          \
	"Call-ID: c1\r\nCSeq: 7 INVITE\r\n" more "\r\n"
#define ANSWER(more)                                                           \
	"SIP/2.0 200 OK\r\n"                                                   \
	"Via: SIP/2.0/UDP 10.0.0.16:5062;branch=z9hG4bK1\r\n"                  \
	"From: <sip:a@b>;tag=a1\r\nTo: <sip:b@b>;tag=b1\r\n"                   \
	"Call-ID: c1\r\nCSeq: 7 INVITE\r\n" more "\r\n"
#define TIMER "Supported: 100rel, timer\r\n"

static const struct expiry_policy never = {0, 90}, asks = {1800, 90};

static const struct {
	const char *request;
	const struct expiry_policy *policy;
	int err;
	const char *written; /* NULL: as it came */
} requests[] = {
	{REQUEST(""), &asks, 0, NULL},
	{REQUEST("Supported: 100rel\r\n"), &asks, 0, NULL},
	{REQUEST(TIMER), &never, 0, NULL},
	{REQUEST(TIMER), &asks, 0, "\r\nSession-Expires: 1800\r\n"},
	{REQUEST("k: timer\r\n"), &asks, 0, "\r\nSession-Expires: 1800\r\n"},
	/* never below anybody's minimum */
	{REQUEST(TIMER "Min-SE: 3600\r\n"), &asks, 0,
	 "\r\nSession-Expires: 3600\r\n"},
	{REQUEST(TIMER "Min-SE: 60\r\n"), &asks, 0,
	 "\r\nSession-Expires: 1800\r\n"},
	{REQUEST(TIMER), &(const struct expiry_policy){60, 1}, 0,
	 "\r\nSession-Expires: 90\r\n"},
	{REQUEST(TIMER), &(const struct expiry_policy){300, 600}, 0,
	 "\r\nSession-Expires: 600\r\n"},
	/* one that is there stays, unless it is too small for us */
	{REQUEST(TIMER "Session-Expires: 90;refresher=uac\r\n"), &asks, 0,
	 NULL},
	{REQUEST(TIMER "x: 4000\r\n"), &asks, 0, NULL},
	{REQUEST(TIMER "Session-Expires: 89\r\n"), &never, -ERANGE, NULL},
	{REQUEST(TIMER "x: 0\r\n"), &asks, -ERANGE, NULL},
	/* a 422 would say nothing to this caller */
	{REQUEST("Session-Expires: 10\r\n"), &asks, 0, NULL},
};

START_TEST(request)
{
	msg_t *msg = parsed(requests[_i].request);
	const char *written = requests[_i].written;

	ck_assert_int_eq(expiry_request(msg, requests[_i].policy),
			 requests[_i].err);
	if (written)
		ck_assert_ptr_nonnull(strstr(printed(msg), written));
	else
		ck_assert_ptr_null(
			strstr(strstr(printed(msg), "CSeq"), "1800"));
	msg_destroy(msg);
}
END_TEST

static const struct {
	const char *request, *answer;
	const struct expiry_policy *policy;
	uint32_t seconds;
	bool written;
} answers[] = {
	{REQUEST(TIMER), ANSWER(""), &never, 0, false},
	{REQUEST(TIMER), ANSWER("Session-Expires: 600;refresher=uas\r\n"),
	 &never, 600, false},
	/* who asked, and whether, does not matter then */
	{REQUEST(""), ANSWER("x: 120\r\n"), &asks, 120, false},
	{REQUEST(TIMER), ANSWER("Session-Expires: 4294967295\r\n"), &never,
	 7 * 24 * 3600, false},
	{REQUEST(TIMER), ANSWER("Session-Expires: soon\r\n"), &never, 0, false},
	/* nobody at the far end will refresh */
	{REQUEST(TIMER "Session-Expires: 1800\r\n"), ANSWER(""), &asks, 1800,
	 true},
	{REQUEST(TIMER "Session-Expires: 1800\r\n"),
	 ANSWER("Require: 100rel\r\n"), &asks, 1800, true},
	{REQUEST(TIMER "Session-Expires: 1800\r\n"), ANSWER(""), &never, 0,
	 false},
	{REQUEST("Session-Expires: 1800\r\n"), ANSWER(""), &asks, 0, false},
	{REQUEST(TIMER), ANSWER(""), &asks, 0, false},
};

START_TEST(answer)
{
	msg_t *req = parsed(answers[_i].request);
	msg_t *msg = parsed(answers[_i].answer);
	const sip_t *sip = sip_object(msg);
	uint32_t seconds = 77;

	ck_assert_int_eq(expiry_answer(&seconds, msg, sip_object(req),
				       answers[_i].policy),
			 0);
	ck_assert_uint_eq(seconds, answers[_i].seconds);
	ck_assert_int_eq(strstr(printed(msg), "1800;refresher=uac") != NULL,
			 answers[_i].written);
	ck_assert_int_eq(sip->sip_require &&
				 sip_has_feature(sip->sip_require, "timer"),
			 answers[_i].written);
	if (strstr(answers[_i].answer, "100rel"))
		ck_assert_ptr_nonnull(strstr(printed(msg), "100rel"));
	ck_assert_int_eq(strstr(printed(msg), "timer") != NULL,
			 answers[_i].written);
	msg_destroy(req);
	msg_destroy(msg);
}
END_TEST

/* Longer than either phone may wait with its BYE (RFC 4028 section 10). */
START_TEST(the_end_is_after_that_of_the_phones)
{
	ck_assert_uint_eq(expiry_ends(1000, 1800), 1000 + 1800000 + 32000);
	ck_assert_uint_eq(expiry_ends(0, 90), 90000 + 30000);
	ck_assert_uint_eq(expiry_ends(5, 0), 5);
}
END_TEST

START_TEST(the_line_of_a_422)
{
	char line[EXPIRY_LINE];

	expiry_min_line(line, &asks);
	ck_assert_str_eq(line, "Min-SE: 90\r\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd_expiry");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, request, 0,
			    sizeof(requests) / sizeof(requests[0]));
	tcase_add_loop_test(tc, answer, 0,
			    sizeof(answers) / sizeof(answers[0]));
	tcase_add_test(tc, the_end_is_after_that_of_the_phones);
	tcase_add_test(tc, the_line_of_a_422);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
