#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/record.h"

#define BINDING                                                                \
	"{\"url\":\"sip:a@192.0.2.1\",\"instance\":\"\\\"<urn:x>\\\"\","       \
	"\"call_id\":\"c@h\",\"cseq\":4294967295,\"reg_id\":1,\"q\":700,"      \
	"\"serving\":\"203.0.113.1:5060\",\"registered\":1000,"                \
	"\"expires\":61000}"
#define CLIENT "{\"client\":\"alice@a\",\"bindings\":[" BINDING "]}"
#define HEX8   "0123abcd"
#define HEX32  HEX8 HEX8 HEX8 HEX8
#define USER                                                                   \
	"{\"user\":\"alice@a\",\"name\":\"alice\",\"realm\":\"a b\",\"ha1\":{" \
	"\"MD5\":\"" HEX32 "\",\"SHA-256\":\"" HEX32 HEX32                     \
	"\",\"SHA-512-256\":\"" HEX32 HEX32 "\"}}"
#define ALIAS "{\"alias\":\"sales@a\",\"of\":\"alice@a\"}"

static json_t *parse(const char *text)
{
	json_t *j = record_parse(text, strlen(text));

	ck_assert_msg(j != NULL, "%s", text);
	return j;
}

/* Read whatever it says it is, and print that again. */
static int again(char **text, const json_t *j)
{
	struct record_client c;
	struct user u;
	const char *id, *of;
	enum record_kind kind;
	json_t *back = NULL;
	int err = record_kind(&kind, j);

	if (err)
		return err;
	switch (kind) {
	case RECORD_CLIENT:
		err = record_client(&c, j);
		back = err ? NULL : record_of_client(c.id, c.v, c.n);
		break;
	case RECORD_USER:
		err = record_user(&id, &u, j);
		back = err ? NULL : record_of_user(id, &u);
		break;
	case RECORD_ALIAS:
		err = record_alias(&id, &of, j);
		back = err ? NULL : record_of_alias(id, of);
		break;
	}
	*text = back ? json_dumps(back, JSON_COMPACT) : NULL;
	json_decref(back);
	return err;
}

static const char *const good[] = {
	CLIENT,
	"{\"client\":\"alice@a\",\"bindings\":[]}",
	"{\"client\":\"alice@a\",\"bindings\":[" BINDING "," BINDING "]}",
	USER,
	ALIAS,
};

START_TEST(good_ones_come_back_as_they_were)
{
	json_t *j = parse(good[_i]);
	char *text = NULL;

	ck_assert_int_eq(again(&text, j), 0);
	ck_assert_str_eq(text, good[_i]);
	free(text);
	json_decref(j);
}
END_TEST

/* A good record with one piece of its text exchanged. */
static const struct {
	const char *record, *piece, *by;
} broken[] = {
	{CLIENT, "\"client\"", "\"clients\""},
	{CLIENT, "alice@a", "alice"},
	{CLIENT, "alice@a", "alice@A"},
	{CLIENT, "alice@a", "ali ce@a"},
	{CLIENT, "alice@a", "al\\nice@a"},
	{CLIENT, "\"alice@a\"", "7"},
	{CLIENT, "[" BINDING "]", "{}"},
	{CLIENT, "[" BINDING "]", "[7]"},
	{CLIENT, "[" BINDING "]", "[],\"more\":1"},
	{CLIENT, "\"url\"", "\"uri\""},
	{CLIENT, "\"url\"", "\"x\":1,\"url\""},
	{CLIENT, "sip:a@192.0.2.1", ""},
	{CLIENT, "sip:a@", "sip:a>@"},
	{CLIENT, "sip:a@", "sip:a\\r\\n@"},
	{CLIENT, "sip:a@192.0.2.1", "sip: a@192.0.2.1"},
	{CLIENT, "\\\"<urn:x>\\\"", "<urn:x>"},
	{CLIENT, "<urn:x>", "<urn:\\\"x>"},
	{CLIENT, "<urn:x>", "<urn:\\\\x>"},
	{CLIENT, "c@h", ""},
	{CLIENT, "c@h", "c\\nh"},
	{CLIENT, "4294967295", "4294967296"},
	{CLIENT, "4294967295", "-1"},
	{CLIENT, "4294967295", "1.5"},
	{CLIENT, "4294967295", "\"1\""},
	{CLIENT, "\"reg_id\":1", "\"reg_id\":-1"},
	{CLIENT, "\"q\":700", "\"q\":1001"},
	{CLIENT, "203.0.113.1:5060", "proxy.example.com"},
	{CLIENT, "\"registered\":1000", "\"registered\":61001"},
	{CLIENT, "\"registered\":1000", "\"registered\":-1"},
	{CLIENT, "61000", "99000000000000"},
	{USER, "alice@a", "@a"},
	{USER, "\"alice\"", "\"\""},
	{USER, "\"alice\"", "\"al\\tice\""},
	{USER, "a b", ""},
	{USER, "\"MD5\":\"" HEX8, "\"MD5\":\"0123abc"},
	{USER, "\"MD5\":\"" HEX8, "\"MD5\":\"0123ABCD"},
	{USER, "\"MD5\":\"" HEX32 "\",", ""},
	{USER, "\"MD5\"", "\"MD4\""},
	{USER, "\"ha1\":{", "\"ha1\":{\"x\":\"\","},
	{USER, "\"realm\"", "\"password\":\"x\",\"realm\""},
	{ALIAS, "alice@a", "sales@a"},
	{ALIAS, "alice@a", ""},
	{ALIAS, "sales@a", "@"},
	{ALIAS, "\"of\"", "\"for\""},
	{ALIAS, "}", ",\"x\":null}"},
};

START_TEST(broken_ones_are_none)
{
	const char *at = strstr(broken[_i].record, broken[_i].piece);
	char text[2048], *back = NULL;
	json_t *j;

	ck_assert_ptr_nonnull(at);
	(void)snprintf(text, sizeof(text), "%.*s%s%s",
		       (int)(at - broken[_i].record), broken[_i].record,
		       broken[_i].by, at + strlen(broken[_i].piece));
	j = parse(text);
	ck_assert_msg(again(&back, j) == -EBADMSG, "%s", text);
	json_decref(j);
}
END_TEST

START_TEST(lists_and_strings_are_bounded)
{
	struct binding b = {.url = "sip:a@192.0.2.1",
			    .instance = "",
			    .path = "",
			    .call_id = "c",
			    .registered = 1,
			    .expires = 2};
	struct binding v[BINDINGS_MAX + 1], back;
	struct record_client c;
	char url[REDIRECT_URL_MAX + 1] = "sip:";
	json_t *j;

	ck_assert_int_eq(addr_parse(&b.serving, "203.0.113.1:5060", 0), 0);
	for (size_t i = 0; i <= BINDINGS_MAX; i++)
		v[i] = b;
	j = record_of_client("a@a", v, BINDINGS_MAX);
	ck_assert_int_eq(record_client(&c, j), 0);
	json_decref(j);
	j = record_of_client("a@a", v, BINDINGS_MAX + 1);
	ck_assert_int_eq(record_client(&c, j), -EBADMSG);
	json_decref(j);
	memset(url + 4, 'u', sizeof(url) - 5);
	b.url = url;
	j = record_of_binding(&b);
	ck_assert_int_eq(record_binding(&back, j), -EBADMSG);
	json_decref(j);
	url[REDIRECT_URL_MAX - 1] = '\0';
	b.url = url;
	j = record_of_binding(&b);
	ck_assert_int_eq(record_binding(&back, j), 0);
	json_decref(j);
}
END_TEST

START_TEST(the_longest_record_has_room)
{
	char url[REDIRECT_URL_MAX], id[REDIRECT_ID_MAX];
	char instance[BINDING_INSTANCE_MAX], call_id[SIPMSG_CALLID_MAX];
	struct binding b = {.url = url,
			    .instance = instance,
			    .path = "",
			    .call_id = call_id,
			    .cseq = UINT32_MAX,
			    .reg_id = UINT32_MAX,
			    .q = 1000};
	struct binding v[BINDINGS_MAX];
	struct record_client c;
	json_t *j, *back;
	char *text;

	memset(url, '\\', sizeof(url));
	memset(instance, 'i', sizeof(instance));
	memset(call_id, '"', sizeof(call_id));
	memset(id, '"', sizeof(id));
	url[sizeof(url) - 1] = '\0';
	instance[0] = instance[sizeof(instance) - 2] = '"';
	instance[sizeof(instance) - 1] = '\0';
	call_id[sizeof(call_id) - 1] = '\0';
	memcpy(id + sizeof(id) - 3, "@a", 3);
	b.registered = b.expires = INT64_MAX;
	ck_assert_int_eq(addr_parse(&b.serving,
				    "[2001:db8:1111:2222:3333:4444:5555:6666]"
				    ":65535",
				    0),
			 0);
	for (size_t i = 0; i < BINDINGS_MAX; i++)
		v[i] = b;
	j = record_of_client(id, v, BINDINGS_MAX);
	ck_assert_int_eq(record_client(&c, j), 0);
	text = json_dumps(j, JSON_COMPACT);
	ck_assert_ptr_nonnull(text);
	back = record_parse(text, strlen(text));
	ck_assert_ptr_nonnull(back);
	ck_assert_int_eq(record_client(&c, back), 0);
	json_decref(back);
	free(text);
	json_decref(j);
}
END_TEST

START_TEST(text_that_is_not_json_is_none)
{
	static const char *const texts[] = {
		"", "7", "[]", "{\"alias\":", "{}x", "{\"a\":1,\"a\":1}"};
	static char zeros[RECORD_LEN_MAX + 1];
	enum record_kind kind;
	json_t *j;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_ptr_null(record_parse(texts[i], strlen(texts[i])));
	memset(zeros, ' ', sizeof(zeros));
	zeros[0] = '{';
	zeros[sizeof(zeros) - 1] = '}';
	ck_assert_ptr_null(record_parse(zeros, sizeof(zeros)));
	j = record_parse("{}", 2);
	ck_assert_int_eq(record_kind(&kind, j), -EBADMSG);
	json_decref(j);
	ck_assert_ptr_null(record_of_alias("\xff@a", "a@a"));
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *suite = suite_create("redirectd_record");
	TCase *tc = tcase_create("record");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, good_ones_come_back_as_they_were, 0,
			    COUNT(good));
	tcase_add_loop_test(tc, broken_ones_are_none, 0, COUNT(broken));
	tcase_add_test(tc, lists_and_strings_are_bounded);
	tcase_add_test(tc, the_longest_record_has_room);
	tcase_add_test(tc, text_that_is_not_json_is_none);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
