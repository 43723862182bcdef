#include "proto/recall.h"
#include "tests/unit/proto_example.h"

static const struct recall_binding first = {
	.id = "first@example.com",
	.url = "sip:first@198.51.100.28:40000;ph-own=10.0.0.16:5062",
	.instance = "",
	.expires = 3580,
};

static const struct recall_binding second = {
	.id = "second@example.com",
	.url = "sip:second@198.51.100.30:40002;ph-own=10.0.0.16:5062"
	       ";ph-channel=tls",
	.instance = "\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\"",
	.reg_id = 1,
	.expires = 120,
};

static int ask(const char *after)
{
	struct proto_hop h = hop("z9hG4bKrecall");
	struct relay_request r = request();

	h.to = &redirect;
	r.call_id = "recall-1";
	r.from_tag = "p1";
	r.cseq = 2;
	return recall_query_print(&sb, &h, &r, after);
}

START_TEST(a_proxy_asks_for_its_bindings_as_the_examples_show)
{
	struct recall_page page;
	struct recall_binding b;
	char after[REDIRECT_ID_MAX];
	json_t *body = NULL;
	msg_t *msg, *answer;

	ck_assert_int_eq(ask("alice@example.com"), 0);
	assert_example("recall-query");
	assert_all_small_fail(ask("alice@example.com"));
	ck_assert_int_eq(ask("alice@example.com"), 0);
	msg = parsed(text);
	ck_assert_int_eq(recall_query_after(after, sip_object(msg)), 0);
	ck_assert_str_eq(after, "alice@example.com");

	ck_assert_int_eq(recall_page_init(&page), 0);
	ck_assert_int_eq(recall_page_add(&page, &first), 0);
	ck_assert_int_eq(recall_page_add(&page, &second), 0);
	ck_assert_int_eq(recall_page_more(&page, "zoe@example.com"), 0);
	strbuf_init(&sb, text, sizeof(text));
	ck_assert_int_eq(recall_answer_print(&sb, sip_object(msg), &page), 0);
	assert_example("recall-answer");
	answer = parsed(text);
	ck_assert_int_eq(recall_answer_parse(&body, sip_object(answer)), 2);
	ck_assert_int_eq(recall_answer_binding(&b, body, 0), 0);
	ck_assert_str_eq(b.id, first.id);
	ck_assert_str_eq(b.url, first.url);
	ck_assert_str_eq(b.instance, "");
	ck_assert_uint_eq(b.reg_id, 0);
	ck_assert_uint_eq(b.expires, 3580);
	ck_assert_int_eq(recall_answer_binding(&b, body, 1), 0);
	ck_assert_str_eq(b.instance, second.instance);
	ck_assert_uint_eq(b.reg_id, 1);
	ck_assert_int_eq(recall_answer_binding(&b, body, 2), -EBADMSG);
	ck_assert_str_eq(recall_answer_next(body), "zoe@example.com");
	json_decref(body);
	recall_page_free(&page);
	msg_destroy(answer);
	msg_destroy(msg);
}
END_TEST

START_TEST(the_first_page_is_asked_for_behind_nobody)
{
	char after[REDIRECT_ID_MAX] = "x";
	msg_t *msg;

	ck_assert_int_eq(ask(""), 0);
	msg = parsed(text);
	ck_assert_int_eq(recall_query_after(after, sip_object(msg)), 0);
	ck_assert_str_eq(after, "");
	msg_destroy(msg);
	ck_assert_int_eq(ask("a\r\nX: y"), -EINVAL);
}
END_TEST

START_TEST(other_questions_are_none)
{
	static const char *const others[] = {
		"OPTIONS sip:203.0.113.3:5060 SIP/2.0",
		"INVITE sip:203.0.113.3:5060;ph-recall SIP/2.0",
	};
	char after[REDIRECT_ID_MAX], data[512];
	msg_t *msg;

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(
			data, sizeof(data),
			"%s\r\n"
			"Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK1\r\n"
			"From: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
			"Call-ID: c\r\nCSeq: 1 %.*s\r\n\r\n",
			others[i], (int)strcspn(others[i], " "), others[i]);
		msg = parsed(data);
		ck_assert_int_eq(recall_query_after(after, sip_object(msg)),
				 -ENOENT);
		msg_destroy(msg);
	}
}
END_TEST

START_TEST(broken_entries_are_refused)
{
	static const char *const broken[] = {
		"{\"bindings\": [{}]}",
		"{\"bindings\": [{\"id\": \"a@b\"}]}",
		"{\"bindings\": [{\"id\": 1, \"contact\": \"sip:a@b\"}]}",
		"{\"bindings\": [{\"id\": \"a\", \"contact\": \"sip:a@b\","
		" \"expires\": -1}]}",
		"{\"bindings\": [{\"id\": \"a\", \"contact\": \"sip:a@b\","
		" \"expires\": 1, \"reg_id\": \"1\"}]}",
		"{\"bindings\": []}",
	};
	struct recall_binding b;

	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		json_t *body = json_loads(broken[i], 0, NULL);

		ck_assert_ptr_nonnull(body);
		ck_assert_int_eq(recall_answer_binding(&b, body, 0), -EBADMSG);
		ck_assert_ptr_null(recall_answer_next(body));
		json_decref(body);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proto_recall");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_proxy_asks_for_its_bindings_as_the_examples_show);
	tcase_add_test(tc, the_first_page_is_asked_for_behind_nobody);
	tcase_add_test(tc, other_questions_are_none);
	tcase_add_test(tc, broken_entries_are_refused);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
