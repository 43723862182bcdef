#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/strbuf.h"
#include "proxyd/breadth.h"
#include "proxyd/conduct.h"
#include "proxyd/routing.h"

enum { TEXT_MAX = 16384 };

/* A request with these further header lines. */
static msg_t *request(const char *method, const char *uri, const char *headers)
{
	static char text[TEXT_MAX];
	const char *why = "";
	msg_t *msg;

	snprintf(text, sizeof(text),
		 "%s %s SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bKphone\r\n"
		 "%s"
		 "From: <sip:a@example.com>;tag=f\r\n"
		 "To: <sip:b@example.com>;tag=t\r\n"
		 "Call-ID: call\r\nCSeq: 1 %s\r\n"
		 "Content-Length: 0\r\n\r\n",
		 method, uri, headers, method);
	ck_assert_msg(!sipmsg_parse(&msg, text, strlen(text), &why), "%s", why);
	return msg;
}

static const char *printed(msg_t *msg)
{
	static char out[TEXT_MAX];
	struct strbuf sb;

	strbuf_init(&sb, out, sizeof(out));
	ck_assert_int_eq(sipmsg_print(&sb, msg), 0);
	return out;
}

/* Start line and Routes of a message, one a line. */
static void assert_routed(msg_t *msg, const char *want)
{
	char got[TEXT_MAX] = "";
	char *text = strdup(printed(msg)), *save = NULL;
	char *line = strtok_r(text, "\r\n", &save);

	for (bool first = true; line; line = strtok_r(NULL, "\r\n", &save)) {
		if (first || !strncmp(line, "Route:", 6)) {
			strcat(got, line);
			strcat(got, "\n");
		}
		first = false;
	}
	free(text);
	ck_assert_str_eq(got, want);
}

static bool our_route(const url_t *url, const void *arg)
{
	return !strcmp(url->url_host, arg) && url_has_param(url, "ph-mac");
}

#define OURS "sip:203.0.113.1:5060;lr;ph-side=a;ph-mac=00"

START_TEST(from_a_strict_router)
{
	msg_t *msg = request("BYE", OURS,
			     "Route: <sip:192.0.2.7;lr>\r\n"
			     "Route: <sip:bob@198.51.100.5:5070;x=1>\r\n");

	ck_assert(routing_from_strict(msg, our_route, "203.0.113.1"));
	assert_routed(msg, "BYE sip:bob@198.51.100.5:5070;x=1 SIP/2.0\n"
			   "Route: <" OURS ">\n"
			   "Route: <sip:192.0.2.7;lr>\n");
	msg_destroy(msg);
}
END_TEST

START_TEST(from_a_strict_router_next_to_the_target)
{
	msg_t *msg = request("BYE", OURS,
			     "Route: \"B\" <sip:bob@198.51.100.5>;q=1\r\n");

	ck_assert(routing_from_strict(msg, our_route, "203.0.113.1"));
	assert_routed(msg, "BYE sip:bob@198.51.100.5 SIP/2.0\n"
			   "Route: <" OURS ">\n");
	msg_destroy(msg);
}
END_TEST

START_TEST(from_no_strict_router)
{
	static const struct {
		const char *uri, *routes;
	} cases[] = {
		{"sip:bob@198.51.100.5", "Route: <" OURS ">\r\n"},
		{OURS, ""},
		{"sip:203.0.113.2;lr;ph-mac=0", "Route: <sip:192.0.2.7>\r\n"},
		{"sip:203.0.113.1", "Route: <sip:192.0.2.7>\r\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		msg_t *msg = request("BYE", cases[i].uri, cases[i].routes);
		char *before = strdup(printed(msg));

		ck_assert(!routing_from_strict(msg, our_route, "203.0.113.1"));
		ck_assert_str_eq(printed(msg), before);
		free(before);
		msg_destroy(msg);
	}
}
END_TEST

START_TEST(to_a_strict_router)
{
	msg_t *msg = request("BYE", "sip:bob@198.51.100.5;x=1",
			     "Route: <sip:192.0.2.7:5080;a=b>, "
			     "<sip:192.0.2.8;lr>\r\n");

	ck_assert(routing_to_strict(msg));
	assert_routed(msg, "BYE sip:192.0.2.7:5080;a=b SIP/2.0\n"
			   "Route: <sip:192.0.2.8;lr>\n"
			   "Route: <sip:bob@198.51.100.5;x=1>\n");
	msg_destroy(msg);
}
END_TEST

START_TEST(to_a_strict_router_alone)
{
	msg_t *msg = request("BYE", "sip:bob@198.51.100.5",
			     "Route: <sip:192.0.2.7>\r\n");

	ck_assert(routing_to_strict(msg));
	assert_routed(msg, "BYE sip:192.0.2.7 SIP/2.0\n"
			   "Route: <sip:bob@198.51.100.5>\n");
	msg_destroy(msg);
}
END_TEST

START_TEST(to_a_loose_router)
{
	static const char *const routes[] = {
		"", "Route: <sip:192.0.2.7;lr>\r\n",
		"Route: <sip:192.0.2.7;lr=on>, <sip:192.0.2.8>\r\n",
		"Route: sip:192.0.2.7;lr\r\n"};

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		msg_t *msg = request("BYE", "sip:bob@198.51.100.5", routes[i]);

		ck_assert_msg(!routing_to_strict(msg), "%s", routes[i]);
		msg_destroy(msg);
	}
}
END_TEST

/* There and back it is the same request. */
START_TEST(through_both)
{
	msg_t *msg = request("BYE", "sip:bob@198.51.100.5",
			     "Route: <" OURS ">\r\n"
			     "Route: <sip:192.0.2.8;lr>\r\n");

	/* As a strict router before us would have it. */
	ck_assert(url_param_add(msg_home(msg),
				sip_object(msg)->sip_route->r_url, "x") == 0);
	sip_object(msg)->sip_route->r_url->url_params = "ph-mac=00";
	ck_assert(routing_to_strict(msg));
	ck_assert(routing_from_strict(msg, our_route, "203.0.113.1"));
	assert_routed(msg, "BYE sip:bob@198.51.100.5 SIP/2.0\n"
			   "Route: <sip:203.0.113.1:5060;ph-mac=00>\n"
			   "Route: <sip:192.0.2.8;lr>\n");
	msg_destroy(msg);
}
END_TEST

static bool at_ours(const struct addr *a, const void *arg)
{
	char ip[ADDR_STRLEN];

	return !strcmp(addr_ip_str(ip, a), arg);
}

static struct conduct judge(const char *method, const char *headers)
{
	msg_t *msg = request(method, "sip:b@example.com", headers);
	struct conduct c;

	conduct_judge(&c, sip_object(msg), at_ours, "203.0.113.1");
	msg_destroy(msg);
	return c;
}

static int judged(const char *method, const char *headers)
{
	return judge(method, headers).status;
}

START_TEST(a_good_request)
{
	struct conduct c = judge("INVITE", "Max-Forwards: 70\r\n");

	ck_assert_int_eq(c.status, 0);
	ck_assert_uint_eq(c.breadth, BREADTH_DEFAULT);
	ck_assert(!c.spiral);
	ck_assert_int_eq(judged("FOO", ""), 0);
	ck_assert_int_eq(judged("INVITE", "Max-Forwards: 1\r\n"), 0);
}
END_TEST

START_TEST(hops)
{
	ck_assert_int_eq(judged("INVITE", "Max-Forwards: 0\r\n"), 483);
	ck_assert_int_eq(judged("BYE", "Max-Forwards: 0\r\n"), 483);
	ck_assert_int_eq(judged("OPTIONS", "Max-Forwards: 0\r\n"), 200);
}
END_TEST

static const char *repeated(const char *line, unsigned n)
{
	static char text[TEXT_MAX / 2];

	*text = '\0';
	while (n--)
		strcat(text, line);
	return text;
}

START_TEST(how_long_a_way_may_be)
{
	const char *via = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n";
	const char *route = "Route: <sip:192.0.2.9;lr>\r\n";
	const char *rr = "Record-Route: <sip:192.0.2.9;lr>\r\n";

	ck_assert_int_eq(judged("INFO", repeated(via, 69)), 0);
	ck_assert_int_eq(judged("INFO", repeated(via, 70)), 400);
	ck_assert_int_eq(judged("INFO", repeated(route, 30)), 0);
	ck_assert_int_eq(judged("INFO", repeated(route, 31)), 400);
	ck_assert_int_eq(judged("INFO", repeated(rr, 30)), 0);
	ck_assert_int_eq(judged("INFO", repeated(rr, 31)), 400);
}
END_TEST

/* Of a request whose sender names itself by an address of ours. */
static int judged_from_us(const char *params)
{
	char text[512];
	struct conduct c;
	msg_t *msg;

	snprintf(text, sizeof(text),
		 "INVITE sip:b@example.com SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKx%s\r\n"
		 "From: <sip:a@example.com>;tag=f\r\n"
		 "To: <sip:b@example.com>\r\n"
		 "Call-ID: call\r\nCSeq: 1 INVITE\r\n\r\n",
		 params);
	ck_assert_int_eq(sipmsg_parse(&msg, text, strlen(text), NULL), 0);
	conduct_judge(&c, sip_object(msg), at_ours, "203.0.113.1");
	msg_destroy(msg);
	return c.status;
}

START_TEST(our_own_via_on_top)
{
	ck_assert_int_eq(judged_from_us(""), 482);
	ck_assert_int_eq(judged_from_us(";received=203.0.113.1"), 482);
	ck_assert_int_eq(judged_from_us(";received=198.51.100.7"), 0);
}
END_TEST

START_TEST(breadth)
{
	ck_assert_uint_eq(judge("INVITE", "Max-Breadth: 7\r\n").breadth, 7);
	ck_assert_uint_eq(judge("INVITE", "max-breadth:  60 \r\n").breadth, 60);
	ck_assert_uint_eq(
		judge("INVITE", "Max-Breadth: 9999999999\r\n").breadth,
		BREADTH_MAX);
	ck_assert_int_eq(judged("INVITE", "Max-Breadth: 0\r\n"), 440);
	ck_assert_int_eq(judged("INVITE", "Max-Breadth: x\r\n"), 400);
	ck_assert_int_eq(judged("INVITE", "Max-Breadth: 7x\r\n"), 400);
	ck_assert_int_eq(judged("INVITE", "Max-Breadth: -1\r\n"), 400);
	ck_assert_int_eq(judged("INVITE", "Max-Breadth: 5\r\n"
					  "Max-Breadth: 5\r\n"),
			 400);
}
END_TEST

START_TEST(breadth_is_written_once)
{
	msg_t *msg = request("INVITE", "sip:b@example.com",
			     "Max-Breadth: 50\r\nX-Other: y\r\n");

	ck_assert_int_eq(breadth_write(msg, 12), 0);
	ck_assert_ptr_nonnull(strstr(printed(msg), "Max-Breadth: 12\r\n"));
	ck_assert_ptr_null(strstr(printed(msg), "Max-Breadth: 50"));
	ck_assert_ptr_nonnull(strstr(printed(msg), "X-Other: y\r\n"));
	ck_assert_int_eq(breadth_read(sip_object(msg)), 12);
	msg_destroy(msg);
}
END_TEST

static const char *counted(const char *headers)
{
	static char text[32];
	msg_t *msg = request("INVITE", "sip:b@example.com", headers);
	const char *at;

	ck_assert_int_eq(conduct_count_hop(msg), 0);
	at = strstr(printed(msg), "Max-Forwards:");
	ck_assert_ptr_nonnull(at);
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, "\r"), at);
	msg_destroy(msg);
	return text;
}

START_TEST(a_hop_less)
{
	ck_assert_str_eq(counted("Max-Forwards: 70\r\n"), "Max-Forwards: 69");
	ck_assert_str_eq(counted("Max-Forwards: 1\r\n"), "Max-Forwards: 0");
	ck_assert_str_eq(counted("Max-Forwards: 255\r\n"), "Max-Forwards: 70");
	ck_assert_str_eq(counted(""), "Max-Forwards: 70");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("conduct");
	Suite *s = suite_create("proxyd conduct");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, from_a_strict_router);
	tcase_add_test(tc, from_a_strict_router_next_to_the_target);
	tcase_add_test(tc, from_no_strict_router);
	tcase_add_test(tc, to_a_strict_router);
	tcase_add_test(tc, to_a_strict_router_alone);
	tcase_add_test(tc, to_a_loose_router);
	tcase_add_test(tc, through_both);
	tcase_add_test(tc, a_good_request);
	tcase_add_test(tc, hops);
	tcase_add_test(tc, how_long_a_way_may_be);
	tcase_add_test(tc, our_own_via_on_top);
	tcase_add_test(tc, breadth);
	tcase_add_test(tc, breadth_is_written_once);
	tcase_add_test(tc, a_hop_less);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
