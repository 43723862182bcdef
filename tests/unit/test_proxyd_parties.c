#include "proto/record.h"
#include "proxyd/parties.h"
#include "tests/unit/sip_text.h"

/* The first proxy of a call: the caller is behind its NAT, the callee served by
 * 203.0.113.2, beyond which is one more. */
#define US    "203.0.113.1:5060"
#define RR_US "Record-Route: <sip:203.0.113.1;lr;ph-side=a>\r\n"
#define RR_P2 "Record-Route: <sip:203.0.113.2;lr;ph-side=b>\r\n"
#define RR_P3 "Record-Route: <sip:203.0.113.3:5070;lr>\r\n"
#define CALLER                                                                 \
	"Contact: <sip:alice@198.51.100.28:40000;ph-own=10.0.0.16:5062>\r\n"
#define CALLEE "Contact: <sip:bob@198.51.100.30:41000;ph-own=10.0.0.16>\r\n"
#define MESSAGE(start, cseq, to, more)                                         \
	start "Via: SIP/2.0/UDP 10.0.0.16:5062;branch=z9hG4bK1\r\n"            \
	      "From: <sip:alice@example.com>;tag=a1\r\nTo: <sip:bob@"          \
	      "example.com>" to "\r\nCall-ID: c1\r\nCSeq: " cseq "\r\n" more   \
	      "\r\n"
#define INVITE(more)                                                           \
	MESSAGE("INVITE sip:bob@203.0.113.2 SIP/2.0\r\n", "7 INVITE", "", more)
#define OK(more) MESSAGE("SIP/2.0 200 OK\r\n", "7 INVITE", ";tag=b1", more)

static struct channel self;
static struct parties *parties;
static char text[4096];
static struct channel dst;

static void setup(void)
{
	self = channel_udp(&(struct addr){0});
	self.addr = address(US);
	parties = NULL;
}

static void teardown(void)
{
	parties_free(parties);
}

static bool is_ours(const url_t *url, const void *arg)
{
	struct addr a;

	return !sipmsg_url_addr(&a, url) && addr_eq(&a, arg);
}

static int make(const char *invite, const char *ok)
{
	msg_t *req = parsed(invite), *answer = parsed(ok);
	int err = parties_alloc(&parties, sip_object(req), sip_object(answer),
				is_ours, &self.addr);

	msg_destroy(req);
	msg_destroy(answer);
	return err;
}

static int bye(enum party to)
{
	const struct parties_bye b = {&self, "z9hG4bKbye",
				      "SIP;cause=408;text=\"x\""};
	struct strbuf sb;
	int err;

	strbuf_init(&sb, text, sizeof(text));
	err = parties_way(&dst, parties, to);
	return err ? err : parties_bye(&sb, parties, to, &b);
}

START_TEST(each_is_told_in_the_others_name)
{
	ck_assert_int_eq(
		make(INVITE(RR_US CALLER), OK(RR_P3 RR_P2 RR_US CALLEE)), 0);
	ck_assert_int_eq(bye(PARTY_CALLER), 0);
	ck_assert_str_eq(
		text, "BYE sip:alice@10.0.0.16:5062 SIP/2.0\r\n"
		      "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKbye\r\n"
		      "Max-Forwards: 70\r\n"
		      "From: <sip:bob@example.com>;tag=b1\r\n"
		      "To: <sip:alice@example.com>;tag=a1\r\n"
		      "Call-ID: c1\r\n"
		      "CSeq: 1 BYE\r\n"
		      "Reason: SIP;cause=408;text=\"x\"\r\n"
		      "Content-Length: 0\r\n\r\n");
	assert_addr(&dst.addr, "198.51.100.28:40000");
	ck_assert_int_eq(bye(PARTY_CALLEE), 0);
	ck_assert_str_eq(
		text, "BYE sip:bob@198.51.100.30:41000;ph-own=10.0.0.16 "
		      "SIP/2.0\r\n"
		      "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKbye\r\n"
		      "Max-Forwards: 70\r\n"
		      "Route: <sip:203.0.113.2;lr;ph-side=b>\r\n"
		      "Route: <sip:203.0.113.3:5070;lr>\r\n"
		      "From: <sip:alice@example.com>;tag=a1\r\n"
		      "To: <sip:bob@example.com>;tag=b1\r\n"
		      "Call-ID: c1\r\n"
		      "CSeq: 8 BYE\r\n"
		      "Reason: SIP;cause=408;text=\"x\"\r\n"
		      "Content-Length: 0\r\n\r\n");
	assert_addr(&dst.addr, "203.0.113.2:5060");
}
END_TEST

/* As the caller would, whose INVITE it was, by the route of the answer. */
START_TEST(an_answer_is_acknowledged)
{
	const struct parties_bye by = {&self, "z9hG4bKack", NULL};
	struct strbuf sb;

	ck_assert_int_eq(make(INVITE(RR_US CALLER), OK(RR_P2 RR_US CALLEE)), 0);
	strbuf_init(&sb, text, sizeof(text));
	ck_assert_int_eq(parties_ack(&sb, parties, PARTY_CALLEE, &by, 7), 0);
	ck_assert_str_eq(
		text, "ACK sip:bob@198.51.100.30:41000;ph-own=10.0.0.16 "
		      "SIP/2.0\r\n"
		      "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKack\r\n"
		      "Max-Forwards: 70\r\n"
		      "Route: <sip:203.0.113.2;lr;ph-side=b>\r\n"
		      "From: <sip:alice@example.com>;tag=a1\r\n"
		      "To: <sip:bob@example.com>;tag=b1\r\n"
		      "Call-ID: c1\r\n"
		      "CSeq: 7 ACK\r\n"
		      "Content-Length: 0\r\n\r\n");
	ck_assert_int_eq(bye(PARTY_CALLEE), 0);
	ck_assert_ptr_nonnull(strstr(text, "\r\nCSeq: 8 BYE\r\n"));
	strbuf_init(&sb, text, 40);
	ck_assert_int_eq(parties_ack(&sb, parties, PARTY_CALLEE, &by, 7),
			 -EMSGSIZE);
}
END_TEST

START_TEST(the_caller_may_be_behind_other_proxies)
{
	ck_assert_int_eq(make(INVITE(RR_US RR_P2 RR_P3 CALLER),
			      OK(RR_US RR_P2 RR_P3 CALLEE)),
			 0);
	ck_assert_int_eq(bye(PARTY_CALLER), 0);
	ck_assert_ptr_nonnull(strstr(text, "Route: <sip:203.0.113.2;lr;"
					   "ph-side=b>\r\n"
					   "Route: <sip:203.0.113.3:5070;"
					   "lr>\r\n"));
	/* the next proxy restores the phone's own address, not this one */
	ck_assert_ptr_nonnull(strstr(text, "BYE sip:alice@198.51.100.28:40000;"
					   "ph-own=10.0.0.16:5062 SIP/2.0"));
	assert_addr(&dst.addr, "203.0.113.2:5060");
	ck_assert_int_eq(bye(PARTY_CALLEE), 0);
	ck_assert_ptr_null(strstr(text, "Route:"));
	ck_assert_ptr_nonnull(strstr(text, "BYE sip:bob@10.0.0.16 SIP/2.0"));
	assert_addr(&dst.addr, "198.51.100.30:41000");
}
END_TEST

/* Where a name leads has been found out when the call was made. */
START_TEST(names_lead_to_where_the_parties_were)
{
	struct channel at = channel_udp(&(struct addr){0});

	ck_assert_int_eq(
		make(INVITE(RR_US "Contact: <sip:a@phone.example>\r\n"),
		     OK("Record-Route: <sip:edge.example;lr>\r\n" RR_US
			"Contact: <sip:b@phone.example>\r\n")),
		0);
	ck_assert_int_eq(bye(PARTY_CALLER), -ENOENT);
	at.addr = address("203.0.113.9:5070");
	parties_reached(parties, PARTY_CALLER, &at);
	at.addr = address("203.0.113.10:5060");
	parties_reached(parties, PARTY_CALLER, &at); /* known by now */
	parties_reached(parties, PARTY_CALLEE, &at);
	ck_assert_int_eq(bye(PARTY_CALLER), 0);
	assert_addr(&dst.addr, "203.0.113.9:5070");
	ck_assert_int_eq(bye(PARTY_CALLEE), 0);
	assert_addr(&dst.addr, "203.0.113.10:5060");
	ck_assert_ptr_nonnull(strstr(text, "Route: <sip:edge.example;lr>\r\n"));
}
END_TEST

START_TEST(the_numbers_follow_what_was_heard)
{
	ck_assert_int_eq(make(INVITE(RR_US CALLER), OK(RR_US CALLEE)), 0);
	parties_heard(parties, PARTY_CALLER, 12);
	parties_heard(parties, PARTY_CALLER, 9);
	parties_heard(parties, PARTY_CALLEE, 4000);
	parties_heard(parties, PARTY_CALLEE, UINT32_MAX);
	ck_assert_int_eq(bye(PARTY_CALLEE), 0);
	ck_assert_ptr_nonnull(strstr(text, "CSeq: 13 BYE"));
	ck_assert_int_eq(bye(PARTY_CALLER), 0);
	ck_assert_ptr_nonnull(strstr(text, "CSeq: 4001 BYE"));
	ck_assert(parties_has_tag(parties, PARTY_CALLER, "a1"));
	ck_assert(parties_has_tag(parties, PARTY_CALLEE, "b1"));
	ck_assert(!parties_has_tag(parties, PARTY_CALLER, "b1"));
	ck_assert(!parties_has_tag(parties, PARTY_CALLER, NULL));
}
END_TEST

static void moved(enum party whose, const char *url)
{
	char buf[256];
	url_t u;

	snprintf(buf, sizeof(buf), "%s", url);
	ck_assert_int_eq(url_d(&u, buf), 0);
	parties_moved(parties, whose, &u);
}

START_TEST(the_targets_follow_what_was_agreed_upon)
{
	ck_assert_int_eq(make(INVITE(RR_US CALLER), OK(RR_P2 RR_US CALLEE)), 0);
	moved(PARTY_CALLER, "sip:a@198.51.100.29:5;ph-own=10.1.1.1:9");
	moved(PARTY_CALLEE, "sip:b@203.0.113.77");
	ck_assert_int_eq(bye(PARTY_CALLER), 0);
	ck_assert_ptr_nonnull(strstr(text, "BYE sip:a@10.1.1.1:9 SIP/2.0"));
	assert_addr(&dst.addr, "198.51.100.29:5");
	ck_assert_int_eq(bye(PARTY_CALLEE), 0);
	ck_assert_ptr_nonnull(strstr(text, "BYE sip:b@203.0.113.77 SIP/2.0"));
	assert_addr(&dst.addr, "203.0.113.2:5060");
	/* a target that is none leaves the one before, a name the place */
	moved(PARTY_CALLER, "tel:+15550100");
	ck_assert_int_eq(bye(PARTY_CALLER), 0);
	ck_assert_ptr_nonnull(strstr(text, "BYE sip:a@10.1.1.1:9 SIP/2.0"));
	moved(PARTY_CALLER, "sip:a@phone.example");
	ck_assert_int_eq(bye(PARTY_CALLER), 0);
	ck_assert_ptr_nonnull(strstr(text, "BYE sip:a@phone.example SIP/2.0"));
	assert_addr(&dst.addr, "198.51.100.29:5");
}
END_TEST

START_TEST(what_cannot_be_used_makes_no_dialog)
{
	ck_assert_int_eq(make(INVITE(RR_US CALLER), INVITE(RR_US CALLEE)),
			 -EBADMSG);
	ck_assert_int_eq(make(INVITE(RR_US "Contact: <tel:+15550100>\r\n"),
			      OK(RR_US CALLEE)),
			 -EINVAL);
	ck_assert_int_eq(
		make(INVITE(RR_US CALLER),
		     OK("Record-Route: <sip:p..example;lr>\r\n" RR_US CALLEE)),
		-EBADMSG);
	/* without a Contact one side is not known, which is no reason not to
	 * end the other */
	ck_assert_int_eq(make(INVITE(RR_US), OK(RR_US CALLEE)), 0);
	ck_assert_int_eq(bye(PARTY_CALLER), -ENOENT);
	ck_assert_int_eq(bye(PARTY_CALLEE), 0);
}
END_TEST

#define REINVITE                                                               \
	"INVITE sip:alice@10.0.0.16:5062 SIP/2.0\r\n"                          \
	"Via: SIP/2.0/UDP 203.0.113.2;branch=z9hG4bK2\r\n"                     \
	"Via: SIP/2.0/UDP 10.0.0.16;branch=z9hG4bK1\r\n"                       \
	"From: <sip:bob@example.com>;tag=b1\r\n"                               \
	"To: <sip:alice@example.com>;tag=a1\r\n"                               \
	"Call-ID: c1\r\nCSeq: 101 INVITE\r\n" CALLEE "\r\n"
#define REOK                                                                   \
	"SIP/2.0 200 OK\r\n"                                                   \
	"Via: SIP/2.0/UDP 203.0.113.2;branch=z9hG4bK2\r\n"                     \
	"From: <sip:bob@example.com>;tag=b1\r\n"                               \
	"To: <sip:alice@example.com>;tag=a1\r\n"                               \
	"Call-ID: c1\r\nCSeq: 101 INVITE\r\n" CALLER "\r\n"

static void make_within(const struct parties_way *back)
{
	msg_t *req = parsed(REINVITE), *answer = parsed(REOK);

	ck_assert_int_eq(parties_alloc_within(&parties, PARTY_CALLEE, back,
					      sip_object(req),
					      sip_object(answer)),
			 0);
	msg_destroy(req);
	msg_destroy(answer);
}

START_TEST(a_call_is_learned_from_the_middle_of_it)
{
	struct parties_way back = {"<sip:203.0.113.2;lr;ph-mac=x>",
				   {.addr = address("203.0.113.2:5060")}};

	make_within(&back);
	ck_assert_int_eq(bye(PARTY_CALLER), 0);
	ck_assert_ptr_nonnull(strstr(text, "CSeq: 102 BYE"));
	ck_assert_ptr_nonnull(
		strstr(text, "From: <sip:bob@example.com>;tag=b1"));
	assert_addr(&dst.addr, "198.51.100.28:40000");
	/* a number that whatever it was before is below */
	ck_assert_int_eq(bye(PARTY_CALLEE), 0);
	ck_assert_ptr_nonnull(strstr(text, "CSeq: 2147483647 BYE"));
	ck_assert_ptr_nonnull(
		strstr(text, "Route: <sip:203.0.113.2;lr;ph-mac=x>\r\n"));
	assert_addr(&dst.addr, "203.0.113.2:5060");
}
END_TEST

START_TEST(from_the_middle_one_side_may_stay_unknown)
{
	make_within(NULL);
	ck_assert_int_eq(bye(PARTY_CALLER), 0);
	ck_assert_int_eq(bye(PARTY_CALLEE), -ENOENT);
	moved(PARTY_CALLEE, "sip:b@203.0.113.77");
	ck_assert_int_eq(bye(PARTY_CALLEE), -ENOENT);
}
END_TEST

static const struct parties_bye plain = {&self, "z9hG4bKx", NULL};

/* With the last number of the other party: its next one is still higher. */
START_TEST(a_question_uses_up_no_number)
{
	struct strbuf sb;

	ck_assert_int_eq(make(INVITE(RR_US CALLER), OK(RR_US CALLEE)), 0);
	for (int i = 0; i < 2; i++) {
		strbuf_init(&sb, text, sizeof(text));
		ck_assert_int_eq(
			parties_options(&sb, parties, PARTY_CALLER, &plain), 0);
		ck_assert_ptr_nonnull(strstr(text, "CSeq: 0 OPTIONS\r\n"));
		strbuf_init(&sb, text, sizeof(text));
		ck_assert_int_eq(
			parties_options(&sb, parties, PARTY_CALLEE, &plain), 0);
		ck_assert_ptr_nonnull(strstr(text, "CSeq: 7 OPTIONS\r\n"));
	}
	ck_assert_int_eq(bye(PARTY_CALLEE), 0);
	ck_assert_ptr_nonnull(strstr(text, "CSeq: 8 BYE\r\n"));
}
END_TEST

/* As another process would: only the numbers are other ones. */
START_TEST(a_record_makes_the_same_call)
{
	struct record r = {.relay = address("203.0.113.4:5060")};
	struct parties *first;

	ck_assert_int_eq(
		make(INVITE(RR_US CALLER), OK(RR_P3 RR_P2 RR_US CALLEE)), 0);
	ck_assert_int_eq(parties_record(&r, parties), 0);
	first = parties;
	ck_assert_int_eq(parties_restore(&parties, &r), 0);
	parties_free(first);
	ck_assert(parties_has_tag(parties, PARTY_CALLER, "a1"));
	ck_assert(parties_has_tag(parties, PARTY_CALLEE, "b1"));
	ck_assert_int_eq(bye(PARTY_CALLEE), 0);
	ck_assert_ptr_nonnull(strstr(text, "Route: <sip:203.0.113.2;lr;ph-side"
					   "=b>\r\nRoute: <sip:203.0.113.3:"
					   "5070;lr>\r\nFrom: <sip:alice@"));
	ck_assert_ptr_nonnull(strstr(text, "CSeq: 100008 BYE\r\n"));
	ck_assert_int_eq(bye(PARTY_CALLER), 0);
	ck_assert_ptr_nonnull(strstr(text, "BYE sip:alice@10.0.0.16:5062"));
	assert_addr(&dst.addr, "198.51.100.28:40000");
}
END_TEST

START_TEST(a_number_never_leaves_its_range)
{
	struct record r = {.relay = address("203.0.113.4:5060")};
	struct parties *first;

	make_within(NULL);
	ck_assert_int_eq(parties_record(&r, parties), -ENOENT);
	parties_free(parties);
	ck_assert_int_eq(make(INVITE(RR_US CALLER), OK(RR_US CALLEE)), 0);
	parties_heard(parties, PARTY_CALLER, 0x7ffffff0);
	ck_assert_int_eq(parties_record(&r, parties), 0);
	first = parties;
	ck_assert_int_eq(parties_restore(&parties, &r), 0);
	parties_free(first);
	ck_assert_int_eq(bye(PARTY_CALLEE), 0);
	ck_assert_ptr_nonnull(strstr(text, "CSeq: 2147483647 BYE\r\n"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd_parties");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_is_told_in_the_others_name);
	tcase_add_test(tc, an_answer_is_acknowledged);
	tcase_add_test(tc, the_caller_may_be_behind_other_proxies);
	tcase_add_test(tc, names_lead_to_where_the_parties_were);
	tcase_add_test(tc, the_numbers_follow_what_was_heard);
	tcase_add_test(tc, the_targets_follow_what_was_agreed_upon);
	tcase_add_test(tc, what_cannot_be_used_makes_no_dialog);
	tcase_add_test(tc, a_call_is_learned_from_the_middle_of_it);
	tcase_add_test(tc, from_the_middle_one_side_may_stay_unknown);
	tcase_add_test(tc, a_question_uses_up_no_number);
	tcase_add_test(tc, a_record_makes_the_same_call);
	tcase_add_test(tc, a_number_never_leaves_its_range);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
