#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "redirectd/auth.h"
#include "redirectd/conf.h"

static struct redirectd_conf conf;
static char err[CONF_ERRLEN];

static void teardown(void)
{
	conf_free(&conf, redirectd_keys, redirectd_nkeys);
}

static int load(const char *text)
{
	char path[] = "/tmp/test_redirectd_conf.XXXXXX";
	int fd = mkstemp(path), bad;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	conf_free(&conf, redirectd_keys, redirectd_nkeys);
	memset(&conf, 0, sizeof(conf));
	bad = conf_load(&conf, redirectd_keys, redirectd_nkeys, "redirectd",
			path, err);
	unlink(path);
	return bad ? bad : redirectd_conf_check(&conf, err);
}

START_TEST(nobody_has_configured_anything)
{
	struct auth_config cfg;

	ck_assert_msg(!load("{}"), "%s", err);
	redirectd_conf_auth(&cfg, &conf);
	ck_assert_str_eq(cfg.realm, "");
	ck_assert_str_eq(cfg.secret, "");
	ck_assert_int_eq(cfg.mode, AUTH_AUTO);
	ck_assert_uint_eq(cfg.nalgorithms, 1);
	ck_assert_int_eq(cfg.algorithms[0], DIGEST_MD5);
	ck_assert_uint_eq(cfg.nonce_ms, 300000);
	ck_assert_uint_eq(cfg.failures, 10);
	ck_assert_uint_eq(cfg.ndomains, 0);
}
END_TEST

START_TEST(all_of_it)
{
	struct auth_config cfg;

	ck_assert_msg(
		!load("{\"auth\": {\"realm\": \"Our Office\", \"required\": "
		      "\"always\", \"algorithms\": [\"SHA-512-256\", "
		      "\"sha-256\", \"MD5\"], \"secret\": "
		      "\"0123456789abcdef\", \"nonce\": 60, \"failures\": 0, "
		      "\"domains\": [\"example.com\", \"192.0.2.1\", "
		      "\"[2001:db8::1]\"]}}"),
		"%s", err);
	redirectd_conf_auth(&cfg, &conf);
	ck_assert_str_eq(cfg.realm, "Our Office");
	ck_assert_str_eq(cfg.secret, "0123456789abcdef");
	ck_assert_int_eq(cfg.mode, AUTH_ALWAYS);
	ck_assert_uint_eq(cfg.nalgorithms, 3);
	ck_assert_int_eq(cfg.algorithms[0], DIGEST_SHA512_256);
	ck_assert_int_eq(cfg.algorithms[1], DIGEST_SHA256);
	ck_assert_int_eq(cfg.algorithms[2], DIGEST_MD5);
	ck_assert_uint_eq(cfg.nonce_ms, 60000);
	ck_assert_uint_eq(cfg.failures, 0);
	ck_assert_uint_eq(cfg.ndomains, 3);
	ck_assert_str_eq(cfg.domains[2], "[2001:db8::1]");
}
END_TEST

static const struct {
	const char *text, *key, *wanted;
} bad[] = {
	{"{\"auth\": {\"realm\": \"a\\\"b\"}}", "auth.realm", "characters"},
	{"{\"auth\": {\"realm\": \"a\\\\b\"}}", "auth.realm", "characters"},
	{"{\"auth\": {\"realm\": \"a\\tb\"}}", "auth.realm", "characters"},
	{"{\"auth\": {\"required\": \"yes\"}}", "auth.required", "never"},
	{"{\"auth\": {\"required\": true}}", "auth.required", "string"},
	{"{\"auth\": {\"required\": \"\"}}", "auth.required", "always"},
	{"{\"auth\": {\"algorithms\": []}}", "auth.algorithms", "found none"},
	{"{\"auth\": {\"algorithms\": [\"SHA1\"]}}", "auth.algorithms",
	 "SHA-256"},
	{"{\"auth\": {\"algorithms\": [\"\"]}}", "auth.algorithms", "SHA-256"},
	{"{\"auth\": {\"algorithms\": [\"MD5\", \"SHA-256\", \"md5\"]}}",
	 "auth.algorithms", "twice"},
	{"{\"auth\": {\"secret\": \"0123456789abcde\"}}", "auth.secret",
	 "at least 16"},
	{"{\"auth\": {\"nonce\": 9}}", "auth.nonce", "10"},
	{"{\"auth\": {\"failures\": -1}}", "auth.failures", "0"},
	{"{\"auth\": {\"domains\": [\"\"]}}", "auth.domains", "domain"},
	{"{\"auth\": {\"domains\": [\"a@b\"]}}", "auth.domains", "domain"},
	{"{\"auth\": {\"domains\": [\"sip:example.com\"]}}", "auth.domains",
	 "domain"},
	{"{\"auth\": {\"domains\": [\"a b\"]}}", "auth.domains", "domain"},
};

START_TEST(refused_with_its_key)
{
	ck_assert_int_ne(load(bad[_i].text), 0);
	ck_assert_msg(strstr(err, bad[_i].key) != NULL, "%s", err);
	ck_assert_msg(strstr(err, bad[_i].wanted) != NULL, "%s", err);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("conf");
	Suite *s = suite_create("redirectd conf");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, nobody_has_configured_anything);
	tcase_add_test(tc, all_of_it);
	tcase_add_loop_test(tc, refused_with_its_key, 0,
			    sizeof(bad) / sizeof(bad[0]));
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
