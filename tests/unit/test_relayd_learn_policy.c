#include <check.h>
#include <errno.h>

#include "proto/relay_options.h"
#include "tests/unit/relayd_learn_fixture.h"

/* What each policy takes (learn_policy.h). */

enum { STRICT = 1, SIGNALLED = 2, OPEN = 4, ALL = 7, NONE = 0, LOOSE = 6 };

static const struct {
	enum learn_policy policy;
	unsigned bit;
} policies[] = {{LEARN_STRICT, STRICT},
		{LEARN_SIGNALLED, SIGNALLED},
		{LEARN_OPEN, OPEN}};

/* A side's signalling, a source, who takes it, and where packets for the side
 * go from then on. */
static const struct first {
	const char *sdp, *observed, *source;
	unsigned takes;
	enum learn_rank rank;
	const char *sendto;
} firsts[] = {
	/* a public phone */
	{"198.51.100.5:4000", "198.51.100.5:5060", "198.51.100.5:4000", ALL,
	 LEARN_EXACT, "198.51.100.5:4000"},
	{"198.51.100.5:4000", "198.51.100.5:5060", "198.51.100.5:7777", LOOSE,
	 LEARN_SDP_IP, "198.51.100.5:4000"},
	{"198.51.100.5:4000", "198.51.100.5:5060", "192.0.2.9:4000", OPEN,
	 LEARN_ELSEWHERE, "192.0.2.9:4000"},
	{"198.51.100.5:4000", "198.51.100.5:5060", "10.0.0.9:4000", NONE,
	 LEARN_NONE, NULL},
	/* whose signalling comes from another public address */
	{"198.51.100.5:4000", "198.51.100.9:5060", "198.51.100.5:4000", ALL,
	 LEARN_EXACT, "198.51.100.5:4000"},
	{"198.51.100.5:4000", "198.51.100.9:5060", "198.51.100.9:4000", LOOSE,
	 LEARN_OBSERVED, "198.51.100.9:4000"},
	{"198.51.100.5:4000", NULL, "198.51.100.5:7777", LOOSE, LEARN_SDP_IP,
	 "198.51.100.5:4000"},
	{"198.51.100.5:4000", NULL, "192.0.2.9:4000", OPEN, LEARN_ELSEWHERE,
	 "192.0.2.9:4000"},
	/* a phone behind a NAT */
	{"10.0.0.16:4000", "198.51.100.28:1024", "198.51.100.28:9", ALL,
	 LEARN_OBSERVED, "198.51.100.28:9"},
	{"10.0.0.16:4000", "198.51.100.28:1024", "198.51.100.29:9", OPEN,
	 LEARN_ELSEWHERE, "198.51.100.29:9"},
	{"10.0.0.16:4000", "198.51.100.28:1024", "10.0.0.16:4000", NONE,
	 LEARN_NONE, NULL},
	{NULL, "198.51.100.28:1024", "198.51.100.28:9", ALL, LEARN_OBSERVED,
	 "198.51.100.28:9"},
	/* of which nothing is known */
	{"10.0.0.16:4000", NULL, "192.0.2.9:4000", LOOSE, LEARN_ELSEWHERE,
	 "192.0.2.9:4000"},
	{NULL, NULL, "192.0.2.9:4000", LOOSE, LEARN_ELSEWHERE,
	 "192.0.2.9:4000"},
	{NULL, NULL, "10.0.0.16:4000", NONE, LEARN_NONE, NULL},
	/* all in one private network */
	{"10.0.0.6:4000", "10.0.0.6:5060", "10.0.0.6:4000", ALL, LEARN_EXACT,
	 "10.0.0.6:4000"},
	{"10.0.0.6:4000", "10.0.0.6:5060", "10.0.0.6:7777", LOOSE, LEARN_SDP_IP,
	 "10.0.0.6:4000"},
	{"10.0.0.6:4000", "10.0.0.5:5060", "10.0.0.6:4000", ALL, LEARN_EXACT,
	 "10.0.0.6:4000"},
	{"192.168.1.6:4000", "10.0.0.5:5060", "10.0.0.5:7777", ALL,
	 LEARN_OBSERVED, "10.0.0.5:7777"},
	{"10.0.0.6:4000", "10.0.0.6:5060", "10.0.0.9:7777", OPEN,
	 LEARN_ELSEWHERE, "10.0.0.9:7777"},
};

START_TEST(a_first_source)
{
	const struct first *t = &firsts[_i];

	for (unsigned p = 0; p < 3; p++) {
		bool taken = t->takes & policies[p].bit;

		learn_init(&rtp, policies[p].policy);
		signal_side(&rtp, LEARN_FIRST, t->sdp, t->observed);
		signal_second();
		for (uint16_t i = 0; i < 20; i++)
			feed(t->source, 1, i);
		ck_assert_int_eq(res.verdict,
				 taken ? LEARN_FORWARD : LEARN_STRANGER);
		ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank,
				 taken ? t->rank : LEARN_NONE);
		if (taken)
			assert_sendto(LEARN_FIRST, t->sendto);
	}
}
END_TEST

/* A phone behind a NAT is known; then this happens, a stream of 20 packets
 * comes from another source, and these policies follow it. */
static const struct move {
	const char *source;
	uint32_t ssrc; /* 11 is the phone's */
	unsigned silence_ms;
	enum { NO_SIGNALLING, THE_SAME, A_PORT, A_NETWORK } signalling;
	unsigned follow;
} moves[] = {
	/* it speaks */
	{"198.51.100.28:9", 66, 0, NO_SIGNALLING, NONE},
	{"198.51.100.28:9", 11, 0, NO_SIGNALLING, NONE},
	{"192.0.2.80:9", 11, 0, NO_SIGNALLING, NONE},
	{"198.51.100.28:9", 66, 0, THE_SAME, NONE},
	/* it is silent */
	{"198.51.100.28:9", 66, 60000, NO_SIGNALLING, NONE},
	{"198.51.100.28:9", 11, 2000, NO_SIGNALLING, LOOSE},
	{"198.51.100.99:9", 11, 2000, NO_SIGNALLING, LOOSE},
	{"192.0.2.80:9", 11, 2000, NO_SIGNALLING, OPEN},
	{"192.0.2.80:9", 66, 60000, NO_SIGNALLING, NONE},
	/* and a re-INVITE comes */
	{"198.51.100.28:9", 66, 2000, THE_SAME, ALL},
	{"192.0.2.80:9", 66, 2000, THE_SAME, OPEN},
	/* it moves */
	{"198.51.100.28:9", 66, 300, A_PORT, ALL},
	{"192.0.2.80:9", 66, 0, A_NETWORK, ALL},
	{"192.0.2.80:9", 11, 0, A_NETWORK, ALL},
	{"198.51.100.28:9", 66, 0, A_NETWORK, NONE},
	{"203.0.113.99:9", 66, 300, A_NETWORK, OPEN},
};

static void signal_move(const struct move *t)
{
	if (t->signalling == THE_SAME)
		signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000",
			    "198.51.100.28:1024");
	else if (t->signalling == A_PORT)
		signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4100",
			    "198.51.100.28:1024");
	else if (t->signalling == A_NETWORK)
		signal_side(&rtp, LEARN_FIRST, "100.64.3.4:4000",
			    "192.0.2.80:1024");
}

START_TEST(a_source_that_moves)
{
	const struct move *t = &moves[_i];

	for (unsigned p = 0; p < 3; p++) {
		bool follows = t->follow & policies[p].bit;

		learn_init(&rtp, policies[p].policy);
		two_nats_learned();
		feed("198.51.100.28:40001", 11, 101);
		now += t->silence_ms;
		signal_move(t);
		for (uint16_t i = 0; i < 9; i++)
			feed(t->source, t->ssrc, (uint16_t)(102 + i));
		ck_assert_msg((res.verdict == LEARN_FORWARD) == follows,
			      "%s: verdict %d",
			      learn_policy_name(policies[p].policy),
			      (int)res.verdict);
		assert_sendto(LEARN_FIRST,
			      follows ? t->source : "198.51.100.28:40001");
	}
}
END_TEST

START_TEST(open_prefers_who_fits)
{
	learn_init(&rtp, LEARN_OPEN);
	two_nats();
	for (uint16_t i = 0; i < LEARN_PROOF_ELSEWHERE; i++)
		feed("192.0.2.9:9000", 66, i);
	ck_assert_int_eq(res.verdict, LEARN_LEARNED);
	ck_assert_int_eq(prove("198.51.100.28:40001", 11, 3), LEARN_RELEARNED);
	ck_assert_int_eq(res.cause, LEARN_BY_RANK);
	ck_assert_int_eq(feed("192.0.2.9:9000", 66, 6), LEARN_PROBATION);
	for (uint16_t i = 7; i < 20; i++)
		feed("192.0.2.9:9000", 66, i);
	ck_assert_int_eq(res.from, LEARN_SECOND); /* which has none yet */
}
END_TEST

START_TEST(words)
{
	static const char *const names[] = {"strict", "signalled", "open"};
	enum learn_policy p = LEARN_OPEN;

	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(learn_policy_parse(&p, names[i]), 0);
		ck_assert_int_eq(p, policies[i].policy);
		ck_assert_str_eq(learn_policy_name(p), names[i]);
	}
	ck_assert_int_eq(learn_policy_parse(&p, ""), -EINVAL);
	ck_assert_int_eq(learn_policy_parse(&p, "Strict"), -EINVAL);
	ck_assert_int_eq(p, LEARN_OPEN);
	memset(&rtp, 0, sizeof(rtp));
	ck_assert_int_eq(rtp.policy, LEARN_SIGNALLED); /* the default */
}
END_TEST

/* Each word of the dialect is a policy, and the other way round. */
START_TEST(words_of_the_dialect)
{
	static const char *const dialect[] = {
#define DIALECT_WORD(word) (word),
		RELAY_LEARN_WORDS(DIALECT_WORD)
#undef DIALECT_WORD
	};
	enum learn_policy p;

	for (size_t i = 0; i < sizeof(dialect) / sizeof(dialect[0]); i++)
		ck_assert_int_eq(learn_policy_parse(&p, dialect[i]), 0);
#define POLICY_WORD(name, word, help) ck_assert(relay_options_learn_ok(word));
	LEARN_POLICIES(POLICY_WORD)
#undef POLICY_WORD
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("policy");
	Suite *s = suite_create("relayd policy");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, a_first_source, 0,
			    sizeof(firsts) / sizeof(firsts[0]));
	tcase_add_loop_test(tc, a_source_that_moves, 0,
			    sizeof(moves) / sizeof(moves[0]));
	tcase_add_test(tc, open_prefers_who_fits);
	tcase_add_test(tc, words);
	tcase_add_test(tc, words_of_the_dialect);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
