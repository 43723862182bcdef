#include "tests/unit/tls_fixture.h"
#include "tests/unit/transports_fixture.h"

static const char request[] = "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\n"
			      "Content-Length: 4\r\n\r\nbody";

static struct identity ca, other_ca, here, elsewhere, later;
static struct channel tls, tcp;
static char why[256];

static struct transports_tls files(const struct identity *id)
{
	return (struct transports_tls){id->path, id->path, ca.path};
}

static void open_far(const struct identity *id)
{
	struct transports_config cfg = config_for(&far);

	cfg.tls = files(id);
	open_side(&far, &cfg);
	tls = listen_on(&far, TRANSPORT_TLS, "127.0.0.1");
}

static void setup(void)
{
	struct transports_config cfg;

	setup_loop();
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ca = identity_of("ca", NULL, NULL);
	other_ca = identity_of("other", NULL, NULL);
	here = identity_of("here", "IP:127.0.0.1,DNS:a.example.com", &ca);
	later = identity_of("later", "IP:127.0.0.1,DNS:a.example.com", &ca);
	elsewhere = identity_of("elsewhere", "IP:192.0.2.1", &ca);
	cfg = config_for(&near);
	cfg.tls = files(&here);
	open_side(&near, &cfg);
	(void)listen_on(&near, TRANSPORT_TLS, "127.0.0.1");
	tcp = listen_on(&near, TRANSPORT_TCP, "127.0.0.1");
}

static void teardown_tls(void)
{
	teardown();
	forget(&ca);
	forget(&other_ca);
	forget(&here);
	forget(&later);
	forget(&elsewhere);
	ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(messages_go_both_ways)
{
	char *text = request_of(SIPMSG_MAX - 100);

	open_far(&here);
	far.echo = true;
	ck_assert_int_eq(send_text(&near, &tls, request), 0);
	ck_assert_int_eq(send_text(&near, &tls, text), 0);
	RUN_UNTIL(near.messages == 2);
	ck_assert_str_eq(near.last, text);
	ck_assert_int_eq(near.src.transport, TRANSPORT_TLS);
	ck_assert(channel_eq(&near.src, &tls));
	ck_assert_int_eq(far.src.transport, TRANSPORT_TLS);
	ck_assert_int_eq(transports_ping(near.t, &tls), 0);
	RUN_UNTIL(near.pongs);
	ck_assert_uint_eq(far.pings, 1);
	transports_close_channel(near.t, &tls);
	RUN_UNTIL(far.closed);
	ck_assert_int_eq(far.err, 0);
	ck_assert_uint_eq(counts_of(&far).conns_failed, 0);
	free(text);
}
END_TEST

START_TEST(server_of_another_address_gets_nothing)
{
	open_far(&elsewhere);
	ck_assert_int_eq(send_text(&near, &tls, request), 0);
	RUN_UNTIL(near.closed && far.closed);
	ck_assert_int_eq(near.err, -EPROTO);
	ck_assert_uint_eq(far.messages, 0);
	ck_assert_uint_eq(counts_of(&near).conns_tls, 1);
	ck_assert_uint_eq(counts_of(&far).conns_tls, 1);
}
END_TEST

START_TEST(name_is_what_is_verified)
{
	struct channel a = tls, again = tls, b = tls;

	open_far(&here);
	a = again = b = tls;
	ck_assert_int_eq(transports_connect(near.t, &a, "a.example.com"), 0);
	ck_assert_int_eq(transports_connect(near.t, &again, "A.example.com"),
			 0);
	ck_assert_uint_eq(again.conn, a.conn);
	ck_assert_int_eq(transports_connect(near.t, &b, "b.example.com"), 0);
	ck_assert_uint_ne(b.conn, a.conn);
	ck_assert_int_eq(send_text(&near, &a, request), 0);
	ck_assert_int_eq(send_text(&near, &b, request), 0);
	RUN_UNTIL(near.closed && far.messages);
	ck_assert_uint_eq(near.gone.conn, b.conn);
	ck_assert_uint_eq(far.messages, 1);
}
END_TEST

START_TEST(reload_leaves_connections_alone)
{
	struct transports_tls tls_files;

	open_far(&here);
	far.echo = true;
	ck_assert_int_eq(send_text(&near, &tls, request), 0);
	RUN_UNTIL(near.messages == 1);
	tls_files = files(&elsewhere);
	ck_assert_int_eq(transports_reload(far.t, &tls_files, why, sizeof(why)),
			 0);
	ck_assert_int_eq(send_text(&near, &tls, request), 0);
	RUN_UNTIL(near.messages == 2);
	ck_assert_uint_eq(counts_of(&far).conns_in, 1);
	transports_close_channel(near.t, &tls);
	RUN_UNTIL(far.closed);
	/* What connects now sees the new one, which is not for it. */
	ck_assert_int_eq(send_text(&near, &tls, request), 0);
	RUN_UNTIL(near.closed);
	ck_assert_int_eq(near.err, -EPROTO);
	tls_files = files(&later);
	ck_assert_int_eq(transports_reload(far.t, &tls_files, why, sizeof(why)),
			 0);
	ck_assert_int_eq(send_text(&near, &tls, request), 0);
	RUN_UNTIL(near.messages == 3);
}
END_TEST

START_TEST(reload_of_bad_files_changes_nothing)
{
	struct transports_tls bad = {"/nowhere", "/nowhere", ""};
	struct transports_tls none = {"", "", ""};

	open_far(&here);
	far.echo = true;
	ck_assert_int_lt(transports_reload(far.t, &bad, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "/nowhere"));
	ck_assert_int_lt(transports_reload(far.t, &none, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "no certificate"));
	ck_assert_int_eq(send_text(&near, &tls, request), 0);
	RUN_UNTIL(near.messages == 1);
}
END_TEST

START_TEST(plain_sip_on_the_tls_port)
{
	struct channel plain;

	open_far(&here);
	plain = tls;
	plain.transport = TRANSPORT_TCP;
	ck_assert_int_eq(send_text(&near, &plain, request), 0);
	RUN_UNTIL(near.closed && far.closed);
	ck_assert_uint_eq(far.messages, 0);
	ck_assert_uint_eq(counts_of(&far).conns_tls, 1);
}
END_TEST

START_TEST(tls_on_the_plain_port)
{
	struct channel wrong = tcp;

	open_far(&here);
	wrong.transport = TRANSPORT_TLS;
	ck_assert_int_eq(send_text(&far, &wrong, request), 0);
	RUN_UNTIL(near.closed && far.closed);
	ck_assert_int_eq(near.err, -EBADMSG);
	ck_assert_uint_eq(counts_of(&near).framing, 1);
}
END_TEST

START_TEST(listening_needs_a_certificate)
{
	struct transports_config cfg = config_for(&far);
	struct addr any = address("127.0.0.1");

	open_side(&far, &cfg);
	ck_assert_int_eq(transports_listen(far.t, TRANSPORT_TLS, &any, &any),
			 -ENOENT);
	ck_assert_int_eq(transports_listen(far.t, TRANSPORT_WSS, &any, &any),
			 -ENOENT);
}
END_TEST

START_TEST(files_that_do_not_do_end_the_start)
{
	struct transports_config cfg = config_for(&far);

	cfg.tls = (struct transports_tls){"/nowhere", "/nowhere", NULL};
	ck_assert_int_lt(
		transports_alloc(&far.t, &loop, &cfg, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "/nowhere"));
	ck_assert_ptr_null(far.t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("transports_tls");
	TCase *tc = tcase_create("transports_tls");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown_tls);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, messages_go_both_ways);
	tcase_add_test(tc, server_of_another_address_gets_nothing);
	tcase_add_test(tc, name_is_what_is_verified);
	tcase_add_test(tc, reload_leaves_connections_alone);
	tcase_add_test(tc, reload_of_bad_files_changes_nothing);
	tcase_add_test(tc, plain_sip_on_the_tls_port);
	tcase_add_test(tc, tls_on_the_plain_port);
	tcase_add_test(tc, listening_needs_a_certificate);
	tcase_add_test(tc, files_that_do_not_do_end_the_start);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
