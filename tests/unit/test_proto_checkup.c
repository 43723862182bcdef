#include <errno.h>

#include "common/strbuf.h"
#include "proto/checkup.h"
#include "tests/unit/doctor_said.h"

/* Verdicts on peers, from what was sent, what came back, and when. */

enum { ASKED = 1000000, ANSWERED = 1000040 };

static struct checkup *list;
static struct checkup_kind kind;

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 0), 0);
	return a;
}

static void setup(void)
{
	begin_findings();
	ck_assert_int_eq(checkup_alloc(&list), 0);
	kind = (struct checkup_kind){
		.check = "relay",
		.daemon = "relayd",
		.distrusted = FINDING_FAIL,
		.elsewhere = FINDING_FAIL,
		.trust = "trust us",
	};
}

static void teardown(void)
{
	checkup_free(list);
	end_findings();
}

/* One more peer, which has not been asked. */
static struct checkup_peer *peer(const char *to)
{
	struct checkup_peer *p = &list->v[list->n++];
	struct strbuf sb;

	p->q.fd = -1;
	p->q.to = p->q.from = address(to);
	p->q.self = address("203.0.113.1:41000");
	memcpy(p->q.token, "0123456789abcdef", sizeof(p->q.token));
	p->q.asked_ms = ASKED;
	p->q.answered_ms = ANSWERED;
	strbuf_init(&sb, p->q.text, sizeof(p->q.text));
	ck_assert_int_eq(probe_print(&sb, &p->q.self, &p->q.to, p->q.token), 0);
	p->q.len = sb.len;
	return p;
}

/* What it answers where `arrived` reached it. */
static void answer(struct checkup_peer *p, const char *daemon,
		   uint64_t clock_ms, const char *from, const char *arrived)
{
	struct probe_report r = {
		.daemon = daemon,
		.clock_ms = clock_ms,
		.from = address(from),
		.arrived = arrived,
		.arrived_len = strlen(arrived),
	};
	struct strbuf sb;
	msg_t *msg = NULL;

	ck_assert_int_eq(sipmsg_parse(&msg, p->q.text, p->q.len, NULL), 0);
	strbuf_init(&sb, p->q.answer, sizeof(p->q.answer));
	ck_assert_int_eq(probe_answer_print(&sb, sip_object(msg), &r), 0);
	p->q.answer_len = sb.len;
	msg_destroy(msg);
	checkup_read(p);
}

static struct checkup_peer *well(const char *to, uint64_t clock_ms)
{
	struct checkup_peer *p = peer(to);

	answer(p, "relayd", clock_ms, "203.0.113.1:41000", p->q.text);
	ck_assert(p->well);
	return p;
}

static void refuse(struct checkup_peer *p, int status)
{
	struct strbuf sb;
	msg_t *msg = NULL;

	ck_assert_int_eq(sipmsg_parse(&msg, p->q.text, p->q.len, NULL), 0);
	strbuf_init(&sb, p->q.answer, sizeof(p->q.answer));
	ck_assert_int_eq(sipmsg_reply(&sb, sip_object(msg),
				      &(struct sipmsg_reply){.status = status}),
			 0);
	p->q.answer_len = sb.len;
	msg_destroy(msg);
	checkup_read(p);
}

static void judge(void)
{
	checkup_judge(findings, &kind, list, NULL);
}

START_TEST(who_is_well_is_said_to_be)
{
	well("203.0.113.4:5060", ASKED + 20);
	judge();
	assert_found(1, 0, 0);
	assert_said("relayd 203.0.113.4:5060 answers and trusts us");
}
END_TEST

START_TEST(silence_of_the_only_one_breaks_calls)
{
	peer("203.0.113.4:5060")->q.err = -ETIMEDOUT;
	judge();
	assert_found(0, 0, 1);
	assert_said("203.0.113.4:5060 is silent: nothing came back in 4 s");
}
END_TEST

START_TEST(silence_of_one_of_two_is_a_warning)
{
	peer("203.0.113.4:5060")->q.err = -ECONNREFUSED;
	well("203.0.113.5:5060", ASKED);
	judge();
	assert_found(1, 1, 0);
	assert_said("nobody listens at 203.0.113.4:5060, where relayd");
}
END_TEST

START_TEST(silence_of_who_need_not_be_there)
{
	kind.optional = true;
	peer("203.0.113.4:5060")->q.err = -EHOSTUNREACH;
	judge();
	assert_found(0, 1, 0);
	assert_said("cannot be reached");
}
END_TEST

START_TEST(who_does_not_trust_us)
{
	refuse(peer("203.0.113.4:5060"), 403);
	judge();
	assert_found(0, 0, 1);
	assert_said("does not trust us, who come from 203.0.113.1");
	assert_said("-> trust us");
}
END_TEST

/* A proxy serves a stranger like a phone, and may say anything to it. */
START_TEST(a_proxy_that_takes_us_for_a_phone)
{
	kind.daemon = "proxyd";
	refuse(peer("203.0.113.2:5060"), 404);
	judge();
	assert_found(0, 0, 1);
	assert_said("proxyd 203.0.113.2:5060 does not trust us");
}
END_TEST

START_TEST(who_is_overloaded_is_no_failure)
{
	refuse(peer("203.0.113.4:5060"), 503);
	judge();
	assert_found(0, 1, 0);
}
END_TEST

START_TEST(something_else_is_there)
{
	struct checkup_peer *p = peer("203.0.113.4:5060");

	answer(p, "redirectd", ASKED, "203.0.113.1:41000", p->q.text);
	refuse(peer("203.0.113.5:5060"), 200);
	judge();
	assert_found(0, 0, 2);
	assert_said("203.0.113.4:5060 is a redirectd, where a relayd");
	assert_said("203.0.113.5:5060 answers 200, as no relayd does");
}
END_TEST

START_TEST(an_answer_from_elsewhere)
{
	well("203.0.113.4:5060", ASKED)->q.from = address("203.0.113.9:5060");
	judge();
	assert_found(0, 0, 1);
	assert_said("answers from another address, 203.0.113.9:5060");
}
END_TEST

START_TEST(an_alg_on_the_way_there)
{
	struct checkup_peer *p = peer("203.0.113.4:5060");
	char arrived[DOCTOR_TEXT_MAX];
	char *at;

	memcpy(arrived, p->q.text, p->q.len + 1);
	at = strstr(arrived, "Contact: <sip:doctor@203.0.113.1");
	memcpy(at + strlen("Contact: <sip:doctor@"), "198.51.10.1", 11);
	answer(p, "relayd", ASKED, "203.0.113.1:41000", arrived);
	judge();
	assert_found(0, 0, 1);
	assert_said("\"Contact: <sip:doctor@203.0.113.1:41000>\" arrives as "
		    "\"Contact: <sip:doctor@198.51.10.1:41000>\"");
	assert_said("SIP ALG");
}
END_TEST

START_TEST(an_alg_on_the_way_back)
{
	struct checkup_peer *p = well("203.0.113.4:5060", ASKED);
	char *at = strstr(p->q.answer, "UDP 203.0.113.1:41000");

	memcpy(at, "UDP 203.0.113.8:41000", 21);
	checkup_read(p);
	judge();
	assert_found(0, 0, 1);
	assert_said("rewritten on the way back");
}
END_TEST

START_TEST(an_address_that_is_translated)
{
	struct checkup_peer *p = peer("203.0.113.4:5060");
	const struct doctor_ends advertise = {{address("198.51.100.1:5060")},
					      1};

	answer(p, "relayd", ASKED, "198.51.100.1:41000", p->q.text);
	judge();
	assert_found(0, 1, 0);
	assert_said("sees us at 198.51.100.1, not at 203.0.113.1");
	findings_free(findings);
	begin_findings();
	checkup_judge(findings, &kind, list, &advertise);
	assert_found(1, 0, 0);
}
END_TEST

/* That the answer took long, or the question was repeated, says nothing. */
START_TEST(clocks_are_told_apart_by_what_is_certain)
{
	static const struct {
		uint64_t there;
		int64_t off;
	} cases[] = {
		{ASKED, 0},
		{ANSWERED, 0},
		{ASKED - 5, -5},
		{ANSWERED + 7, 7},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(checkup_offset(well("203.0.113.4:5060",
						     cases[i].there)),
				 cases[i].off);
}
END_TEST

START_TEST(a_clock_that_is_off_is_a_warning)
{
	well("203.0.113.4:5060", ANSWERED + CHECKUP_CLOCK_WARN_MS);
	well("203.0.113.5:5060", ANSWERED + CHECKUP_CLOCK_WARN_MS + 1);
	well("203.0.113.6:5060", ASKED - 90000);
	judge();
	assert_found(1, 2, 0);
	assert_said("relayd 203.0.113.5:5060 is 2.0 s ahead of ours");
	assert_said("relayd 203.0.113.6:5060 is 90.0 s behind ours");
}
END_TEST

START_TEST(directories_that_are_apart_break_calls)
{
	well("203.0.113.3:5060", ASKED - 20000);
	well("203.0.113.5:5060", ANSWERED + 10000);
	checkup_apart(findings, list);
	assert_found(0, 0, 0);
	well("203.0.113.6:5060", ANSWERED + 10001);
	checkup_apart(findings, list);
	assert_found(0, 0, 1);
	assert_said("the clocks of 203.0.113.3:5060 and 203.0.113.6:5060 are "
		    "30.0 s apart");
}
END_TEST

START_TEST(nobody_to_ask_is_nothing_to_say)
{
	judge();
	checkup_apart(findings, list);
	assert_found(0, 0, 0);
}
END_TEST

START_TEST(single_hosts_are_asked_and_networks_are_not)
{
	static char one[] = "203.0.113.1/32", two[] = "2001:db8::1",
		    net[] = "203.0.113.0/24", own[] = "127.0.0.1/32",
		    again[] = "203.0.113.1", six[] = "2001:db8::2/128",
		    slash[] = "2001:db8::3/32";
	static char *v[] = {one, two, net, own, again, six, slash};
	const struct conf_strings nets = {v, sizeof(v) / sizeof(v[0])};
	const struct addr first = address("203.0.113.1:5060");
	struct doctor_ends ends = {{address("127.0.0.1:5060")}, 1};

	checkup_add_hosts(list, &ends, NULL, &nets, CHECKUP_SIP_PORT);
	ck_assert_uint_eq(list->n, 1);
	ck_assert(addr_eq(&list->v[0].q.to, &first));
	ends.v[ends.n++] = address("[::1]:5060");
	checkup_add_hosts(list, &ends, NULL, &nets, CHECKUP_SIP_PORT);
	ck_assert_uint_eq(list->n, 3);
}
END_TEST

/* All proxies of a site have one list, with the address that each advertises.
 */
START_TEST(who_we_are_to_others_is_not_asked)
{
	static char us[] = "203.0.113.1", other[] = "203.0.113.2";
	static char *v[] = {us, other};
	const struct conf_strings nets = {v, sizeof(v) / sizeof(v[0])};
	const struct doctor_ends ends = {{address("127.0.0.1:5060")}, 1},
				 self = {{address("203.0.113.1:5070")}, 1};
	const struct addr second = address("203.0.113.2:5060");

	checkup_add_hosts(list, &ends, &self, &nets, CHECKUP_SIP_PORT);
	ck_assert_uint_eq(list->n, 1);
	ck_assert(addr_eq(&list->v[0].q.to, &second));
}
END_TEST

/* That others are reached, and answer, does not help it. */
START_TEST(who_is_of_a_family_without_an_end)
{
	const struct doctor_ends ends = {{address("127.0.0.1:5060")}, 1};
	const struct addr six = address("[2001:db8::4]:5060");

	well("203.0.113.4:5060", ASKED);
	checkup_add(list, &ends, &six);
	ck_assert_int_eq(list->v[1].q.err, -EAFNOSUPPORT);
	kind.no_end = "listen has none of those";
	judge();
	assert_found(1, 0, 1);
	assert_said("relayd [2001:db8::4]:5060 cannot be reached: listen has "
		    "none of those");
	kind.optional = true;
	judge();
	assert_found(2, 1, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proto_checkup");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, who_is_well_is_said_to_be);
	tcase_add_test(tc, silence_of_the_only_one_breaks_calls);
	tcase_add_test(tc, silence_of_one_of_two_is_a_warning);
	tcase_add_test(tc, silence_of_who_need_not_be_there);
	tcase_add_test(tc, who_does_not_trust_us);
	tcase_add_test(tc, a_proxy_that_takes_us_for_a_phone);
	tcase_add_test(tc, who_is_overloaded_is_no_failure);
	tcase_add_test(tc, something_else_is_there);
	tcase_add_test(tc, an_answer_from_elsewhere);
	tcase_add_test(tc, an_alg_on_the_way_there);
	tcase_add_test(tc, an_alg_on_the_way_back);
	tcase_add_test(tc, an_address_that_is_translated);
	tcase_add_test(tc, clocks_are_told_apart_by_what_is_certain);
	tcase_add_test(tc, a_clock_that_is_off_is_a_warning);
	tcase_add_test(tc, directories_that_are_apart_break_calls);
	tcase_add_test(tc, nobody_to_ask_is_nothing_to_say);
	tcase_add_test(tc, single_hosts_are_asked_and_networks_are_not);
	tcase_add_test(tc, who_we_are_to_others_is_not_asked);
	tcase_add_test(tc, who_is_of_a_family_without_an_end);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
