#include "redirectd/doctor.h"
#include "tests/unit/doctor_said.h"

/* Verdicts on a Redis, from what it says of itself. */

enum { ASKED = 1000000, ANSWERED = 1000010 };

#define GOOD                                                                   \
	"# Memory\r\nused_memory:1000\r\nmaxmemory:1000000\r\n"                \
	"maxmemory_policy:noeviction\r\n# Persistence\r\naof_enabled:1\r\n"    \
	"# Replication\r\nrole:master\r\n"

static void judge(const char *info, uint64_t server_ms)
{
	const struct doctor_redis_says says = {info, ASKED, server_ms,
					       ANSWERED};

	findings_free(findings);
	begin_findings();
	doctor_redis_judge(findings, "redis://r:6379", &says);
}

START_TEST(a_good_one)
{
	judge(GOOD, ASKED + 5);
	assert_found(0, 0, 0);
}
END_TEST

START_TEST(one_that_evicts)
{
	judge("maxmemory:1000000\r\nmaxmemory_policy:allkeys-lru\r\n", ASKED);
	assert_found(0, 0, 1);
	assert_said("maxmemory-policy is allkeys-lru");
	judge("maxmemory:0\r\nmaxmemory_policy:volatile-ttl\r\n", ASKED);
	assert_found(0, 1, 0);
	assert_said("would forget clients");
}
END_TEST

START_TEST(one_that_keeps_nothing)
{
	judge("aof_enabled:0\r\nrole:master", ASKED);
	assert_found(0, 1, 0);
	assert_said("appendonly is off");
}
END_TEST

START_TEST(a_replica)
{
	judge("role:slave\r\n", ASKED);
	assert_found(0, 0, 1);
}
END_TEST

START_TEST(another_clock)
{
	judge(GOOD, ANSWERED + 2000);
	assert_found(0, 0, 0);
	judge(GOOD, ANSWERED + 90000);
	assert_found(0, 1, 0);
	assert_said("90.0 s ahead of ours");
	judge(GOOD, ASKED - 90000);
	assert_said("90.0 s behind ours");
}
END_TEST

/* Another server, or one that may not be asked. */
START_TEST(one_that_says_nothing)
{
	judge("", ASKED);
	assert_found(0, 0, 0);
	judge("maxmemory_policy\nrole", ASKED);
	assert_found(0, 0, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redirectd_doctor");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, begin_findings, end_findings);
	tcase_add_test(tc, a_good_one);
	tcase_add_test(tc, one_that_evicts);
	tcase_add_test(tc, one_that_keeps_nothing);
	tcase_add_test(tc, a_replica);
	tcase_add_test(tc, another_clock);
	tcase_add_test(tc, one_that_says_nothing);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
