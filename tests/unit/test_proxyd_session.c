#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/deadlines.h"
#include "common/sdp.h"
#include "proxyd/session.h"

/* A resource of two lines, the second one refused. */
static struct deadlines *deadlines;
static struct sessions *sessions;
static struct addr relay;
static struct sdp resource;

static void setup(void)
{
	addr_parse(&relay, "203.0.113.4:5060", 0);
	memset(&resource, 0, sizeof(resource));
	resource.n = 2;
	resource.media[0].port = 30000;
	addr_parse(&resource.media[0].rtp, "[2001:db8::4]:30000", 0);
	addr_parse(&resource.media[0].rtcp, "[2001:db8::4]:30001", 0);
	addr_parse(&resource.media[1].rtp, "[2001:db8::4]:0", 0);
	ck_assert_int_eq(deadlines_alloc(&deadlines), 0);
	ck_assert_int_eq(sessions_alloc(&sessions, deadlines, 10), 0);
	ck_assert_int_eq(sessions_put(sessions, "c", 0, &relay, &resource), 0);
}

static void teardown(void)
{
	sessions_free(sessions);
	deadlines_free(deadlines);
}

static void place(const char *near, const char *tag)
{
	struct addr a = {0};

	if (near)
		addr_parse(&a, near, 0);
	ck_assert_int_eq(sessions_place(sessions, "c", &a, tag), 0);
}

/* What a party is told of a line. */
static void assert_told(const char *tag, unsigned line, const char *rtp,
			const char *rtcp)
{
	const struct session *s = sessions_get(sessions, "c");
	const struct sdp_media *m;
	char text[ADDR_STRLEN];
	struct sdp room;

	m = &session_resource_for(s, tag, &room)->media[line];
	ck_assert_str_eq(addr_str(text, &m->rtp), rtp);
	ck_assert_str_eq(addr_str(text, &m->rtcp), rtcp);
}

START_TEST(one_address_for_both)
{
	assert_told("a", 0, "[2001:db8::4]:30000", "[2001:db8::4]:30001");
	assert_told(NULL, 0, "[2001:db8::4]:30000", "[2001:db8::4]:30001");
}
END_TEST

START_TEST(the_asking_party_has_its_own)
{
	place("203.0.113.4", "a");
	assert_told("a", 0, "203.0.113.4:30000", "203.0.113.4:30001");
	assert_told("a", 1, "203.0.113.4:0", "203.0.113.4:0");
	assert_told("b", 0, "[2001:db8::4]:30000", "[2001:db8::4]:30001");
	assert_told(NULL, 0, "[2001:db8::4]:30000", "[2001:db8::4]:30001");
}
END_TEST

/* The other party asks, later; a phone of before RFC 3261 has no tag. */
START_TEST(whoever_asked_last)
{
	place("203.0.113.4", "a");
	place("203.0.113.5", NULL);
	assert_told(NULL, 0, "203.0.113.5:30000", "203.0.113.5:30001");
	assert_told("a", 0, "[2001:db8::4]:30000", "[2001:db8::4]:30001");
	place(NULL, "a");
	assert_told("a", 0, "[2001:db8::4]:30000", "[2001:db8::4]:30001");
	sessions_del(sessions, "c");
	place("203.0.113.5", "a"); /* of a session that is gone */
	ck_assert_ptr_null(sessions_get(sessions, "c"));
}
END_TEST

/* An offer in a response waits for the answer of the other party. */
START_TEST(an_offer_in_a_response)
{
	ck_assert(!sessions_get(sessions, "c")->late);
	sessions_offered(sessions, "c", 1);
	ck_assert(sessions_get(sessions, "c")->late);
	ck_assert_uint_eq(sessions_get(sessions, "c")->late_by, 1);
	sessions_answered(sessions, "c");
	ck_assert(!sessions_get(sessions, "c")->late);
	sessions_offered(sessions, "gone", 1);
	sessions_answered(sessions, "gone");
	ck_assert_ptr_null(sessions_get(sessions, "gone"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("session");
	Suite *s = suite_create("proxyd session");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, one_address_for_both);
	tcase_add_test(tc, the_asking_party_has_its_own);
	tcase_add_test(tc, whoever_asked_last);
	tcase_add_test(tc, an_offer_in_a_response);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
