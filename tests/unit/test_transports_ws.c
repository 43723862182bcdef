#include "common/tls.h"
#include "common/ws_frame.h"
#include "tests/unit/raw_fixture.h"
#include "tests/unit/tls_fixture.h"

static const char request[] = "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\n\r\n";

/* RFC 6455 1.3 and its key; RFC 7118 4.2. */
#define UPGRADE(origin)                                                        \
	"GET /ws HTTP/1.1\r\nHost: a.example.com\r\nUpgrade: websocket\r\n"    \
	"Connection: Upgrade\r\n" origin                                       \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                      \
	"Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n"
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

static struct transports_config cfg;
static struct channel ws;
static struct identity ca, here;
static struct tls_context *client_ctx;
static struct tls *client; /* between the socket and us, for wss */
static char got[70000];

static void setup(void)
{
	char why[256];

	setup_loop();
	cfg = config_for(&far);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ca = identity_of("ca", NULL, NULL);
	here = identity_of("here", "DNS:a.example.com", &ca);
	cfg.tls = (struct transports_tls){here.path, here.path, ""};
	ck_assert_int_eq(tls_context_alloc(&client_ctx, "", "", ca.path, why,
					   sizeof(why)),
			 0);
	client = NULL;
}

static void teardown_ws(void)
{
	teardown();
	tls_free(client);
	tls_context_free(client_ctx);
	forget(&ca);
	forget(&here);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void say(int fd, const void *data, size_t len)
{
	const char *p;
	size_t n;

	if (!client) {
		raw_send(fd, data, len);
		return;
	}
	if (len)
		ck_assert_int_eq(tls_write(client, data, len), 0);
	n = tls_output(client, &p);
	raw_send(fd, p, n);
	tls_sent(client);
}

/* What came, at least `len` bytes of it, NUL-terminated in `got`. */
static size_t hear(int fd, size_t len)
{
	char wire[4096];
	size_t n = 0;
	int m;

	if (!client)
		n = raw_receive(fd, got, sizeof(got) - 1, len);
	while (client && n < len) {
		m = tls_read(client, got + n, sizeof(got) - 1 - n);
		ck_assert_int_ge(m, 0);
		n += (size_t)m;
		if (m == 0)
			ck_assert_int_eq(
				tls_input(
					client, wire,
					raw_receive(fd, wire, sizeof(wire), 1)),
				0);
	}
	got[n] = '\0';
	return n;
}

static void begin_tls(int fd)
{
	char wire[4096];

	ck_assert_int_eq(
		tls_connect(&client, client_ctx, "a.example.com", &ws.addr), 0);
	for (;;) {
		ck_assert_int_eq(tls_read(client, got, sizeof(got)), 0);
		say(fd, NULL, 0);
		if (tls_is_up(client))
			break;
		ck_assert_int_eq(
			tls_input(client, wire,
				  raw_receive(fd, wire, sizeof(wire), 1)),
			0);
	}
}

/* A WebSocket that is open, over TLS where `transport` is WSS. */
static int opened(enum transport transport)
{
	int fd;

	open_side(&far, &cfg);
	ws = listen_on(&far, transport, "127.0.0.1");
	fd = raw_connect(&ws.addr, "127.0.0.1");
	if (transport == TRANSPORT_WSS)
		begin_tls(fd);
	say(fd, UPGRADE(""), strlen(UPGRADE("")));
	(void)hear(fd, 100);
	ck_assert_int_eq(strncmp(got, "HTTP/1.1 101 ", 13), 0);
	ck_assert_ptr_nonnull(strstr(got, ACCEPT));
	return fd;
}

/* A masked frame of at most 125 bytes. */
static void say_frame(int fd, enum ws_opcode opcode, const char *text)
{
	static const uint8_t mask[4] = {1, 2, 3, 4};
	size_t len = strlen(text);
	char frame[6 + 125];

	ck_assert_uint_le(len, 125);
	frame[0] = (char)(0x80 | opcode);
	frame[1] = (char)(0x80 | len);
	memcpy(frame + 2, mask, sizeof(mask));
	memcpy(frame + 6, text, len);
	ws_unmask(frame + 6, len, mask, 0);
	say(fd, frame, 6 + len);
}

static const enum transport both[] = {TRANSPORT_WS, TRANSPORT_WSS};

START_TEST(messages_go_both_ways)
{
	size_t len = strlen(request);
	int fd = opened(both[_i]);

	far.echo = true;
	say_frame(fd, WS_TEXT, request);
	ck_assert_uint_eq(hear(fd, 2 + len), 2 + len);
	ck_assert_mem_eq(got, "\x81", 1);
	ck_assert_int_eq(got[1], (char)len);
	ck_assert_str_eq(got + 2, request);
	ck_assert_int_eq(far.src.transport, both[_i]);
	ck_assert_uint_ne(far.src.conn, 0);
	close(fd);
	RUN_UNTIL(far.closed);
}
END_TEST

START_TEST(keepalives_of_either_kind)
{
	int fd = opened(both[_i]);

	say_frame(fd, WS_PING, "?");
	(void)hear(fd, 3);
	ck_assert_str_eq(got, "\x8a\x01?");
	say_frame(fd, WS_TEXT, "\r\n\r\n");
	(void)hear(fd, 4);
	ck_assert_str_eq(got, "\x81\x02\r\n");
	ck_assert_uint_eq(far.pings, 2);
	ck_assert_int_eq(transports_ping(far.t, &far.src), 0);
	(void)hear(fd, 2);
	ck_assert_mem_eq(got, "\x89\0", 2);
	say_frame(fd, WS_PONG, "");
	RUN_UNTIL(far.pongs);
	close(fd);
}
END_TEST

START_TEST(close_is_said)
{
	int fd = opened(both[_i]);

	far.close_it = _i == 0;
	say_frame(fd, WS_TEXT, request);
	RUN_UNTIL(far.messages);
	if (_i)
		transports_close_channel(far.t, &far.src);
	(void)hear(fd, 4);
	ck_assert_mem_eq(got, "\x88\x02\x03\xe9", 4); /* 1001 */
	ck_assert_uint_eq(far.closed, 0);
	ck_assert_uint_eq(transports_conns(far.t), 0);
	close(fd);
}
END_TEST

START_TEST(close_is_answered)
{
	int fd = opened(both[_i]);

	say_frame(fd, WS_CLOSE, "\x03\xe8");
	(void)hear(fd, 4);
	ck_assert_mem_eq(got, "\x88\x02\x03\xe8", 4);
	RUN_UNTIL(far.closed);
	ck_assert_int_eq(far.err, 0);
	ck_assert_uint_eq(counts_of(&far).framing, 0);
	close(fd);
}
END_TEST

START_TEST(free_within_the_handler)
{
	int fd = opened(both[_i]);

	far.free_it = true;
	say_frame(fd, WS_TEXT, request);
	RUN_UNTIL(far.messages);
	ck_assert_ptr_null(far.t);
	close(fd);
}
END_TEST

START_TEST(broken_frames_close)
{
	int fd = opened(TRANSPORT_WS);

	raw_send(fd, "\x81\x01x", 3); /* no mask */
	(void)hear(fd, 4);
	ck_assert_mem_eq(got, "\x88\x02\x03\xea", 4); /* 1002 */
	RUN_UNTIL(far.closed);
	ck_assert_int_eq(far.err, -EPROTO);
	ck_assert_uint_eq(counts_of(&far).framing, 1);
	close(fd);
}
END_TEST

static const char *const refused[] = {
	"OPTIONS sip:a SIP/2.0\r\n\r\n",
	UPGRADE("Origin: https://evil.example.com\r\n"),
};

START_TEST(handshakes_are_refused)
{
	static const char *const origins[] = {"https://a.example.com", NULL};
	int fd;

	cfg.origins = origins;
	open_side(&far, &cfg);
	ws = listen_on(&far, TRANSPORT_WS, "127.0.0.1");
	fd = raw_connect(&ws.addr, "127.0.0.1");
	raw_text(fd, refused[_i]);
	(void)hear(fd, 12);
	ck_assert_int_eq(strncmp(got, "HTTP/1.1 4", 10), 0);
	RUN_UNTIL(far.closed);
	ck_assert_uint_eq(counts_of(&far).framing, 1);
	close(fd);
}
END_TEST

static const char *const slow[] = {"", "GET / HT", UPGRADE(""),
				   UPGRADE("") "\x81"};

START_TEST(first_message_has_to_come)
{
	int fd;

	cfg.setup_ms = 50;
	open_side(&far, &cfg);
	ws = listen_on(&far, TRANSPORT_WS, "127.0.0.1");
	fd = raw_connect(&ws.addr, "127.0.0.1");
	raw_text(fd, slow[_i]);
	RUN_UNTIL(far.closed);
	ck_assert_int_eq(far.err, -ETIMEDOUT);
	close(fd);
}
END_TEST

START_TEST(every_message_has_to_come_whole)
{
	int fd;

	cfg.setup_ms = 200;
	fd = opened(TRANSPORT_WS);
	say_frame(fd, WS_TEXT, request);
	RUN_UNTIL(far.messages);
	raw_send(fd, "\x81", 1);
	RUN_UNTIL(far.closed);
	ck_assert_int_eq(far.err, -ETIMEDOUT);
	close(fd);
}
END_TEST

START_TEST(no_client_is_connected_to)
{
	struct channel nobody = {.transport = TRANSPORT_WS};

	open_side(&far, &cfg);
	ws = listen_on(&far, TRANSPORT_WS, "127.0.0.1");
	nobody.addr = address("127.0.0.1:1");
	ck_assert_int_eq(send_text(&far, &nobody, request), -ENOTCONN);
	ck_assert_uint_eq(transports_conns(far.t), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("transports_ws");
	TCase *tc = tcase_create("transports_ws");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown_ws);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, messages_go_both_ways, 0, 2);
	tcase_add_loop_test(tc, keepalives_of_either_kind, 0, 2);
	tcase_add_loop_test(tc, close_is_said, 0, 2);
	tcase_add_loop_test(tc, close_is_answered, 0, 2);
	tcase_add_loop_test(tc, free_within_the_handler, 0, 2);
	tcase_add_test(tc, broken_frames_close);
	tcase_add_loop_test(tc, handshakes_are_refused, 0, 2);
	tcase_add_loop_test(tc, first_message_has_to_come, 0, 4);
	tcase_add_test(tc, every_message_has_to_come_whole);
	tcase_add_test(tc, no_client_is_connected_to);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
