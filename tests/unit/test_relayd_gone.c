#include "common/deadlines.h"
#include "relayd/gone.h"
#include "tests/unit/sip_text.h"

enum { MAX = 2, TIMER_F = 32000 };

static struct deadlines *deadlines;
static struct gone *gone;
static struct addr proxy, self;
static struct {
	unsigned n;
	struct addr to;
	char text[4096];
} sent;
static struct {
	unsigned n;
	int status;
	char call_id[64];
} answered;

static void on_send(const struct gone_call *call, const char *data, size_t len,
		    void *arg)
{
	(void)arg;
	sent.n++;
	sent.to = *call->proxy;
	ck_assert_uint_lt(len, sizeof(sent.text));
	memcpy(sent.text, data, len);
	sent.text[len] = '\0';
}

static void on_answered(const char *call_id, int status, void *arg)
{
	(void)arg;
	answered.n++;
	answered.status = status;
	snprintf(answered.call_id, sizeof(answered.call_id), "%s", call_id);
}

static void setup(void)
{
	memset(&sent, 0, sizeof(sent));
	memset(&answered, 0, sizeof(answered));
	proxy = address("203.0.113.1:5060");
	self = address("203.0.113.4:5060");
	ck_assert_int_eq(deadlines_alloc(&deadlines), 0);
	ck_assert_int_eq(gone_alloc(&gone,
				    &(struct gone_config){
					    .deadlines = deadlines,
					    .max = MAX,
					    .send = on_send,
					    .answered = on_answered,
				    }),
			 0);
}

static void teardown(void)
{
	gone_free(gone);
	ck_assert_uint_eq(deadlines_count(deadlines), 0);
	deadlines_free(deadlines);
}

static int tell(const char *call_id)
{
	return gone_tell(gone,
			 &(struct gone_call){
				 .call_id = call_id,
				 .from = "<sip:first@example.com>;tag=f1",
				 .to = "<sip:third@example.com>",
				 .cseq = 7,
				 .proxy = &proxy,
				 .self = &self,
			 },
			 "no media for 60 s", 0);
}

/* The proxy's answer to what was last sent. */
static bool answer(int status, const char *branch, const char *src)
{
	msg_t *req = parsed(sent.text), *rsp;
	const sip_t *sip = sip_object(req);
	struct addr from = address(src);
	char text[2048];
	bool taken;

	snprintf(text, sizeof(text),
		 "SIP/2.0 %d X\r\n"
		 "Via: SIP/2.0/UDP 203.0.113.4:5060;branch=%s\r\n"
		 "From: <sip:first@example.com>;tag=f1\r\n"
		 "To: <sip:third@example.com>;tag=x\r\n"
		 "Call-ID: %s\r\nCSeq: 7 BYE\r\n\r\n",
		 status, branch ? branch : sip->sip_via->v_branch,
		 sip->sip_call_id->i_id);
	rsp = parsed(text);
	taken = gone_response(gone, sip_object(rsp), &from);
	msg_destroy(req);
	msg_destroy(rsp);
	return taken;
}

START_TEST(the_proxy_is_told_and_its_answer_ends_it)
{
	ck_assert_int_eq(tell("c1"), 0);
	ck_assert_uint_eq(sent.n, 1);
	assert_addr(&sent.to, "203.0.113.1:5060");
	ck_assert_ptr_nonnull(strstr(sent.text, "BYE sip:relay@203.0.113.1:5060"
						" SIP/2.0\r\n"));
	ck_assert_ptr_nonnull(strstr(sent.text, "Reason: SIP;cause=408;"
						"text=\"no media for 60 s\""));
	ck_assert_ptr_nonnull(strstr(sent.text, "CSeq: 7 BYE\r\n"));
	ck_assert(answer(100, NULL, "203.0.113.1:5060"));
	ck_assert_uint_eq(answered.n, 0);
	ck_assert(answer(200, NULL, "203.0.113.1:5060"));
	ck_assert_uint_eq(answered.n, 1);
	ck_assert_int_eq(answered.status, 200);
	ck_assert_str_eq(answered.call_id, "c1");
	ck_assert_uint_eq(gone_count(gone), 0);
	ck_assert(!answer(200, NULL, "203.0.113.1:5060"));
	deadlines_run(deadlines, TIMER_F);
	ck_assert_uint_eq(sent.n, 1);
}
END_TEST

START_TEST(it_is_repeated_like_timer_e_and_given_up_like_timer_f)
{
	static const unsigned at[] = {500,   1500,  3500,  7500,  11500,
				      15500, 19500, 23500, 27500, 31500};
	unsigned before;

	ck_assert_int_eq(tell("c1"), 0);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		before = sent.n;
		deadlines_run(deadlines, at[i] - 1);
		ck_assert_uint_eq(sent.n, before);
		deadlines_run(deadlines, at[i]);
		ck_assert_uint_eq(sent.n, before + 1);
	}
	before = sent.n;
	deadlines_run(deadlines, TIMER_F - 1);
	ck_assert_uint_eq(answered.n, 0);
	deadlines_run(deadlines, TIMER_F);
	ck_assert_uint_eq(sent.n, before);
	ck_assert_uint_eq(answered.n, 1);
	ck_assert_int_eq(answered.status, 0);
	ck_assert_uint_eq(gone_count(gone), 0);
}
END_TEST

START_TEST(only_the_answer_of_the_proxy_counts)
{
	ck_assert_int_eq(tell("c1"), 0);
	ck_assert(!answer(481, NULL, "203.0.113.66:5060"));
	ck_assert(!answer(481, NULL, "203.0.113.1:5061"));
	ck_assert(!answer(481, "z9hG4bKguess", "203.0.113.1:5060"));
	ck_assert_uint_eq(answered.n, 0);
	ck_assert(answer(481, NULL, "203.0.113.1:5060"));
	ck_assert_int_eq(answered.status, 481);
}
END_TEST

START_TEST(notices_are_bounded_and_one_a_call)
{
	ck_assert_int_eq(tell("c1"), 0);
	ck_assert_int_eq(tell("c1"), -EALREADY);
	ck_assert_int_eq(tell("c2"), 0);
	ck_assert_int_eq(tell("c3"), -ENOSPC);
	ck_assert_uint_eq(sent.n, MAX);
	gone_cancel(gone, "c1");
	gone_cancel(gone, "nobody");
	ck_assert_uint_eq(gone_count(gone), 1);
	ck_assert_int_eq(tell("c3"), 0);
	ck_assert_uint_eq(answered.n, 0);
}
END_TEST

START_TEST(what_would_break_the_message_is_not_sent)
{
	ck_assert_int_eq(tell("c 1"), -EINVAL);
	ck_assert_uint_eq(sent.n, 0);
	ck_assert_uint_eq(gone_count(gone), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_gone");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_proxy_is_told_and_its_answer_ends_it);
	tcase_add_test(tc,
		       it_is_repeated_like_timer_e_and_given_up_like_timer_f);
	tcase_add_test(tc, only_the_answer_of_the_proxy_counts);
	tcase_add_test(tc, notices_are_bounded_and_one_a_call);
	tcase_add_test(tc, what_would_break_the_message_is_not_sent);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
