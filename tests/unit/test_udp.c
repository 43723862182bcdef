#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/sendq.h"
#include "common/udp.h"

enum { BURST = 300, TURN_MAX = 128, PAYLOAD_MAX = 65507 };

/* What one socket of a test has seen. */
struct seen {
	size_t n;
	size_t len;
	struct addr src;
	char last[UDP_DATAGRAM_MAX + 1];
	int close_at; /* close the socket at this datagram */
	int echo;
};

static uv_loop_t loop;
static struct udp *near, *far;
static struct seen near_seen, far_seen;
static char big[UDP_DATAGRAM_MAX];

static void on_datagram(struct udp *u, const struct addr *src, char *data,
			size_t len, void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->len = len;
	s->src = *src;
	ck_assert_int_eq(data[len], '\0');
	memcpy(s->last, data, len + 1);
	if (s->echo)
		ck_assert_int_eq(udp_send(u, src, data, len), 0);
	if (s->close_at && s->n == (size_t)s->close_at)
		udp_close(u);
}

static struct udp *listen_on(const char *text, struct seen *s)
{
	struct addr local;
	struct udp *u;

	ck_assert_int_eq(addr_parse(&local, text, 0), 0);
	ck_assert_int_eq(udp_listen(&u, &loop, &local, on_datagram, s), 0);
	ck_assert_uint_ne(addr_port(udp_local(u)), 0);
	return u;
}

static void setup(void)
{
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	memset(&near_seen, 0, sizeof(near_seen));
	memset(&far_seen, 0, sizeof(far_seen));
	near = listen_on("127.0.0.1", &near_seen);
	far = listen_on("127.0.0.1", &far_seen);
}

/* Nothing that was opened may stay in the loop. */
static void teardown(void)
{
	udp_close(near);
	udp_close(far);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void send_text(struct udp *u, const struct addr *dst, const char *text)
{
	ck_assert_int_eq(udp_send(u, dst, text, strlen(text)), 0);
}

/* Blocks until it has happened; Check's own time limit ends it if not. */
static void run_until(const struct seen *s, size_t n)
{
	while (s->n < n)
		uv_run(&loop, UV_RUN_ONCE);
}

START_TEST(datagram_arrives_with_its_source)
{
	send_text(near, udp_local(far), "hello");
	run_until(&far_seen, 1);
	ck_assert_str_eq(far_seen.last, "hello");
	ck_assert_uint_eq(far_seen.len, 5);
	ck_assert(addr_eq(&far_seen.src, udp_local(near)));
	ck_assert_uint_eq(udp_counts(near)->tx, 1);
	ck_assert_uint_eq(udp_counts(near)->tx_bytes, 5);
	ck_assert_uint_eq(udp_counts(far)->rx, 1);
	ck_assert_uint_eq(udp_counts(far)->rx_bytes, 5);
}
END_TEST

START_TEST(answer_from_the_handler_leaves_with_the_batch)
{
	far_seen.echo = 1;
	send_text(near, udp_local(far), "ping");
	run_until(&far_seen, 1);
	ck_assert_uint_eq(udp_counts(far)->tx, 1);
	run_until(&near_seen, 1);
	ck_assert_str_eq(near_seen.last, "ping");
}
END_TEST

START_TEST(sending_waits_for_the_end_of_the_turn)
{
	send_text(near, udp_local(far), "one");
	send_text(near, udp_local(far), "two");
	ck_assert_uint_eq(udp_counts(near)->tx, 0);
	udp_flush(near);
	ck_assert_uint_eq(udp_counts(near)->tx, 2);
	run_until(&far_seen, 2);
	ck_assert_str_eq(far_seen.last, "two");
}
END_TEST

START_TEST(longest_datagram_passes_and_longer_is_refused)
{
	memset(big, 'x', sizeof(big));
	ck_assert_int_eq(udp_send(near, udp_local(far), big, PAYLOAD_MAX + 1),
			 -EMSGSIZE);
	ck_assert_int_eq(udp_send(near, udp_local(far), big, PAYLOAD_MAX), 0);
	run_until(&far_seen, 1);
	ck_assert_uint_eq(far_seen.len, PAYLOAD_MAX);
	ck_assert_mem_eq(far_seen.last, big, PAYLOAD_MAX);
	ck_assert_uint_eq(far_seen.n, 1);
}
END_TEST

START_TEST(empty_datagram_passes)
{
	ck_assert_int_eq(udp_send(near, udp_local(far), NULL, 0), 0);
	run_until(&far_seen, 1);
	ck_assert_uint_eq(far_seen.len, 0);
}
END_TEST

START_TEST(other_family_is_refused)
{
	struct addr six, none = {0};

	ck_assert_int_eq(addr_parse(&six, "[::1]:5060", 0), 0);
	ck_assert_int_eq(udp_send(near, &six, "x", 1), -EAFNOSUPPORT);
	ck_assert_int_eq(udp_send(near, &none, "x", 1), -EAFNOSUPPORT);
}
END_TEST

START_TEST(refused_datagram_does_not_hold_up_the_rest)
{
	struct addr nowhere = *udp_local(far);

	addr_set_port(&nowhere, 0);
	send_text(near, udp_local(far), "before");
	send_text(near, &nowhere, "port 0 is an error of the kernel");
	send_text(near, udp_local(far), "after");
	run_until(&far_seen, 2);
	ck_assert_str_eq(far_seen.last, "after");
	ck_assert_uint_eq(udp_counts(near)->tx_errors, 1);
	ck_assert_uint_eq(udp_counts(near)->tx, 2);
}
END_TEST

START_TEST(closed_port_does_not_disturb)
{
	struct udp *gone = listen_on("127.0.0.1", &near_seen);
	struct addr dst = *udp_local(gone);

	udp_close(gone);
	send_text(near, &dst, "nobody there");
	udp_flush(near);
	far_seen.echo = 1;
	send_text(near, udp_local(far), "still alive");
	run_until(&near_seen, 1);
	ck_assert_str_eq(near_seen.last, "still alive");
}
END_TEST

START_TEST(queue_is_bounded_in_datagrams)
{
	for (int i = 0; i < SENDQ_DATAGRAMS_MAX; i++)
		send_text(near, udp_local(far), "x");
	ck_assert_int_eq(udp_send(near, udp_local(far), "x", 1), -ENOBUFS);
	ck_assert_uint_eq(udp_counts(near)->tx_dropped, 1);
	udp_flush(near);
	ck_assert_uint_eq(udp_counts(near)->tx, SENDQ_DATAGRAMS_MAX);
	send_text(near, udp_local(far), "y");
}
END_TEST

START_TEST(queue_is_bounded_in_bytes)
{
	int n = 0;

	while (udp_send(near, udp_local(far), big, PAYLOAD_MAX) == 0)
		n++;
	ck_assert_int_eq(n, SENDQ_BYTES_MAX / PAYLOAD_MAX);
	udp_flush(near);
	ck_assert_uint_eq(udp_counts(near)->tx, n);
}
END_TEST

START_TEST(one_turn_receives_a_bounded_number)
{
	for (int i = 0; i < BURST; i++)
		send_text(near, udp_local(far), "x");
	udp_flush(near);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_gt(far_seen.n, 0);
	ck_assert_uint_le(far_seen.n, TURN_MAX);
	run_until(&far_seen, BURST);
}
END_TEST

START_TEST(close_inside_the_handler)
{
	far_seen.close_at = 2;
	far_seen.echo = 1;
	for (int i = 0; i < 10; i++)
		send_text(near, udp_local(far), "x");
	run_until(&near_seen, 2);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(far_seen.n, 2);
	far = listen_on("127.0.0.1", &far_seen);
}
END_TEST

START_TEST(close_flushes_and_frees_the_port)
{
	struct seen *again = calloc(1, sizeof(*again));
	struct udp *u = listen_on("127.0.0.1", again);
	struct addr local = *udp_local(u);

	send_text(u, udp_local(far), "last words");
	udp_close(u);
	ck_assert_int_eq(udp_listen(&u, &loop, &local, on_datagram, again), 0);
	run_until(&far_seen, 1);
	ck_assert_str_eq(far_seen.last, "last words");
	udp_close(u);
	uv_run(&loop, UV_RUN_NOWAIT);
	udp_close(NULL);
	free(again);
}
END_TEST

START_TEST(taken_or_foreign_address_is_an_error)
{
	struct addr foreign, none = {0};
	struct udp *u;

	ck_assert_int_eq(addr_parse(&foreign, "203.0.113.254:0", 0), 0);
	ck_assert_int_eq(
		udp_listen(&u, &loop, udp_local(near), on_datagram, NULL),
		-EADDRINUSE);
	ck_assert_int_eq(udp_listen(&u, &loop, &foreign, on_datagram, NULL),
			 -EADDRNOTAVAIL);
	ck_assert_int_eq(udp_listen(&u, &loop, &none, on_datagram, NULL),
			 -EAFNOSUPPORT);
}
END_TEST

/* Proves nothing on a host without IPv6. */
START_TEST(ipv6_stands_beside_ipv4)
{
	struct addr six, four;
	struct udp *u6, *u4;
	int err;

	ck_assert_int_eq(addr_parse(&six, "[::]:0", 0), 0);
	err = udp_listen(&u6, &loop, &six, on_datagram, &far_seen);
	if (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL)
		return;
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(addr_parse(&four, "0.0.0.0", 0), 0);
	addr_set_port(&four, addr_port(udp_local(u6)));
	ck_assert_int_eq(udp_listen(&u4, &loop, &four, on_datagram, &near_seen),
			 0);
	ck_assert_int_eq(
		addr_set(&four, "127.0.0.1", 9, addr_port(udp_local(u4))), 0);
	send_text(near, &four, "to IPv4");
	run_until(&near_seen, 1);
	ck_assert_int_eq(addr_set(&six, "::1", 3, addr_port(udp_local(u6))), 0);
	send_text(u6, &six, "to itself");
	run_until(&far_seen, 1);
	ck_assert_int_eq(addr_family(&far_seen.src), AF_INET6);
	udp_close(u6);
	udp_close(u4);
}
END_TEST

static size_t drain(int fd, char *next)
{
	char buf[64];
	size_t n = 0;

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0) {
		ck_assert_int_eq(buf[0], (*next)++);
		n++;
	}
	return n;
}

/* A Unix socket pair says EAGAIN when full; an empty address is its peer. */
START_TEST(full_socket_keeps_the_queue_in_order)
{
	struct sendq_counts counts = {0};
	struct addr peer = {0};
	struct sendq q = {0};
	char out = 0, in = 0;
	size_t added = 0, got = 0;
	int fds[2], err, turns = 0;

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	do {
		for (int i = 0; i < 3000; i++) {
			char data[32] = {out};

			if (sendq_add(&q, &peer, data, sizeof(data)) != 0)
				break;
			out++;
			added++;
		}
		err = sendq_flush(&q, fds[0], &counts);
		ck_assert_int_eq(err, -EAGAIN);
		ck_assert_uint_le(sendq_count(&q), SENDQ_DATAGRAMS_MAX);
		got += drain(fds[1], &in);
	} while (++turns < 100);
	while (sendq_flush(&q, fds[0], &counts) == -EAGAIN)
		got += drain(fds[1], &in);
	got += drain(fds[1], &in);
	ck_assert_uint_gt(added, SENDQ_DATAGRAMS_MAX);
	ck_assert_uint_eq(got, added);
	ck_assert_uint_eq(counts.sent, added);
	ck_assert_uint_eq(counts.sent_bytes, added * 32);
	ck_assert_uint_eq(counts.errors, 0);
	sendq_reset(&q);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("udp");
	TCase *tc = tcase_create("udp");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, datagram_arrives_with_its_source);
	tcase_add_test(tc, answer_from_the_handler_leaves_with_the_batch);
	tcase_add_test(tc, sending_waits_for_the_end_of_the_turn);
	tcase_add_test(tc, longest_datagram_passes_and_longer_is_refused);
	tcase_add_test(tc, empty_datagram_passes);
	tcase_add_test(tc, other_family_is_refused);
	tcase_add_test(tc, refused_datagram_does_not_hold_up_the_rest);
	tcase_add_test(tc, closed_port_does_not_disturb);
	tcase_add_test(tc, queue_is_bounded_in_datagrams);
	tcase_add_test(tc, queue_is_bounded_in_bytes);
	tcase_add_test(tc, one_turn_receives_a_bounded_number);
	tcase_add_test(tc, close_inside_the_handler);
	tcase_add_test(tc, close_flushes_and_frees_the_port);
	tcase_add_test(tc, taken_or_foreign_address_is_an_error);
	tcase_add_test(tc, ipv6_stands_beside_ipv4);
	tcase_add_test(tc, full_socket_keeps_the_queue_in_order);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
