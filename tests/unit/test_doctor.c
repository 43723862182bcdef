#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/doctor_ask.h"
#include "common/doctor_cert.h"
#include "common/doctor_host.h"
#include "common/doctor_sockets.h"
#include "tests/unit/doctor_said.h"

/* What doctors look at on this host, on loopback. */

static struct addr loopback;
static struct doctor_ends ends;

static void setup(void)
{
	begin_findings();
	ck_assert_int_eq(addr_parse(&loopback, "127.0.0.1:0", 0), 0);
	ends = (struct doctor_ends){{loopback}, 1};
}

/* A socket of somebody, and its address. */
static int taken(struct channel *at, enum transport t)
{
	bool stream = transport_is_stream(t);
	int fd = socket(AF_INET, stream ? SOCK_STREAM : SOCK_DGRAM, 0);
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	ck_assert_int_eq(bind(fd, &loopback.u.sa, addr_len(&loopback)), 0);
	if (stream)
		ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	memset(at, 0, sizeof(*at));
	at->transport = t;
	ck_assert_int_eq(addr_from_sa(&at->addr, (struct sockaddr *)&in), 0);
	return fd;
}

START_TEST(a_socket_as_proc_prints_it)
{
	static const struct {
		const char *line;
		bool listening;
		const char *at; /* NULL: none */
	} cases[] = {
		{"  12: 0100007F:13C4 00000000:0000 07 00000000:00000000 "
		 "00:00000000 00000000     0        0 4711 2 0000 0",
		 false, "127.0.0.1:5060"},
		{"  12: 0100007F:13C4 00000000:0000 0A 00000000:00000000 "
		 "00:00000000 00000000     0        0 4711 1",
		 true, "127.0.0.1:5060"},
		{"  12: 0100007F:13C4 0200007F:1000 01 00000000:00000000 "
		 "00:00000000 00000000     0        0 4711 1",
		 true, NULL},
		{"   0: 00000000000000000000000001000000:1F90 "
		 "00000000000000000000000000000000:0000 07 00000000:00000000 "
		 "00:00000000 00000000     0        0 4711 2",
		 false, "[::1]:8080"},
		{"  sl  local_address rem_address   st tx_queue rx_queue tr",
		 false, NULL},
		{"  12: 0100007F:13C4", false, NULL},
		{"  12: 017F:13C4 00000000:0000 07 00000000:00000000 "
		 "00:00000000 00000000     0        0 4711 2",
		 false, NULL},
		{"", false, NULL},
	};
	struct doctor_bound b;
	char at[ADDR_STRLEN];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool is = doctor_sockets_line(&b, cases[i].line,
					      cases[i].listening);

		ck_assert_msg(is == (cases[i].at != NULL), "%s", cases[i].line);
		if (!is)
			continue;
		ck_assert_str_eq(addr_str(at, &b.at), cases[i].at);
		ck_assert_uint_eq(b.inode, 4711);
	}
}
END_TEST

START_TEST(our_own_sockets_are_found)
{
	static const enum transport ways[] = {TRANSPORT_UDP, TRANSPORT_TCP};

	for (size_t i = 0; i < 2; i++) {
		struct doctor_bound *list = NULL;
		struct channel at;
		int fd = taken(&at, ways[i]);
		uint16_t port = addr_port(&at.addr);
		int n = doctor_sockets(&list, ways[i] == TRANSPORT_UDP, port,
				       port);

		ck_assert_int_eq(n, 1);
		ck_assert(addr_eq(&list[0].at, &at.addr));
		ck_assert_int_eq(list[0].pid, getpid());
		ck_assert_int_eq(strncmp(list[0].owner, "test_doctor", 11), 0);
		free(list);
		close(fd);
	}
}
END_TEST

START_TEST(a_port_that_is_taken)
{
	struct doctor_host h = {
		.f = findings, .daemon = "proxyd", .http = "127.0.0.1:1"};
	struct channel at;
	int fd = taken(&at, TRANSPORT_UDP);

	doctor_host_listen(&h, &at);
	assert_found(0, 0, 1);
	assert_said("is taken by test_doctor (process ");
	close(fd);
}
END_TEST

START_TEST(a_port_that_the_daemon_has)
{
	struct doctor_host h = {.f = findings,
				.daemon = "test_doctor",
				.http = "127.0.0.1:1",
				.running = true};
	struct channel at;
	int fd = taken(&at, TRANSPORT_TCP);

	doctor_host_listen(&h, &at);
	assert_found(1, 0, 0);
	close(fd);
	/* it runs, but not there */
	doctor_host_listen(&h, &at);
	assert_found(1, 0, 1);
	h.running = false;
	doctor_host_listen(&h, &at);
	assert_found(2, 0, 1);
}
END_TEST

/* At the same port. */
static int taken_of_ipv6(const struct channel *v4)
{
	static const int on = 1;
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	struct addr any;

	ck_assert_int_eq(addr_parse(&any, "::", addr_port(&v4->addr)), 0);
	ck_assert_int_eq(
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
	ck_assert_int_eq(bind(fd, &any.u.sa, addr_len(&any)), 0);
	return fd;
}

/* Who has the port for the other family is not in the way. */
START_TEST(a_port_of_the_other_family)
{
	struct doctor_host h = {
		.f = findings, .daemon = "proxyd", .http = "127.0.0.1:1"};
	struct channel v4, v6 = {.transport = TRANSPORT_UDP};
	int fd = taken(&v4, TRANSPORT_UDP), other;

	ck_assert_int_eq(addr_parse(&v6.addr, "::", addr_port(&v4.addr)), 0);
	doctor_host_listen(&h, &v6);
	assert_found(1, 0, 0);
	assert_said("is free");
	other = taken_of_ipv6(&v4);
	close(fd);
	doctor_host_listen(&h, &v4);
	assert_found(2, 0, 0);
	close(other);
}
END_TEST

START_TEST(an_address_of_another_host)
{
	struct doctor_host h = {
		.f = findings, .daemon = "proxyd", .http = "127.0.0.1:1"};
	struct channel at = {.transport = TRANSPORT_UDP};

	ck_assert_int_eq(addr_parse(&at.addr, "192.0.2.1:5060", 0), 0);
	doctor_host_listen(&h, &at);
	assert_found(0, 0, 1);
	assert_said("192.0.2.1:5060 is no address of this host");
}
END_TEST

START_TEST(a_daemon_that_does_not_run)
{
	struct doctor_host h;

	doctor_host_begin(&h, findings, "proxyd", "127.0.0.1:1");
	ck_assert(!h.running);
	assert_found(0, 1, 0);
	doctor_host_http(&h);
	assert_found(0, 1, 0);
	h.http = "0.0.0.0:8091";
	doctor_host_http(&h);
	assert_found(0, 2, 0);
}
END_TEST

START_TEST(the_days_of_a_certificate)
{
	enum { DAY = 86400, FROM = 1000 * DAY, UNTIL = 1090 * DAY };
	static const struct {
		int64_t from, now;
		unsigned warn, fail;
	} cases[] = {
		{FROM, FROM - 1, 0, 1},
		{FROM, FROM, 0, 0},
		{FROM, UNTIL - (int64_t)21 * DAY, 0, 0},
		{FROM, UNTIL - (int64_t)21 * DAY + 1, 1, 0},
		{FROM, UNTIL - (int64_t)7 * DAY, 1, 0},
		{FROM, UNTIL - (int64_t)7 * DAY + 1, 0, 1},
		{FROM, UNTIL - 1, 0, 1},
		{FROM, UNTIL, 0, 1},
		/* of six days, renewed when there are two */
		{UNTIL - 6 * DAY, UNTIL - 2 * DAY, 0, 0},
		{UNTIL - 6 * DAY, UNTIL - DAY, 1, 0},
		{UNTIL - 6 * DAY, UNTIL - DAY / 4, 0, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		findings_free(findings);
		begin_findings();
		ck_assert(doctor_cert_times(findings, "c.pem", cases[i].from,
					    UNTIL, cases[i].now) ==
			  !(cases[i].warn + cases[i].fail));
		assert_found(0, cases[i].warn, cases[i].fail);
	}
	doctor_cert_times(findings, "c.pem", FROM, UNTIL, UNTIL);
	assert_said("c.pem has run out on 1972-12-26");
}
END_TEST

START_TEST(a_certificate_that_is_not_there)
{
	const struct conf_strings none = {NULL, 0};

	doctor_cert(findings, "/nowhere/c.pem", "/nowhere/k.pem", &none, 0);
	assert_found(0, 0, 1);
	assert_said("/nowhere/c.pem is no certificate");
}
END_TEST

/* Whom nobody answers, and where nobody is. */
START_TEST(silence_and_refusal_differ)
{
	struct doctor_question q[2], *v[] = {&q[0], &q[1]};
	struct channel silent, gone;
	int fd = taken(&silent, TRANSPORT_UDP);

	close(taken(&gone, TRANSPORT_UDP));
	ck_assert_int_eq(doctor_open(&q[0], &ends, &silent.addr), 0);
	ck_assert_int_eq(doctor_open(&q[1], &ends, &gone.addr), 0);
	for (int i = 0; i < 2; i++)
		q[i].len = (size_t)snprintf(q[i].text, sizeof(q[i].text),
					    "OPTIONS sip:x SIP/2.0\r\n");
	doctor_ask(v, 2);
	ck_assert_int_eq(q[0].err, -ETIMEDOUT);
	ck_assert_int_eq(q[1].err, -ECONNREFUSED);
	doctor_close(&q[0]);
	doctor_close(&q[1]);
	close(fd);
}
END_TEST

START_TEST(each_family_has_its_end)
{
	static const char *const listed[] = {"127.0.0.1:5060", "127.0.0.2:5060",
					     "[::1]:5060", "[::2]:5060"};
	struct doctor_ends e = {.n = 0};
	struct doctor_question q;
	struct addr v[4];

	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(addr_parse(&v[i], listed[i], 0), 0);
		if (i == 2) /* there is none of IPv6 yet */
			ck_assert_int_eq(doctor_open(&q, &e, &v[2]),
					 -EAFNOSUPPORT);
		ck_assert(doctor_ends_add(&e, &v[i]) == (i % 2 == 0));
	}
	ck_assert_ptr_eq(doctor_ends_for(&e, &v[1]), &e.v[0]);
	ck_assert_ptr_eq(doctor_ends_for(&e, &v[3]), &e.v[1]);
	ck_assert(doctor_ends_have(&e, &v[2]));
	ck_assert(!doctor_ends_have(&e, &v[3]));
}
END_TEST

/* Of what comes, the final answer to this very question counts. */
START_TEST(other_answers_are_passed_over)
{
	struct doctor_question q, *one = &q;
	struct channel at;
	int fd = taken(&at, TRANSPORT_UDP);
	char text[256];
	static const char *const not_it[] = {
		"SIP/2.0 200 OK\r\nCall-ID: other\r\n\r\n",
		"OPTIONS sip:x SIP/2.0\r\nCall-ID: %s\r\n\r\n",
		"SIP/2.0 100 Trying\r\nCall-ID: %s@x\r\n\r\n", "", "x"};

	ck_assert_int_eq(doctor_open(&q, &ends, &at.addr), 0);
	q.len = 1;
	for (size_t i = 0; i < sizeof(not_it) / sizeof(not_it[0]); i++) {
		snprintf(text, sizeof(text), "%.*s%s%s",
			 (int)strcspn(not_it[i], "%"), not_it[i],
			 strchr(not_it[i], '%') ? q.token : "",
			 strchr(not_it[i], '%') ? strchr(not_it[i], '%') + 2
						: "");
		ck_assert_int_ge(sendto(fd, text, strlen(text), 0, &q.self.u.sa,
					addr_len(&q.self)),
				 0);
	}
	snprintf(text, sizeof(text), "SIP/2.0 403 No\r\nCall-ID: %s@x\r\n\r\n",
		 q.token);
	ck_assert_int_gt(sendto(fd, text, strlen(text), 0, &q.self.u.sa,
				addr_len(&q.self)),
			 0);
	doctor_ask(&one, 1);
	ck_assert_int_eq(q.err, 0);
	ck_assert_str_eq(q.answer, text);
	ck_assert(addr_eq(&q.from, &at.addr));
	ck_assert_uint_ge(q.answered_ms, q.asked_ms);
	doctor_close(&q);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doctor");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, end_findings);
	tcase_add_test(tc, a_socket_as_proc_prints_it);
	tcase_add_test(tc, our_own_sockets_are_found);
	tcase_add_test(tc, a_port_that_is_taken);
	tcase_add_test(tc, a_port_that_the_daemon_has);
	tcase_add_test(tc, a_port_of_the_other_family);
	tcase_add_test(tc, an_address_of_another_host);
	tcase_add_test(tc, a_daemon_that_does_not_run);
	tcase_add_test(tc, the_days_of_a_certificate);
	tcase_add_test(tc, a_certificate_that_is_not_there);
	tcase_add_test(tc, silence_and_refusal_differ);
	tcase_add_test(tc, each_family_has_its_end);
	tcase_add_test(tc, other_answers_are_passed_over);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
