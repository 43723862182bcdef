#include "proto/record.h"
#include "tests/unit/proto_example.h"

#define SECRET  "a secret of the site"
#define SESSION "call-1@10.0.0.16"

static char sealed[RECORD_LEN], room[RECORD_ROOM];
static struct record record, got;

static struct record_side side(const char *name, const char *target,
			       const char *routes, const char *dst,
			       uint32_t cseq)
{
	struct record_side s = {name, target, routes, {.conn = 0}, cseq};

	ck_assert_int_eq(channel_parse(&s.dst, dst), 0);
	return s;
}

static void setup_record(void)
{
	setup();
	record = (struct record){.call_id = SESSION, .relay = relay};
	record.side[0] =
		side("<sip:first@example.com>;tag=f1",
		     "sip:first@10.0.0.16:5062", "", "198.51.100.28:40000", 7);
	record.side[1] =
		side("<sip:third@example.com>;tag=t1",
		     "sip:third@203.0.113.50:5060", "", "203.0.113.50:5060", 0);
}

static void assert_side(const struct record_side *a,
			const struct record_side *b)
{
	ck_assert_str_eq(a->name, b->name);
	ck_assert_str_eq(a->target, b->target);
	ck_assert_str_eq(a->routes, b->routes);
	ck_assert(channel_eq(&a->dst, &b->dst));
	ck_assert_uint_eq(a->cseq, b->cseq);
}

static void assert_comes_back(const char *session)
{
	ck_assert_int_eq(record_seal(sealed, &record, SECRET), 0);
	for (const char *c = sealed; *c; c++)
		ck_assert(*c > ' ' && *c < 0x7f);
	ck_assert_int_eq(record_open(&got, room, sealed, session, SECRET), 0);
	ck_assert_str_eq(got.call_id, record.call_id);
	ck_assert_uint_eq(got.fork, record.fork);
	ck_assert(addr_eq(&got.relay, &record.relay));
	for (int i = 0; i < 2; i++)
		assert_side(&got.side[i], &record.side[i]);
}

/* The answer of the callee with the record, as in the README. */
START_TEST(travels_with_the_second_channel_and_the_notice)
{
	struct relay_request r = request(), back;
	struct proto_hop h = hop("z9hG4bKkeep");
	msg_t *msg;

	assert_comes_back(SESSION);
	r.to = "<sip:third@example.com>;tag=t1";
	r.to_tag = "t1";
	r.dialog = sealed;
	r.sdp = NULL;
	r.observed = (struct addr){0};
	ck_assert_int_eq(relay_request_print(&sb, &h, &r), 0);
	assert_example("relay-dialog");
	msg = parsed(text);
	ck_assert_int_eq(relay_request_parse(&back, sip_object(msg)), 0);
	ck_assert_str_eq(back.dialog, sealed);
	msg_destroy(msg);
	setup_record();
	h = (struct proto_hop){&relay, "z9hG4bKgone", &proxy};
	ck_assert_int_eq(relay_gone_print(&sb, &h, &r, "no media"), 0);
	msg = parsed(text);
	ck_assert(relay_dialog(sip_object(msg)) != NULL);
	ck_assert_str_eq(relay_dialog(sip_object(msg)), sealed);
	msg_destroy(msg);
}
END_TEST

START_TEST(any_text_comes_back)
{
	record.side[0].name = "\"100% | \\\" Zo\xc3\xab\" <sip:a@b>;tag=%7c";
	record.side[0].routes = "Route: <sip:203.0.113.2;lr>\r\n"
				"Route: <sip:[2001:db8::1];lr>\r\n";
	record.side[1].dst.transport = TRANSPORT_WSS;
	record.side[1].cseq = 0x7fffffff;
	assert_comes_back(SESSION);
	record.fork = 3;
	assert_comes_back(SESSION "~3");
	record.call_id = "odd~7";
	record.fork = 0;
	assert_comes_back("odd~7");
}
END_TEST

START_TEST(only_ours_and_only_for_its_session)
{
	char bad[RECORD_LEN + 8];

	assert_comes_back(SESSION);
	ck_assert_int_eq(
		record_open(&got, room, sealed, "call-2@10.0.0.16", SECRET),
		-EBADMSG);
	ck_assert_int_eq(
		record_open(&got, room, sealed, SESSION, "another secret"),
		-EBADMSG);
	for (size_t i = 0; i < strlen(sealed); i++) {
		snprintf(bad, sizeof(bad), "%s", sealed);
		bad[i] = bad[i] == '1' ? '2' : '1';
		ck_assert_int_eq(record_open(&got, room, bad, SESSION, SECRET),
				 -EBADMSG);
		bad[i] = '\0';
		ck_assert_int_eq(record_open(&got, room, bad, SESSION, SECRET),
				 -EBADMSG);
	}
	memset(bad, 'x', sizeof(bad) - 1);
	bad[sizeof(bad) - 1] = '\0';
	ck_assert_int_eq(record_open(&got, room, bad, SESSION, SECRET),
			 -EBADMSG);
}
END_TEST

START_TEST(is_bounded)
{
	static char name[RECORD_LEN];

	memset(name, 'n', sizeof(name) - 1);
	record.side[0].name = name;
	ck_assert_int_eq(record_seal(sealed, &record, SECRET), -EMSGSIZE);
	name[RECORD_LEN - 400] = '\0';
	assert_comes_back(SESSION);
}
END_TEST

START_TEST(what_cannot_stand_in_a_header_is_not_printed)
{
	struct relay_request r = {.call_id = "c",
				  .from = "<sip:a@b>",
				  .to = "<sip:c@d>",
				  .dialog = "a b"};
	struct proto_hop h = {&proxy, "z9hG4bKkeep", &relay};

	ck_assert_int_eq(relay_request_print(&sb, &h, &r), -EINVAL);
	r.dialog = "a\r\nX: y";
	ck_assert_int_eq(relay_gone_print(&sb, &h, &r, "x"), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proto_record");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup_record, NULL);
	tcase_add_test(tc, travels_with_the_second_channel_and_the_notice);
	tcase_add_test(tc, any_text_comes_back);
	tcase_add_test(tc, only_ours_and_only_for_its_session);
	tcase_add_test(tc, is_bounded);
	tcase_add_test(tc, what_cannot_stand_in_a_header_is_not_printed);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
