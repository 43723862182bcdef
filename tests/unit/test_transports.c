#include "tests/unit/transports_fixture.h"

static const char request[] = "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\n"
			      "Content-Length: 4\r\n\r\nbody";
static const char other[] = "SIP/2.0 200 OK\r\nl:0\r\n\r\n";

static struct channel tcp, udp;

static void setup(void)
{
	struct transports_config cfg;

	setup_loop();
	cfg = config_for(&near);
	open_side(&near, &cfg);
	cfg = config_for(&far);
	open_side(&far, &cfg);
	udp = listen_on(&far, TRANSPORT_UDP, "127.0.0.1");
	tcp = listen_on(&far, TRANSPORT_TCP, "127.0.0.1");
	(void)listen_on(&near, TRANSPORT_UDP, "127.0.0.1");
	(void)listen_on(&near, TRANSPORT_TCP, "127.0.0.1");
}

START_TEST(datagram_goes_and_comes)
{
	far.echo = true;
	ck_assert_int_eq(send_text(&near, &udp, request), 0);
	RUN_UNTIL(near.messages);
	ck_assert_str_eq(near.last, request);
	ck_assert_int_eq(near.src.transport, TRANSPORT_UDP);
	ck_assert_uint_eq(near.src.local, 1);
	ck_assert_uint_eq(near.src.conn, 0);
	ck_assert(addr_eq(&near.src.addr, &udp.addr));
	ck_assert_uint_eq(counts_of(&near).tx, 1);
	ck_assert_uint_eq(counts_of(&near).rx, 1);
}
END_TEST

/* The answer is STUN, too, and no message of SIP. */
START_TEST(keepalives_on_udp)
{
	static const char stun[] = "\0\x01\0\0\x21\x12\xa4\x42"
				   "twelve bytes";

	ck_assert_int_eq(transports_send(near.t, &udp, stun, 20), 0);
	RUN_UNTIL(near.pings);
	ck_assert_uint_eq(far.pings, 1);
	ck_assert(addr_eq(&near.src.addr, &udp.addr));
	ck_assert_int_eq(transports_ping(near.t, &udp), 0);
	RUN_UNTIL(far.pings == 2);
	ck_assert_int_eq(send_text(&near, &udp, "\r\n"), 0);
	RUN_UNTIL(far.pongs);
	ck_assert_uint_eq(far.messages + near.messages, 0);
}
END_TEST

START_TEST(stream_is_opened_by_sending_and_carries_both_ways)
{
	far.echo = true;
	ck_assert_int_eq(send_text(&near, &tcp, request), 0);
	RUN_UNTIL(near.messages);
	ck_assert_str_eq(near.last, request);
	ck_assert(channel_eq(&near.src, &tcp));
	ck_assert_uint_ne(near.src.conn, 0);
	ck_assert_uint_eq(near.src.local, 2);
	ck_assert_uint_eq(far.src.local, 2);
	ck_assert_uint_eq(counts_of(&near).conns_out, 1);
	ck_assert_uint_eq(counts_of(&far).conns_in, 1);
	ck_assert_uint_eq(transports_conns(near.t), 1);
}
END_TEST

START_TEST(messages_share_the_connection_and_keep_their_order)
{
	struct channel found = tcp;

	ck_assert(!transports_find(near.t, &found));
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(send_text(&near, &tcp, request), 0);
		ck_assert_int_eq(send_text(&near, &tcp, other), 0);
	}
	ck_assert(transports_find(near.t, &found));
	ck_assert_uint_ne(found.conn, 0);
	ck_assert_uint_eq(found.local, 2);
	RUN_UNTIL(far.messages == 20);
	ck_assert_str_eq(far.last, other);
	ck_assert_uint_eq(transports_conns(far.t), 1);
	ck_assert_uint_eq(counts_of(&near).tx, 20);
}
END_TEST

START_TEST(long_messages_pass_in_pieces)
{
	char *text = request_of(SIPMSG_MAX - 100);

	far.echo = true;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(send_text(&near, &tcp, text), 0);
	RUN_UNTIL(near.messages == 3);
	ck_assert_str_eq(near.last, text);
	free(text);
}
END_TEST

START_TEST(refused_connection_is_told)
{
	struct channel nowhere = tcp;

	nowhere.addr = address("127.0.0.1:1");
	ck_assert_int_eq(send_text(&near, &nowhere, request), 0);
	ck_assert_uint_eq(near.closed, 0);
	RUN_UNTIL(near.closed);
	ck_assert_int_eq(near.err, -ECONNREFUSED);
	ck_assert(channel_eq(&near.gone, &nowhere));
	ck_assert_uint_ne(near.gone.conn, 0);
	ck_assert_uint_eq(counts_of(&near).conns_failed, 1);
	ck_assert_uint_eq(transports_conns(near.t), 0);
}
END_TEST

START_TEST(gone_connection_is_not_another)
{
	struct channel first;

	ck_assert_int_eq(send_text(&near, &tcp, request), 0);
	RUN_UNTIL(far.messages);
	first = far.src;
	transports_close_channel(far.t, &first);
	RUN_UNTIL(near.closed);
	ck_assert_int_eq(near.err, 0);
	ck_assert_uint_eq(far.closed, 0);
	ck_assert_int_eq(send_text(&far, &first, request), -ENOTCONN);
	ck_assert_int_eq(send_text(&near, &near.gone, request), -ENOTCONN);
	ck_assert_int_eq(send_text(&near, &tcp, request), 0);
	RUN_UNTIL(far.messages == 2);
	ck_assert_uint_gt(far.src.conn, first.conn);
	ck_assert_int_eq(send_text(&far, &first, request), -ENOTCONN);
}
END_TEST

START_TEST(ping_is_answered_with_pong)
{
	ck_assert_int_eq(transports_ping(near.t, &tcp), -ENOTCONN);
	ck_assert_int_eq(send_text(&near, &tcp, request), 0);
	RUN_UNTIL(far.messages);
	ck_assert_int_eq(transports_ping(near.t, &tcp), 0);
	RUN_UNTIL(near.pongs);
	ck_assert_uint_eq(far.pings, 1);
	ck_assert_int_eq(transports_ping(far.t, &far.src), 0);
	RUN_UNTIL(far.pongs);
	ck_assert_uint_eq(near.pings, 1);
	ck_assert_uint_eq(near.messages + near.closed, 0);
}
END_TEST

START_TEST(close_within_the_handler)
{
	far.close_it = true;
	far.echo = true;
	ck_assert_int_eq(send_text(&near, &tcp, request), 0);
	ck_assert_int_eq(send_text(&near, &tcp, request), 0);
	RUN_UNTIL(near.closed);
	ck_assert_uint_eq(far.messages, 1);
	ck_assert_uint_eq(near.messages, 1);
	ck_assert_uint_eq(far.closed, 0);
	ck_assert_uint_eq(transports_conns(far.t), 0);
}
END_TEST

START_TEST(free_within_the_handler)
{
	far.free_it = true;
	ck_assert_int_eq(send_text(&near, _i ? &udp : &tcp, request), 0);
	ck_assert_int_eq(send_text(&near, _i ? &udp : &tcp, request), 0);
	RUN_UNTIL(far.messages);
	ck_assert_ptr_null(far.t);
	ck_assert_uint_eq(far.messages, 1);
}
END_TEST

START_TEST(free_when_told_of_the_end)
{
	struct channel nowhere = tcp;

	nowhere.addr = address("127.0.0.1:1");
	near.free_it = true;
	ck_assert_int_eq(send_text(&near, &nowhere, request), 0);
	RUN_UNTIL(near.closed);
	ck_assert_ptr_null(near.t);
}
END_TEST

START_TEST(ends_are_numbered_and_known)
{
	struct channel six = {.addr = address("[::1]:5060")};
	struct addr a = address("192.0.2.1:5060");

	ck_assert_uint_eq(transports_count(far.t), 2);
	ck_assert_int_eq(transports_transport(far.t, 2), TRANSPORT_TCP);
	ck_assert_uint_eq(transports_local(far.t, &tcp), 2);
	ck_assert_uint_eq(transports_local(far.t, &udp), 1);
	ck_assert(transports_is_self(far.t, &tcp.addr));
	ck_assert(!transports_is_self(far.t, &a));
	ck_assert_ptr_null(transports_self(far.t, 3));
	ck_assert_ptr_null(transports_self(far.t, 0));
	ck_assert_int_eq(send_text(&far, &six, request), -EAFNOSUPPORT);
	six.transport = TRANSPORT_TCP;
	ck_assert_int_eq(send_text(&far, &six, request), -EAFNOSUPPORT);
	tcp.transport = TRANSPORT_WS;
	ck_assert_int_lt(send_text(&far, &tcp, request), 0);
}
END_TEST

START_TEST(taken_address_is_an_error)
{
	ck_assert_int_eq(
		transports_listen(near.t, TRANSPORT_TCP, &tcp.addr, &tcp.addr),
		-EADDRINUSE);
	ck_assert_uint_eq(transports_count(near.t), 2);
}
END_TEST

/* Proves nothing on a host without IPv6. */
START_TEST(ipv6_stands_beside_ipv4)
{
	struct addr six = address("[::]:0"), four = address("0.0.0.0");
	struct channel to = {.transport = TRANSPORT_TCP};
	int n = transports_listen(far.t, TRANSPORT_TCP, &six, &six);

	if (n == -EAFNOSUPPORT || n == -EADDRNOTAVAIL)
		return;
	ck_assert_int_eq(n, 3);
	addr_set_port(&four, addr_port(transports_self(far.t, 3)));
	ck_assert_int_eq(transports_listen(far.t, TRANSPORT_TCP, &four, &four),
			 4);
	(void)listen_on(&near, TRANSPORT_TCP, "::1");
	to.addr = address("[::1]:0");
	addr_set_port(&to.addr, addr_port(&four));
	ck_assert_int_eq(send_text(&near, &to, request), 0);
	RUN_UNTIL(far.messages);
	ck_assert_uint_eq(far.src.local, 3);
	ck_assert_int_eq(addr_family(&far.src.addr), AF_INET6);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("transports");
	TCase *tc = tcase_create("transports");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, datagram_goes_and_comes);
	tcase_add_test(tc, keepalives_on_udp);
	tcase_add_test(tc, stream_is_opened_by_sending_and_carries_both_ways);
	tcase_add_test(tc, messages_share_the_connection_and_keep_their_order);
	tcase_add_test(tc, long_messages_pass_in_pieces);
	tcase_add_test(tc, refused_connection_is_told);
	tcase_add_test(tc, gone_connection_is_not_another);
	tcase_add_test(tc, ping_is_answered_with_pong);
	tcase_add_test(tc, close_within_the_handler);
	tcase_add_loop_test(tc, free_within_the_handler, 0, 2);
	tcase_add_test(tc, free_when_told_of_the_end);
	tcase_add_test(tc, ends_are_numbered_and_known);
	tcase_add_test(tc, taken_address_is_an_error);
	tcase_add_test(tc, ipv6_stands_beside_ipv4);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
