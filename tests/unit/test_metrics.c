#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/metrics.h"

#define CALL_COUNTERS(X)                                                       \
	X(requests, "Requests received")                                       \
	X(malformed, "Requests that were no SIP")
#define DROP_COUNTERS(X) X(dropped, "Datagrams dropped")

struct call_counters {
	CALL_COUNTERS(METRICS_FIELD)
};

struct drop_counters {
	DROP_COUNTERS(METRICS_FIELD)
};

static const struct metric_def call_defs[] = {CALL_COUNTERS(METRICS_DEF)};
static const struct metric_def drop_defs[] = {DROP_COUNTERS(METRICS_DEF)};

static struct metrics *m;
static struct call_counters calls;
static struct drop_counters drops;
static uint64_t sessions;

static uint64_t read_gauge(void *arg)
{
	const uint64_t *value = arg;

	return *value;
}

static void setup(void)
{
	ck_assert_int_eq(metrics_alloc(&m, "relayd"), 0);
	calls = (struct call_counters){0};
	drops = (struct drop_counters){0};
}

static void teardown(void)
{
	metrics_free(m);
}

/* The value on the line of `name`, which has to be there once. */
static double value_of(const char *text, const char *name)
{
	char start[128];
	double value = -1;
	int found = 0;

	snprintf(start, sizeof(start), "\n%s ", name);
	for (const char *p = text; (p = strstr(p, start)) != NULL; found++) {
		p += strlen(start);
		value = strtod(p, NULL);
	}
	ck_assert_msg(found == 1, "%s found %d times", name, found);
	return value;
}

START_TEST(counters_and_gauges_in_order)
{
	static const char want[] =
		"# HELP relayd_requests_total Requests received\n"
		"# TYPE relayd_requests_total counter\n"
		"relayd_requests_total 18446744073709551615\n"
		"# HELP relayd_malformed_total Requests that were no SIP\n"
		"# TYPE relayd_malformed_total counter\n"
		"relayd_malformed_total 0\n"
		"# HELP relayd_dropped_total Datagrams dropped\n"
		"# TYPE relayd_dropped_total counter\n"
		"relayd_dropped_total 3\n"
		"# HELP relayd_sessions Sessions now\n"
		"# TYPE relayd_sessions gauge\n"
		"relayd_sessions 7\n"
		"# HELP process_resident_memory_bytes ";

	ck_assert_int_eq(metrics_add_counters(m, call_defs, 2, &calls.requests),
			 0);
	ck_assert_int_eq(metrics_add_gauge(m, "sessions", "Sessions now",
					   read_gauge, &sessions),
			 0);
	ck_assert_int_eq(metrics_add_counters(m, drop_defs, 1, &drops.dropped),
			 0);
	calls.requests = UINT64_MAX;
	drops.dropped = 3;
	sessions = 7;
	char *text = metrics_render(m);

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(strncmp(text, want, strlen(want)), 0);
	free(text);
}
END_TEST

START_TEST(values_are_read_at_each_rendering)
{
	ck_assert_int_eq(metrics_add_counters(m, call_defs, 2, &calls.requests),
			 0);
	for (uint64_t i = 1; i < 4; i++) {
		calls.malformed = i;
		char *text = metrics_render(m);

		ck_assert(value_of(text, "relayd_malformed_total") ==
			  (double)i);
		free(text);
	}
}
END_TEST

START_TEST(process_metrics)
{
	struct rlimit limit;
	char *before = metrics_render(m);
	int fd = dup(STDERR_FILENO);
	char *after = metrics_render(m);
	double started = value_of(after, "process_start_time_seconds");

	close(fd);
	ck_assert(value_of(after, "process_open_fds") ==
		  value_of(before, "process_open_fds") + 1);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert(value_of(after, "process_max_fds") == (double)limit.rlim_cur);
	ck_assert(value_of(after, "process_resident_memory_bytes") > 65536);
	ck_assert(value_of(after, "process_cpu_seconds_total") >= 0);
	ck_assert(started <= (double)time(NULL) + 1);
	ck_assert(started > (double)time(NULL) - 86400);
	ck_assert(started == value_of(before, "process_start_time_seconds"));
	free(before);
	free(after);
}
END_TEST

START_TEST(every_line_is_a_comment_or_a_sample)
{
	ck_assert_int_eq(metrics_add_counters(m, call_defs, 2, &calls.requests),
			 0);
	char *text = metrics_render(m);
	size_t len = strlen(text);
	char *rest = text;

	ck_assert_int_eq(text[len - 1], '\n');
	text[len - 1] = '\0';
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		char name[128];
		double value;
		int end = 0;

		if (strncmp(line, "# HELP ", 7) == 0 ||
		    strncmp(line, "# TYPE ", 7) == 0)
			continue;
		ck_assert_int_eq(
			sscanf(line, "%127[a-z_] %lf%n", name, &value, &end),
			2);
		ck_assert_uint_eq((size_t)end, strlen(line));
	}
	free(text);
}
END_TEST

START_TEST(free_of_nothing)
{
	metrics_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("metrics");
	TCase *t = tcase_create("metrics");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, counters_and_gauges_in_order);
	tcase_add_test(t, values_are_read_at_each_rendering);
	tcase_add_test(t, process_metrics);
	tcase_add_test(t, every_line_is_a_comment_or_a_sample);
	tcase_add_test(t, free_of_nothing);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
