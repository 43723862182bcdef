#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/bypass.h"
#include "relayd/fastpath_priv.h"
#include "relayd/fastpath_user.h"
#include "relayd/figures.h"

/* The fast path's memory without a kernel behind it. */
enum { SLOTS = 8, PORT = 30002, FIRST = 2, SECOND = 3, NO_TABLE = -1 };

static struct fastpath_slot slots[SLOTS];
static struct fastpath_entry entries[SLOTS];
static struct fastpath fp;
static struct fastpath_user *user;
static struct figures figures;
static struct bypass b;
static struct addr local;

static struct addr at(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 0), 0);
	return a;
}

static void setup(void)
{
	memset(slots, 0, sizeof(slots));
	memset(entries, 0, sizeof(entries));
	memset(&figures, 0, sizeof(figures));
	local = at("203.0.113.4:0");
	fp = (struct fastpath){
		.cfg = {.addresses = {local},
			.naddresses = 1,
			.ports_lo = 29999,
			.ports_hi = 30007},
		.flows4 = NO_TABLE,
		.flows6 = NO_TABLE,
		.attached = {true},
		.slots = slots,
		.entries = entries,
		.nslots = SLOTS,
	};
	ck_assert_int_eq(fastpath_user_open(&user, &fp), 0);
	bypass_init(&b, user, &figures, &local, PORT);
}

static void teardown(void)
{
	fastpath_user_close(user);
}

/* As the kernel's program. */
static void forward(uint32_t slot, unsigned n)
{
	struct quality_packet p = {.ssrc = 7};

	for (unsigned i = 0; i < n; i++) {
		p.seq = (uint16_t)slots[slot].packets;
		slots[slot].packets++;
		slots[slot].bytes += 172;
		quality_packet(&slots[slot].heard, &p);
	}
}

static void leave_orphan(uint32_t slot)
{
	entries[slot].flow = (struct fastflow){
		at("198.51.100.1:4000"), at("203.0.113.4:30002"),
		at("203.0.113.4:30002"), at("198.51.100.2:5000")};
	entries[slot].state = FASTPATH_ORPHAN;
}

START_TEST(each_side_of_each_port_has_a_slot)
{
	ck_assert_uint_eq(fastpath_user_slot(user, 30000, LEARN_FIRST), 0);
	ck_assert_uint_eq(fastpath_user_slot(user, PORT, LEARN_FIRST), FIRST);
	ck_assert_uint_eq(fastpath_user_slot(user, PORT, LEARN_SECOND), SECOND);
}
END_TEST

START_TEST(news_are_what_went_by_since)
{
	struct bypass_news news;

	ck_assert(!bypass_news(&news, &b, LEARN_FIRST));
	forward(FIRST, 10);
	ck_assert(bypass_news(&news, &b, LEARN_FIRST));
	ck_assert_uint_eq(news.packets, 10);
	ck_assert_uint_eq(news.bytes, 1720);
	ck_assert_uint_eq(news.ssrc, 7);
	ck_assert_uint_eq(news.seq, 9);
	ck_assert_uint_eq(figures_heard(&figures, LEARN_FIRST)->received, 10);
	ck_assert(!bypass_news(&news, &b, LEARN_FIRST));
	ck_assert(!bypass_news(&news, &b, LEARN_SECOND));
}
END_TEST

/* What the last session of this port had is none of the next one's. */
START_TEST(another_session_begins_anew)
{
	struct bypass_news news;

	forward(FIRST, 10);
	bypass_init(&b, user, &figures, &local, PORT);
	ck_assert(!bypass_news(&news, &b, LEARN_FIRST));
	ck_assert_uint_eq(figures_heard(&figures, LEARN_FIRST)->received, 0);
}
END_TEST

START_TEST(a_restored_session_goes_on)
{
	struct bypass_taken taken;
	struct bypass_news news;
	struct fastflow found;

	forward(FIRST, 10);
	ck_assert(bypass_news(&news, &b, LEARN_FIRST));
	bypass_taken(&taken, &b);
	forward(FIRST, 5);
	leave_orphan(FIRST);
	bypass_init(&b, user, &figures, &local, PORT);
	bypass_restore(&b, &taken);
	ck_assert_uint_eq(figures_heard(&figures, LEARN_FIRST)->received, 15);
	ck_assert(bypass_found(&found, &b, LEARN_FIRST));
	ck_assert(fastflow_eq(&found, &entries[FIRST].flow));
	ck_assert(!bypass_found(&found, &b, LEARN_SECOND));
	ck_assert(bypass_news(&news, &b, LEARN_FIRST));
	ck_assert_uint_eq(news.packets, 5);
}
END_TEST

/* The maps are new, what was written down is not. */
START_TEST(counts_that_began_anew)
{
	struct bypass_taken taken;
	struct bypass_news news;

	forward(FIRST, 10);
	ck_assert(bypass_news(&news, &b, LEARN_FIRST));
	bypass_taken(&taken, &b);
	memset(slots, 0, sizeof(slots));
	bypass_init(&b, user, &figures, &local, PORT);
	bypass_restore(&b, &taken);
	ck_assert(!bypass_news(&news, &b, LEARN_FIRST));
	ck_assert_uint_eq(figures_heard(&figures, LEARN_FIRST)->received, 10);
}
END_TEST

START_TEST(sweeping_ends_what_nobody_adopted)
{
	struct fastflow found;

	leave_orphan(FIRST);
	leave_orphan(SECOND);
	ck_assert_uint_eq(fastpath_flows(&fp), 0);
	ck_assert_uint_eq(fastpath_sweep(&fp), 2);
	ck_assert_uint_eq(fastpath_sweep(&fp), 0);
	ck_assert(!bypass_found(&found, &b, LEARN_FIRST));
}
END_TEST

/* A flow that is given up by the worker is another process's to end. */
START_TEST(nothing_is_touched_once_yielded)
{
	struct fastpath_done done = {1, 8000, 0, &slots[SECOND].heard};
	struct fastflow f;

	leave_orphan(FIRST);
	f = entries[FIRST].flow;
	fastpath_yield(&fp);
	ck_assert_int_eq(fastpath_user_put(user, FIRST, &f), -EBUSY);
	fastpath_user_done(user, FIRST, &done);
	ck_assert_uint_eq(slots[FIRST].done, 0);
	ck_assert(!fastpath_user_tick(user));
	ck_assert_int_eq(fastpath_resume(&fp), 0);
	fastpath_user_done(user, FIRST, &done);
	ck_assert_uint_eq(slots[FIRST].done, 1);
}
END_TEST

START_TEST(only_attached_addresses_are_served)
{
	struct fastflow f;

	leave_orphan(FIRST);
	f = entries[FIRST].flow;
	fp.attached[0] = false;
	ck_assert_int_eq(fastpath_user_put(user, FIRST, &f), -EADDRNOTAVAIL);
}
END_TEST

/* relayd alone knows the clock of a payload type. */
START_TEST(types_take_turns)
{
	struct fastpath_done done = {1, 0, 0, &slots[SECOND].heard};

	memset(slots[FIRST].types, FASTPATH_TYPE_NONE, FASTPATH_TYPES);
	for (unsigned i = 0; i < 10; i++) {
		done.type = (uint8_t)(i % 5);
		done.rate = 8000 * (i % 5);
		fastpath_user_done(user, FIRST, &done);
		fastpath_user_done(user, FIRST, &done);
	}
	for (unsigned i = 0; i < FASTPATH_TYPES; i++) {
		ck_assert_uint_eq(slots[FIRST].types[i], i + 1);
		ck_assert_uint_eq(slots[FIRST].rates[i], 8000 * (i + 1));
	}
}
END_TEST

/* A packet of the flow that the program did not know for one. */
START_TEST(a_packet_that_came_up_ends_the_forwarding)
{
	struct fastpath_done done = {1, 0, 0, &slots[SECOND].heard};

	slots[FIRST].fast = 1;
	fastpath_user_done(user, FIRST, &done);
	ck_assert_uint_eq(slots[FIRST].fast, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_side_of_each_port_has_a_slot,
		news_are_what_went_by_since,
		another_session_begins_anew,
		a_restored_session_goes_on,
		counts_that_began_anew,
		sweeping_ends_what_nobody_adopted,
		nothing_is_touched_once_yielded,
		only_attached_addresses_are_served,
		types_take_turns,
		a_packet_that_came_up_ends_the_forwarding,
	};
	TCase *tc = tcase_create("fastpath");
	Suite *s = suite_create("relayd fastpath");
	SRunner *sr;
	int failed;

	if (fastpath_user_open(&user, &fp) == -ENOTSUP)
		return 0; /* built without libbpf */
	fastpath_user_close(user);
	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
