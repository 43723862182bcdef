#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/deadlines.h"
#include "common/sdp.h"
#include "proxyd/request.h"
#include "proxyd/session.h"

static struct channel via(const char *text)
{
	struct channel c;

	ck_assert_int_eq(channel_parse(&c, text), 0);
	return c;
}

static struct addr at(const char *text)
{
	return via(text).addr;
}

START_TEST(a_session_keeps_its_resource_and_is_forgotten_in_the_end)
{
	static struct sdp sdp;
	const uint64_t end = 1 + (uint64_t)SESSION_HOURS * 3600 * 1000;
	struct deadlines *dl = NULL;
	struct sessions *s = NULL;
	struct addr relay = at("203.0.113.4:5060");
	const struct session *e;

	sdp.n = 2;
	sdp.media[0].port = 30000;
	sdp.media[1].port = 30002;
	ck_assert_int_eq(deadlines_alloc(&dl), 0);
	ck_assert_int_eq(sessions_alloc(&s, dl, 10), 0);
	ck_assert_int_eq(sessions_put(s, "call", 0, &relay, &sdp), 0);
	sdp.media[0].port = 30004;
	ck_assert_int_eq(sessions_put(s, "call", 1, &relay, &sdp), 0);
	e = sessions_get(s, "call");
	ck_assert_ptr_nonnull(e);
	ck_assert_uint_eq(e->resource->n, 2);
	ck_assert_uint_eq(e->resource->media[0].port, 30004);
	ck_assert_uint_eq(e->resource->media[1].port, 30002);
	ck_assert(!e->confirmed);
	sessions_confirm(s, "call");
	ck_assert(sessions_get(s, "call")->confirmed);
	deadlines_run(dl, end - 1);
	ck_assert_uint_eq(sessions_count(s), 1);
	deadlines_run(dl, end);
	ck_assert_uint_eq(sessions_count(s), 0);
	sessions_free(s);
	deadlines_free(dl);
}
END_TEST

START_TEST(the_call_id_is_found_in_raw_messages)
{
	static const struct {
		const char *text, *id;
	} cases[] = {
		{"BYE x SIP/2.0\r\nCall-ID: abc@1\r\n\r\n", "abc@1"},
		{"BYE x SIP/2.0\r\nVia: v\r\ni:abc\r\n\r\n", "abc"},
		{"BYE x SIP/2.0\ncall-id:  a b\n\n", "a b"},
		{"BYE x SIP/2.0\r\n\r\nCall-ID: in-the-body\r\n", NULL},
		{"BYE x SIP/2.0\r\nVia: v", NULL},
		{"", NULL},
	};
	char id[SIPMSG_CALLID_MAX + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int err = request_call_id(id, cases[i].text,
					  strlen(cases[i].text));

		ck_assert_int_eq(err, cases[i].id ? 0 : -ENOENT);
		if (cases[i].id)
			ck_assert_str_eq(id, cases[i].id);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd_tables");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_test(
		tc, a_session_keeps_its_resource_and_is_forgotten_in_the_end);
	tcase_add_test(tc, the_call_id_is_found_in_raw_messages);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
