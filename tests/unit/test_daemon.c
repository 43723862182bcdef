#include <sys/resource.h>

#include "tests/unit/daemon_fixture.h"

START_TEST(version)
{
	ck_assert_int_eq(run("-V", NULL), 0);
	ck_assert_str_eq(out, "sampled " PINHOLE_VERSION "\n");
	ck_assert_int_eq(run("--version", NULL), 0);
	ck_assert_str_eq(out, "sampled " PINHOLE_VERSION "\n");
	ck_assert_int_eq(seen.starts, 0);
}
END_TEST

START_TEST(help_has_the_keys)
{
	ck_assert_int_eq(run("-h", NULL), 0);
	ck_assert_ptr_nonnull(strstr(out, "sampled: a daemon for tests\n"));
	ck_assert_ptr_nonnull(strstr(out, "-c, --config FILE"));
	ck_assert_ptr_nonnull(strstr(out, "fixed"));
	ck_assert_int_eq(seen.starts, 0);
}
END_TEST

static const struct {
	const char *a, *b, *want;
} bad_options[] = {
	{"-x", NULL, "sampled: unknown option -x, -h lists them\n"},
	{"-xt", NULL, "sampled: unknown option -x, -h lists them\n"},
	{"--tset", NULL, "sampled: unknown option --tset, -h lists them\n"},
	{"-c", NULL, "sampled: -c needs a value, -h helps\n"},
	{"-t", "file", "sampled: unexpected argument file, -h helps\n"},
};

START_TEST(bad_options_are_one_line)
{
	ck_assert_int_eq(run(bad_options[_i].a, bad_options[_i].b), 1);
	ck_assert_str_eq(out, bad_options[_i].want);
	ck_assert_int_eq(seen.starts, 0);
}
END_TEST

START_TEST(configuration_is_tested)
{
	char arg[80], want[160];

	write_conf("{\"max\": 7}");
	snprintf(arg, sizeof(arg), "-tc%s", path);
	snprintf(want, sizeof(want), "%s: configuration is good\n", path);
	ck_assert_int_eq(run(arg, NULL), 0);
	ck_assert_str_eq(out, want);

	write_conf("{\n\"max\": 700}");
	snprintf(want, sizeof(want),
		 "sampled: %s:2: max: expected a whole number within 0-100, "
		 "found 700\n",
		 path);
	ck_assert_int_eq(run(arg, NULL), 1);
	ck_assert_str_eq(out, want);

	write_conf("{\"max\": 13}");
	ck_assert_int_eq(run(arg, NULL), 1);
	ck_assert_str_eq(out, "sampled: max: 13 brings bad luck\n");

	write_conf("{\"log\": \"loud\"}");
	ck_assert_int_eq(run(arg, NULL), 1);
	ck_assert_str_eq(out, "sampled: log: expected debug, info, warn or "
			      "error, found \"loud\"\n");

	ck_assert_int_eq(run("-t", NULL), 0);
	ck_assert_str_eq(out, "defaults: configuration is good\n");
	ck_assert_int_eq(seen.starts, 0);
}
END_TEST

START_TEST(failed_start_is_one_line)
{
	setenv("SAMPLED_MAX", "99", 1);
	ck_assert_int_eq(run(NULL, NULL), 1);
	ck_assert_str_eq(out, "sampled: udp:127.0.0.1:5060: in use\n");
	ck_assert_int_eq(seen.starts, 1);
	ck_assert_int_eq(seen.stops, 1);
}
END_TEST

START_TEST(sigterm_drains)
{
	seen.drain_ends = true;
	seen.on_turn = send_term;
	ck_assert_int_eq(run(NULL, NULL), 0);
	ck_assert_int_eq(seen.drains, 1);
	ck_assert_int_eq(seen.stops, 1);
	ck_assert(seen.sigpipe_ignored);
	ck_assert_ptr_null(strstr(out, "left open"));
}
END_TEST

START_TEST(sigterm_without_drain_ends)
{
	struct daemon_class c = class;

	c.drain = NULL;
	seen.on_turn = send_term;
	ck_assert_int_eq(run_class(&c, NULL, NULL), 0);
	ck_assert_int_eq(seen.stops, 1);
}
END_TEST

static void send_again(void)
{
	if (seen.drains == 0)
		kill(getpid(), SIGINT);
	else
		send_term();
}

START_TEST(second_signal_ends_at_once)
{
	seen.on_turn = send_again;
	ck_assert_int_eq(run(NULL, NULL), 0);
	ck_assert_int_eq(seen.drains, 1);
	ck_assert_int_eq(seen.stops, 1);
}
END_TEST

static void exit_now(void)
{
	daemon_exit(seen.d);
	daemon_exit(seen.d);
}

START_TEST(exit_ends_the_loop)
{
	seen.on_turn = exit_now;
	ck_assert_int_eq(run(NULL, NULL), 0);
	ck_assert_int_eq(seen.drains, 0);
	ck_assert_int_eq(seen.stops, 1);
}
END_TEST

static void reload_then_end(void)
{
	static bool sent;

	if (seen.reloads) {
		send_term();
	} else if (!sent) {
		sent = true;
		write_conf("{\"max\": 8, \"fixed\": 9, \"log\": \"debug\"}");
		kill(getpid(), SIGHUP);
	}
}

START_TEST(sighup_reloads)
{
	write_conf("{\"max\": 7}");
	seen.drain_ends = true;
	seen.on_turn = reload_then_end;
	ck_assert_int_eq(run("-c", path), 0);
	ck_assert_int_eq(seen.reloads, 1);
	ck_assert_int_eq(seen.max, 8);
	ck_assert_int_eq(seen.fixed, 1);
	ck_assert(seen.debug);
	ck_assert_ptr_nonnull(
		strstr(out, "msg=\"changed key needs a restart\" key=fixed\n"));
	ck_assert_ptr_nonnull(strstr(out, "msg=\"configuration reloaded\""));
}
END_TEST

/* Two bad files change nothing; the good one behind them still does. */
static void reload_bad_files(void)
{
	static int turn;

	switch (turn++) {
	case 0:
		write_conf("{\n\"max\": \"many\"}");
		break;
	case 1:
		write_conf("{\"max\": 13}");
		break;
	case 2:
		ck_assert_int_eq(seen.reloads, 0);
		ck_assert_int_eq(seen.max, 7);
		write_conf("{\"max\": 8}");
		break;
	default:
		send_term();
		return;
	}
	kill(getpid(), SIGHUP);
}

START_TEST(bad_reload_keeps_the_old)
{
	write_conf("{\"max\": 7}");
	seen.drain_ends = true;
	seen.on_turn = reload_bad_files;
	ck_assert_int_eq(run("-c", path), 0);
	ck_assert_int_eq(seen.reloads, 1);
	ck_assert_int_eq(seen.max, 8);
	ck_assert_ptr_nonnull(strstr(out, "sample.json:2: max: expected"));
	ck_assert_ptr_nonnull(strstr(out, "max: 13 brings bad luck"));
}
END_TEST

static int start_and_exit(void **ctx, struct daemon *d, const void *conf,
			  char err[CONF_ERRLEN])
{
	int ret = start(ctx, d, conf, err);

	daemon_exit(d);
	return ret;
}

START_TEST(exit_from_start)
{
	struct daemon_class c = class;

	c.start = start_and_exit;
	ck_assert_int_eq(run_class(&c, NULL, NULL), 0);
	ck_assert_int_eq(seen.stops, 1);
	ck_assert_str_eq(out, "");
}
END_TEST

static void add_leak(void)
{
	uv_timer_init(daemon_loop(seen.d), &seen.leak);
	send_term();
}

START_TEST(leaks_are_reported)
{
	seen.drain_ends = true;
	seen.on_turn = add_leak;
	ck_assert_int_eq(run(NULL, NULL), 0);
	ck_assert_ptr_nonnull(strstr(
		out, "level=error daemon=sampled msg=\"handle left open\" "
		     "type=timer\n"));
	ck_assert_uint_eq(lines(out), 2);
}
END_TEST

START_TEST(descriptor_limit_is_raised)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	rlim_t max = limit.rlim_max;

	limit.rlim_cur = 64;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	seen.on_turn = exit_now;
	ck_assert_int_eq(run(NULL, NULL), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, max);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("daemon");
	TCase *t = tcase_create("daemon");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, version);
	tcase_add_test(t, help_has_the_keys);
	tcase_add_loop_test(t, bad_options_are_one_line, 0,
			    sizeof(bad_options) / sizeof(bad_options[0]));
	tcase_add_test(t, configuration_is_tested);
	tcase_add_test(t, failed_start_is_one_line);
	tcase_add_test(t, sigterm_drains);
	tcase_add_test(t, sigterm_without_drain_ends);
	tcase_add_test(t, second_signal_ends_at_once);
	tcase_add_test(t, exit_ends_the_loop);
	tcase_add_test(t, sighup_reloads);
	tcase_add_test(t, bad_reload_keeps_the_old);
	tcase_add_test(t, exit_from_start);
	tcase_add_test(t, leaks_are_reported);
	tcase_add_test(t, descriptor_limit_is_raised);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
