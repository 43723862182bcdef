#include <check.h>
#include <stdio.h>
#include <string.h>

#include "redirectd/record.h"

#include "redirectd/record_fault.h"

#define HASH_16 "0123456789abcdef0123456789abcdef"
#define HASH_32 HASH_16 HASH_16
#define HA1                                                                    \
	"\"ha1\":{\"MD5\":\"" HASH_16 "\",\"SHA-256\":\"" HASH_32              \
	"\",\"SHA-512-256\":\"" HASH_32 "\"}"

/* A client with one binding: all but the times of it, and those. */
#define CLIENT(rest)                                                           \
	"{\"client\":\"a@b\",\"bindings\":[{\"url\":\"sip:a@192.0.2.1\","      \
	"\"instance\":\"\",\"call_id\":\"c\",\"cseq\":1,\"reg_id\":0,"         \
	"\"serving\":\"192.0.2.2:5060\"," rest "}]}"
#define TIMES "\"registered\":1700000000000,\"expires\":1700000003000"

static const struct {
	const char *text, *why;
} cases[] = {
	{"{}", "expected one of the keys client, user, alias"},
	{"{\"client\":\"a@b\"}", "bindings: missing"},
	{"{\"client\":\"a\",\"bindings\":[]}", "client: not a good value: "
					       "\"a\""},
	{"{\"client\":\"a@b\",\"bindings\":7}", "bindings: not a good value: "
						"7"},
	{"{\"client\":\"a@b\",\"bindings\":[7]}",
	 "bindings: not a good value: [7]"},
	{"{\"client\":\"a@b\",\"bindings\":[],\"x\":1}", "x: unknown"},
	{"{\"client\":\"a@b\",\"bindings\":[{}]}", "bindings[0].url: missing"},
	{CLIENT("\"q\":500," TIMES ",\"x\":1"), "bindings[0].x: unknown"},
	{CLIENT(TIMES), "bindings[0].q: missing"},
	{CLIENT("\"q\":1001," TIMES), "bindings[0].q: not a good value: 1001"},
	{CLIENT("\"q\":\"1\"," TIMES),
	 "bindings[0].q: not a good value: \"1\""},
	{CLIENT("\"q\":1,\"registered\":-1,\"expires\":1"),
	 "bindings[0].registered: not a good value: -1"},
	{CLIENT("\"q\":1,\"registered\":2,\"expires\":1"),
	 "bindings[0].expires: not within a year behind registered"},
	{CLIENT("\"q\":1,\"registered\":1,\"expires\":1700000003000"),
	 "bindings[0].expires: not within a year behind registered"},
	{"{\"user\":\"a@b\",\"name\":\"a\",\"realm\":\"b\"}", "ha1: missing"},
	{"{\"user\":\"a@b\",\"name\":\"\",\"realm\":\"b\"," HA1 "}",
	 "name: not a good value: \"\""},
	{"{\"user\":\"a@b\",\"name\":\"a\",\"realm\":\"b\",\"ha1\":{}}",
	 "ha1: not a good value: {}"},
	{"{\"alias\":\"a@b\",\"of\":\"c\"}", "of: not a good value: \"c\""},
	{"{\"alias\":\"c@b\",\"of\":\"c@b\"}", "of: the same as alias"},
};

START_TEST(names_the_key)
{
	char why[256] = "";
	json_t *j = json_loads(cases[_i].text, JSON_REJECT_DUPLICATES, NULL);

	ck_assert_msg(j != NULL, "%s", cases[_i].text);
	record_fault(why, sizeof(why), j);
	ck_assert_str_eq(why, cases[_i].why);
	json_decref(j);
}
END_TEST

START_TEST(a_value_is_cut)
{
	char text[512], why[256], *at;
	json_t *j;

	(void)snprintf(text, sizeof(text),
		       "{\"alias\":\"%0200d\",\"of\":\"a@b"
		       "\"}",
		       7);
	j = json_loads(text, 0, NULL);
	record_fault(why, sizeof(why), j);
	at = strstr(why, "...");
	ck_assert(!strncmp(why, "alias: not a good value: \"000", 29));
	ck_assert_ptr_nonnull(at);
	ck_assert_uint_lt(strlen(why), 100);
	json_decref(j);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redirectd record_fault");
	TCase *t = tcase_create("record_fault");

	tcase_add_loop_test(t, names_the_key, 0,
			    sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, a_value_is_cut);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
