#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "common/addr.h"
#include "relayd/burst.h"
#include "relayd/socket.h"

enum { SEEN_MAX = 64, SPINS = 2000 };

static uv_loop_t loop;
static uint8_t buf[SOCKET_BUF];
static uint64_t errors;
static unsigned connected;
static struct addr here;
static uint16_t port;
static uint8_t seen[SEEN_MAX];
static unsigned nseen;
static unsigned turns;

static void on_packet(struct socket *s, const struct addr *src,
		      const uint8_t *data, size_t len, void *arg)
{
	(void)s;
	(void)src;
	(void)arg;
	ck_assert_uint_eq(len, 1);
	ck_assert_uint_lt(nseen, SEEN_MAX);
	seen[nseen++] = data[0];
}

static void on_turn(void *arg)
{
	(void)arg;
	turns++;
}

static struct socket_config config(void)
{
	return (struct socket_config){
		.loop = &loop,
		.buf = buf,
		.dscp = 46,
		.connect_below = 1 << 20,
		.connected = &connected,
		.errors = &errors,
		.packet = on_packet,
		.turn = on_turn,
	};
}

/* The first free port of some. */
static struct socket *open_door(void)
{
	const struct socket_config cfg = config();
	struct socket *s = NULL;

	port = (uint16_t)(20000 + getpid() % 10000);
	while (socket_open(&s, &cfg, &here, port))
		port++;
	return s;
}

static int peer(struct addr *a)
{
	socklen_t len = sizeof(a->u);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	*a = here;
	ck_assert_int_eq(bind(fd, &a->u.sa, addr_len(a)), 0);
	ck_assert_int_eq(getsockname(fd, &a->u.sa, &len), 0);
	return fd;
}

static void say(int fd, uint8_t what)
{
	struct addr to = here;

	addr_set_port(&to, port);
	ck_assert_int_eq(sendto(fd, &what, 1, 0, &to.u.sa, addr_len(&to)), 1);
}

/* Until so many have been seen, and no more come. */
static void run_until(unsigned n)
{
	for (unsigned i = 0; i < SPINS && nseen < n; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(nseen, n);
}

static void setup(void)
{
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(addr_parse(&here, "127.0.0.1", 0), 0);
	nseen = turns = connected = 0;
	errors = 0;
}

static void teardown(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* A port that is in use is refused, though its socket lets others beside. */
START_TEST(port_is_not_shared)
{
	const struct socket_config cfg = config();
	struct socket *door = open_door(), *other = NULL;

	ck_assert_int_eq(socket_open(&other, &cfg, &here, port), -EADDRINUSE);
	socket_close(door);
	ck_assert_int_eq(socket_open(&other, &cfg, &here, port), 0);
	socket_close(other);
	socket_close(NULL);
}
END_TEST

/* From before, through and behind the connected socket, in order. */
START_TEST(connecting_keeps_the_order)
{
	struct socket *door = open_door(), *link = NULL;
	struct addr a, x;
	int fd = peer(&a), stranger = peer(&x);

	for (uint8_t i = 0; i < 5; i++)
		say(fd, i);
	ck_assert_int_eq(socket_connect(&link, door, &a), 0);
	for (uint8_t i = 5; i < 10; i++)
		say(fd, i);
	socket_drain(door);
	ck_assert_uint_eq(nseen, 5);
	run_until(10);
	say(stranger, 100); /* is still heard at the door */
	run_until(11);
	ck_assert_uint_eq(seen[10], 100);
	say(fd, 11);
	socket_drain(link);
	socket_close(link);
	say(fd, 12);
	run_until(13);
	for (uint8_t i = 0; i < 10; i++)
		ck_assert_uint_eq(seen[i], i);
	ck_assert_uint_eq(seen[12], 12);
	ck_assert_uint_gt(turns, 0);
	socket_close(door);
	close(fd);
	close(stranger);
}
END_TEST

START_TEST(sends_from_one_port)
{
	struct socket *door = open_door(), *link = NULL;
	struct addr a, src;
	socklen_t len = sizeof(src.u);
	int fd = peer(&a);
	uint8_t got;

	ck_assert_int_eq(socket_connect(&link, door, &a), 0);
	ck_assert(socket_send(door, &a, (const uint8_t *)"d", 1));
	ck_assert(socket_send(link, NULL, (const uint8_t *)"l", 1));
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(recvfrom(fd, &got, 1, 0, &src.u.sa, &len), 1);
		ck_assert_uint_eq(got, "dl"[i]);
		ck_assert_uint_eq(addr_port(&src), port);
	}
	/* the peer is gone: an error is taken off, and no packet ends it */
	close(fd);
	for (unsigned i = 0; i < 3; i++) {
		socket_send(link, NULL, (const uint8_t *)"x", 1);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	socket_close(link);
	socket_close(door);
}
END_TEST

/* Descriptors that calls need are not spent. */
START_TEST(connects_only_with_descriptors_to_spare)
{
	struct socket_config cfg = config();
	struct socket *door = NULL, *link = NULL;
	struct addr a;
	int fd = peer(&a);

	cfg.connect_below = 0;
	port = (uint16_t)(20000 + getpid() % 10000);
	while (socket_open(&door, &cfg, &here, port))
		port++;
	ck_assert_int_eq(socket_connect(&link, door, &a), -EMFILE);
	ck_assert_ptr_null(link);
	socket_close(door);
	close(fd);
}
END_TEST

/* Nor more of them than are of use; one that is closed makes room. */
START_TEST(connects_a_bounded_number)
{
	struct socket *door = open_door(), *link = NULL, *more = NULL;
	struct addr a;
	int fd = peer(&a);

	connected = SOCKET_CONNECT_MAX - 1;
	ck_assert_int_eq(socket_connect(&link, door, &a), 0);
	ck_assert_int_eq(socket_connect(&more, door, &a), -ENOBUFS);
	socket_close(link);
	ck_assert_int_eq(socket_connect(&more, door, &a), 0);
	socket_close(more);
	ck_assert_uint_eq(connected, SOCKET_CONNECT_MAX - 1);
	socket_close(door);
	close(fd);
}
END_TEST

/* More than a turn takes: the rest comes later, none is lost. */
START_TEST(bursts_come_whole)
{
	struct socket *door = open_door();
	struct addr a;
	int fd = peer(&a);

	for (uint8_t i = 0; i < 60; i++)
		say(fd, i);
	run_until(60);
	for (uint8_t i = 0; i < 60; i++)
		ck_assert_uint_eq(seen[i], i);
	socket_close(door);
	close(fd);
}
END_TEST

/* Ten of one size, a shorter one and one that is longer arrive as they were,
 * in as many sends as it takes. */
START_TEST(gathered_packets_arrive_each_by_itself)
{
	static const size_t lens[] = {100, 100, 100, 40, 60, 60, 1300, 100};
	struct socket *door = open_door(), *link = NULL;
	uint8_t data[SEEN_MAX][1500], got[1500];
	struct burst b = {0};
	struct addr a;
	int fd = peer(&a);
	size_t n = sizeof(lens) / sizeof(lens[0]), lost;
	unsigned flushes = 0;

	ck_assert_int_eq(socket_connect(&link, door, &a), 0);
	for (size_t i = 0; i < n; i++) {
		memset(data[i], (int)i, lens[i]);
		if (socket_gather(link, &b, data[i], lens[i]))
			continue;
		ck_assert_uint_eq(burst_flush(&lost, &b), 0);
		flushes++;
		if (!socket_gather(link, &b, data[i], lens[i]))
			ck_assert(socket_send(link, NULL, data[i], lens[i]));
	}
	ck_assert_uint_eq(burst_flush(&lost, &b), 0);
	ck_assert_uint_eq(burst_flush(&lost, &b), 0);
	/* behind 40, which ends a burst, and before 1300, which is none */
	ck_assert_uint_eq(flushes, 2);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(recv(fd, got, sizeof(got), 0), lens[i]);
		ck_assert_mem_eq(got, data[i], lens[i]);
	}
	close(fd);
	/* nobody there any more: the kernel says so of some of them */
	for (size_t i = 0; i < 4; i++)
		burst_add(&b, -1, data[0], 10);
	ck_assert_uint_eq(burst_flush(&lost, &b), 4);
	ck_assert_uint_eq(lost, 40);
	socket_close(link);
	socket_close(door);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_socket");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, port_is_not_shared);
	tcase_add_test(tc, connecting_keeps_the_order);
	tcase_add_test(tc, sends_from_one_port);
	tcase_add_test(tc, connects_only_with_descriptors_to_spare);
	tcase_add_test(tc, connects_a_bounded_number);
	tcase_add_test(tc, bursts_come_whole);
	tcase_add_test(tc, gathered_packets_arrive_each_by_itself);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
