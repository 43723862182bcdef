#ifndef TESTS_UNIT_RELAYD_LEARN_FIXTURE_H
#define TESTS_UNIT_RELAYD_LEARN_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/learn.h"

/* A stream of two sides, a clock, and the last verdict. */
static struct learn rtp, rtcp;
static struct learn_result res;
static uint64_t now;

static inline struct addr at(const char *text)
{
	struct addr a = {0};

	if (text)
		ck_assert_int_eq(addr_parse(&a, text, 0), 0);
	return a;
}

static inline void setup(void)
{
	learn_init(&rtp, LEARN_SIGNALLED);
	learn_init(&rtcp, LEARN_SIGNALLED);
	now = 1000000;
}

static inline void signal_side(struct learn *l, enum learn_side side,
			       const char *sdp, const char *observed)
{
	struct addr a = at(sdp), o = at(observed);

	learn_signal(l, side, &a, &o, now);
}

static inline enum learn_verdict feed(const char *src, uint32_t ssrc,
				      uint16_t seq)
{
	struct learn_facts f = {at(src), ssrc, seq, true, false, 0};

	now += 20;
	return learn_packet(&res, &rtp, NULL, &f, now);
}

/* A source that fits: the verdict on the packet that proves it, the last of
 * LEARN_PROOF up to `seq`. */
static inline enum learn_verdict prove(const char *src, uint32_t ssrc,
				       uint16_t seq)
{
	for (unsigned i = LEARN_PROOF - 1; i > 0; i--)
		ck_assert_int_eq(feed(src, ssrc, (uint16_t)(seq - i)),
				 LEARN_PROBATION);
	return feed(src, ssrc, seq);
}

static inline enum learn_verdict
feed_other(struct learn *l, const struct learn *pair, const char *src)
{
	struct learn_facts f = {.src = at(src)};

	now += 20;
	return learn_packet(&res, l, pair, &f, now);
}

/* A report of this SSRC. */
static inline enum learn_verdict feed_report(const char *src, uint32_t ssrc)
{
	struct learn_facts f = {at(src), ssrc, 0, false, true, 0};

	now += 20;
	return learn_packet(&res, &rtcp, &rtp, &f, now);
}

static inline void assert_addr(const struct addr *a, const char *text)
{
	char buf[ADDR_STRLEN];

	ck_assert_str_eq(addr_str(buf, a), text ? text : "-");
}

static inline void assert_sendto(enum learn_side side, const char *text)
{
	assert_addr(&rtp.ch[side].sendto, text);
}

/* Both behind NATs that have the same private network (DESIGN.md 8). */
static inline void two_nats(void)
{
	signal_side(&rtp, LEARN_FIRST, "10.0.0.16:4000", "198.51.100.28:1024");
	signal_side(&rtp, LEARN_SECOND, "10.0.0.16:4000", "203.0.113.77:2048");
}

/* The other side of a call, which is not looked at. */
static inline void signal_second(void)
{
	signal_side(&rtp, LEARN_SECOND, "203.0.113.5:4000", "203.0.113.5:5060");
}

static inline void two_nats_learned(void)
{
	two_nats();
	ck_assert_int_eq(prove("198.51.100.28:40001", 11, 100), LEARN_LEARNED);
	ck_assert_int_eq(prove("203.0.113.77:50001", 22, 200), LEARN_LEARNED);
}

#endif
