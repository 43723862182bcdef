#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "common/table.h"
#include "redirectd/query.h"
#include "redirectd/routes.h"
#include "redirectd/store.h"

static const dir_time t0 = 1700000000000;

#define ALICE   "alice@example.com"
#define NAT_A   "sip:alice@198.51.100.28:40001;ph-own=10.0.0.16:5060"
#define NAT_B   "sip:alice@198.51.100.30:40001;ph-own=10.0.0.16:5060"
#define PROXY_1 "203.0.113.1:5060"
#define PROXY_2 "203.0.113.2:5060"

static struct {
	struct store *store;
	struct table *expected;
	struct redirectd_counters n;
	struct directory dir;
	char answer[16384];
	bool stranger;
	msg_t *said; /* the answer, parsed as the proxy would */
} scene;

static void setup(void)
{
	const struct store_config cfg = {.max = 10, .now = t0};
	static char present;
	char err[CONF_ERRLEN] = "";

	memset(&scene, 0, sizeof(scene));
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	ck_assert_msg(!store_open(&scene.store, "memory", &cfg, err), "%s",
		      err);
	ck_assert_int_eq(table_alloc(&scene.expected, 1), 0);
	ck_assert_int_eq(
		table_put(scene.expected, "dave@example.com", 16, &present), 0);
	scene.dir = (struct directory){
		.store = scene.store,
		.expected = scene.expected,
		.n = &scene.n,
	};
}

static void teardown(void)
{
	if (scene.said)
		msg_destroy(scene.said);
	table_free(scene.expected);
	store_close(scene.store);
}

static struct binding make(const char *url, const char *proxy, unsigned q,
			   dir_time registered)
{
	struct binding b = {
		.url = url,
		.instance = "",
		.path = "",
		.call_id = "r@phone",
		.cseq = 1,
		.q = q,
		.registered = registered,
		.expires = registered + 60000,
	};

	ck_assert_int_eq(addr_parse(&b.serving, proxy, 0), 0);
	return b;
}

static void put(const struct binding *v, size_t n)
{
	ck_assert_int_eq(store_put(scene.store, ALICE, v, n, t0, NULL, NULL),
			 0);
}

static int ask(const char *method, const char *uri, const char *sent_by,
	       dir_time now)
{
	char text[2048];
	const char *why = "";
	struct strbuf out;
	msg_t *msg;
	int status, n;

	n = snprintf(text, sizeof(text),
		     "%s %s SIP/2.0\r\n"
		     "Via: SIP/2.0/UDP %s;branch=z9hG4bK1\r\n"
		     "Via: SIP/2.0/UDP 10.0.0.99:5060;branch=z9hG4bK0\r\n"
		     "From: <sip:bob@example.com>;tag=f\r\n"
		     "To: <sip:somebody@else.where>\r\nCall-ID: c1@bob\r\n"
		     "CSeq: 7 %s\r\nContent-Length: 0\r\n\r\n",
		     method, uri, sent_by, method);
	ck_assert_msg(!sipmsg_parse(&msg, text, (size_t)n, &why), "%s", why);
	strbuf_init(&out, scene.answer, sizeof(scene.answer));
	status = query_answer(&out, &scene.dir,
			      &(struct asking){.sip = sip_object(msg),
					       .view = {.now = now},
					       .stranger = scene.stranger});
	msg_destroy(msg);
	if (scene.said)
		msg_destroy(scene.said);
	ck_assert_msg(!sipmsg_parse(&scene.said, out.data, out.len, &why), "%s",
		      why);
	return status;
}

static int invite(const char *sent_by)
{
	return ask("INVITE", "sip:alice@203.0.113.3;ph-domain=example.com",
		   sent_by, t0);
}

static void check_targets(const char *const *urls, size_t n)
{
	struct redirect_target t[REDIRECT_TARGETS_MAX];
	size_t i;

	ck_assert_int_eq(redirect_answer_parse(t, REDIRECT_TARGETS_MAX,
					       sip_object(scene.said)),
			 (int)n);
	for (i = 0; i < n; i++)
		ck_assert_str_eq(t[i].url, urls[i]);
}

static void check_target(const char *url)
{
	check_targets(&url, 1);
}

START_TEST(serving_proxy_gets_the_signalling_channel)
{
	struct binding b = make(NAT_A, PROXY_1, 1000, t0);

	put(&b, 1);
	ck_assert_int_eq(invite(PROXY_1), 302);
	check_target(NAT_A);
	ck_assert_str_eq(sip_object(scene.said)->sip_call_id->i_id, "c1@bob");
	ck_assert_uint_eq(scene.n.queries_redirected, 1);
}
END_TEST

/* A sent-by that is not the serving proxy's address. */
static const char *const strangers[] = {
	PROXY_2,
	"203.0.113.1:5061",
	"proxy.example.com",
	"[2001:db8::1]:5060",
};

START_TEST(stranger_gets_the_serving_proxy)
{
	struct binding b = make(NAT_A, PROXY_1, 1000, t0);
	char want[REDIRECT_URL_MAX];

	put(&b, 1);
	ck_assert_int_eq(redirect_proxy_url(want, ALICE, &b.serving), 0);
	ck_assert_int_eq(invite(strangers[_i]), 302);
	check_target(want);
	ck_assert_ptr_null(strstr(scene.answer, "198.51.100.28"));
}
END_TEST

START_TEST(default_port_is_5060)
{
	struct binding b = make(NAT_A, PROXY_1, 1000, t0);

	put(&b, 1);
	ck_assert_int_eq(invite("203.0.113.1"), 302);
	check_target(NAT_A);
}
END_TEST

/* Two phones behind two NATs at two proxies: each proxy sees its own phone and
 * the other proxy, and a third sees both proxies. */
START_TEST(each_proxy_sees_its_own)
{
	struct binding v[2] = {make(NAT_A, PROXY_1, 1000, t0),
			       make(NAT_B, PROXY_2, 500, t0)};
	char at1[REDIRECT_URL_MAX], at2[REDIRECT_URL_MAX];
	const char *by1[] = {NAT_A, at2}, *by2[] = {at1, NAT_B},
		   *by3[] = {at1, at2};

	put(v, 2);
	ck_assert_int_eq(redirect_proxy_url(at1, ALICE, &v[0].serving), 0);
	ck_assert_int_eq(redirect_proxy_url(at2, ALICE, &v[1].serving), 0);
	ck_assert_int_eq(invite(PROXY_1), 302);
	check_targets(by1, 2);
	ck_assert_int_eq(invite(PROXY_2), 302);
	check_targets(by2, 2);
	ck_assert_int_eq(invite("203.0.113.9:5060"), 302);
	check_targets(by3, 2);
}
END_TEST

START_TEST(one_proxy_is_said_once)
{
	struct binding v[2] = {make(NAT_A, PROXY_1, 300, t0),
			       make(NAT_B, PROXY_1, 900, t0)};
	char want[REDIRECT_URL_MAX];

	put(v, 2);
	ck_assert_int_eq(redirect_proxy_url(want, ALICE, &v[0].serving), 0);
	ck_assert_int_eq(invite(PROXY_2), 302);
	check_target(want);
	ck_assert_ptr_nonnull(strstr(scene.answer, "q=0.900"));
}
END_TEST

START_TEST(best_q_first_then_the_latest)
{
	struct binding v[3] = {make("sip:a@192.0.2.1", PROXY_1, 500, t0 - 9),
			       make("sip:a@192.0.2.2", PROXY_1, 500, t0 - 1),
			       make("sip:a@192.0.2.3", PROXY_1, 800, t0 - 99)};
	const char *want[] = {v[2].url, v[1].url, v[0].url};

	put(v, 3);
	ck_assert_int_eq(invite(PROXY_1), 302);
	check_targets(want, 3);
}
END_TEST

static const struct {
	const char *method;
	const char *uri;
	int status;
} questions[] = {
	{"INVITE", "sip:alice@example.com", 302},
	{"OPTIONS", "sip:alice@EXAMPLE.com", 302},
	{"MESSAGE", "sip:alice@127.0.0.1:5062;ph-domain=example.com", 302},
	{"NONSENSE", "sip:alice@example.com;transport=tcp", 302},
	{"INVITE", "sip:ALICE@example.com", 404},
	{"INVITE", "sip:alice@example.org", 404},
	{"INVITE", "sip:alice@example.com;ph-domain=example.org", 404},
	{"INVITE", "sip:dave@example.com", 480},
	{"INVITE", "sip:example.com", 404},
	{"INVITE", "tel:+1234", 404},
};

START_TEST(whoever_is_asked_for)
{
	struct binding b = make(NAT_A, PROXY_1, 1000, t0);

	put(&b, 1);
	ck_assert_int_eq(
		ask(questions[_i].method, questions[_i].uri, PROXY_1, t0),
		questions[_i].status);
	ck_assert_int_eq(sip_object(scene.said)->sip_status->st_status,
			 questions[_i].status);
	ck_assert_uint_eq(scene.n.queries_unknown, questions[_i].status == 404);
	ck_assert_uint_eq(scene.n.queries_unregistered,
			  questions[_i].status == 480);
}
END_TEST

START_TEST(unregistered_is_480)
{
	struct binding b = make(NAT_A, PROXY_1, 1000, t0);

	put(&b, 1);
	put(NULL, 0);
	ck_assert_int_eq(invite(PROXY_1), 480);
	ck_assert_ptr_nonnull(strstr(scene.answer, "Not Registered"));
}
END_TEST

START_TEST(expired_is_480)
{
	struct binding b = make(NAT_A, PROXY_1, 1000, t0);

	put(&b, 1);
	ck_assert_int_eq(ask("INVITE", "sip:" ALICE, PROXY_1, t0 + 59999), 302);
	ck_assert_int_eq(ask("INVITE", "sip:" ALICE, PROXY_1, t0 + 60000), 480);
}
END_TEST

START_TEST(asked_again_answers_the_same)
{
	struct binding b = make(NAT_A, PROXY_1, 1000, t0);
	char first[sizeof(scene.answer)];

	put(&b, 1);
	ck_assert_int_eq(invite(PROXY_1), 302);
	memcpy(first, scene.answer, sizeof(first));
	ck_assert_int_eq(invite(PROXY_1), 302);
	ck_assert_str_eq(scene.answer, first);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* An alias stands for a client, whoever asks for it. */
START_TEST(alias_leads_to_the_client)
{
	struct binding b = make(NAT_A, PROXY_1, 1000, t0);
	const struct store_edit e = {.kind = STORE_ALIAS,
				     .id = "1001@example.com",
				     .alias_of = ALICE};

	ck_assert_int_eq(store_edit(scene.store, &e, NULL, NULL), 0);
	ck_assert_int_eq(ask("INVITE", "sip:1001@example.com", PROXY_1, t0),
			 404);
	put(&b, 1);
	ck_assert_int_eq(ask("INVITE", "sip:1001@example.com", PROXY_1, t0),
			 302);
	check_target(NAT_A);
	ck_assert_int_eq(ask("INVITE", "sip:1001@example.com", PROXY_2, t0),
			 302);
	check_target("sip:alice@203.0.113.1:5060;ph-domain=example.com");
}
END_TEST

/* Who is nobody's is sent out, but not by those who came in from there; who is
 * known is never. */
START_TEST(routes_are_for_our_own_callers)
{
	static const char *const to[] = {
		"sip:+49301@198.51.100.7:5060;ph-route",
		"sip:+49301@gw.example.net;ph-route"};
	static char route[] = "0* sip:+49*@198.51.100.7:5060 "
			      "sip:+49*@gw.example.net",
		    all[] = "* sip:198.51.100.9";
	char *lines[] = {route, all};
	const struct conf_strings list = {lines, 2};
	struct routes *routes;
	char why[256] = "";

	ck_assert_msg(!routes_alloc(&routes, &list, why, sizeof(why)), "%s",
		      why);
	scene.dir.routes = routes;
	ck_assert_int_eq(ask("INVITE", "sip:0301@example.com", PROXY_1, t0),
			 302);
	check_targets(to, 2);
	ck_assert_int_eq(ask("INVITE", "sip:dave@example.com", PROXY_1, t0),
			 480);
	ck_assert_int_eq(
		ask("INVITE", "sip:0301@example.com;ph-served", PROXY_1, t0),
		404);
	scene.stranger = true;
	ck_assert_int_eq(ask("INVITE", "sip:0301@example.com", PROXY_1, t0),
			 404);
	ck_assert_uint_eq(scene.n.queries_routed, 1);
	routes_free(routes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("redirectd_query");
	TCase *tc = tcase_create("query");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, alias_leads_to_the_client);
	tcase_add_test(tc, routes_are_for_our_own_callers);
	tcase_add_test(tc, serving_proxy_gets_the_signalling_channel);
	tcase_add_loop_test(tc, stranger_gets_the_serving_proxy, 0,
			    COUNT(strangers));
	tcase_add_test(tc, default_port_is_5060);
	tcase_add_test(tc, each_proxy_sees_its_own);
	tcase_add_test(tc, one_proxy_is_said_once);
	tcase_add_test(tc, best_q_first_then_the_latest);
	tcase_add_loop_test(tc, whoever_is_asked_for, 0, COUNT(questions));
	tcase_add_test(tc, unregistered_is_480);
	tcase_add_test(tc, expired_is_480);
	tcase_add_test(tc, asked_again_answers_the_same);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
