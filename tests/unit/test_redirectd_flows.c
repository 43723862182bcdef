#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "redirectd/query.h"
#include "redirectd/registration.h"
#include "redirectd/store.h"

static const dir_time t0 = 1700000000000;

#define BOB      "bob@example.com"
#define PHONE    "\"<urn:uuid:1>\""
#define OTHER    "\"<urn:uuid:2>\""
#define NAT_1    "sip:bob@198.51.100.28:40001;ph-own=10.0.0.16:5060"
#define NAT_2    "sip:bob@198.51.100.28:40002;ph-own=10.0.0.16:5062"
#define NAT_3    "sip:bob@198.51.100.30:40003;ph-own=10.0.0.17:5060"
#define PROXY_1  "203.0.113.1:5060"
#define PROXY_2  "203.0.113.2:5060"
#define AT_2     "sip:bob@203.0.113.2:5060;ph-domain=example.com"
#define NAT_2_IN "sip:bob%40198.51.100.28:40002%3Bph-own%3D10.0.0.16:5062"

static struct {
	struct store *store;
	struct redirectd_counters n;
	struct directory dir;
	struct registrar registrar;
	char answer[16384];
	msg_t *said; /* the answer, parsed as the proxy would */
} scene;

static void setup(void)
{
	const struct store_config cfg = {.max = 10, .now = t0};
	char err[CONF_ERRLEN] = "";

	memset(&scene, 0, sizeof(scene));
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	ck_assert_msg(!store_open(&scene.store, "memory", &cfg, err), "%s",
		      err);
	scene.dir = (struct directory){.store = scene.store, .n = &scene.n};
	scene.registrar = (struct registrar){
		scene.store, {3600, 60, 7200, BINDINGS_MAX}, &scene.n};
}

static void teardown(void)
{
	if (scene.said)
		msg_destroy(scene.said);
	store_close(scene.store);
}

static void hear(void)
{
	if (scene.said)
		msg_destroy(scene.said);
	scene.said = NULL;
	ck_assert_int_eq(sipmsg_parse(&scene.said, scene.answer,
				      strlen(scene.answer), NULL),
			 0);
}

static struct binding flow(const char *url, const char *instance,
			   uint32_t reg_id, const char *proxy, dir_time when)
{
	struct binding b = {
		.url = url,
		.instance = instance,
		.path = "",
		.call_id = "r",
		.cseq = 1,
		.reg_id = reg_id,
		.q = 1000,
		.registered = when,
		.expires = t0 + 60000,
	};

	ck_assert_int_eq(addr_parse(&b.serving, proxy, 0), 0);
	return b;
}

static void put(const struct binding *v, size_t n)
{
	ck_assert_int_eq(store_put(scene.store, BOB, v, n, t0, NULL, NULL), 0);
}

/* Ask as a proxy does; `limit`: for another one that has asked before. */
static int ask(const char *proxy, bool limit)
{
	char data[1024];
	struct strbuf sb;
	msg_t *msg = NULL;
	int status;

	(void)snprintf(data, sizeof(data),
		       "INVITE sip:bob@203.0.113.3;ph-domain=example.com%s "
		       "SIP/2.0\r\n"
		       "Via: SIP/2.0/UDP %s;branch=z9hG4bK1\r\n"
		       "From: <sip:a@b>;tag=1\r\nTo: <sip:" BOB ">\r\n"
		       "Call-ID: c\r\nCSeq: 1 INVITE\r\n\r\n",
		       limit ? ";ph-served" : "", proxy);
	ck_assert_int_eq(sipmsg_parse(&msg, data, strlen(data), NULL), 0);
	strbuf_init(&sb, scene.answer, sizeof(scene.answer));
	status = query_answer(
		&sb, &scene.dir,
		&(struct asking){.sip = sip_object(msg), .view = {.now = t0}});
	msg_destroy(msg);
	hear();
	return status;
}

/* The nth target; "" where there is none. */
static const char *target(int n)
{
	static struct redirect_target v[REDIRECT_TARGETS_MAX];
	int count = redirect_answer_parse(v, REDIRECT_TARGETS_MAX,
					  sip_object(scene.said));

	return n < count ? v[n].url : "";
}

START_TEST(one_flow_of_a_phone_is_called_and_names_the_other)
{
	const struct binding v[] = {
		flow(NAT_1, PHONE, 1, PROXY_1, t0 + 2),
		flow(NAT_2, PHONE, 2, PROXY_1, t0 + 1),
		flow(NAT_3, OTHER, 1, PROXY_1, t0),
	};

	put(v, 3);
	ck_assert_int_eq(ask(PROXY_1, false), 302);
	ck_assert_str_eq(target(0), NAT_1 ";ph-else=" NAT_2_IN);
	ck_assert_str_eq(target(1), NAT_3);
	ck_assert_str_eq(target(2), "");
}
END_TEST

START_TEST(the_latest_flow_is_the_best)
{
	const struct binding v[] = {
		flow(NAT_1, PHONE, 1, PROXY_1, t0 + 1),
		flow(NAT_2, PHONE, 2, PROXY_1, t0 + 2),
	};

	put(v, 2);
	ck_assert_int_eq(ask(PROXY_1, false), 302);
	ck_assert_int_eq(strncmp(target(0),
				 NAT_2 ";ph-else=", strlen(NAT_2 ";ph-else=")),
			 0);
	ck_assert_str_eq(target(1), "");
}
END_TEST

START_TEST(bindings_without_reg_id_are_no_flows)
{
	const struct binding v[] = {
		flow(NAT_1, PHONE, 0, PROXY_1, t0 + 1),
		flow(NAT_2, PHONE, 0, PROXY_1, t0),
	};

	put(v, 2);
	ck_assert_int_eq(ask(PROXY_1, false), 302);
	ck_assert_str_eq(target(0), NAT_1);
	ck_assert_str_eq(target(1), NAT_2);
}
END_TEST

START_TEST(flows_through_two_proxies)
{
	const struct binding v[] = {
		flow(NAT_2, PHONE, 2, PROXY_2, t0 + 1),
		flow(NAT_1, PHONE, 1, PROXY_1, t0),
	};

	put(v, 2);
	/* a third one is told both; each of the two, that has no better */
	ck_assert_int_eq(ask("203.0.113.9:5060", false), 302);
	ck_assert_str_eq(target(0),
			 AT_2 ";ph-else=sip:bob%40203.0.113.1:5060%3Bph-domain"
			      "%3Dexample.com");
	ck_assert_int_eq(ask(PROXY_1, false), 302);
	ck_assert_int_eq(strncmp(target(0), AT_2 ";", strlen(AT_2 ";")), 0);
	/* asked by another proxy it calls its own, and names the other's */
	ck_assert_int_eq(ask(PROXY_1, true), 302);
	ck_assert_int_eq(strncmp(target(0), NAT_1 ";ph-else=sip:bob%40203",
				 strlen(NAT_1 ";ph-else=sip:bob%40203")),
			 0);
	ck_assert_str_eq(target(1), "");
}
END_TEST

START_TEST(what_another_proxy_asks_for_is_its_own_clients)
{
	const struct binding v[] = {
		flow(NAT_1, "", 0, PROXY_1, t0 + 1),
		flow(NAT_3, "", 0, PROXY_2, t0),
	};

	put(v, 2);
	ck_assert_int_eq(ask(PROXY_1, false), 302);
	ck_assert_str_eq(target(1), AT_2);
	ck_assert_int_eq(ask(PROXY_1, true), 302);
	ck_assert_str_eq(target(0), NAT_1);
	ck_assert_str_eq(target(1), "");
	/* and where it has none, where they are now */
	ck_assert_int_eq(ask("203.0.113.9:5060", true), 302);
	ck_assert_str_ne(target(1), "");
}
END_TEST

static int enrol(const char *path, const char *contact, const char *extra)
{
	char data[1024];
	struct strbuf sb;
	msg_t *msg = NULL;
	int status;

	(void)snprintf(data, sizeof(data),
		       "REGISTER sip:example.com SIP/2.0\r\n"
		       "Path: %s\r\n"
		       "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK1\r\n"
		       "From: <sip:" BOB ">;tag=1\r\nTo: <sip:" BOB ">\r\n"
		       "Call-ID: c\r\nCSeq: 1 REGISTER\r\n"
		       "Contact: <" NAT_1 ">%s\r\n%s\r\n",
		       path, contact, extra);
	ck_assert_int_eq(sipmsg_parse(&msg, data, strlen(data), NULL), 0);
	strbuf_init(&sb, scene.answer, sizeof(scene.answer));
	status = registration_answer(
		&sb, &scene.registrar,
		&(struct asking){.sip = sip_object(msg), .view = {.now = t0}});
	msg_destroy(msg);
	hear();
	return status;
}

#define EDGE    "<sip:f0@203.0.113.1;lr;ob>"
#define NO_EDGE "<sip:203.0.113.1;lr>"
#define FLOW    ";+sip.instance=" PHONE ";reg-id=1"
#define OFFER   "Supported: path, outbound\r\n"

START_TEST(a_flow_is_granted_where_all_can_keep_it)
{
	ck_assert_int_eq(enrol(EDGE, FLOW, OFFER), 200);
	ck_assert_ptr_nonnull(sip_object(scene.said)->sip_require);
	ck_assert_ptr_nonnull(strstr(scene.answer, "Require: outbound\r\n"));
	ck_assert_ptr_nonnull(strstr(scene.answer, "reg-id=1"));
	ck_assert_ptr_nonnull(strstr(scene.answer, ";ob>"));
}
END_TEST

START_TEST(a_first_hop_that_keeps_no_flows_is_told)
{
	ck_assert_int_eq(enrol(NO_EDGE, FLOW, OFFER), 439);
	/* the first hop is the last Path */
	ck_assert_int_eq(enrol(EDGE ", " NO_EDGE, FLOW, OFFER), 439);
	ck_assert_int_eq(enrol(NO_EDGE ", " EDGE, FLOW, OFFER), 200);
}
END_TEST

START_TEST(who_does_not_offer_it_gets_none)
{
	ck_assert_int_eq(enrol(EDGE, FLOW, ""), 200);
	ck_assert_ptr_null(strstr(scene.answer, "Require"));
	ck_assert_int_eq(enrol(EDGE, "", OFFER), 200);
	ck_assert_ptr_null(strstr(scene.answer, "Require"));
	ck_assert_int_eq(enrol(NO_EDGE, ";reg-id=1", OFFER), 200);
	ck_assert_ptr_null(strstr(scene.answer, "Require"));
	ck_assert_int_eq(enrol(EDGE, FLOW, OFFER "Require: outbound\r\n"), 200);
	ck_assert_int_eq(enrol(EDGE, FLOW, OFFER "Require: gruu\r\n"), 420);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redirectd_flows");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, one_flow_of_a_phone_is_called_and_names_the_other);
	tcase_add_test(tc, the_latest_flow_is_the_best);
	tcase_add_test(tc, bindings_without_reg_id_are_no_flows);
	tcase_add_test(tc, flows_through_two_proxies);
	tcase_add_test(tc, what_another_proxy_asks_for_is_its_own_clients);
	tcase_add_test(tc, a_flow_is_granted_where_all_can_keep_it);
	tcase_add_test(tc, a_first_hop_that_keeps_no_flows_is_told);
	tcase_add_test(tc, who_does_not_offer_it_gets_none);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
