#include "tests/unit/sip_text.h"

static su_home_t *home;

static void setup(void)
{
	home = su_home_new(sizeof(*home));
	ck_assert_ptr_nonnull(home);
}

static void teardown(void)
{
	su_home_unref(home);
}

static url_t *url(const char *text)
{
	url_t *u = url_make(home, text);

	ck_assert_msg(u != NULL, "no URL: %s", text);
	return u;
}

static void assert_url(const url_t *u, const char *text)
{
	ck_assert_str_eq(url_as_string(home, u), text);
}

static const struct {
	const char *url, *addr; /* "-": -EINVAL */
} addrs[] = {
	{"sip:a@192.0.2.1", "192.0.2.1:5060"},
	{"sip:192.0.2.1:5070;lr", "192.0.2.1:5070"},
	{"sips:a@192.0.2.1", "192.0.2.1:5061"},
	{"sip:a@[2001:db8::1]", "[2001:db8::1]:5060"},
	{"sip:a@[2001:db8::1]:7", "[2001:db8::1]:7"},
	{"sip:a@192.0.2.1:", "192.0.2.1:5060"},
	{"sip:a@192.0.2.1:0", "-"},
	{"sip:a@192.0.2.1:65536", "-"},
	{"sip:a@192.0.2.1:*", "-"},
	{"sip:a@192.0.2.1:99999999999999999999", "-"},
	{"sip:a@example.com", "-"},
	{"tel:+123", "-"},
	{"http://192.0.2.1/", "-"},
	{"*", "-"},
};

START_TEST(test_addr)
{
	struct addr a;
	int err = sipmsg_url_addr(&a, url(addrs[_i].url));

	if (err) {
		ck_assert_int_eq(err, -EINVAL);
		ck_assert_str_eq(addrs[_i].addr, "-");
	} else {
		assert_addr(&a, addrs[_i].addr);
	}
}
END_TEST

START_TEST(test_set_addr)
{
	url_t *u = url("sip:a;b@host.example;transport=tcp?Subject=x");
	struct addr v4 = address("203.0.113.1:5060");
	struct addr v6 = address("[2001:db8::1]:9");

	ck_assert_int_eq(sipmsg_url_set_addr(home, u, &v4), 0);
	assert_url(u, "sip:a;b@203.0.113.1:5060;transport=tcp?Subject=x");
	ck_assert_int_eq(sipmsg_url_set_addr(home, u, &v6), 0);
	assert_url(u, "sip:a;b@[2001:db8::1]:9;transport=tcp?Subject=x");
}
END_TEST

static const struct {
	const char *url, *name, *value; /* NULL: -ENOENT */
} params[] = {
	{"sip:h;a=1;b=2;ab=3", "a", "1"},
	{"sip:h;a=1;b=2;ab=3", "B", "2"},
	{"sip:h;a=1;b=2;ab=3", "ab", "3"},
	{"sip:h;a=1;b=2;ab=3", "c", NULL},
	{"sip:h;a=1;b=2;ab=3", "", NULL},
	{"sip:h", "a", NULL},
	{"sip:h;", "a", NULL},
	{"sip:h;lr", "lr", ""},
	{"sip:h;lr=", "lr", ""},
	{"sip:h;lr;a=x=y", "a", "x=y"},
	{"sip:h;a=1;a=2", "a", "1"},
	{"sip:h;a=%5B2001:db8::1%5d:5", "a", "[2001:db8::1]:5"},
	{"sip:h;a=%00%0d%0A%20%7f%ff", "a", "%00%0D%0A%20%7F%FF"},
	{"sip:h;a=%3Bb%3D", "a", ";b="},
};

START_TEST(test_param)
{
	const url_t *u = url(params[_i].url);
	const char *value = params[_i].value;
	char buf[64], exact[64];
	int n = sipmsg_url_param(buf, sizeof(buf), u, params[_i].name);

	if (!value) {
		ck_assert_int_eq(n, -ENOENT);
		return;
	}
	ck_assert_int_eq(n, (int)strlen(value));
	ck_assert_str_eq(buf, value);
	for (size_t cap = 0; cap <= strlen(value); cap++)
		ck_assert_int_eq(
			sipmsg_url_param(exact, cap, u, params[_i].name),
			-EMSGSIZE);
	ck_assert_int_eq(
		sipmsg_url_param(exact, strlen(value) + 1, u, params[_i].name),
		(int)strlen(value));
}
END_TEST

static const struct {
	const char *before, *value, *after; /* of the parameter "p" */
} sets[] = {
	{"sip:h", "1", "sip:h;p=1"},
	{"sip:h", "", "sip:h;p"},
	{"sip:h", NULL, "sip:h"},
	{"sip:h;", "1", "sip:h;;p=1"},
	{"sip:h;", NULL, "sip:h;"},
	{"sip:h;;p=1", NULL, "sip:h;"},
	{"sip:h;p", NULL, "sip:h"},
	{"sip:h;lr;p=1;x=2", NULL, "sip:h;lr;x=2"},
	{"sip:h;p=1;lr;P=2", "3", "sip:h;lr;p=3"},
	{"sip:h;pp=1;q", "3", "sip:h;pp=1;q;p=3"},
	{"sip:h;q?x=y", "[::1]:5", "sip:h;q;p=%5B::1%5D:5?x=y"},
	{"sip:h", "a;b=c@d\r\n%?", "sip:h;p=a%3Bb%3Dc%40d%0D%0A%25%3F"},
};

START_TEST(test_param_set)
{
	url_t *u = url(sets[_i].before);
	char buf[64];

	ck_assert_int_eq(sipmsg_url_param_set(home, u, "p", sets[_i].value), 0);
	assert_url(u, sets[_i].after);
	/* It reads back alike through another parser run. */
	u = url(sets[_i].after);
	assert_url(u, sets[_i].after);
	if (!sets[_i].value)
		ck_assert_int_eq(sipmsg_url_param(buf, sizeof(buf), u, "p"),
				 -ENOENT);
	else
		ck_assert_int_ge(sipmsg_url_param(buf, sizeof(buf), u, "p"), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sipmsg_url");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_addr, 0, sizeof(addrs) / sizeof(addrs[0]));
	tcase_add_test(tc, test_set_addr);
	tcase_add_loop_test(tc, test_param, 0,
			    sizeof(params) / sizeof(params[0]));
	tcase_add_loop_test(tc, test_param_set, 0,
			    sizeof(sets) / sizeof(sets[0]));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
