#include "proto/pool.h"
#include "tests/unit/sip_text.h"

#define README "proto/README.md"

/* The example `name` of the README, as it goes on the wire. */
static const char *example(const char *name)
{
	static char readme[65536], wire[4096];
	char fence[64];
	FILE *f = fopen(README, "r");
	const char *from, *to;
	size_t n = 0;

	ck_assert_msg(f != NULL, "no " README ": run from the top folder");
	n = fread(readme, 1, sizeof(readme) - 1, f);
	fclose(f);
	readme[n] = '\0';
	snprintf(fence, sizeof(fence), "\n```sip %s\n", name);
	from = strstr(readme, fence);
	ck_assert_msg(from != NULL, "no example %s", name);
	from += strlen(fence);
	to = strstr(from, "```");
	for (n = 0; from < to; from++) {
		if (*from == '\n')
			wire[n++] = '\r';
		wire[n++] = *from;
	}
	wire[n] = '\0';
	return wire;
}

static char text[16384];
static struct strbuf sb;

static void setup(void)
{
	strbuf_init(&sb, text, sizeof(text));
}

START_TEST(q_is_a_measure_of_room)
{
	ck_assert_uint_eq(pool_q(0), 0);
	ck_assert_uint_eq(pool_q(1), 1);
	ck_assert_uint_eq(pool_q(10), 1);
	ck_assert_uint_eq(pool_q(11), 2);
	ck_assert_uint_eq(pool_q(7500), 750);
	ck_assert_uint_eq(pool_q(10000), 1000);
	ck_assert_uint_eq(pool_q(UINT64_MAX), 1000);
}
END_TEST

START_TEST(a_relay_joins_as_the_examples_show)
{
	msg_t *msg = parsed(example("join")), *answer;
	struct addr self = address("203.0.113.4:5060"), other = self;
	struct pool_join j;
	uint32_t granted = 0;

	ck_assert_int_eq(pool_join_parse(&j, sip_object(msg)), 0);
	assert_addr(&j.relay, "203.0.113.4:5060");
	ck_assert_uint_eq(j.q, 750);
	ck_assert_uint_eq(j.expires, 30);
	ck_assert(pool_is_direct(sip_object(msg)));
	ck_assert_int_eq(pool_join_answer_print(&sb, sip_object(msg), &j), 0);
	ck_assert_str_eq(text, example("join-answer"));
	msg_destroy(msg);
	answer = parsed(text);
	ck_assert_int_eq(
		pool_join_answer_parse(&granted, sip_object(answer), &self), 0);
	ck_assert_uint_eq(granted, 30);
	addr_set_port(&other, 5061);
	ck_assert_int_eq(
		pool_join_answer_parse(&granted, sip_object(answer), &other),
		-EBADMSG);
	msg_destroy(answer);
}
END_TEST

START_TEST(a_proxy_asks_as_the_examples_show)
{
	struct addr self = address("203.0.113.1:5060");
	struct addr redirect = address("203.0.113.3:5060");
	const struct proto_hop hop = {&self, "z9hG4bKpool", &redirect};
	struct relay_request r = {
		.call_id = "pool-1@203.0.113.1", .from_tag = "p1", .cseq = 1};
	const struct pool_relay v[] = {
		{address("203.0.113.4:5060"), 750},
		{address("203.0.113.5:5060"), 31},
	};
	struct pool_relay got[POOL_RELAYS_MAX];
	char cluster[REDIRECT_ID_MAX];
	msg_t *msg;

	ck_assert_int_eq(pool_query_print(&sb, &hop, &r, "pool.example.com"),
			 0);
	ck_assert_str_eq(text, example("pool-query"));
	msg = parsed(text);
	ck_assert_int_eq(
		pool_cluster(cluster, sip_object(msg)->sip_request->rq_url), 0);
	ck_assert_str_eq(cluster, "pool.example.com");
	setup();
	ck_assert_int_eq(pool_answer_print(&sb, sip_object(msg), v, 2), 0);
	ck_assert_str_eq(text, example("pool-answer"));
	msg_destroy(msg);
	msg = parsed(text);
	ck_assert_int_eq(pool_answer_parse(got, sip_object(msg)), 2);
	ck_assert(addr_eq(&got[1].at, &v[1].at));
	ck_assert_uint_eq(got[0].q, 750);
	ck_assert_uint_eq(got[1].q, 31);
	msg_destroy(msg);
	setup();
	ck_assert_int_eq(pool_query_print(&sb, &hop, &r, "a b"), -EINVAL);
	ck_assert_int_eq(pool_query_print(&sb, &hop, &r, ""), -EINVAL);
	r.call_id = "a\r\nX: y";
	ck_assert_int_eq(pool_query_print(&sb, &hop, &r, "c"), -EINVAL);
	ck_assert_uint_eq(sb.len, 0);
}
END_TEST

START_TEST(a_full_pool_fits_into_an_answer)
{
	struct pool_relay v[POOL_RELAYS_MAX], got[POOL_RELAYS_MAX];
	msg_t *msg = parsed(example("pool-query"));

	for (size_t i = 0; i < POOL_RELAYS_MAX; i++) {
		v[i].at = address("[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]"
				  ":65000");
		addr_set_port(&v[i].at, (uint16_t)(65000 + i));
		v[i].q = (unsigned)i;
	}
	ck_assert_int_eq(
		pool_answer_print(&sb, sip_object(msg), v, POOL_RELAYS_MAX), 0);
	ck_assert_int_eq(pool_answer_print(&sb, sip_object(msg), v, 0),
			 -EINVAL);
	ck_assert_int_eq(
		pool_answer_print(&sb, sip_object(msg), v, POOL_RELAYS_MAX + 1),
		-EINVAL);
	msg_destroy(msg);
	msg = parsed(text);
	ck_assert_int_eq(pool_answer_parse(got, sip_object(msg)),
			 POOL_RELAYS_MAX);
	for (size_t i = 0; i < POOL_RELAYS_MAX; i++)
		ck_assert_uint_eq(got[i].q, POOL_RELAYS_MAX - 1 - i);
	msg_destroy(msg);
}
END_TEST

START_TEST(what_is_no_registration_of_a_relay)
{
	static const char *const contacts[] = {
		"",
		"Contact: *\r\n",
		"Contact: <sip:alice@203.0.113.4:5060>;expires=30\r\n",
		"Contact: <sip:relay@relay.example>;expires=30\r\n",
		"Contact: <sips:relay@203.0.113.4>;expires=30\r\n",
		"Contact: <sip:relay@203.0.113.4>\r\n",
		"Contact: <sip:relay@203.0.113.4>;expires=\r\n",
		"Contact: <sip:relay@203.0.113.4>;expires=-1\r\n",
		"Contact: <sip:relay@203.0.113.4>;expires=1x\r\n",
		("Contact: <sip:relay@203.0.113.4>;expires=30\r\n"
		 "Contact: <sip:relay@203.0.113.5>;expires=30\r\n"),
	};
	struct pool_join j;

	for (size_t i = 0; i < sizeof(contacts) / sizeof(contacts[0]); i++) {
		msg_t *msg = NULL;

		snprintf(text, sizeof(text),
			 "REGISTER sip:c SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP 203.0.113.4;branch=z9hG4bK1\r\n"
			 "From: <sip:relay@c>;tag=1\r\nTo: <sip:relay@c>\r\n"
			 "Call-ID: j\r\nCSeq: 1 REGISTER\r\n%s\r\n",
			 contacts[i]);
		/* the parser itself may say no */
		if (parse(&msg, text, strlen(text)))
			continue;
		ck_assert_msg(pool_join_parse(&j, sip_object(msg)) == -EBADMSG,
			      "%s", contacts[i]);
		msg_destroy(msg);
	}
}
END_TEST

START_TEST(the_name_of_the_relays)
{
	static const struct {
		const char *url, *cluster;
		int err;
	} cases[] = {
		{"sip:relay@Pinhole", "pinhole", 0},
		{"sip:%72elay@pinhole", "pinhole", 0},
		{"sip:relay@203.0.113.3;ph-domain=pinhole", "pinhole", 0},
		{"sip:relays@pinhole", NULL, -ENOENT},
		{"sip:alice@pinhole", NULL, -ENOENT},
		{"sip:pinhole", NULL, -EINVAL},
		{"tel:+123", NULL, -EINVAL},
	};
	char cluster[REDIRECT_ID_MAX], buf[128];
	url_t url;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(buf, sizeof(buf), "%s", cases[i].url);
		ck_assert_int_eq(url_d(&url, buf), 0);
		ck_assert_int_eq(pool_cluster(cluster, &url), cases[i].err);
		if (cases[i].cluster)
			ck_assert_str_eq(cluster, cases[i].cluster);
	}
	ck_assert(pool_cluster_ok("relays.example-1.com"));
	ck_assert(!pool_cluster_ok(""));
	ck_assert(!pool_cluster_ok("a;b"));
}
END_TEST

START_TEST(what_is_a_media_gone_notice)
{
	static const struct {
		const char *method, *uri, *to, *reason;
		bool is;
	} cases[] = {
		{"BYE", "sip:relay@203.0.113.1", "", "Reason: SIP;cause=408",
		 true},
		{"BYE", "sip:alice@203.0.113.1", "", "Reason: SIP;cause=408",
		 false},
		{"BYE", "sip:203.0.113.1", "", "Reason: SIP;cause=408", false},
		{"BYE", "sip:relay@203.0.113.1", ";tag=2",
		 "Reason: SIP;cause=408", false},
		{"BYE", "sip:relay@203.0.113.1", "", "X: y", false},
		{"INFO", "sip:relay@203.0.113.1", "", "Reason: SIP;cause=408",
		 false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		msg_t *msg;

		snprintf(text, sizeof(text),
			 "%s %s SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP 203.0.113.4;branch=z9hG4bK1\r\n"
			 "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>%s\r\n"
			 "Call-ID: j\r\nCSeq: 1 %s\r\n%s\r\n\r\n",
			 cases[i].method, cases[i].uri, cases[i].to,
			 cases[i].method, cases[i].reason);
		msg = parsed(text);
		ck_assert_msg(relay_is_gone(sip_object(msg)) == cases[i].is,
			      "%s", text);
		msg_destroy(msg);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proto_pool");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, q_is_a_measure_of_room);
	tcase_add_test(tc, a_relay_joins_as_the_examples_show);
	tcase_add_test(tc, a_proxy_asks_as_the_examples_show);
	tcase_add_test(tc, a_full_pool_fits_into_an_answer);
	tcase_add_test(tc, what_is_no_registration_of_a_relay);
	tcase_add_test(tc, the_name_of_the_relays);
	tcase_add_test(tc, what_is_a_media_gone_notice);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
