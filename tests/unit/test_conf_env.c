#include "common/addr.h"
#include "tests/unit/conf_fixture.h"

START_TEST(environment_overrides_the_file)
{
	setenv("SAMPLED_LOG", "warn", 1);
	setenv("SAMPLED_WORKERS", "7", 1);
	setenv("SAMPLED_RTCP_MUX", "0", 1);
	setenv("SAMPLED_LISTEN", "auto, udp:127.0.0.2:5070 ,::1", 1);
	setenv("SAMPLED_TRUSTED", "", 1);
	setenv("SAMPLED_MEDIA_PORTS", "2000-2999", 1);
	setenv("SAMPLED_MEDIA_ADDRESS", "::1", 1);
	setenv("SAMPLED_ADVERTISE", "", 1);
	ck_assert_msg(load("{\"workers\": 3, \"trusted\": [\"::/0\"]}") == 0,
		      "%s", err);
	ck_assert_str_eq(conf.level, "warn");
	ck_assert_int_eq(conf.workers, 7);
	ck_assert(!conf.mux);
	ck_assert_uint_eq(conf.listen.n, 3);
	ck_assert_str_eq(conf.listen.v[0], "auto");
	ck_assert_str_eq(conf.listen.v[1], "udp:127.0.0.2:5070");
	ck_assert_str_eq(conf.listen.v[2], "::1");
	ck_assert_uint_eq(conf.trusted.n, 0);
	ck_assert_int_eq(conf.ports.lo, 2000);
	ck_assert_int_eq(conf.ports.hi, 2999);
	ck_assert_str_eq(conf.address, "::1");
	ck_assert_str_eq(conf.advertise, "");
}
END_TEST

static const struct {
	const char *name;
	const char *value;
	const char *want;
} bad_variables[] = {
	{"SAMPLED_WORKERS", "many",
	 "SAMPLED_WORKERS: expected a whole number within 1-64, found "
	 "\"many\""},
	{"SAMPLED_WORKERS", "5x",
	 "SAMPLED_WORKERS: expected a whole number within 1-64, found \"5x\""},
	{"SAMPLED_WORKERS", "",
	 "SAMPLED_WORKERS: expected a whole number "
	 "within 1-64, found \"\""},
	{"SAMPLED_WORKERS", "99999999999999999999",
	 "SAMPLED_WORKERS: expected a whole number within 1-64, found "
	 "\"99999999999999999999\""},
	{"SAMPLED_RTCP_MUX", "on",
	 "SAMPLED_RTCP_MUX: expected true, false, "
	 "1 or 0, found \"on\""},
	{"SAMPLED_MEDIA_PORTS", "2000",
	 "SAMPLED_MEDIA_PORTS: expected low-high within 1024-65535, found "
	 "\"2000\""},
	{"SAMPLED_MEDIA_PORTS", "2000-3000x",
	 "SAMPLED_MEDIA_PORTS: expected low-high within 1024-65535, found "
	 "\"2000-3000x\""},
	{"SAMPLED_MEDIA_PORTS", "80-90",
	 "SAMPLED_MEDIA_PORTS: expected low-high within 1024-65535, found "
	 "[80,90]"},
	{"SAMPLED_LISTEN", "auto,,::1",
	 "SAMPLED_LISTEN: item 2: expected udp:203.0.113.1:5060, or udp:auto, "
	 "found \"\""},
	{"SAMPLED_MEDIA_ADDRESS", "10.0.0.1:80",
	 "SAMPLED_MEDIA_ADDRESS: expected an IP address like 203.0.113.1, "
	 "without port, found \"10.0.0.1:80\""},
	{"SAMPLED_NOWHERE", "\xff", "SAMPLED_NOWHERE: expected UTF-8 text"},
	{"SAMPLED_TRUSTED", "\xff", "SAMPLED_TRUSTED: expected UTF-8 text"},
};

START_TEST(environment_errors_name_the_variable)
{
	setenv(bad_variables[_i].name, bad_variables[_i].value, 1);
	ck_assert_int_eq(conf_load(&conf, keys, NKEYS, "sampled", NULL, err),
			 -EINVAL);
	ck_assert_str_eq(err, bad_variables[_i].want);
}
END_TEST

static void load_with_stray_variables(void)
{
	setenv("SAMPLED_WORKER", "3", 1);
	setenv("SAMPLED_WORKERS", "3", 1);
	setenv("OTHER_THING", "3", 1);
	ck_assert_int_eq(load("{}"), 0);
}

START_TEST(unknown_variable_is_only_warned_about)
{
	char out[2048];

	capture(out, sizeof(out), STDERR_FILENO, load_with_stray_variables);
	ck_assert_ptr_nonnull(strstr(out, "level=warn"));
	ck_assert_ptr_nonnull(strstr(out, "variable=SAMPLED_WORKER\n"));
	ck_assert_ptr_null(strstr(out, "SAMPLED_WORKERS"));
	ck_assert_ptr_null(strstr(out, "OTHER"));
	ck_assert_int_eq(conf.workers, 3);
}
END_TEST

static const struct {
	conf_check_h *check;
	const char *value;
	bool good;
} checks[] = {
	{conf_check_addr, "203.0.113.1", true},
	{conf_check_addr, "[::1]:80", true},
	{conf_check_addr, "host:80", false},
	{conf_check_addr, "", false},
	{conf_check_ip, "203.0.113.1", true},
	{conf_check_ip, "2001:db8::1", true},
	{conf_check_ip, "203.0.113.1:5060", false},
	{conf_check_cidr, "10.0.0.0/8", true},
	{conf_check_cidr, "::1", true},
	{conf_check_cidr, "10.0.0.0/", false},
	{conf_check_listen, "udp:203.0.113.1:5060", true},
	{conf_check_listen, "203.0.113.1", true},
	{conf_check_listen, "auto", true},
	{conf_check_listen, "udp:auto:5070", true},
	{conf_check_listen, "auto:", false},
	{conf_check_listen, "auto:70000", false},
	{conf_check_listen, "auto:000000000000005060", false},
	{conf_check_listen, "automatic", false},
	{conf_check_listen, "tcp:203.0.113.1:5060", false},
	{conf_check_listen, "udp:", false},
	{conf_check_log, "debug", true},
	{conf_check_log, "", false},
};

START_TEST(ready_made_checks)
{
	char why[80] = "";
	bool good = checks[_i].check(checks[_i].value, why, sizeof(why)) == 0;

	ck_assert(good == checks[_i].good);
	ck_assert(good == (*why == '\0'));
}
END_TEST

START_TEST(listen_addresses)
{
	struct addr a, route;
	char text[ADDR_STRLEN];

	ck_assert_int_eq(conf_listen_addr(&a, "udp:203.0.113.1:5070"), 0);
	ck_assert_str_eq(addr_str(text, &a), "203.0.113.1:5070");
	ck_assert_int_eq(conf_listen_addr(&a, "[2001:db8::1]"), 0);
	ck_assert_str_eq(addr_str(text, &a), "[2001:db8::1]:5060");
	ck_assert_int_eq(conf_listen_addr(&a, "somewhere"), -EINVAL);

	int err_route = addr_local_for(&route, NULL);

	ck_assert_int_eq(conf_listen_addr(&a, "auto:5070"), err_route);
	if (err_route == 0) {
		ck_assert(addr_ip_eq(&a, &route));
		ck_assert_uint_eq(addr_port(&a), 5070);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf_env");
	TCase *t = tcase_create("conf_env");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, environment_overrides_the_file);
	tcase_add_loop_test(t, environment_errors_name_the_variable, 0,
			    sizeof(bad_variables) / sizeof(bad_variables[0]));
	tcase_add_test(t, unknown_variable_is_only_warned_about);
	tcase_add_loop_test(t, ready_made_checks, 0,
			    sizeof(checks) / sizeof(checks[0]));
	tcase_add_test(t, listen_addresses);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
