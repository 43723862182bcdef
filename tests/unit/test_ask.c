#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "common/addr.h"
#include "common/admin.h"
#include "common/ask.h"
#include "common/ask_call.h"
#include "common/ask_list.h"
#include "common/paging.h"

/* A real admin server, in a thread of its own as in a process of its own. */
static uv_loop_t loop;
static uv_async_t stop;
static uv_thread_t thread;
static struct admin *admin;
static char http[ADDR_STRLEN];
static char err[CONF_ERRLEN];
static size_t entries; /* of the long list */
static unsigned asked; /* for a page of it */

static int show_call(json_t **out, const struct admin_query *q, void *arg)
{
	const char *call = admin_arg(q, "call");

	(void)arg;
	if (!call || (strcmp(call, "abcd-1&x=%") && strcmp(call, "abcd-2"))) {
		*out = json_pack("{ss}", "error", "no such call");
		return 404;
	}
	*out = json_pack("{ss}", "call", call);
	return 200;
}

static int show_ids(json_t **out, const struct admin_query *q, void *arg)
{
	if (!q || arg)
		return 500;
	*out = json_pack("[ss]", "abcd-1&x=%", "abcd-2");
	return 200;
}

/* Numbered, but for the 1000th, which is another 500th. */
static int show_list(json_t **out, const struct admin_query *q, void *arg)
{
	struct paging page;
	char name[32];

	(void)arg;
	asked++;
	if (paging_begin(&page, q))
		return paging_refuse(out);
	for (size_t i = 0; i < entries && !paging_full(&page); i++) {
		snprintf(name, sizeof(name), "%zu", i == 1000 ? 500 : i);
		if (paging_wants(&page))
			paging_add(&page, json_pack("{ss}", "name", name));
	}
	*out = json_pack("{so}", "list", page.list);
	return 200;
}

static int change(json_t **out, const struct admin_query *q, void *arg)
{
	*out = json_pack("{sb}", "changed", q && !arg);
	return 200;
}

static int not_now(json_t **out, const struct admin_query *q, void *arg)
{
	*out = json_pack("{ss}", "error", q && !arg ? "ask again" : "?");
	return 503;
}

static const struct {
	const char *path;
	admin_h *fn;
} routes[] = {
	{"/api/call", show_call},
	{"/api/calls", show_ids},
	{"/api/list", show_list},
	{"/api/later", not_now},
};

static void on_stop(uv_async_t *handle)
{
	admin_stop(admin);
	uv_close((uv_handle_t *)handle, NULL);
}

static void run(void *arg)
{
	(void)arg;
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void serve_at(const char *where)
{
	struct addr at;

	ck_assert_int_eq(addr_parse(&at, where, 0), 0);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(uv_async_init(&loop, &stop, on_stop), 0);
	ck_assert_int_eq(admin_start(&admin, &loop, &at, "testd", NULL), 0);
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		ck_assert_int_eq(admin_route(admin, routes[i].path, "",
					     routes[i].fn, NULL),
				 0);
	ck_assert_int_eq(
		admin_route_post(admin, "/api/change", "", change, NULL), 0);
	addr_str(http, admin_local(admin));
	asked = 0;
	err[0] = '\0';
	ck_assert_int_eq(uv_thread_create(&thread, run, NULL), 0);
}

static void setup(void)
{
	serve_at("127.0.0.1:0");
}

static void teardown(void)
{
	uv_async_send(&stop);
	uv_thread_join(&thread);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

START_TEST(an_argument_arrives_as_it_is)
{
	const struct ask q = {.http = http,
			      .path = "/api/call",
			      .arg = "call",
			      .value = "abcd-1&x=%"};
	json_t *answer = NULL;

	ck_assert_int_eq(ask(&answer, &q, err), 0);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "call")),
			 "abcd-1&x=%");
	json_decref(answer);
}
END_TEST

START_TEST(what_the_daemon_says_is_the_line)
{
	struct ask q = {.http = http, .path = "/api/call"};
	json_t *answer = NULL;

	ck_assert_int_eq(ask(&answer, &q, err), -ENOENT);
	ck_assert_str_eq(err, "no such call");
	q.path = "/api/later";
	ck_assert_int_eq(ask(&answer, &q, err), -EAGAIN);
	ck_assert_str_eq(err, "ask again");
	q.path = "/api/nowhere";
	ck_assert_int_eq(ask(&answer, &q, err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err, "no such path"));
	ck_assert_ptr_null(answer);
}
END_TEST

START_TEST(a_change_is_a_post)
{
	struct ask q = {.http = http, .path = "/api/change", .post = true};
	json_t *answer = NULL;

	ck_assert_int_eq(ask(&answer, &q, err), 0);
	ck_assert(json_is_true(json_object_get(answer, "changed")));
	json_decref(answer);
	answer = NULL;
	q.post = false;
	ck_assert_int_eq(ask(&answer, &q, err), -EPROTO);
	ck_assert_str_eq(err, "POST only");
	q.post = true;
	q.path = "/api/calls";
	ck_assert_int_eq(ask(&answer, &q, err), -EPROTO);
	ck_assert_str_eq(err, "GET, HEAD only");
	ck_assert_ptr_null(answer);
}
END_TEST

START_TEST(ready_or_why_not)
{
	/* "starting" since it began */
	ck_assert_int_eq(ask_ready(http, err), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(err, "not ready: starting"));
	admin_not_ready(admin, NULL);
	ck_assert_int_eq(ask_ready(http, err), 0);
}
END_TEST

START_TEST(nobody_there)
{
	const struct ask q = {.http = "127.0.0.1:1", .path = "/api/call"};
	json_t *answer = NULL;

	ck_assert_int_eq(ask(&answer, &q, err), -ECONNREFUSED);
	ck_assert_ptr_nonnull(strstr(err, "127.0.0.1:1"));
	ck_assert_ptr_nonnull(strstr(err, "is the daemon running"));
	ck_assert_int_eq(ask_ready("127.0.0.1:1", err), -ECONNREFUSED);
}
END_TEST

static void list_of(struct ask_list *q, size_t max)
{
	*q = (struct ask_list){
		.ask = {.http = http, .path = "/api/list"},
		.rows = "list",
		.key = "name",
		.max = max,
	};
}

START_TEST(a_long_list_comes_page_by_page)
{
	struct ask_list q;
	json_t *rows = NULL;
	bool more = true;

	list_of(&q, 0);
	entries = 2500;
	ck_assert_int_eq(ask_list(&rows, &more, &q, err), 0);
	ck_assert_uint_eq(json_array_size(rows), 2500 - 1);
	ck_assert_uint_eq(asked, 3);
	ck_assert(!more);
	json_decref(rows);
	entries = 0;
	ck_assert_int_eq(ask_list(&rows, &more, &q, err), 0);
	ck_assert_uint_eq(json_array_size(rows), 0);
	ck_assert(!more);
	json_decref(rows);
}
END_TEST

START_TEST(a_list_without_an_end_is_cut)
{
	struct ask_list q;
	json_t *rows = NULL;
	bool more = false;

	list_of(&q, 1500);
	entries = 100000;
	ck_assert_int_eq(ask_list(&rows, &more, &q, err), 0);
	ck_assert_uint_eq(json_array_size(rows), 1500);
	ck_assert(more);
	json_decref(rows);
	list_of(&q, 2000);
	entries = 2000;
	q.key = NULL;
	ck_assert_int_eq(ask_list(&rows, &more, &q, err), 0);
	ck_assert_uint_eq(json_array_size(rows), 2000);
	ck_assert(!more);
	json_decref(rows);
}
END_TEST

START_TEST(what_is_no_list)
{
	struct ask_list q;
	json_t *rows = NULL;
	bool more;

	list_of(&q, 0);
	q.rows = "others";
	ck_assert_int_eq(ask_list(&rows, &more, &q, err), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err, "/api/list is no list"));
	q.ask.path = "/api/nowhere";
	ck_assert_int_eq(ask_list(&rows, &more, &q, err), -ENOENT);
	ck_assert_ptr_null(rows);
}
END_TEST

/* limit and offset are numbers, and no page is longer than it may be. */
START_TEST(pages_are_bounded)
{
	struct ask q = {.http = http,
			.path = "/api/list",
			.arg = "limit",
			.value = "99999"};
	json_t *answer = NULL;

	entries = 5000;
	ck_assert_int_eq(ask(&answer, &q, err), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(answer, "list")),
			  PAGING_MAX);
	json_decref(answer);
	answer = NULL;
	q.value = "0";
	ck_assert_int_eq(ask(&answer, &q, err), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(answer, "list")), 0);
	json_decref(answer);
	answer = NULL;
	for (size_t i = 0; i < 4; i++) {
		static const char *const bad[] = {"-1", "x", "1x",
						  "99999999999999999999"};

		q.value = bad[i];
		ck_assert_int_eq(ask(&answer, &q, err), -EPROTO);
		ck_assert_str_eq(err,
				 "offset and limit are numbers of entries");
	}
	ck_assert_ptr_null(answer);
}
END_TEST

static const struct {
	const char *said;
	const char *found; /* NULL: none */
	const char *why;
} beginnings[] = {
	{"abcd-2", "abcd-2", NULL},
	{"abcd-1", "abcd-1&x=%", NULL},
	{"abcd-1~", "abcd-1&x=%", NULL},
	{"abcd-", NULL, "several calls begin so"},
	{"abcd-3", NULL, "abcd-3: no such call"},
	{"abc", NULL, "abc: no such call"},
	{"", NULL, ": no such call"},
};

START_TEST(the_beginning_of_a_call_id_is_enough)
{
	const struct ask q = {.http = http,
			      .path = "/api/call",
			      .arg = "call",
			      .value = beginnings[_i].said};
	json_t *answer = NULL;
	int ret = ask_call(&answer, &q, err);

	if (beginnings[_i].found) {
		ck_assert_int_eq(ret, 0);
		ck_assert_str_eq(
			json_string_value(json_object_get(answer, "call")),
			beginnings[_i].found);
	} else {
		ck_assert_int_eq(ret, -ENOENT);
		ck_assert_ptr_nonnull(strstr(err, beginnings[_i].why));
	}
	json_decref(answer);
}
END_TEST

/* A daemon that listens everywhere is asked at loopback. */
static const char *const everywhere[] = {"0.0.0.0:0", "[::]:0"};

START_TEST(everywhere_is_here)
{
	unsigned port;
	char where[ADDR_STRLEN];

	teardown();
	serve_at(everywhere[_i]);
	port = addr_port(admin_local(admin));
	snprintf(where, sizeof(where), _i ? "[::]:%u" : "0.0.0.0:%u", port);
	admin_not_ready(admin, NULL);
	ck_assert_int_eq(ask_ready(where, err), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ask");
	TCase *t = tcase_create("ask");
	SRunner *r;
	int failures;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_argument_arrives_as_it_is);
	tcase_add_test(t, what_the_daemon_says_is_the_line);
	tcase_add_test(t, a_change_is_a_post);
	tcase_add_test(t, ready_or_why_not);
	tcase_add_test(t, nobody_there);
	tcase_add_test(t, a_long_list_comes_page_by_page);
	tcase_add_test(t, a_list_without_an_end_is_cut);
	tcase_add_test(t, what_is_no_list);
	tcase_add_test(t, pages_are_bounded);
	tcase_add_loop_test(t, the_beginning_of_a_call_id_is_enough, 0,
			    sizeof(beginnings) / sizeof(beginnings[0]));
	tcase_add_loop_test(t, everywhere_is_here, 0, 2);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
