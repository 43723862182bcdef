#include <check.h>
#include <stdio.h>

#include "tests/unit/admin_fixture.h"

static int changes; /* how often it was done */

static int change(json_t **out, const struct admin_query *q, void *arg)
{
	const char *how = admin_arg(q, "how");

	(void)arg;
	changes++;
	*out = json_pack("{ss}", "how", how ? how : "none");
	return 200;
}

static void setup(void)
{
	struct addr any;

	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(addr_parse(&any, "127.0.0.1:0", 0), 0);
	ck_assert_int_eq(admin_start(&admin, &loop, &any, "relayd", NULL), 0);
	ck_assert_int_eq(admin_route_post(admin, "/api/change", "Changes it",
					  change, NULL),
			 0);
	changes = 0;
}

static void teardown(void)
{
	admin_stop(admin);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* A POST with these header lines and this body. */
static const char *post(const char *path, const char *headers, const char *body)
{
	static char request[8192];

	snprintf(request, sizeof(request),
		 "POST %s HTTP/1.1\r\nConnection: close\r\n%s\r\n%s", path,
		 headers, body);
	return ask(request);
}

#define JSON_TYPE "Content-Type: application/json\r\n"
#define EMPTY     "Content-Length: 0\r\n"

START_TEST(a_post_changes_something)
{
	const char *answer =
		post("/api/change?how=much",
		     "Host: 127.0.0.1:8093\r\n" JSON_TYPE EMPTY, "");

	ck_assert_int_eq(status_of(answer), 200);
	ck_assert_str_eq(body_of(answer), "{\"how\":\"much\"}");
	ck_assert_int_eq(changes, 1);
	answer = post("/api/change",
		      "Host: [::1]\r\nContent-Type: Application/JSON; "
		      "charset=utf-8\r\nContent-Length: 2\r\n",
		      "{}");
	ck_assert_int_eq(status_of(answer), 200);
	ck_assert_int_eq(changes, 2);
}
END_TEST

START_TEST(what_changes_is_not_got)
{
	static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE",
					      "OPTIONS"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		const char *answer = ask_path(methods[i], "/api/change");

		ck_assert_int_eq(status_of(answer), 405);
		ck_assert(has(answer, "\r\nAllow: POST\r\n"));
	}
	ck_assert_int_eq(status_of(ask_path("POST", "/api/chance")), 404);
	ck_assert(has(ask_path("GET", "/"), "<td>POST /api/change</td>"));
	ck_assert(!has(ask_path("GET", "/"), "href=\"/api/change\""));
	ck_assert_int_eq(changes, 0);
}
END_TEST

/* What a page of a stranger could have a browser send, and what is too much. */
static const struct {
	int status;
	const char *headers;
} refused[] = {
	{403,
	 "Host: 127.0.0.1\r\nOrigin: http://evil.example\r\n" JSON_TYPE EMPTY},
	{403, "Host: 127.0.0.1\r\nOrigin: null\r\n" JSON_TYPE EMPTY},
	{403,
	 "Host: localhost:8093\r\nOrigin: http://localhost:8093\r\n" JSON_TYPE
		 EMPTY},
	{403, "Host: evil.example\r\n" JSON_TYPE EMPTY},
	{403, "Host: 127.0.0.1.evil.example\r\n" JSON_TYPE EMPTY},
	{403, "Host: localhost.evil.example\r\n" JSON_TYPE EMPTY},
	{403, "Host: \r\n" JSON_TYPE EMPTY},
	{415, "Host: localhost\r\n" EMPTY},
	{415, "Host: localhost\r\nContent-Type: text/plain\r\n" EMPTY},
	{415, "Host: localhost\r\n"
	      "Content-Type: text/plain; application/json\r\n" EMPTY},
	{415, "Host: localhost\r\n"
	      "Content-Type: application/x-www-form-urlencoded\r\n" EMPTY},
	{415, "Host: localhost\r\nContent-Type: application/jsonx\r\n" EMPTY},
	{413, "Host: localhost\r\n" JSON_TYPE "Content-Length: 1025\r\n"},
	{413, "Host: localhost\r\n" JSON_TYPE "Transfer-Encoding: chunked\r\n"},
};

START_TEST(a_page_of_a_browser_changes_nothing)
{
	const char *answer = post("/api/change", refused[_i].headers, "");

	ck_assert_int_eq(status_of(answer), refused[_i].status);
	ck_assert(has(body_of(answer), "{\"error\":"));
	ck_assert(!has(answer, "Access-Control"));
	ck_assert_int_eq(changes, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin_change");
	TCase *t = tcase_create("admin_change");
	int failures;
	SRunner *r;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_post_changes_something);
	tcase_add_test(t, what_changes_is_not_got);
	tcase_add_loop_test(t, a_page_of_a_browser_changes_nothing, 0,
			    sizeof(refused) / sizeof(refused[0]));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
