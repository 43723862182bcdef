#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/flow_token.h"

static const char secret[] = "a secret of the test";

static struct channel flow(const char *text, uint64_t conn)
{
	struct channel c;

	ck_assert_int_eq(channel_parse(&c, text), 0);
	c.conn = conn;
	c.local = 2;
	return c;
}

static const char *const ways[] = {
	"198.51.100.28:40000",
	"tcp:198.51.100.28:65535",
	"wss:[2001:db8::50]:5061",
};

START_TEST(a_flow_is_read_back)
{
	struct channel f = flow(ways[_i], UINT64_MAX - 1), got;
	char token[FLOW_TOKEN_LEN];

	(void)flow_token_print(token, &f, secret);
	ck_assert_uint_eq(strspn(token, "0123456789abcdef"), strlen(token));
	ck_assert_int_eq(flow_token_parse(&got, token, secret), 0);
	ck_assert(channel_eq(&got, &f));
	ck_assert_uint_eq(got.conn, f.conn);
	ck_assert_uint_eq(got.local, 2);
}
END_TEST

START_TEST(every_changed_character_is_noticed)
{
	struct channel f = flow(ways[_i], 7), got;
	char token[FLOW_TOKEN_LEN];

	(void)flow_token_print(token, &f, secret);
	for (size_t i = 0; token[i]; i++) {
		char was = token[i];

		token[i] = was == '0' ? '1' : '0';
		ck_assert_int_eq(flow_token_parse(&got, token, secret),
				 -EBADMSG);
		token[i] = was;
	}
	ck_assert_int_eq(flow_token_parse(&got, token, "another"), -EBADMSG);
	token[strlen(token) - 2] = '\0';
	ck_assert_int_ne(flow_token_parse(&got, token, secret), 0);
}
END_TEST

START_TEST(other_user_parts_are_none)
{
	static const char *const others[] = {
		"",
		"bob",
		"0",
		"00",
		"deadbeef",
		"zz00000000000000000000000000000000000000000000000000000000000",
	};
	struct channel got;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		ck_assert_int_eq(flow_token_parse(&got, others[i], secret),
				 -ENOENT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proto_flow_token");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, a_flow_is_read_back, 0, 3);
	tcase_add_loop_test(tc, every_changed_character_is_noticed, 0, 3);
	tcase_add_test(tc, other_user_parts_are_none);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
