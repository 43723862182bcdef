#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "redirectd/joining.h"
#include "redirectd/relays.h"

#define RELAY "203.0.113.4:5060"

static const dir_time t0 = 1700000000000;
static char cluster_1[] = "pinhole", cluster_2[] = "Relays.example.com";
static char *clusters[] = {cluster_1, cluster_2};
static struct conf_strings names = {clusters, 2};
static struct redirectd_counters counters;
static struct relays *relays;
static struct joining joining;
static char answer[8192];

static void setup(void)
{
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	memset(&counters, 0, sizeof(counters));
	ck_assert_int_eq(relays_alloc(&relays), 0);
	joining = (struct joining){relays, &names, &counters};
}

static void teardown(void)
{
	relays_free(relays);
}

/* A request of a relay, the rest of its head as given. */
static msg_t *message(const char *method, const char *to, const char *call_id,
		      unsigned cseq, const char *more)
{
	static char text[4096];
	msg_t *msg = NULL;
	const char *why = "";

	(void)snprintf(text, sizeof(text),
		       "%s %s SIP/2.0\r\n"
		       "Via: SIP/2.0/UDP " RELAY ";branch=z9hG4bK1;rport\r\n"
		       "From: <sip:relay@x>;tag=1\r\nTo: <%s>\r\n"
		       "Call-ID: %s\r\nCSeq: %u %s\r\n%s\r\n",
		       method, to, to, call_id, cseq, method, more);
	ck_assert_msg(!sipmsg_parse(&msg, text, strlen(text), &why), "%s", why);
	return msg;
}

static int join_as(const char *to, const char *call_id, unsigned cseq,
		   const char *more, const char *from, dir_time now)
{
	msg_t *msg = message("REGISTER", to, call_id, cseq, more);
	struct strbuf out;
	struct addr src;
	int status;

	ck_assert_int_eq(addr_parse(&src, from, 0), 0);
	strbuf_init(&out, answer, sizeof(answer));
	ck_assert(joining_is_about(&joining, sip_object(msg)));
	status = joining_answer(&out, &joining, sip_object(msg), &src, now);
	msg_destroy(msg);
	return status;
}

static int join(unsigned cseq, const char *q_expires, dir_time now)
{
	char contact[128];

	(void)snprintf(contact, sizeof(contact),
		       "Contact: <sip:relay@" RELAY ">;%s\r\n", q_expires);
	return join_as("sip:relay@pinhole", "j1", cseq, contact, RELAY, now);
}

static int query(const char *more, dir_time now)
{
	msg_t *msg = message("OPTIONS", "sip:relay@pinhole", "q", 1, more);
	struct strbuf out;
	int status;

	strbuf_init(&out, answer, sizeof(answer));
	status = joining_query(&out, &joining, sip_object(msg), now);
	msg_destroy(msg);
	return status;
}

START_TEST(a_relay_that_has_joined_is_named_until_it_runs_out)
{
	ck_assert_int_eq(query("", t0), 480);
	ck_assert_int_eq(join(1, "q=0.5;expires=30", t0), 200);
	ck_assert_ptr_nonnull(strstr(answer, "q=0.500;expires=30\r\n"));
	ck_assert_int_eq(query("", t0 + 29999), 302);
	ck_assert_ptr_nonnull(
		strstr(answer, "Contact: <sip:relay@" RELAY ">;q=0.500\r\n"));
	ck_assert_int_eq(join(2, "q=0.25;expires=30", t0 + 29999), 200);
	ck_assert_int_eq(query("", t0 + 30000), 302);
	ck_assert_ptr_nonnull(strstr(answer, ";q=0.250\r\n"));
	ck_assert_uint_eq(relays_count(relays, t0 + 30000), 1);
	ck_assert_int_eq(query("", t0 + 59999), 480);
	ck_assert_uint_eq(relays_count(relays, t0 + 59999), 0);
	ck_assert_uint_eq(counters.joins, 2);
}
END_TEST

START_TEST(nothing_is_granted_for_long)
{
	ck_assert_int_eq(join(1, "expires=3600", t0), 200);
	ck_assert_ptr_nonnull(strstr(answer, ";expires=60\r\n"));
	ck_assert_int_eq(query("", t0 + 60000), 480);
}
END_TEST

START_TEST(a_relay_leaves)
{
	ck_assert_int_eq(join(1, "expires=30", t0), 200);
	ck_assert_int_eq(join(2, "expires=0", t0 + 1), 200);
	ck_assert_ptr_null(strstr(answer, "Contact"));
	ck_assert_int_eq(query("", t0 + 1), 480);
	/* what was sent before and comes later does not bring it back */
	ck_assert_int_eq(join(1, "expires=30", t0 + 2), 500);
	ck_assert_int_eq(query("", t0 + 2), 480);
	/* begun anew it may join, and its former self does not send it away */
	ck_assert_int_eq(join_as("sip:relay@pinhole", "j2", 1,
				 "Contact: <sip:relay@" RELAY
				 ">;expires=30\r\n",
				 RELAY, t0 + 3),
			 200);
	ck_assert_int_eq(join(3, "expires=0", t0 + 4), 200);
	ck_assert_int_eq(query("", t0 + 4), 302);
}
END_TEST

START_TEST(a_retransmission_changes_nothing)
{
	ck_assert_int_eq(join(1, "expires=30", t0), 200);
	ck_assert_int_eq(join(1, "expires=30", t0 + 20000), 200);
	ck_assert_int_eq(query("", t0 + 30000), 480);
}
END_TEST

START_TEST(who_is_no_relay_is_refused)
{
	static const struct {
		const char *more, *from;
		int status;
	} cases[] = {
		{"Contact: <sip:relay@" RELAY ">;expires=30\r\n",
		 "203.0.113.4:30002", 403},
		{"Contact: <sip:relay@" RELAY ">;expires=30\r\n",
		 "203.0.113.66:5060", 403},
		{"Contact: <sip:relay@203.0.113.66:5060>;expires=30\r\n", RELAY,
		 403},
		{"Path: <sip:203.0.113.1;lr>\r\n"
		 "Contact: <sip:relay@" RELAY ">;expires=30\r\n",
		 RELAY, 403},
		{"Via: SIP/2.0/UDP 10.0.0.16;branch=z9hG4bK2\r\n"
		 "Contact: <sip:relay@" RELAY ">;expires=30\r\n",
		 RELAY, 403},
		{"Contact: *\r\nExpires: 0\r\n", RELAY, 400},
		{"", RELAY, 400},
	};

	ck_assert_int_eq(join(1, "expires=30", t0), 200);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(join_as("sip:relay@pinhole", "m", 1,
					 cases[i].more, cases[i].from, t0),
				 cases[i].status);
	ck_assert_uint_eq(relays_count(relays, t0), 1);
	ck_assert_uint_eq(counters.joins_refused,
			  sizeof(cases) / sizeof(cases[0]));
}
END_TEST

START_TEST(no_phone_asks_for_the_relays)
{
	ck_assert_int_eq(join(1, "expires=30", t0), 200);
	ck_assert_int_eq(
		query("Via: SIP/2.0/UDP 10.0.0.16;branch=z9hG4bK2\r\n", t0),
		404);
	ck_assert_ptr_null(strstr(answer, "Contact"));
}
END_TEST

START_TEST(clusters_are_kept_apart)
{
	msg_t *other = message("OPTIONS", "sip:relay@elsewhere", "q", 1, "");
	msg_t *client = message("OPTIONS", "sip:alice@pinhole", "q", 1, "");

	ck_assert(!joining_is_about(&joining, sip_object(other)));
	ck_assert(!joining_is_about(&joining, sip_object(client)));
	msg_destroy(other);
	msg_destroy(client);
	ck_assert_int_eq(join_as("sip:relay@relays.EXAMPLE.com", "j", 1,
				 "Contact: <sip:relay@" RELAY
				 ">;expires=30\r\n",
				 RELAY, t0),
			 200);
	ck_assert_int_eq(query("", t0), 480);
	ck_assert_uint_eq(relays_count(relays, t0), 1);
}
END_TEST

START_TEST(the_pool_is_bounded)
{
	char contact[128], from[ADDR_STRLEN];
	int status = 200;

	for (unsigned i = 0; i <= POOL_RELAYS_MAX; i++) {
		(void)snprintf(from, sizeof(from), "203.0.113.4:%u", 6000 + i);
		(void)snprintf(contact, sizeof(contact),
			       "Contact: <sip:relay@%s>;expires=30\r\n", from);
		ck_assert_int_eq(status, 200);
		status = join_as("sip:relay@pinhole", from, 1, contact, from,
				 t0);
	}
	ck_assert_int_eq(status, 503);
	ck_assert_ptr_nonnull(strstr(answer, "Retry-After:"));
	ck_assert_uint_eq(relays_count(relays, t0), POOL_RELAYS_MAX);
	/* whoever has run out makes room */
	ck_assert_int_eq(join(1, "expires=30", t0 + 30000), 200);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redirectd_joining");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_relay_that_has_joined_is_named_until_it_runs_out);
	tcase_add_test(tc, nothing_is_granted_for_long);
	tcase_add_test(tc, a_relay_leaves);
	tcase_add_test(tc, a_retransmission_changes_nothing);
	tcase_add_test(tc, who_is_no_relay_is_refused);
	tcase_add_test(tc, no_phone_asks_for_the_relays);
	tcase_add_test(tc, clusters_are_kept_apart);
	tcase_add_test(tc, the_pool_is_bounded);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
