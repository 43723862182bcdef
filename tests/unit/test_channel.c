#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *text, *printed;
	enum transport transport;
	uint16_t port;
} cases[] = {
	{"192.0.2.1:5070", "192.0.2.1:5070", TRANSPORT_UDP, 5070},
	{"udp:192.0.2.1", "192.0.2.1:5060", TRANSPORT_UDP, 5060},
	{"tcp:192.0.2.1", "tcp:192.0.2.1:5060", TRANSPORT_TCP, 5060},
	{"TLS:192.0.2.1", "tls:192.0.2.1:5061", TRANSPORT_TLS, 5061},
	{"wss:[2001:db8::1]", "wss:[2001:db8::1]:443", TRANSPORT_WSS, 443},
	{"[2001:db8::1]:5060", "[2001:db8::1]:5060", TRANSPORT_UDP, 5060},
	{"ws:192.0.2.1:8080", "ws:192.0.2.1:8080", TRANSPORT_WS, 8080},
};

START_TEST(what_is_printed_reads_back)
{
	struct channel c, again;
	char buf[CHANNEL_STRLEN];

	ck_assert_int_eq(channel_parse(&c, cases[_i].text), 0);
	ck_assert_int_eq(c.transport, cases[_i].transport);
	ck_assert_uint_eq(addr_port(&c.addr), cases[_i].port);
	ck_assert_str_eq(channel_str(buf, &c), cases[_i].printed);
	ck_assert_int_eq(channel_parse(&again, buf), 0);
	ck_assert(channel_eq(&c, &again));
}
END_TEST

START_TEST(what_is_none_is_refused)
{
	static const char *const bad[] = {"", "tcp:", "sctp:192.0.2.1", "-",
					  "tcp:phone.example.com"};
	struct channel c;

	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_int_eq(channel_parse(&c, bad[i]), -EINVAL);
}
END_TEST

START_TEST(another_transport_is_another_channel)
{
	struct channel udp, tcp;
	char buf[CHANNEL_STRLEN];

	ck_assert_int_eq(channel_parse(&udp, "192.0.2.1:5060"), 0);
	ck_assert_int_eq(channel_parse(&tcp, "tcp:192.0.2.1:5060"), 0);
	ck_assert(!channel_eq(&udp, &tcp));
	ck_assert(!transport_is_stream(udp.transport));
	ck_assert(transport_is_stream(tcp.transport));
	udp = (struct channel){0};
	ck_assert(channel_is_none(&udp));
	ck_assert_str_eq(channel_str(buf, &udp), "-");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("channel");
	TCase *tc = tcase_create("channel");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, what_is_printed_reads_back, 0, COUNT(cases));
	tcase_add_test(tc, what_is_none_is_refused);
	tcase_add_test(tc, another_transport_is_another_channel);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
