#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/learn.h"

/* A stream of two sides, a clock, and the last verdict. */
static struct learn rtp, rtcp;
static struct learn_result res;
static uint64_t now;

static struct addr at(const char *text)
{
	struct addr a = {0};

	if (text)
		ck_assert_int_eq(addr_parse(&a, text, 0), 0);
	return a;
}

static void setup(void)
{
	learn_init(&rtp);
	learn_init(&rtcp);
	now = 1000000;
}

static void signal_side(struct learn *l, enum learn_side side, const char *sdp,
			const char *observed)
{
	struct addr a = at(sdp), o = at(observed);

	learn_signal(l, side, &a, &o, now);
}

static enum learn_verdict feed(const char *src, uint32_t ssrc, uint16_t seq)
{
	struct learn_facts f = {at(src), ssrc, seq, true};

	now += 20;
	return learn_packet(&res, &rtp, NULL, &f, now);
}

static enum learn_verdict feed_other(struct learn *l, const struct learn *pair,
				     const char *src)
{
	struct learn_facts f = {.src = at(src)};

	now += 20;
	return learn_packet(&res, l, pair, &f, now);
}

static void assert_addr(const struct addr *a, const char *text)
{
	char buf[ADDR_STRLEN];

	ck_assert_str_eq(addr_str(buf, a), text ? text : "-");
}

static void assert_sendto(enum learn_side side, const char *text)
{
	assert_addr(&rtp.ch[side].sendto, text);
}

/* Both behind NATs that have the same private network (DESIGN.md 8). */
static void two_nats(void)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	signal_side(&rtp, LEARN_SECOND, "10.0.0.16:4000", "203.0.113.77:2048");
}

static void two_nats_learned(void)
{
	two_nats();
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 100), LEARN_LEARNED);
	ck_assert_int_eq(feed("203.0.113.77:50001", 22, 200), LEARN_LEARNED);
}

START_TEST(both_behind_nats)
{
	two_nats();
	assert_sendto(LEARN_FIRST, NULL);
	assert_sendto(LEARN_SECOND, NULL);
	ck_assert_int_eq(feed("203.0.113.77:50001", 22, 200), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 100), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_FIRST);
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	assert_sendto(LEARN_SECOND, "203.0.113.77:50001");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 101), LEARN_FORWARD);
	ck_assert_int_eq(res.from, LEARN_FIRST);
}
END_TEST

START_TEST(public_sdp_is_used_before_any_packet)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000", "198.51.100.5:5060");
	assert_sendto(LEARN_FIRST, "198.51.100.5:4000");
	ck_assert_int_eq(feed("198.51.100.5:4000", 1, 1), LEARN_LEARNED);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_EXACT);
}
END_TEST

/* 004 Figs. 2b and 2c, steps 160-164: packets go to the signalled port. */
START_TEST(public_asymmetric_client)
{
	signal_side(&rtp, LEARN_SECOND, "198.51.100.5:4000",
		    "198.51.100.5:5060");
	ck_assert_int_eq(feed("198.51.100.5:7777", 1, 1), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
	ck_assert_int_eq(rtp.ch[LEARN_SECOND].rank, LEARN_SDP_IP);
	assert_sendto(LEARN_SECOND, "198.51.100.5:4000");
	ck_assert_int_eq(feed("198.51.100.5:7777", 1, 2), LEARN_FORWARD);
}
END_TEST

/* 004 step 164: the source's IP is not the SDP's, so the source is answered. */
START_TEST(observed_source_is_answered_where_it_is)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.99:4000",
		    "198.51.100.5:5060");
	assert_sendto(LEARN_FIRST, "198.51.100.99:4000");
	ck_assert_int_eq(feed("198.51.100.5:7777", 1, 1), LEARN_LEARNED);
	assert_sendto(LEARN_FIRST, "198.51.100.5:7777");
}
END_TEST

START_TEST(nothing_is_learned_before_signalling)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000", "198.51.100.5:5060");
	for (uint16_t i = 0; i < 20; i++)
		ck_assert_int_eq(feed("203.0.113.77:50001", 22, i),
				 LEARN_STRANGER);
	ck_assert_int_eq(rtp.ch[LEARN_SECOND].rank, LEARN_NONE);
}
END_TEST

START_TEST(private_sdp_is_not_sent_to)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	assert_sendto(LEARN_FIRST, NULL);
	signal_side(&rtp, LEARN_SECOND, "127.0.0.1:22", "198.51.100.28:1024");
	assert_sendto(LEARN_SECOND, NULL);
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "10.0.0.16:5060");
	assert_sendto(LEARN_FIRST, "10.0.0.16:4000");
	signal_side(&rtp, LEARN_SECOND, "127.0.0.1:4000", "127.0.0.1:5060");
	assert_sendto(LEARN_SECOND, "127.0.0.1:4000");
	signal_side(&rtp, LEARN_FIRST, "224.0.0.1:4000", "224.0.0.1:5060");
	assert_sendto(LEARN_FIRST, NULL);
	signal_side(&rtp, LEARN_FIRST, NULL, NULL);
	assert_sendto(LEARN_FIRST, NULL);
}
END_TEST

START_TEST(elsewhere_needs_five_in_sequence)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	for (uint16_t i = 1; i < LEARN_PROOF_PACKETS; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", 5, i), LEARN_PROBATION);
	ck_assert_int_eq(feed("192.0.2.9:9000", 6, 5), LEARN_PROBATION);
	for (uint16_t i = 6; i < 9; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", 6, i), LEARN_PROBATION);
	ck_assert_int_eq(feed("192.0.2.9:9000", 6, 9), LEARN_LEARNED);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_ELSEWHERE);
	assert_sendto(LEARN_FIRST, "192.0.2.9:9000");
}
END_TEST

START_TEST(elsewhere_random_or_repeated_numbers_prove_nothing)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	for (unsigned i = 0; i < 200; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", 5,
				      (uint16_t)(i * 7919)),
				 LEARN_PROBATION);
	for (unsigned i = 0; i < 200; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", 5, 7), LEARN_PROBATION);
	for (unsigned i = 0; i < 20; i++)
		ck_assert_int_eq(feed_other(&rtp, NULL, "192.0.2.9:9000"),
				 LEARN_STRANGER);
}
END_TEST

START_TEST(elsewhere_candidate_is_not_evicted_by_a_spray)
{
	char spray[ADDR_STRLEN];

	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	for (uint16_t i = 1; i < LEARN_PROOF_PACKETS; i++) {
		feed("192.0.2.9:9000", 5, i);
		for (int k = 0; k < 10; k++) {
			snprintf(spray, sizeof(spray), "192.0.2.66:%d",
				 1000 + k);
			ck_assert_int_eq(feed(spray, 99, (uint16_t)k),
					 LEARN_PROBATION);
		}
	}
	ck_assert_int_eq(feed("192.0.2.9:9000", 5, 5), LEARN_LEARNED);
}
END_TEST

START_TEST(elsewhere_yields_to_a_better_rank)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	for (uint16_t i = 0; i < LEARN_PROOF_PACKETS; i++)
		feed("192.0.2.9:9000", 5, i);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_ELSEWHERE);
	ck_assert_int_eq(feed("198.51.100.28:40001", 1, 1), LEARN_RELEARNED);
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	ck_assert_int_eq(feed("192.0.2.9:9000", 5, 5), LEARN_STRANGER);
}
END_TEST

START_TEST(elsewhere_is_refused_where_the_sdp_is_public)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000", "198.51.100.5:5060");
	for (uint16_t i = 0; i < 20; i++)
		ck_assert_int_eq(feed("192.0.2.9:9000", 5, i), LEARN_STRANGER);
	assert_sendto(LEARN_FIRST, "198.51.100.5:4000");
}
END_TEST

START_TEST(elsewhere_private_source_only_beside_private_signalling)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	for (uint16_t i = 0; i < 20; i++)
		ck_assert_int_eq(feed("10.9.9.9:9000", 5, i), LEARN_STRANGER);
	signal_side(&rtp, LEARN_SECOND, "10.0.0.6:4000", "10.0.0.5:5060");
	for (uint16_t i = 0; i < LEARN_PROOF_PACKETS; i++)
		feed("10.0.0.6:9000", 5, i);
	ck_assert_int_eq(res.verdict, LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
}
END_TEST

START_TEST(strangers_get_nothing_once_learned)
{
	struct learn before;

	two_nats_learned();
	before = rtp;
	for (unsigned i = 0; i < 100; i++) {
		ck_assert_int_eq(feed("192.0.2.9:9000", 11, (uint16_t)(101 + i)),
				 LEARN_STRANGER);
		ck_assert_int_eq(feed("198.51.100.28:40002", 77, (uint16_t)i),
				 LEARN_STRANGER);
		ck_assert_int_eq(feed_other(&rtp, NULL, "203.0.113.77:6"),
				 LEARN_STRANGER);
	}
	ck_assert_mem_eq(&rtp, &before, sizeof(rtp));
}
END_TEST

START_TEST(exact_source_displaces_one_of_the_same_ip)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000", "198.51.100.5:5060");
	feed("198.51.100.5:6666", 6, 1);
	ck_assert_int_eq(rtp.ch[LEARN_FIRST].rank, LEARN_SDP_IP);
	ck_assert_int_eq(feed("198.51.100.5:4000", 1, 1), LEARN_RELEARNED);
	ck_assert_int_eq(feed("198.51.100.5:6666", 6, 2), LEARN_STRANGER);
}
END_TEST

/* Fig. 11, last step: alternating. */
START_TEST(two_phones_behind_one_nat_alternate)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	signal_side(&rtp, LEARN_SECOND, "10.0.0.17:4000", "198.51.100.28:1025");
	ck_assert_int_eq(feed("198.51.100.28:40001", 1, 1), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_FIRST);
	ck_assert_int_eq(feed("198.51.100.28:40002", 2, 1), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
	ck_assert_int_eq(feed("198.51.100.28:40003", 3, 1), LEARN_STRANGER);
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	assert_sendto(LEARN_SECOND, "198.51.100.28:40002");
}
END_TEST

/* As above with the labels crossed: the phone that moves must not displace
 * the one that talks. */
START_TEST(two_phones_behind_one_nat_one_moves)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	signal_side(&rtp, LEARN_SECOND, "10.0.0.17:4000", "198.51.100.28:1025");
	feed("198.51.100.28:40002", 2, 1); /* the second, taken for first */
	feed("198.51.100.28:40001", 1, 1);
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4100", "198.51.100.28:1024");
	for (uint16_t i = 2; i < 10; i++)
		ck_assert_int_eq(feed("198.51.100.28:40002", 2, i),
				 LEARN_FORWARD);
	ck_assert_int_eq(feed("198.51.100.28:40009", 9, 1), LEARN_RELEARNED);
	ck_assert_int_eq(feed("198.51.100.28:40002", 2, 10), LEARN_FORWARD);
	ck_assert_int_eq(feed("198.51.100.28:40009", 9, 2), LEARN_FORWARD);
}
END_TEST

START_TEST(moves_after_silence_with_ssrc_and_sequence)
{
	two_nats_learned();
	ck_assert_int_eq(feed("198.51.100.28:40007", 11, 101), LEARN_STRANGER);
	now += LEARN_SILENCE_MS;
	ck_assert_int_eq(feed("198.51.100.28:40007", 12, 101), LEARN_STRANGER);
	ck_assert_int_eq(feed("198.51.100.28:40007", 11, 100), LEARN_STRANGER);
	ck_assert_int_eq(feed("198.51.100.28:40007", 11, 99), LEARN_STRANGER);
	ck_assert_int_eq(feed("198.51.100.28:40007", 11,
			      101 + LEARN_SILENCE_GAP),
			 LEARN_STRANGER);
	ck_assert_int_eq(feed("198.51.101.28:40007", 11, 101), LEARN_STRANGER);
	ck_assert_int_eq(feed("198.51.100.28:40007", 11, 101),
			 LEARN_RELEARNED);
	ck_assert_int_eq(res.from, LEARN_FIRST);
	assert_sendto(LEARN_FIRST, "198.51.100.28:40007");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 102), LEARN_STRANGER);
}
END_TEST

START_TEST(moves_within_the_network_only)
{
	two_nats_learned();
	now += LEARN_SILENCE_MS;
	ck_assert_int_eq(feed("198.51.100.200:1", 11, 101), LEARN_RELEARNED);
	assert_sendto(LEARN_FIRST, "198.51.100.200:1");
	/* and the phone of the signalling takes it back at once */
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 102),
			 LEARN_RELEARNED);
}
END_TEST

START_TEST(moves_within_64_in_ipv6)
{
	signal_side(&rtp, LEARN_FIRST, "[2001:db8:1:2::1]:4000",
		    "[2001:db8:1:2::1]:5060");
	feed("[2001:db8:1:2::1]:4000", 1, 65535);
	now += LEARN_SILENCE_MS;
	ck_assert_int_eq(feed("[2001:db8:1:3::9]:4000", 1, 0), LEARN_STRANGER);
	ck_assert_int_eq(feed("[2001:db8:1:2::9]:4000", 1, 0),
			 LEARN_RELEARNED);
}
END_TEST

START_TEST(unchanged_signalling_resets_nothing)
{
	two_nats_learned();
	two_nats();
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	assert_sendto(LEARN_SECOND, "203.0.113.77:50001");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 101), LEARN_FORWARD);
	ck_assert_int_eq(feed("198.51.100.28:40002", 66, 1), LEARN_STRANGER);
	ck_assert_int_eq(feed("203.0.113.77:50001", 22, 201), LEARN_FORWARD);
}
END_TEST

/* A mapping that timed out on hold: the re-INVITE repeats the SDP. */
START_TEST(repeated_signalling_frees_a_silent_source)
{
	two_nats_learned();
	now += 60000;
	ck_assert_int_eq(feed("198.51.100.28:40002", 66, 1), LEARN_STRANGER);
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	ck_assert_int_eq(feed("192.0.2.9:9000", 66, 1), LEARN_STRANGER);
	ck_assert_int_eq(feed("198.51.100.28:40002", 66, 1), LEARN_RELEARNED);
	ck_assert_int_eq(feed("198.51.100.28:40003", 67, 1), LEARN_STRANGER);
}
END_TEST

START_TEST(new_signalling_moves_the_channel)
{
	two_nats_learned();
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4100", "198.51.100.28:1024");
	assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 101), LEARN_FORWARD);
	ck_assert_int_eq(feed("192.0.2.9:9000", 1, 1), LEARN_STRANGER);
	ck_assert_int_eq(feed("198.51.100.28:40005", 1, 1), LEARN_RELEARNED);
	ck_assert_int_eq(feed("198.51.100.28:40006", 1, 1), LEARN_STRANGER);
}
END_TEST

START_TEST(new_signalling_settles)
{
	two_nats_learned();
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4100", "198.51.100.28:1024");
	now += LEARN_SETTLE_MS;
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 101), LEARN_FORWARD);
	ck_assert_int_eq(feed("198.51.100.28:40005", 1, 1), LEARN_STRANGER);
}
END_TEST

/* Wi-Fi to mobile: a re-INVITE from another network. */
START_TEST(hand_over_to_another_network)
{
	two_nats_learned();
	signal_side(&rtp, LEARN_FIRST, "100.64.3.4:4000", "192.0.2.80:1024");
	ck_assert_int_eq(feed("192.0.2.80:7000", 11, 150), LEARN_RELEARNED);
	assert_sendto(LEARN_FIRST, "192.0.2.80:7000");
	ck_assert_int_eq(feed("198.51.100.28:40001", 11, 101), LEARN_STRANGER);
}
END_TEST

START_TEST(new_public_sdp_is_used_at_once)
{
	signal_side(&rtp, LEARN_FIRST, "198.51.100.5:4000", "198.51.100.5:5060");
	feed("198.51.100.5:4000", 1, 1);
	signal_side(&rtp, LEARN_FIRST, "198.51.100.6:4000", "198.51.100.5:5060");
	assert_sendto(LEARN_FIRST, "198.51.100.6:4000");
	ck_assert_int_eq(feed("198.51.100.6:4000", 2, 1), LEARN_RELEARNED);
}
END_TEST

/* Media that overtakes the answer it belongs to. */
START_TEST(early_media_is_given_to_its_side)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	for (uint16_t i = 0; i < LEARN_PROOF_PACKETS; i++)
		feed("203.0.113.77:4000", 22, i);
	ck_assert_int_eq(res.from, LEARN_FIRST);
	signal_side(&rtp, LEARN_SECOND, "203.0.113.77:4000",
		    "203.0.113.77:5060");
	ck_assert_int_eq(feed("203.0.113.77:4000", 22, 6), LEARN_LEARNED);
	ck_assert_int_eq(res.from, LEARN_SECOND);
	assert_sendto(LEARN_FIRST, NULL);
}
END_TEST

START_TEST(refused_line_is_closed)
{
	two_nats_learned();
	learn_close(&rtp, LEARN_SECOND);
	assert_sendto(LEARN_SECOND, NULL);
	ck_assert_int_eq(feed("203.0.113.77:50001", 22, 201), LEARN_STRANGER);
}
END_TEST

START_TEST(not_rtp_is_learned_by_address_alone)
{
	two_nats();
	ck_assert_int_eq(feed_other(&rtp, NULL, "198.51.100.28:40001"),
			 LEARN_LEARNED);
	ck_assert_int_eq(feed_other(&rtp, NULL, "198.51.100.28:40001"),
			 LEARN_FORWARD);
	now += 60000; /* and has no sequence to move by */
	ck_assert_int_eq(feed_other(&rtp, NULL, "198.51.100.28:40002"),
			 LEARN_STRANGER);
}
END_TEST

START_TEST(rtcp_needs_the_ip_of_its_rtp)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	signal_side(&rtcp, LEARN_FIRST, "10.0.0.16:4001", "198.51.100.28:1024");
	for (uint16_t i = 0; i < LEARN_PROOF_PACKETS; i++)
		feed("192.0.2.9:9000", 5, i);
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "192.0.2.10:9001"),
			 LEARN_STRANGER);
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "192.0.2.9:9001"),
			 LEARN_LEARNED);
	ck_assert_int_eq(rtcp.ch[LEARN_FIRST].rank, LEARN_PAIRED);
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "192.0.2.9:9002"),
			 LEARN_STRANGER);
	/* RTP moves, RTCP may follow */
	feed("198.51.100.28:40001", 1, 1);
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "198.51.100.28:40002"),
			 LEARN_RELEARNED);
	now += LEARN_RTCP_SILENCE_MS;
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "192.0.2.9:9001"),
			 LEARN_STRANGER);
	ck_assert_int_eq(feed_other(&rtcp, &rtp, "198.51.100.28:40003"),
			 LEARN_RELEARNED);
}
END_TEST

START_TEST(reads_rtp_and_what_is_not)
{
	static const uint8_t voice[12] = {0x80, 0x88, 0x12, 0x34, 0, 0,
					  0,    1,    0xde, 0xad, 0, 1};
	static const uint8_t report[12] = {0x81, 200};
	static const uint8_t stun[20] = {0, 1};
	static const uint8_t dtls[13] = {22, 0xfe};
	struct learn_facts f = {0};

	learn_read(&f, voice, sizeof(voice));
	ck_assert(f.is_rtp);
	ck_assert_uint_eq(f.seq, 0x1234);
	ck_assert_uint_eq(f.ssrc, 0xdead0001);
	learn_read(&f, voice, sizeof(voice) - 1);
	ck_assert(!f.is_rtp);
	ck_assert_uint_eq(f.ssrc, 0);
	learn_read(&f, report, sizeof(report));
	ck_assert(!f.is_rtp);
	learn_read(&f, stun, sizeof(stun));
	ck_assert(!f.is_rtp);
	learn_read(&f, dtls, sizeof(dtls));
	ck_assert(!f.is_rtp);
	learn_read(&f, NULL, 0);
	ck_assert(!f.is_rtp);
}
END_TEST

/*
 * Whatever a stranger sends, from wherever but the two networks of the call,
 * neither channel's destination changes while the call talks.
 */
START_TEST(no_stranger_moves_a_live_call)
{
	char src[ADDR_STRLEN];

	srandom((unsigned)_i);
	two_nats_learned();
	for (unsigned i = 1; i < 2000; i++) {
		struct learn_facts f = {0};
		bool near = random() % 2; /* same IP as a phone, other port */

		snprintf(src, sizeof(src), "%s:%ld",
			 near ? "198.51.100.28" : "192.0.2.77",
			 1024 + random() % 30000);
		f.src = at(src);
		f.is_rtp = random() % 4;
		f.ssrc = random() % 2 ? 11 : (uint32_t)random();
		f.seq = (uint16_t)(random() % 2 ? 100 + i : random());
		ck_assert_int_ge(learn_packet(&res, &rtp, NULL, &f, now),
				 LEARN_PROBATION);
		ck_assert_int_eq(feed("198.51.100.28:40001", 11,
				      (uint16_t)(100 + i)),
				 LEARN_FORWARD);
		assert_sendto(LEARN_FIRST, "198.51.100.28:40001");
		assert_sendto(LEARN_SECOND, "203.0.113.77:50001");
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		both_behind_nats,
		public_sdp_is_used_before_any_packet,
		public_asymmetric_client,
		observed_source_is_answered_where_it_is,
		nothing_is_learned_before_signalling,
		private_sdp_is_not_sent_to,
		elsewhere_needs_five_in_sequence,
		elsewhere_random_or_repeated_numbers_prove_nothing,
		elsewhere_candidate_is_not_evicted_by_a_spray,
		elsewhere_yields_to_a_better_rank,
		elsewhere_is_refused_where_the_sdp_is_public,
		elsewhere_private_source_only_beside_private_signalling,
		strangers_get_nothing_once_learned,
		exact_source_displaces_one_of_the_same_ip,
		two_phones_behind_one_nat_alternate,
		two_phones_behind_one_nat_one_moves,
		moves_after_silence_with_ssrc_and_sequence,
		moves_within_the_network_only,
		moves_within_64_in_ipv6,
		unchanged_signalling_resets_nothing,
		repeated_signalling_frees_a_silent_source,
		new_signalling_moves_the_channel,
		new_signalling_settles,
		hand_over_to_another_network,
		new_public_sdp_is_used_at_once,
		early_media_is_given_to_its_side,
		refused_line_is_closed,
		not_rtp_is_learned_by_address_alone,
		rtcp_needs_the_ip_of_its_rtp,
		reads_rtp_and_what_is_not,
	};
	TCase *tc = tcase_create("learn");
	Suite *s = suite_create("relayd learn");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tc, tests[i]);
	tcase_add_loop_test(tc, no_stranger_moves_a_live_call, 0, 10);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
