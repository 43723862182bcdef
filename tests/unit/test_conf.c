#include "tests/unit/conf_fixture.h"

/* What the error says behind the file's directory. */
static const char *error_line(void)
{
	const char *name = strstr(err, "sample.json");

	return name ? name : err;
}

START_TEST(defaults_need_no_file)
{
	ck_assert_int_eq(conf_load(&conf, keys, NKEYS, "sampled", NULL, err),
			 0);
	ck_assert_str_eq(err, "");
	ck_assert_str_eq(conf.level, "info");
	ck_assert_str_eq(conf.advertise, "");
	ck_assert_ptr_null(conf.nowhere);
	ck_assert_int_eq(conf.workers, 2);
	ck_assert(conf.mux);
	ck_assert_uint_eq(conf.listen.n, 1);
	ck_assert_str_eq(conf.listen.v[0], "udp:127.0.0.1:5060");
	ck_assert_uint_eq(conf.trusted.n, 0);
	ck_assert_int_eq(conf.ports.lo, 30000);
	ck_assert_int_eq(conf.ports.hi, 39999);
}
END_TEST

START_TEST(file_overrides_defaults)
{
	int ret = load("{\n"
		       "  \"log\": \"debug\", \"workers\": 64,\n"
		       "  \"rtcp-mux\": false,\n"
		       "  \"listen\": [\"auto\", \"[::1]:5070\"],\n"
		       "  \"trusted\": \"203.0.113.0/24\",\n"
		       "  \"media\": {\"ports\": [1024, 65535]}\n"
		       "}\n");

	ck_assert_msg(ret == 0, "%s", err);
	ck_assert_str_eq(conf.level, "debug");
	ck_assert_int_eq(conf.workers, 64);
	ck_assert(!conf.mux);
	ck_assert_uint_eq(conf.listen.n, 2);
	ck_assert_str_eq(conf.listen.v[1], "[::1]:5070");
	ck_assert_uint_eq(conf.trusted.n, 1);
	ck_assert_str_eq(conf.trusted.v[0], "203.0.113.0/24");
	ck_assert_int_eq(conf.ports.lo, 1024);
	ck_assert_int_eq(conf.ports.hi, 65535);
	ck_assert_str_eq(conf.address, "127.0.0.1");
}
END_TEST

static const struct {
	const char *text;
	const char *want;
} bad_files[] = {
	{"{\n\n\"lisen\": []}",
	 "sample.json:3: lisen: unknown key, the nearest known one is listen"},
	{"{\"ports\": [1, 2]}", "sample.json:1: ports: unknown key, the "
				"nearest known one is media.ports"},
	{"{\"media\": {\n\"adress\": \"::1\"}}",
	 "sample.json:2: media.adress: unknown key, the nearest known one is "
	 "media.address"},
	{"{\"a\\nb\": 1,\n\"log\": 1}",
	 "sample.json:1: a?b: unknown key, the nearest known one is log"},
	{"{\"media.ports\": [2000, 3000]}",
	 "sample.json:1: media.ports: expected { } inside { }, not a dot"},
	{"{\n\"media\": [1]}",
	 "sample.json:2: media: expected { } with keys in it"},
	{"[1]", "sample.json:1: expected { } with keys in it"},
	{"{\n\"log\": 5}", "sample.json:2: log: expected a string, found 5"},
	{"{\"log\":\n\"loud\"}", "sample.json:1: log: expected debug, info, "
				 "warn or error, found \"loud\""},
	{"{\"media\": {\"address\": \"\"}}",
	 "sample.json:1: media.address: expected an IP address like "
	 "203.0.113.1, without port, found \"\""},
	{"{\"workers\": 0}", "sample.json:1: workers: expected a whole number "
			     "within 1-64, found 0"},
	{"{\"workers\": 65}", "sample.json:1: workers: expected a whole "
			      "number within 1-64, found 65"},
	{"{\"workers\": 2.5}", "sample.json:1: workers: expected a whole "
			       "number within 1-64, found 2.5"},
	{"{\"workers\": null}", "sample.json:1: workers: expected a whole "
				"number within 1-64, found null"},
	{"{\"rtcp-mux\": \"yes\"}", "sample.json:1: rtcp-mux: expected true "
				    "or false, found \"yes\""},
	{"{\"listen\": 5060}",
	 "sample.json:1: listen: expected a list of strings, found 5060"},
	{"{\"listen\": [\n\"auto\",\n 7]}",
	 "sample.json:3: listen: expected a string, found 7"},
	{"{\"listen\": [\n\"auto\",\n\"sip.example.org\"\n]}",
	 "sample.json:3: listen: expected udp:203.0.113.1:5060, or udp:auto, "
	 "found \"sip.example.org\""},
	{"{\"trusted\": [\"10.0.0.0/33\"]}",
	 "sample.json:1: trusted: expected a network like 203.0.113.0/24, "
	 "found \"10.0.0.0/33\""},
	{"{\n\"log\": \"info\",\n\"media\": {\n\"address\": \"::1\",\n"
	 "\"ports\": \"abc\"}}",
	 "sample.json:5: media.ports: expected [low, high] within 1024-65535, "
	 "found \"abc\""},
	{"{\"media\": {\"ports\": [80, 2000]}}",
	 "sample.json:1: media.ports: expected [low, high] within 1024-65535, "
	 "found [80,2000]"},
	{"{\"media\": {\"ports\": [3000, 2000]}}",
	 "sample.json:1: media.ports: expected [low, high] within 1024-65535, "
	 "found [3000,2000]"},
	{"{\"media\": {\"ports\": [3000]}}",
	 "sample.json:1: media.ports: expected [low, high] within 1024-65535, "
	 "found [3000]"},
	{"{\"media\": {\"ports\": [3000, 4000, 5000]}}",
	 "sample.json:1: media.ports: expected [low, high] within 1024-65535, "
	 "found [3000,4000,5000]"},
	{"{\"workers\": \"0123456789012345678901234567890123456789"
	 "01234567890123456789\"}",
	 "sample.json:1: workers: expected a whole number within 1-64, found "
	 "\"01234567890123456789012345678901234567890123456789012345678..."},
};

START_TEST(file_errors_name_line_and_key)
{
	ck_assert_int_eq(load(bad_files[_i].text), -EINVAL);
	ck_assert_str_eq(error_line(), bad_files[_i].want);
}
END_TEST

START_TEST(syntax_errors_name_the_line)
{
	static const char third[] = "sample.json:3: ";

	ck_assert_int_eq(load("{\n\"log\": \"info\",\n\"workers\" 5\n}"),
			 -EINVAL);
	ck_assert_int_eq(strncmp(error_line(), third, strlen(third)), 0);
	ck_assert_int_eq(load("{\n\"log\": \"info\",\n\"log\": \"warn\"\n}"),
			 -EINVAL);
	ck_assert_int_eq(strncmp(error_line(), third, strlen(third)), 0);
	ck_assert_ptr_nonnull(strstr(err, "duplicate"));
	ck_assert_ptr_nonnull(strstr(err, "log"));
	ck_assert_int_eq(load(""), -EINVAL);
	ck_assert_int_eq(load("{} x"), -EINVAL);
	ck_assert_int_eq(load("{\"log\": \"\xff\"}"), -EINVAL);
}
END_TEST

/* Names that only look like the key are passed over. */
START_TEST(line_finder_is_not_fooled)
{
	ck_assert_int_eq(load("{ \"nowhere\": \"{\\\"workers\\\": [}\\\\\",\n"
			      "\"listen\": [\"auto\", \"[::1]\"],\n"
			      "\"media\": {\"ports\":\n[2000,\n3000]},\n"
			      "\"work\\u0065rs\":\n\n\"x\"}"),
			 -EINVAL);
	ck_assert_str_eq(error_line(),
			 "sample.json:6: workers: expected a whole number "
			 "within 1-64, found \"x\"");
}
END_TEST

START_TEST(unreadable_files)
{
	ck_assert_int_eq(conf_load(&conf, keys, NKEYS, "sampled", path, err),
			 -ENOENT);
	ck_assert_str_eq(error_line(),
			 "sample.json: No such file or directory");
	conf_free(&conf, keys, NKEYS);
	ck_assert_int_eq(conf_load(&conf, keys, NKEYS, "sampled", dir, err),
			 -EISDIR);
	ck_assert_ptr_nonnull(strstr(err, ": Is a directory"));
}
END_TEST

START_TEST(oversized_file)
{
	size_t len = 1 << 20;
	char *text = malloc(len + 1);

	memset(text, ' ', len);
	text[len] = '\0';
	ck_assert_int_eq(load(text), -EFBIG);
	free(text);
}
END_TEST

START_TEST(bad_defaults_are_reported)
{
	static const struct conf_key bad[] = {
		{"workers", CONF_INT, AT(workers), "9", 1, 8, NULL, false, ""},
	};
	static const struct conf_key no_json[] = {
		{"log", CONF_STRING, AT(level), "info", 0, 0, NULL, false, ""},
	};

	ck_assert_int_eq(conf_load(&conf, bad, 1, "sampled", NULL, err),
			 -EINVAL);
	ck_assert_str_eq(err, "workers: the default: expected a whole number "
			      "within 1-8, found 9");
	ck_assert_int_eq(conf_load(&conf, no_json, 1, "sampled", NULL, err),
			 -EINVAL);
	ck_assert_str_eq(err, "log: the default is not JSON: info");
}
END_TEST

static struct sample next;

static void keep(void)
{
	ck_assert_int_eq(conf_keep(&next, &conf, keys, NKEYS), 0);
}

START_TEST(reload_keeps_what_needs_a_restart)
{
	char out[2048];

	memset(&next, 0, sizeof(next));
	ck_assert_int_eq(load("{\"listen\": [\"auto\"], \"workers\": 4, "
			      "\"nowhere\": \"x\"}"),
			 0);
	ck_assert_int_eq(load_into(&next,
				   "{\"workers\": 5, \"log\": \"debug\", "
				   "\"media\": {\"ports\": [2000, 3000]}, "
				   "\"trusted\": [\"::1\", \"10.0.0.0/8\"]}"),
			 0);
	capture(out, sizeof(out), STDERR_FILENO, keep);
	ck_assert_ptr_nonnull(strstr(out, "key=listen\n"));
	ck_assert_ptr_nonnull(strstr(out, "key=nowhere\n"));
	ck_assert_ptr_nonnull(strstr(out, "key=media.ports\n"));
	ck_assert_ptr_null(strstr(out, "key=workers\n"));
	ck_assert_ptr_null(strstr(out, "key=media.address\n"));
	conf_free(&conf, keys, NKEYS);

	ck_assert_uint_eq(next.listen.n, 1);
	ck_assert_str_eq(next.listen.v[0], "auto");
	ck_assert_str_eq(next.nowhere, "x");
	ck_assert_int_eq(next.ports.lo, 30000);
	ck_assert_int_eq(next.workers, 5);
	ck_assert_str_eq(next.level, "debug");
	ck_assert_uint_eq(next.trusted.n, 2);
	conf_free(&next, keys, NKEYS);
	ck_assert_ptr_null(next.level);
	ck_assert_uint_eq(next.trusted.n, 0);
}
END_TEST

static void print(void)
{
	conf_print(keys, NKEYS, "sampled");
}

START_TEST(help_lists_every_key)
{
	char out[4096];

	capture(out, sizeof(out), STDOUT_FILENO, print);
	for (size_t i = 0; i < NKEYS; i++) {
		ck_assert_ptr_nonnull(strstr(out, keys[i].name));
		ck_assert_ptr_nonnull(strstr(out, keys[i].help));
		ck_assert(!keys[i].def || strstr(out, keys[i].def));
	}
	ck_assert_ptr_nonnull(strstr(out, "SAMPLED_LOG"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf");
	TCase *t = tcase_create("conf");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, defaults_need_no_file);
	tcase_add_test(t, file_overrides_defaults);
	tcase_add_loop_test(t, file_errors_name_line_and_key, 0,
			    sizeof(bad_files) / sizeof(bad_files[0]));
	tcase_add_test(t, syntax_errors_name_the_line);
	tcase_add_test(t, line_finder_is_not_fooled);
	tcase_add_test(t, unreadable_files);
	tcase_add_test(t, oversized_file);
	tcase_add_test(t, bad_defaults_are_reported);
	tcase_add_test(t, reload_keeps_what_needs_a_restart);
	tcase_add_test(t, help_lists_every_key);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
