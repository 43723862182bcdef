#include "tests/unit/raw_fixture.h"

static const char request[] = "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\n"
			      "Content-Length: 4\r\n\r\nbody";

enum { SOON = 50, NEVER = 600000 };

static struct transports_config cfg;
static struct channel tcp;

/* A server whose clients are as bad as can be. */
static void setup(void)
{
	setup_loop();
	cfg = config_for(&far);
}

static void serve(void)
{
	open_side(&far, &cfg);
	tcp = listen_on(&far, TRANSPORT_TCP, "127.0.0.1");
}

START_TEST(messages_in_pieces_and_several_at_once)
{
	char twice[2 * sizeof(request)];
	int fd;

	serve();
	fd = raw_connect(&tcp.addr, "127.0.0.2");
	for (const char *p = request; *p; p++) {
		raw_send(fd, p, 1);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	RUN_UNTIL(far.messages == 1);
	(void)snprintf(twice, sizeof(twice), "%s%s", request, request);
	raw_text(fd, twice);
	RUN_UNTIL(far.messages == 3);
	ck_assert_str_eq(far.last, request);
	raw_text(fd, "OPT");
	close(fd);
	RUN_UNTIL(far.closed);
	ck_assert_int_eq(far.err, 0);
	ck_assert_uint_eq(far.messages, 3);
}
END_TEST

START_TEST(ping_is_answered_at_once)
{
	char buf[16];
	int fd;

	serve();
	fd = raw_connect(&tcp.addr, "127.0.0.1");
	raw_text(fd, "\r\n\r\n");
	ck_assert_uint_eq(raw_receive(fd, buf, sizeof(buf), 2), 2);
	ck_assert_mem_eq(buf, "\r\n", 2);
	ck_assert_uint_eq(far.pings, 1);
	close(fd);
}
END_TEST

static const struct {
	const char *text;
	int err;
} garbage[] = {
	{"GET / HTTP/1.1\r\n\r\n", -EBADMSG},
	{"A b SIP/2.0\r\nTo: c\r\n\r\n", -EBADMSG},
	{"A b SIP/2.0\r\nl: 65536\r\n\r\n", -EMSGSIZE},
};

START_TEST(garbage_closes_the_connection)
{
	int fd;

	serve();
	fd = raw_connect(&tcp.addr, "127.0.0.1");
	raw_text(fd, request);
	raw_text(fd, garbage[_i].text);
	raw_await_end(fd);
	ck_assert_uint_eq(far.messages, 1);
	ck_assert_uint_eq(far.closed, 1);
	ck_assert_int_eq(far.err, garbage[_i].err);
	ck_assert_uint_eq(counts_of(&far).framing, 1);
	close(fd);
}
END_TEST

START_TEST(one_source_has_a_share)
{
	int fds[4], other;

	cfg.conns_per_source = 2;
	serve();
	for (int i = 0; i < 3; i++)
		fds[i] = raw_connect(&tcp.addr, "127.0.0.1");
	raw_await_end(fds[2]);
	ck_assert_uint_eq(counts_of(&far).conns_refused, 1);
	ck_assert_uint_eq(transports_conns(far.t), 2);
	other = raw_connect(&tcp.addr, "127.0.0.2");
	raw_text(other, request);
	RUN_UNTIL(far.messages == 1);
	/* Its share is free again once one is gone. */
	close(fds[0]);
	RUN_UNTIL(far.closed);
	fds[3] = raw_connect(&tcp.addr, "127.0.0.1");
	raw_text(fds[3], request);
	RUN_UNTIL(far.messages == 2);
	ck_assert_uint_eq(counts_of(&far).conns_in, 4);
	for (int i = 1; i < 4; i++)
		close(fds[i]);
	close(other);
}
END_TEST

START_TEST(all_together_have_a_limit)
{
	char from[ADDR_STRLEN];
	int fds[16];

	cfg.conns_max = 16;
	serve();
	for (int i = 0; i < 16; i++) {
		(void)snprintf(from, sizeof(from), "127.0.0.%d", i + 1);
		fds[i] = raw_connect(&tcp.addr, from);
	}
	raw_await_end(fds[15]);
	ck_assert_uint_eq(counts_of(&far).conns_refused, 1);
	ck_assert_uint_eq(transports_conns(far.t), 15);
	/* The last one is ours. */
	tcp.addr = address("127.0.0.1:1");
	ck_assert_int_eq(send_text(&far, &tcp, request), 0);
	tcp.addr = address("127.0.0.1:2");
	ck_assert_int_eq(send_text(&far, &tcp, request), -ENOBUFS);
	ck_assert_uint_eq(transports_conns(far.t), 16);
	for (int i = 0; i < 16; i++)
		close(fds[i]);
}
END_TEST

static const char *const slow[] = {
	"", "\r\n\r\n", "OPTIONS sip:a SIP/2.0\r\nContent-Length: 9\r\n\r\nx"};

/* Whatever it says, if it is not a message. */
START_TEST(first_message_has_to_come)
{
	int fd;

	cfg.setup_ms = SOON;
	cfg.idle_ms = NEVER;
	serve();
	fd = raw_connect(&tcp.addr, "127.0.0.1");
	raw_text(fd, slow[_i]);
	RUN_UNTIL(far.closed);
	ck_assert_int_eq(far.err, -ETIMEDOUT);
	ck_assert_uint_eq(counts_of(&far).conns_idle, 1);
	raw_await_end(fd);
	close(fd);
}
END_TEST

START_TEST(every_message_has_to_come_whole)
{
	int fd;

	cfg.setup_ms = SOON;
	cfg.idle_ms = NEVER;
	serve();
	fd = raw_connect(&tcp.addr, "127.0.0.1");
	raw_text(fd, request);
	RUN_UNTIL(far.messages);
	raw_text(fd, slow[2]);
	RUN_UNTIL(far.closed);
	ck_assert_int_eq(far.err, -ETIMEDOUT);
	close(fd);
}
END_TEST

START_TEST(silent_connections_are_closed)
{
	int fd;

	cfg.setup_ms = NEVER;
	cfg.idle_ms = SOON;
	serve();
	fd = raw_connect(&tcp.addr, "127.0.0.1");
	raw_text(fd, request);
	RUN_UNTIL(far.messages);
	RUN_UNTIL(far.closed);
	ck_assert_int_eq(far.err, -ETIMEDOUT);
	ck_assert_uint_eq(counts_of(&far).conns_idle, 1);
	close(fd);
}
END_TEST

/* Having said something, it is not closed while a clock of long ago runs out.
 */
START_TEST(proven_and_talking_connections_stay)
{
	int fd;

	cfg.setup_ms = SOON;
	cfg.idle_ms = 10 * SOON;
	serve();
	fd = raw_connect(&tcp.addr, "127.0.0.1");
	raw_text(fd, request);
	RUN_UNTIL(far.messages);
	for (uint64_t end = uv_now(&loop) + 20 * SOON; uv_now(&loop) < end;) {
		raw_text(fd, "\r\n\r\n");
		RUN_UNTIL(far.pings);
		far.pings = 0;
	}
	ck_assert_uint_eq(far.closed, 0);
	close(fd);
}
END_TEST

static int proven_connection(void)
{
	size_t before = far.messages;
	int fd = raw_connect(&tcp.addr, "127.0.0.1");

	raw_text(fd, request);
	RUN_UNTIL(far.messages > before);
	return fd;
}

static int send_now(const char *text)
{
	int err = send_text(&far, &far.src, text);

	transports_flush(far.t);
	return err;
}

/* How many messages can be sent to who reads none, before it is closed. */
static size_t capacity(const char *text)
{
	int fd = proven_connection();
	size_t n = 0;
	int err;

	while (!(err = send_now(text)))
		n++;
	ck_assert_int_eq(err, -ENOBUFS);
	ck_assert_uint_eq(far.closed, 0); /* not within our call */
	ck_assert_int_eq(send_now(text), -ENOTCONN);
	RUN_UNTIL(far.closed);
	close(fd);
	return n;
}

START_TEST(who_never_reads_is_closed)
{
	char *text = request_of(60000);

	serve();
	ck_assert_uint_gt(capacity(text), 4);
	ck_assert_int_eq(far.err, -ENOBUFS);
	ck_assert_uint_eq(counts_of(&far).conns_clogged, 1);
	ck_assert_uint_eq(counts_of(&far).tx_dropped, 1);
	free(text);
}
END_TEST

/* Little waits, but for too long. */
START_TEST(who_stops_reading_is_closed)
{
	char *text = request_of(60000);
	size_t n;
	int fd;

	cfg.setup_ms = 10 * SOON;
	serve();
	n = capacity(text);
	far.closed = 0;
	fd = proven_connection();
	for (size_t i = 0; i < n - 2; i++)
		ck_assert_int_eq(send_now(text), 0);
	RUN_UNTIL(far.closed);
	ck_assert_int_eq(far.err, -ETIMEDOUT);
	ck_assert_uint_eq(counts_of(&far).conns_clogged, 2);
	close(fd);
	free(text);
}
END_TEST

/* What is queued leaves whenever the far end reads. */
START_TEST(who_reads_late_gets_everything)
{
	char *text = request_of(60000), *got = malloc(61000);
	size_t len = strlen(text), n;
	int fd;

	serve();
	n = capacity(text);
	fd = proven_connection();
	for (size_t i = 0; i < n - 2; i++)
		ck_assert_int_eq(send_now(text), 0);
	for (size_t i = 0; i < n - 2; i++) {
		ck_assert_uint_eq(raw_receive(fd, got, len, len), len);
		ck_assert_mem_eq(got, text, len);
	}
	ck_assert_int_eq(send_now(request), 0);
	ck_assert_uint_eq(raw_receive(fd, got, 61000, strlen(request)),
			  strlen(request));
	close(fd);
	free(text);
	free(got);
}
END_TEST

START_TEST(reset_is_told)
{
	const struct linger now = {1, 0};
	int fd;

	serve();
	fd = raw_connect(&tcp.addr, "127.0.0.1");
	raw_text(fd, request);
	RUN_UNTIL(far.messages);
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	RUN_UNTIL(far.closed);
	ck_assert_int_eq(far.err, -ECONNRESET);
	ck_assert_uint_eq(counts_of(&far).conns_failed, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("transports_limits");
	TCase *tc = tcase_create("transports_limits");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, messages_in_pieces_and_several_at_once);
	tcase_add_test(tc, ping_is_answered_at_once);
	tcase_add_loop_test(tc, garbage_closes_the_connection, 0, 3);
	tcase_add_test(tc, one_source_has_a_share);
	tcase_add_test(tc, all_together_have_a_limit);
	tcase_add_loop_test(tc, first_message_has_to_come, 0, 3);
	tcase_add_test(tc, every_message_has_to_come_whole);
	tcase_add_test(tc, silent_connections_are_closed);
	tcase_add_test(tc, proven_and_talking_connections_stay);
	tcase_add_test(tc, who_never_reads_is_closed);
	tcase_add_test(tc, who_stops_reading_is_closed);
	tcase_add_test(tc, who_reads_late_gets_everything);
	tcase_add_test(tc, reset_is_told);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
