#include "proto/dialect.h"
#include "proto/redirect.h"
#include "proto/registration.h"
#include "proto/route.h"
#include "tests/unit/proto_example.h"

#define ANSWER                                                                 \
	"v=0\r\n"                                                              \
	"o=third 1 1 IN IP4 203.0.113.50\r\n"                                  \
	"s=-\r\n"                                                              \
	"c=IN IP4 203.0.113.50\r\n"                                            \
	"t=0 0\r\n"                                                            \
	"m=audio 6000 RTP/AVP 0\r\n"                                           \
	"m=video 0 RTP/AVP 34\r\n"

/* As the phone of Fig. 3b sends it. */
#define REGISTER                                                               \
	"REGISTER sip:example.com SIP/2.0\r\n"                                 \
	"Via: SIP/2.0/UDP 10.0.0.16:5062;branch=z9hG4bKphone;rport\r\n"        \
	"Max-Forwards: 70\r\n"                                                 \
	"From: <sip:first@example.com>;tag=r1\r\n"                             \
	"To: <sip:first@example.com>\r\n"                                      \
	"Call-ID: reg-1@10.0.0.16\r\n"                                         \
	"CSeq: 1 REGISTER\r\n"                                                 \
	"Contact: <sip:first@10.0.0.16:5062>\r\n"                              \
	"Expires: 60\r\n"                                                      \
	"Content-Length: 0\r\n\r\n"

/* As the proxy of Fig. 5a got it, without its body. */
#define INVITE                                                                 \
	"INVITE sip:third@example.com SIP/2.0\r\n"                             \
	"Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKquery;rport\r\n"      \
	"Via: SIP/2.0/UDP 10.0.0.16:5062;branch=z9hG4bKphone;rport=40000;"     \
	"received=198.51.100.28\r\n"                                           \
	"Max-Forwards: 69\r\n"                                                 \
	"From: <sip:first@example.com>;tag=f1\r\n"                             \
	"To: <sip:third@example.com>\r\n"                                      \
	"Call-ID: call-1@10.0.0.16\r\n"                                        \
	"CSeq: 7 INVITE\r\n"                                                   \
	"Contact: <sip:first@198.51.100.28:40000;ph-own=10.0.0.16:5062>\r\n"   \
	"Content-Length: 0\r\n\r\n"

START_TEST(test_parameter_table)
{
	char row[256];
	const char *p;
	int rows = 0;

	for (int i = 0; i < PROTO_URI_PARAM_COUNT; i++) {
		const char *name = proto_uri_param_name(i);

		ck_assert_int_eq(strncmp(name, "ph-", 3), 0);
		snprintf(row, sizeof(row), "\n| `%s` | %s |\n", name,
			 proto_uri_param_about(i));
		ck_assert_msg(strstr(readme, row) != NULL, "no row%s", row);
	}
	for (p = readme; (p = strstr(p, "\n| `ph-")); p++)
		rows++;
	ck_assert_int_eq(rows, PROTO_URI_PARAM_COUNT);
}
END_TEST

START_TEST(test_registration)
{
	struct channel observed = {0};
	struct addr got;
	msg_t *msg = parsed(REGISTER), *again;
	sip_t *sip = sip_object(msg);

	ck_assert_int_eq(addr_parse(&observed.addr, "198.51.100.28:40000", 0),
			 0);
	ck_assert_int_eq(sipmsg_via_received(msg, &observed.addr, true), 0);
	ck_assert_int_eq(registration_serving(&got, sip), -ENOENT);
	ck_assert_int_eq(registration_mark(msg_home(msg),
					   sip->sip_contact->m_url, &observed,
					   true),
			 0);
	msg_fragment_clear(sip->sip_contact->m_common);
	ck_assert_int_eq(registration_add_path(msg, &proxy, NULL), 0);
	ck_assert_int_eq(sipmsg_print(&sb, msg), 0);
	assert_example("registration");

	again = parsed(text);
	sip = sip_object(again);
	ck_assert_int_eq(registration_serving(&got, sip), 0);
	ck_assert(addr_eq(&got, &proxy));
	ck_assert(registration_marked(sip->sip_contact->m_url));
	msg_destroy(msg);
	msg_destroy(again);
}
END_TEST

START_TEST(test_redirect_query)
{
	char id[REDIRECT_ID_MAX];
	msg_t *msg = parsed(INVITE), *copy = sipmsg_copy(msg), *again;
	const url_t *url = sip_object(msg)->sip_request->rq_url;

	ck_assert_int_eq(redirect_client_id(id, url), 0);
	ck_assert_str_eq(id, "third@example.com");
	ck_assert_int_eq(redirect_query_make(copy, &redirect, id), 0);
	ck_assert_int_eq(sipmsg_print(&sb, copy), 0);
	assert_example("redirect-query");

	again = parsed(text);
	ck_assert_int_eq(
		redirect_client_id(id, sip_object(again)->sip_request->rq_url),
		0);
	ck_assert_str_eq(id, "third@example.com");
	msg_destroy(msg);
	msg_destroy(copy);
	msg_destroy(again);
}
END_TEST

START_TEST(test_client_id_as_people_write_it)
{
	static const struct {
		const char *text, *id;
	} good[] = {
		{"alice@Example.COM", "alice@example.com"},
		{"%61lice@192.0.2.1", "alice@192.0.2.1"},
		{"100@[2001:db8::A]", "100@[2001:db8::a]"},
	};
	static const char *const bad[] = {
		"",        "alice",   "@example.com",
		"alice@",  "a b@c",   "alice@example.com:5060",
		"a@b;x=1", "a@b?x=1", "alice:pw@example.com",
		"<a@b>",   "\"a\"@b", "sip:alice@example.com",
		"a@b@c",
	};
	char id[REDIRECT_ID_MAX], much[REDIRECT_ID_MAX + 8];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_int_eq(redirect_client_id_text(id, good[i].text), 0);
		ck_assert_str_eq(id, good[i].id);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(redirect_client_id_text(id, bad[i]) == -EINVAL,
			      "%s", bad[i]);
	memset(much, 'a', sizeof(much));
	strcpy(much + sizeof(much) - 5, "@b.c");
	ck_assert_int_eq(redirect_client_id_text(id, much), -EMSGSIZE);
}
END_TEST

START_TEST(test_redirect_answer)
{
	struct redirect_target t[2] = {
		{"sip:third@203.0.113.50:5060;transport=udp", 1000},
		{"", 500},
	};
	struct redirect_target got[REDIRECT_TARGETS_MAX];
	msg_t *msg = parsed(INVITE), *again;
	struct addr other;

	ck_assert_int_eq(addr_parse(&other, "203.0.113.2:5060", 0), 0);
	ck_assert_int_eq(
		redirect_proxy_url(t[1].url, "third@example.com", &other), 0);
	ck_assert_int_eq(redirect_answer_print(&sb, sip_object(msg), t, 2), 0);
	assert_example("redirect-answer");

	again = parsed(text);
	ck_assert_int_eq(redirect_answer_parse(got, REDIRECT_TARGETS_MAX,
					       sip_object(again)),
			 2);
	for (int i = 0; i < 2; i++) {
		ck_assert_str_eq(got[i].url, t[i].url);
		ck_assert_uint_eq(got[i].q, t[i].q);
	}
	assert_all_small_fail(
		redirect_answer_print(&sb, sip_object(msg), t, 2));
	msg_destroy(msg);
	msg_destroy(again);
}
END_TEST

static void assert_same_request(const struct relay_request *a,
				const struct relay_request *b)
{
	ck_assert_str_eq(a->call_id, b->call_id);
	ck_assert_str_eq(a->from_tag, b->from_tag);
	ck_assert_pstr_eq(a->to_tag, b->to_tag);
	ck_assert_uint_eq(a->cseq, b->cseq);
	ck_assert(addr_eq(&a->observed, &b->observed));
	ck_assert_uint_eq(a->sdp_len, b->sdp_len);
	ck_assert_mem_eq(a->sdp, b->sdp, a->sdp_len);
}

START_TEST(test_relay_request)
{
	struct relay_request r = request(), got;
	struct proto_hop h = hop("z9hG4bKask");
	msg_t *msg;

	ck_assert_int_eq(relay_request_print(&sb, &h, &r), 0);
	assert_example("relay-request");
	msg = parsed(text);
	ck_assert_str_eq(sip_object(msg)->sip_request->rq_url->url_user,
			 PROTO_RELAY_USER);
	ck_assert_int_eq(relay_request_parse(&got, sip_object(msg)), 0);
	assert_same_request(&got, &r);
	assert_all_small_fail(relay_request_print(&sb, &h, &r));
	msg_destroy(msg);
}
END_TEST

START_TEST(test_relay_second_channel)
{
	struct relay_request r = request(), got;
	struct proto_hop h = hop("z9hG4bKtell");
	msg_t *msg;

	r.to = "<sip:third@example.com>;tag=t1";
	r.to_tag = "t1";
	r.sdp = ANSWER;
	r.sdp_len = strlen(ANSWER);
	memset(&r.observed, 0, sizeof(r.observed));
	ck_assert_int_eq(relay_request_print(&sb, &h, &r), 0);
	assert_example("relay-second-channel");
	msg = parsed(text);
	ck_assert_int_eq(relay_request_parse(&got, sip_object(msg)), 0);
	assert_same_request(&got, &r);
	msg_destroy(msg);
}
END_TEST

static void set_line(struct sdp_media *m, const char *type, const char *fmt,
		     const char *rtp)
{
	snprintf(m->type, sizeof(m->type), "%s", type);
	snprintf(m->proto, sizeof(m->proto), "RTP/AVP");
	snprintf(m->fmt, sizeof(m->fmt), "%s", fmt);
	ck_assert_int_eq(addr_parse(&m->rtp, rtp, 0), 0);
	m->port = addr_port(&m->rtp);
}

START_TEST(test_relay_answer)
{
	struct relay_request r = request();
	struct proto_hop h = hop("z9hG4bKask");
	struct sdp res = {.n = 2}, got;
	msg_t *req, *msg;

	set_line(&res.media[0], "audio", "0 8", "203.0.113.4:30000");
	set_line(&res.media[1], "video", "34", "203.0.113.4:30002");
	ck_assert_int_eq(relay_request_print(&sb, &h, &r), 0);
	req = parsed(text);
	strbuf_init(&sb, text, sizeof(text));
	ck_assert_int_eq(
		relay_answer_print(&sb, sip_object(req), &relay, &res, NULL),
		0);
	assert_example("relay-answer");
	msg = parsed(text);
	ck_assert_int_eq(relay_answer_parse(&got, sip_object(msg)), 0);
	ck_assert_uint_eq(got.n, 2);
	for (int i = 0; i < 2; i++) {
		ck_assert(addr_eq(&got.media[i].rtp, &res.media[i].rtp));
		ck_assert_str_eq(got.media[i].fmt, res.media[i].fmt);
	}
	ck_assert_int_eq(relay_answer_parse(&got, sip_object(req)), -EBADMSG);
	assert_all_small_fail(
		relay_answer_print(&sb, sip_object(req), &relay, &res, NULL));
	msg_destroy(req);
	msg_destroy(msg);
}
END_TEST

/* Abridged, and of numbers that a double cannot hold exactly. */
#define STATISTICS                                                             \
	"{\"call_id\":\"call-1@10.0.0.16\",\"duration_ms\":8123,"              \
	"\"answered\":true,\"streams\":[{\"line\":0,"                          \
	"\"type\":\"audio\",\"rtp\":{\"first\":{\"packets\":398,"              \
	"\"bytes\":68456,\"dropped\":0,\"first_ms\":43,"                       \
	"\"last_ms\":8101}},"                                                  \
	"\"quality\":{\"first\":{\"codec\":\"PCMU\",\"expected\":400,"         \
	"\"lost\":3,\"loss_percent\":0.75,\"duplicates\":1,"                   \
	"\"reordered\":2,\"strays\":0,\"restarts\":0,\"ssrcs\":1,"             \
	"\"jitter_ms\":1.25,\"jitter_mean_ms\":0.875,"                         \
	"\"jitter_max_ms\":2.5,\"reported\":{\"lost\":5,"                      \
	"\"loss_percent\":1.562,\"jitter_ms\":2.125},"                         \
	"\"round_trip_ms\":24.5,\"mos\":4.281}}}]}"

START_TEST(test_release_and_answer)
{
	json_t *body = json_loads(STATISTICS, 0, NULL);
	struct relay_request r = request();
	struct proto_hop h = hop("z9hG4bKend");
	msg_t *req, *msg;
	json_t *got;

	r.cseq = 8;
	ck_assert_int_eq(relay_release_print(&sb, &h, &r), 0);
	assert_example("release");
	req = parsed(text);
	assert_all_small_fail(relay_release_print(&sb, &h, &r));
	ck_assert_int_eq(relay_json_answer_print(&sb, sip_object(req), body),
			 0);
	assert_example("release-answer");
	msg = parsed(text);
	got = relay_json_answer_parse(sip_object(msg));
	ck_assert(json_equal(got, body));
	ck_assert_ptr_null(relay_json_answer_parse(sip_object(req)));
	assert_all_small_fail(
		relay_json_answer_print(&sb, sip_object(req), body));
	ck_assert_int_eq(relay_json_answer_print(&sb, sip_object(req), NULL),
			 -ENOMEM);
	json_decref(got);
	json_decref(body);
	msg_destroy(req);
	msg_destroy(msg);
}
END_TEST

START_TEST(test_gone_health_join)
{
	struct relay_request r = request();
	struct proto_hop h = {&relay, "z9hG4bKgone", &proxy};

	ck_assert_int_eq(relay_gone_print(&sb, &h, &r, "no media for 60 s"), 0);
	assert_example("media-gone");
	msg_destroy(parsed(text));
	assert_all_small_fail(
		relay_gone_print(&sb, &h, &r, "no media for 60 s"));

	h = hop("z9hG4bKhow");
	r.call_id = "health-1@203.0.113.1";
	r.from = "<sip:203.0.113.1>;tag=h1";
	r.to = "<sip:relay@203.0.113.4>";
	r.cseq = 1;
	ck_assert_int_eq(relay_health_print(&sb, &h, &r), 0);
	assert_example("health");
	msg_destroy(parsed(text));
	assert_all_small_fail(relay_health_print(&sb, &h, &r));

	h = (struct proto_hop){&relay, "z9hG4bKjoin", &redirect};
	r.call_id = "join-1@203.0.113.4";
	r.from_tag = "j1";
	ck_assert_int_eq(
		relay_join_print(&sb, &h, &r, "pool.example.com", 750, 30), 0);
	assert_example("join");
	msg_destroy(parsed(text));
	assert_all_small_fail(
		relay_join_print(&sb, &h, &r, "pool.example.com", 750, 30));
}
END_TEST

START_TEST(test_route_example)
{
	struct route_state st = {.relay = relay, .caller_natted = true};

	struct channel self = channel_udp(&proxy);

	ck_assert_int_eq(route_print(text, sizeof(text), &self, &st, "secret",
				     "call-1@10.0.0.16", "f1"),
			 0);
	sb.len = strlen(text);
	assert_example("record-route");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proto");
	TCase *tc = tcase_create("messages");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_parameter_table);
	tcase_add_test(tc, test_registration);
	tcase_add_test(tc, test_redirect_query);
	tcase_add_test(tc, test_client_id_as_people_write_it);
	tcase_add_test(tc, test_redirect_answer);
	tcase_add_test(tc, test_relay_request);
	tcase_add_test(tc, test_relay_second_channel);
	tcase_add_test(tc, test_relay_answer);
	tcase_add_test(tc, test_release_and_answer);
	tcase_add_test(tc, test_gone_health_join);
	tcase_add_test(tc, test_route_example);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
