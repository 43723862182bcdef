#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/metrics.h"
#include "tests/unit/admin_fixture.h"

static struct metrics *metrics;

static int show_calls(json_t **out, const struct admin_query *q, void *arg)
{
	const char *call = admin_arg(q, "call");

	*out = json_pack("{sssi}", "call", call ? call : "none", "count",
			 *(int *)arg);
	return 200;
}

static int show_nothing(json_t **out, const struct admin_query *q, void *arg)
{
	(void)out;
	(void)q;
	(void)arg;
	return 404;
}

static void setup(void)
{
	static int count = 3;
	struct addr any;

	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(metrics_alloc(&metrics, "relayd"), 0);
	ck_assert_int_eq(addr_parse(&any, "127.0.0.1:0", 0), 0);
	ck_assert_int_eq(admin_start(&admin, &loop, &any, "relayd", metrics),
			 0);
	ck_assert_uint_ne(addr_port(admin_local(admin)), 0);
	ck_assert_int_eq(admin_route(admin, "/api/calls", "Calls & <traces>",
				     show_calls, &count),
			 0);
	ck_assert_int_eq(
		admin_route(admin, "/api/none", "Nothing", show_nothing, NULL),
		0);
}

/* Everything is closed again: a handle left would make the close EBUSY. */
static void teardown(void)
{
	admin_stop(admin);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	metrics_free(metrics);
}

START_TEST(metrics_in_prometheus_format)
{
	const char *answer = ask_path("GET", "/metrics");

	ck_assert_int_eq(status_of(answer), 200);
	ck_assert(has(answer, "\r\nContent-Type: text/plain; version=0.0.4"));
	ck_assert(has(answer, "\r\nX-Content-Type-Options: nosniff\r\n"));
	ck_assert(has(body_of(answer), "\nprocess_open_fds "));
}
END_TEST

START_TEST(health_and_readiness)
{
	ck_assert_int_eq(status_of(ask_path("GET", "/healthz")), 200);

	const char *answer = ask_path("GET", "/readyz");

	ck_assert_int_eq(status_of(answer), 503);
	ck_assert(has(body_of(answer), "\"reason\":\"starting\""));
	admin_not_ready(admin, NULL);
	ck_assert_int_eq(status_of(ask_path("GET", "/readyz")), 200);
	admin_not_ready(admin, "draining");
	answer = ask_path("GET", "/readyz");
	ck_assert_int_eq(status_of(answer), 503);
	ck_assert(has(body_of(answer), "\"reason\":\"draining\""));
}
END_TEST

START_TEST(routes_answer_json)
{
	const char *answer = ask_path("GET", "/api/calls?call=a%40b%20c&x=1");

	ck_assert_int_eq(status_of(answer), 200);
	ck_assert(has(answer, "\r\nContent-Type: application/json\r\n"));
	ck_assert_str_eq(body_of(answer), "{\"call\":\"a@b c\",\"count\":3}");
	ck_assert_str_eq(body_of(ask_path("GET", "/api/calls")),
			 "{\"call\":\"none\",\"count\":3}");
	answer = ask_path("GET", "/api/none");
	ck_assert_int_eq(status_of(answer), 404);
	ck_assert(has(body_of(answer), "\"error\""));
}
END_TEST

START_TEST(unknown_paths_are_404)
{
	static const char *const paths[] = {
		"/api", "/api/", "/api/calls/", "/metrics/x", "//", "/..",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const char *answer = ask_path("GET", paths[i]);

		ck_assert_int_eq(status_of(answer), 404);
		ck_assert(
			has(answer, "\r\nContent-Type: application/json\r\n"));
		ck_assert(has(body_of(answer), "{\"error\":"));
	}
}
END_TEST

START_TEST(page_lists_the_routes)
{
	const char *answer = ask_path("GET", "/");

	ck_assert_int_eq(status_of(answer), 200);
	ck_assert(has(answer, "\r\nContent-Type: text/html"));
	ck_assert(has(answer, "<h1>relayd " PINHOLE_VERSION "</h1>"));
	ck_assert(has(answer, "Not ready: starting."));
	ck_assert(has(answer, "href=\"/metrics\""));
	ck_assert(has(answer, "href=\"/api/calls\""));
	ck_assert(has(answer, "Calls &amp; &lt;traces&gt;"));
	admin_not_ready(admin, NULL);
	ck_assert(has(ask_path("GET", "/"), "<p>Ready.</p>"));
}
END_TEST

START_TEST(head_has_no_body)
{
	const char *answer = ask_path("HEAD", "/healthz");

	ck_assert_int_eq(status_of(answer), 200);
	ck_assert_str_eq(body_of(answer), "");
	ck_assert(has(answer, "\r\nContent-Length: 15\r\n"));
}
END_TEST

START_TEST(other_methods_are_405)
{
	static const char *const methods[] = {"POST",    "PUT",   "DELETE",
					      "OPTIONS", "PATCH", "BREW"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		const char *answer = ask_path(methods[i], "/api/calls");

		ck_assert_int_eq(status_of(answer), 405);
		ck_assert(has(answer, "\r\nAllow: GET, HEAD\r\n"));
	}
}
END_TEST

START_TEST(a_body_is_not_waited_for)
{
	const char *answer = ask("POST /api/calls HTTP/1.1\r\nHost: x\r\n"
				 "Content-Length: 100000000\r\n\r\nabc");

	ck_assert_int_eq(status_of(answer), 405);
}
END_TEST

START_TEST(one_connection_serves_several)
{
	const char *answer = ask(
		"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /api/calls HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
		"GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

	ck_assert_int_eq(status_of(answer), 200);
	ck_assert(has(answer, "{\"status\":\"ok\"}"));
	ck_assert(has(answer, "\"count\":3}HTTP/1.1 404 "));
}
END_TEST

/* As a page in a browser here would ask, its name led to this address. */
START_TEST(names_of_others_are_told_nothing)
{
	ck_assert_int_eq(status_of(ask("GET /api/calls HTTP/1.1\r\n"
				       "Host: page.example:8091\r\n"
				       "Connection: close\r\n\r\n")),
			 403);
	ck_assert_int_eq(status_of(ask("GET /metrics HTTP/1.1\r\n"
				       "Host: relay1.example:8093\r\n"
				       "Connection: close\r\n\r\n")),
			 200);
}
END_TEST

static const char *const garbage[] = {
	"\r\n\r\n\r\n\x01\x02\x03 / \xff\r\n\r\n",
	"GET\r\n\r\n",
	"INVITE sip:alice@example.com SIP/2.0\r\nVia: x\r\n\r\n",
	"GET / HTTP/1.1\r\nConnection: close\r\nContent-Length: -1\r\n\r\n",
};

START_TEST(garbage_does_no_harm)
{
	int status = status_of(ask(garbage[_i]));

	ck_assert(status != 200);
	ck_assert_int_eq(status_of(ask_path("GET", "/healthz")), 200);
}
END_TEST

START_TEST(headers_are_bounded)
{
	size_t len = 1 << 18;
	char *request = malloc(len + 1);
	int n = sprintf(request, "GET / HTTP/1.1\r\nHost: x\r\nX: ");

	memset(request + n, 'a', len - (size_t)n);
	request[len] = '\0';
	ck_assert_int_ne(status_of(ask(request)), 200);
	free(request);
	ck_assert_int_eq(status_of(ask_path("GET", "/healthz")), 200);
}
END_TEST

/* select() could not: descriptors beyond 1024 are a relay's daily bread. */
START_TEST(many_descriptors_are_open)
{
	struct rlimit limit;
	int fds[1100];

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (size_t i = 0; i < 1100; i++) {
		fds[i] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
		ck_assert_int_ge(fds[i], 0);
	}
	ck_assert_int_eq(status_of(ask_path("GET", "/healthz")), 200);
	for (size_t i = 0; i < 1100; i++)
		close(fds[i]);
}
END_TEST

/* Those beyond the limit wait, and are served when others have gone. */
START_TEST(connections_are_bounded)
{
	int fds[80];

	for (size_t i = 0; i < 80; i++) {
		fds[i] = dial();
		ck_assert_int_ge(fds[i], 0);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	for (size_t i = 0; i < 80; i++)
		close(fds[i]);
	ck_assert_int_eq(status_of(ask_path("GET", "/healthz")), 200);
}
END_TEST

START_TEST(routes_are_bounded)
{
	char paths[40][16];
	int err = 0;
	int added = 0;

	ck_assert_int_eq(
		admin_route(admin, "/api/calls", "", show_nothing, NULL),
		-EEXIST);
	for (; added < 40 && !err; added++) {
		snprintf(paths[added], sizeof(paths[added]), "/r%d", added);
		err = admin_route(admin, paths[added], "", show_nothing, NULL);
	}
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_eq(added, 31);
	ck_assert(has(ask_path("GET", "/r29"), "nothing to show"));
	ck_assert(has(ask_path("GET", "/r30"), "no such path"));
}
END_TEST

START_TEST(taken_port_is_refused)
{
	struct admin *second = NULL;

	ck_assert_int_eq(admin_start(&second, &loop, admin_local(admin),
				     "relayd", metrics),
			 -EADDRINUSE);
	ck_assert_ptr_null(second);
}
END_TEST

START_TEST(ipv6)
{
	struct addr any;

	admin_stop(admin);
	admin = NULL;
	ck_assert_int_eq(addr_parse(&any, "[::1]:0", 0), 0);
	int err = admin_start(&admin, &loop, &any, "relayd", metrics);

	if (err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT)
		return;
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(status_of(ask_path("GET", "/healthz")), 200);
}
END_TEST

/* Connections that are open end with the server. */
START_TEST(stop_closes_connections)
{
	int idle = dial();
	struct addr same = *admin_local(admin);
	char byte;

	ck_assert_int_ge(idle, 0);
	ck_assert_int_eq(status_of(ask_path("GET", "/healthz")), 200);
	admin_stop(admin);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_le(read(idle, &byte, 1), 0);
	close(idle);
	ck_assert_int_eq(admin_start(&admin, &loop, &same, "relayd", NULL), 0);
	ck_assert_int_eq(status_of(ask_path("GET", "/metrics")), 404);
}
END_TEST

static Suite *admin_suite(void)
{
	Suite *s = suite_create("admin");
	TCase *t = tcase_create("admin");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, metrics_in_prometheus_format);
	tcase_add_test(t, health_and_readiness);
	tcase_add_test(t, routes_answer_json);
	tcase_add_test(t, unknown_paths_are_404);
	tcase_add_test(t, page_lists_the_routes);
	tcase_add_test(t, head_has_no_body);
	tcase_add_test(t, other_methods_are_405);
	tcase_add_test(t, a_body_is_not_waited_for);
	tcase_add_test(t, one_connection_serves_several);
	tcase_add_test(t, names_of_others_are_told_nothing);
	tcase_add_loop_test(t, garbage_does_no_harm, 0,
			    sizeof(garbage) / sizeof(garbage[0]));
	tcase_add_test(t, headers_are_bounded);
	tcase_add_test(t, many_descriptors_are_open);
	tcase_add_test(t, connections_are_bounded);
	tcase_add_test(t, routes_are_bounded);
	tcase_add_test(t, taken_port_is_refused);
	tcase_add_test(t, ipv6);
	tcase_add_test(t, stop_closes_connections);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(admin_suite());

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
