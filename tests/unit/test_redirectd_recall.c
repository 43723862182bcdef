#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "proto/recall.h"
#include "redirectd/recall.h"
#include "redirectd/store.h"

static const dir_time t0 = 1700000000000;

enum {
	CROWD = 5000,
	DATAGRAM = 1472, /* of UDP on Ethernet, unfragmented */
	MOST_PAGES = CROWD / 6,
};

static struct {
	struct store *store;
	struct redirectd_counters n;
	struct directory dir;
	char answer[65536];
	char path[64];
	uint8_t seen[CROWD]; /* how often each was listed */
} scene;

static void open_store(const char *spec)
{
	const struct store_config cfg = {
		.loop = uv_default_loop(), .max = 2 * CROWD, .now = t0};
	char err[CONF_ERRLEN] = "";

	ck_assert_msg(!store_open(&scene.store, spec, &cfg, err), "%s", err);
	scene.dir = (struct directory){.store = scene.store, .n = &scene.n};
}

static void setup(void)
{
	memset(&scene, 0, sizeof(scene));
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	open_store("memory");
}

static void teardown(void)
{
	store_close(scene.store);
	(void)unlink(scene.path);
}

static void has_put(int err, void *arg)
{
	*(int *)arg = err;
}

static void put(const char *id, const struct binding *v, size_t n)
{
	int err = store_put(scene.store, id, v, n, t0, has_put, &err);

	while (err == -EINPROGRESS)
		(void)uv_run(uv_default_loop(), UV_RUN_ONCE);
	ck_assert_int_eq(err, 0);
}

static void add(const char *id, const char *url, const char *proxy)
{
	struct binding b = {
		.url = url,
		.instance = "",
		.path = "",
		.call_id = "r@phone",
		.cseq = 1,
		.registered = t0,
		.expires = t0 + 60000,
	};

	ck_assert_int_eq(addr_parse(&b.serving, proxy, 0), 0);
	put(id, &b, 1);
}

static void add_nth(int n, const char *proxy)
{
	char id[64], url[128];

	(void)snprintf(id, sizeof(id), "user%d@example.com", n);
	(void)snprintf(url, sizeof(url),
		       "sip:user%d@198.51.100.28:%d;ph-own=10.0.0.16:5060", n,
		       10000 + n);
	add(id, url, proxy);
}

/* Ask as the proxy at 203.0.113.1; the answer is parsed from the wire. */
static int ask(json_t **body, const char *after)
{
	char data[1024], param[REDIRECT_ID_MAX + 32];
	struct strbuf sb;
	msg_t *msg = NULL;
	int status;

	strbuf_init(&sb, param, sizeof(param));
	sipmsg_param_add(&sb, "ph-recall", after);
	(void)snprintf(data, sizeof(data),
		       "OPTIONS sip:203.0.113.3%s SIP/2.0\r\n"
		       "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK1\r\n"
		       "From: <sip:203.0.113.1>;tag=1\r\n"
		       "To: <sip:203.0.113.3>\r\n"
		       "Call-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n",
		       param);
	ck_assert_int_eq(sipmsg_parse(&msg, data, strlen(data), NULL), 0);
	ck_assert(recall_is_about(sip_object(msg)));
	strbuf_init(&sb, scene.answer, sizeof(scene.answer));
	status = recall_answer(&sb, &scene.dir,
			       &(struct asking){.sip = sip_object(msg),
						.view = {.now = t0 + 1000}});
	msg_destroy(msg);
	ck_assert_int_eq(
		sipmsg_parse(&msg, scene.answer, strlen(scene.answer), NULL),
		0);
	ck_assert_uint_le(sb.len, DATAGRAM);
	*body = NULL;
	(void)recall_answer_parse(body, sip_object(msg));
	msg_destroy(msg);
	return status;
}

/* All pages; how many there were. */
static int ask_for_all(void)
{
	char after[REDIRECT_ID_MAX] = "";
	struct recall_binding b;
	const char *next;
	json_t *body;
	int n = 0;

	do {
		ck_assert_int_eq(ask(&body, after), 200);
		for (size_t i = 0; !recall_answer_binding(&b, body, i); i++)
			scene.seen[atoi(b.id + strlen("user"))]++;
		next = recall_answer_next(body);
		(void)snprintf(after, sizeof(after), "%s", next ? next : "");
		json_decref(body);
		n++;
	} while (*after);
	return n;
}

START_TEST(every_binding_of_the_proxy_is_told_once_in_few_datagrams)
{
	int pages;

	for (int i = 0; i < CROWD; i++)
		add_nth(i, "203.0.113.1:5060");
	pages = ask_for_all();
	for (int i = 0; i < CROWD; i++)
		ck_assert_int_eq(scene.seen[i], 1);
	ck_assert_int_le(pages, MOST_PAGES);
	ck_assert_uint_eq(scene.n.recalls, (uint64_t)pages);
}
END_TEST

START_TEST(a_binding_says_where_and_how_long)
{
	struct recall_binding b;
	json_t *body;

	add_nth(7, "203.0.113.1:5060");
	ck_assert_int_eq(ask(&body, ""), 200);
	ck_assert_int_eq(recall_answer_binding(&b, body, 0), 0);
	ck_assert_str_eq(b.id, "user7@example.com");
	ck_assert_str_eq(b.url,
			 "sip:user7@198.51.100.28:10007;ph-own=10.0.0.16:5060");
	ck_assert_uint_eq(b.expires, 59);
	json_decref(body);
}
END_TEST

START_TEST(others_bindings_and_public_phones_are_not_told)
{
	json_t *body;

	for (int i = 0; i < CROWD; i++)
		add_nth(i, i == CROWD - 1 ? "203.0.113.1:5060"
					  : "203.0.113.2:5060");
	add("carol@example.com", "sip:carol@203.0.113.14:5060",
	    "203.0.113.1:5060");
	/* looking for them is bounded as well: three questions, not one */
	ck_assert_int_eq(ask_for_all(), 3);
	for (int i = 0; i < CROWD; i++)
		ck_assert_int_eq(scene.seen[i], i == CROWD - 1);
	ck_assert_int_eq(ask(&body, "user4999@example.com"), 200);
	ck_assert_uint_eq(json_array_size(json_object_get(body, "bindings")),
			  0);
	json_decref(body);
}
END_TEST

START_TEST(clients_that_come_and_go_change_nothing_for_the_others)
{
	json_t *body;
	struct recall_binding b;

	for (int i = 0; i < 3; i++)
		add_nth(i, "203.0.113.1:5060");
	put("user0@example.com", NULL, 0);
	add_nth(3, "203.0.113.1:5060");
	ck_assert_int_eq(ask(&body, "user0@example.com"), 200);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(recall_answer_binding(&b, body, i), 0);
		ck_assert_int_eq(atoi(b.id + strlen("user")), (int)i + 1);
	}
	json_decref(body);
	ck_assert_int_eq(ask(&body, "nobody@example.com"), 404);
	ck_assert_ptr_null(body);
}
END_TEST

START_TEST(it_is_the_same_from_a_file)
{
	char spec[80];

	store_close(scene.store);
	(void)snprintf(scene.path, sizeof(scene.path), "/tmp/recall-%d.db",
		       (int)getpid());
	(void)snprintf(spec, sizeof(spec), "sqlite:%s", scene.path);
	(void)unlink(scene.path);
	open_store(spec);
	for (int i = 0; i < 20; i++)
		add_nth(i, "203.0.113.1:5060");
	store_close(scene.store);
	open_store(spec);
	ck_assert_int_eq(ask_for_all(), 3);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(scene.seen[i], 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redirectd_recall");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(
		tc, every_binding_of_the_proxy_is_told_once_in_few_datagrams);
	tcase_add_test(tc, a_binding_says_where_and_how_long);
	tcase_add_test(tc, others_bindings_and_public_phones_are_not_told);
	tcase_add_test(tc,
		       clients_that_come_and_go_change_nothing_for_the_others);
	tcase_add_test(tc, it_is_the_same_from_a_file);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
