#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/findings.h"
#include "relayd/advice.h"
#include "relayd/conf.h"

/* A host that is set as deploy/sysctl/pinhole.conf has it, and relayd as it is
 * without a configuration. */
static struct advice_host host;
static struct relayd_conf conf;
static struct findings *said;

static void put(const char *name, const char *value)
{
	const struct {
		const char *name;
		int64_t *to;
	} numbers[] = {
		{"net.core.rmem_max", &host.rmem_max},
		{"net.core.wmem_max", &host.wmem_max},
		{"net.core.netdev_max_backlog", &host.backlog},
	};

	if (!strcmp(name, "net.ipv4.ip_local_reserved_ports")) {
		snprintf(host.reserved, sizeof(host.reserved), "%s", value);
		return;
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(name, numbers[i].name) != 0)
			continue;
		*numbers[i].to = strtoll(value, NULL, 10);
		return;
	}
	ck_abort_msg("%s: nothing is said about it", name);
}

static void setup(void)
{
	FILE *f = fopen("deploy/sysctl/pinhole.conf", "r");
	char line[256], name[64], value[64], err[CONF_ERRLEN];

	ck_assert_ptr_nonnull(f);
	host = (struct advice_host){-1, -1, -1, 32768, 60999, "", 131072};
	while (fgets(line, sizeof(line), f))
		if (*line != '#' &&
		    sscanf(line, "%63s = %63s", name, value) == 2)
			put(name, value);
	fclose(f);
	ck_assert_int_eq(conf_load(&conf, relayd_keys, relayd_nkeys, "relayd",
				   NULL, err),
			 0);
	ck_assert_int_eq(findings_alloc(&said), 0);
}

static void teardown(void)
{
	findings_free(said);
	conf_free(&conf, relayd_keys, relayd_nkeys);
}

static size_t warnings(void)
{
	relayd_advise_on(said, &conf, &host);
	return findings_count(said, FINDING_WARN);
}

START_TEST(sample_is_enough)
{
	ck_assert_uint_eq(warnings(), 0);
	ck_assert_uint_ge(findings_count(said, FINDING_OK), 6);
}
END_TEST

/* And not more than it has to be. */
START_TEST(less_is_not)
{
	host.rmem_max--;
	host.wmem_max--;
	host.backlog--;
	host.reserved[strlen(host.reserved) - 1]--; /* "...39998" */
	ck_assert_uint_eq(warnings(), 4);
}
END_TEST

/* A pair of ports of RTP and RTCP for each two, twice that for phones at two
 * addresses. */
START_TEST(files_for_all_ports)
{
	ck_assert_uint_eq(relayd_files(5000, 1), 10064);
	ck_assert_uint_eq(relayd_files(5000, 2), 20064);
	ck_assert_uint_eq(relayd_files(5000, 8), 20064);
	host.files = 1024;
	ck_assert_uint_eq(warnings(), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_advice");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, sample_is_enough);
	tcase_add_test(t, less_is_not);
	tcase_add_test(t, files_for_all_ports);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
