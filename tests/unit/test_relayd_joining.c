#include "common/log.h"
#include "proto/pool.h"
#include "relayd/joining.h"
#include "tests/unit/sip_text.h"

#define REDIRECT_1 "203.0.113.3:5060"
#define REDIRECT_2 "203.0.113.33:5060"

enum { ROOM = 4000, EXPIRES = 30 };

static struct joining *joining;
static struct {
	unsigned n;
	char text[2048];
} sent[2]; /* to either */

static unsigned index_of(const struct addr *dst)
{
	struct addr second = address(REDIRECT_2);

	return addr_eq(dst, &second);
}

static void on_send(const struct addr *dst, const char *data, size_t len,
		    void *arg)
{
	unsigned i = index_of(dst);

	(void)arg;
	sent[i].n++;
	ck_assert_uint_lt(len, sizeof(sent[i].text));
	memcpy(sent[i].text, data, len);
	sent[i].text[len] = '\0';
}

static void setup(void)
{
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	memset(&sent, 0, sizeof(sent));
	ck_assert_int_eq(
		joining_alloc(&joining,
			      &(struct joining_config){
				      .redirect = {address(REDIRECT_1),
						   address(REDIRECT_2)},
				      .n = 2,
				      .self = address("203.0.113.4:5060"),
				      .cluster = "pinhole",
				      .expires = EXPIRES,
				      .send = on_send,
			      }),
		0);
}

static void teardown(void)
{
	joining_free(joining);
}

/* What a redirectd answers to what it was last sent. */
static bool answer(unsigned i, int status, unsigned granted, uint64_t now)
{
	msg_t *req = parsed(sent[i].text);
	const char *from = i ? REDIRECT_2 : REDIRECT_1;
	struct addr src = address(from);
	struct pool_join j;
	char text[2048];
	struct strbuf sb;
	bool taken;

	strbuf_init(&sb, text, sizeof(text));
	ck_assert_int_eq(pool_join_parse(&j, sip_object(req)), 0);
	j.expires = granted;
	if (status == 200)
		ck_assert_int_eq(
			pool_join_answer_print(&sb, sip_object(req), &j), 0);
	else
		ck_assert_int_eq(
			sipmsg_reply(&sb, sip_object(req),
				     &(struct sipmsg_reply){.status = status,
							    .to_tag = "x"}),
			0);
	msg_destroy(req);
	taken = joining_datagram(joining, &src, text, sb.len, now);
	return taken;
}

static unsigned cseq(unsigned i)
{
	const char *at = strstr(sent[i].text, "CSeq: ");

	return at ? (unsigned)strtoul(at + 6, NULL, 10) : 0;
}

START_TEST(every_directory_is_told_and_told_again_in_time)
{
	joining_run(joining, 1000, ROOM);
	ck_assert_uint_eq(sent[0].n, 1);
	ck_assert_uint_eq(sent[1].n, 1);
	ck_assert_ptr_nonnull(
		strstr(sent[0].text, "REGISTER sip:pinhole SIP/2.0\r\n"));
	ck_assert_ptr_nonnull(strstr(sent[0].text,
				     "Contact: <sip:relay@203.0.113.4:5060>"
				     ";q=0.400;expires=30\r\n"));
	ck_assert(answer(0, 200, EXPIRES, 1000));
	ck_assert(answer(1, 200, 12, 1000));
	ck_assert_uint_eq(joining_count(joining, 1000), 2);
	ck_assert_uint_eq(joining_count(joining, 13000), 1);
	joining_run(joining, 4999, ROOM);
	ck_assert_uint_eq(sent[1].n, 1);
	joining_run(joining, 5000, ROOM / 2);
	ck_assert_uint_eq(sent[1].n, 2);
	ck_assert_ptr_nonnull(strstr(sent[1].text, ";q=0.200;"));
	ck_assert_uint_eq(sent[0].n, 1);
	joining_run(joining, 11000, ROOM);
	ck_assert_uint_eq(sent[0].n, 2);
	ck_assert_uint_gt(cseq(0), cseq(1));
}
END_TEST

START_TEST(what_is_lost_is_repeated_and_begun_anew)
{
	static const unsigned at[] = {500, 1500, 3500, 7500};
	char first[2048];

	joining_run(joining, 0, ROOM);
	memcpy(first, sent[0].text, sizeof(first));
	for (unsigned i = 0; i < 4; i++) {
		joining_run(joining, at[i] - 1, ROOM);
		ck_assert_uint_eq(sent[0].n, i + 1);
		joining_run(joining, at[i], ROOM);
		ck_assert_uint_eq(sent[0].n, i + 2);
		ck_assert_str_eq(sent[0].text, first);
	}
	joining_run(joining, 8000, ROOM);
	ck_assert_uint_eq(sent[0].n, 6);
	ck_assert_str_ne(sent[0].text, first);
	ck_assert(answer(0, 200, EXPIRES, 8100));
	joining_run(joining, 9000, ROOM);
	ck_assert_uint_eq(sent[0].n, 6);
	ck_assert_uint_eq(joining_count(joining, 9000), 1);
}
END_TEST

START_TEST(a_refusal_is_no_membership)
{
	joining_run(joining, 0, ROOM);
	ck_assert(answer(0, 200, EXPIRES, 0));
	joining_run(joining, 10000, ROOM);
	ck_assert(answer(0, 403, 0, 10000));
	ck_assert_uint_eq(joining_count(joining, 10000), 0);
	joining_run(joining, 19999, ROOM);
	ck_assert_uint_eq(sent[0].n, 2);
	joining_run(joining, 20000, ROOM);
	ck_assert_uint_eq(sent[0].n, 3);
}
END_TEST

START_TEST(only_the_answers_to_its_own_questions_are_taken)
{
	static const char other[] =
		"SIP/2.0 200 OK\r\n"
		"Via: SIP/2.0/UDP 203.0.113.4;branch=z9hG4bK1\r\n"
		"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
		"Call-ID: call\r\nCSeq: 1 INVITE\r\n\r\n";
	struct addr mallory = address("203.0.113.66:5060");
	msg_t *req;
	struct pool_join j;
	struct strbuf sb;
	char text[2048];

	joining_run(joining, 0, ROOM);
	ck_assert(
		!joining_datagram(joining, &mallory, other, strlen(other), 0));
	ck_assert(!joining_datagram(joining, &mallory, sent[0].text,
				    strlen(sent[0].text), 0));
	ck_assert(!joining_datagram(joining, &mallory, "", 0, 0));
	ck_assert(!joining_datagram(NULL, &mallory, other, strlen(other), 0));
	strbuf_init(&sb, text, sizeof(text));
	req = parsed(sent[0].text);
	ck_assert_int_eq(pool_join_parse(&j, sip_object(req)), 0);
	ck_assert_int_eq(pool_join_answer_print(&sb, sip_object(req), &j), 0);
	msg_destroy(req);
	ck_assert(joining_datagram(joining, &mallory, text, sb.len, 0));
	ck_assert_uint_eq(joining_count(joining, 0), 0);
}
END_TEST

START_TEST(leaving_is_said_until_it_is_heard)
{
	joining_run(joining, 0, ROOM);
	ck_assert(answer(0, 200, EXPIRES, 0));
	ck_assert(answer(1, 200, EXPIRES, 0));
	joining_leave(joining, 1000);
	ck_assert_ptr_nonnull(strstr(sent[0].text, ";expires=0\r\n"));
	ck_assert_uint_eq(sent[0].n, 2);
	ck_assert(answer(0, 200, 0, 1000));
	joining_run(joining, 1500, ROOM);
	ck_assert_uint_eq(sent[0].n, 2);
	ck_assert_uint_eq(sent[1].n, 3);
	joining_leave(joining, 1600);
	for (uint64_t now = 1600; now < 100000; now += 250)
		joining_run(joining, now, ROOM);
	ck_assert_uint_eq(sent[0].n, 2);
	ck_assert_ptr_nonnull(strstr(sent[1].text, ";expires=0\r\n"));
	ck_assert_uint_lt(sent[1].n, 8);
	ck_assert_uint_eq(joining_count(joining, 1600), 1);
}
END_TEST

/* Undrained: it registers at once, as a later word than that it left. */
START_TEST(it_may_come_back)
{
	unsigned left;

	joining_run(joining, 1000, ROOM);
	ck_assert(answer(0, 200, EXPIRES, 1000));
	ck_assert(answer(1, 200, EXPIRES, 1000));
	joining_leave(joining, 2000);
	ck_assert_ptr_nonnull(strstr(sent[0].text, ";expires=0\r\n"));
	ck_assert_uint_eq(sent[0].n, 2);
	left = cseq(0);
	ck_assert(answer(1, 200, 0, 2000));
	joining_return(joining, 3000);
	joining_run(joining, 3000, ROOM);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(sent[i].n, 3);
		ck_assert_ptr_nonnull(strstr(sent[i].text, ";expires=30\r\n"));
		ck_assert_uint_gt(cseq(i), left);
		ck_assert(answer(i, 200, EXPIRES, 3000));
	}
	ck_assert_uint_eq(joining_count(joining, 3000), 2);
	joining_return(joining, 4000); /* it is there */
	joining_run(joining, 4000, ROOM);
	ck_assert_uint_eq(sent[0].n, 3);
}
END_TEST

START_TEST(it_may_stay_out_from_the_beginning)
{
	joining_stay_out(joining);
	joining_run(joining, 1000, ROOM);
	joining_leave(joining, 2000);
	joining_run(joining, 100000, ROOM);
	ck_assert_uint_eq(sent[0].n + sent[1].n, 0);
	joining_return(joining, 200000);
	joining_run(joining, 200000, ROOM);
	ck_assert_uint_eq(sent[0].n, 1);
	ck_assert_uint_eq(sent[1].n, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_joining");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_directory_is_told_and_told_again_in_time);
	tcase_add_test(tc, what_is_lost_is_repeated_and_begun_anew);
	tcase_add_test(tc, a_refusal_is_no_membership);
	tcase_add_test(tc, only_the_answers_to_its_own_questions_are_taken);
	tcase_add_test(tc, leaving_is_said_until_it_is_heard);
	tcase_add_test(tc, it_may_come_back);
	tcase_add_test(tc, it_may_stay_out_from_the_beginning);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
