#include "common/fdbag.h"
#include "relayd/report.h"
#include "relayd/snapshot.h"
#include "tests/unit/relayd_fixture.h"

/* A session goes from one table to another, as from one process to another. */
static int a, b;
static uint16_t pa, pb, relay;
static struct snapshot *was;
static struct fdbag bag;
static json_t *state;

static void say(int fd, uint8_t seq)
{
	uint8_t rtp[20] = {0x80, 0, 0, seq, [8] = fd == a ? 1 : 2, [19] = seq};
	struct addr to;

	addr_parse(&to, "127.0.0.1", relay);
	ck_assert_int_eq(
		sendto(fd, rtp, sizeof(rtp), 0, &to.u.sa, addr_len(&to)),
		sizeof(rtp));
}

static void call(const char *wanted)
{
	options = wanted;
	a = phone(&pa);
	b = phone(&pb);
	ck_assert_int_eq(offer("c1", "a", pa, -1), 302);
	relay = port_of(0);
	ck_assert_int_eq(reply("c1", "a", "b", pb, -1), 302);
}

/* Until both sides are known: what is not proven yet is not forwarded. */
static void talk(void)
{
	for (uint8_t i = 1; i <= 5; i++) {
		say(a, i);
		say(b, i);
		for (unsigned k = 0; k < 20; k++)
			uv_run(&loop, UV_RUN_NOWAIT);
	}
	while (heard(a) != 5)
		;
	while (heard(b) != 5)
		;
}

static void take_down(void)
{
	const struct session *s = sessions_find(sessions, "c1");
	int fds[SESSION_FDS];
	size_t n;

	was = calloc(1, sizeof(*was));
	session_flush(s);
	n = session_snapshot(was, fds, s);
	for (size_t i = 0; i < n; i++)
		fds[i] = dup(fds[i]);
	fdbag_add(&bag, fds, n);
	state = snapshot_print(was, uv_now(&loop));
	control_free(control);
	sessions_free(sessions);
	ports_free(ports);
	quota_free(quota);
	uv_run(&loop, UV_RUN_NOWAIT);
}

static void begin_anew(void)
{
	uint16_t lo = (uint16_t)(10000 + getpid() % 200 * 2 * PAIRS);

	ck_assert_uint_eq(load.sessions, 0);
	ck_assert_uint_eq(load.streams, 0);
	quota_alloc(&quota, &(struct quota_limits){.sessions = 1});
	ports_alloc(&ports, lo, (uint16_t)(lo + 2 * PAIRS - 1), 30000);
	open_tables();
}

static int restore(void)
{
	char why[SNAPSHOT_WHY];
	struct session *s;
	int err = snapshot_parse(was, why, state, uv_now(&loop));

	ck_assert_msg(err == 0, "%s", why);
	err = session_restore(&s, sessions, was, &bag);
	snapshot_release(was);
	return err;
}

static void clean_up(void)
{
	fdbag_close(&bag);
	json_decref(state);
	free(was);
	close(a);
	close(b);
}

static json_int_t packets(const char *side)
{
	json_t *body = json_body(), *line;
	json_int_t n;

	line = json_array_get(json_object_get(body, "streams"), 0);
	n = json_integer_value(json_object_get(
		json_object_get(json_object_get(line, "rtp"), side),
		"packets"));
	json_decref(body);
	return n;
}

/* What comes while nobody is there waits; both sides still are who they were,
 * and the release tells of all there was. */
START_TEST(goes_on)
{
	struct session *s;
	json_int_t before;

	call("");
	session_note_dialog(sessions_find(sessions, "c1"), "mac|x|");
	talk();
	before = (json_int_t)stream_flow(
			 session_stream(sessions_find(sessions, "c1"), 0),
			 STREAM_RTP, LEARN_FIRST)
			 ->packets;
	take_down();
	say(a, 6);
	say(a, 7);
	begin_anew();
	ck_assert_int_eq(restore(), 0);
	ck_assert(session_has_dialog(sessions_find(sessions, "c1")));
	ck_assert_uint_eq(load.sessions, 1);
	ck_assert_uint_eq(load.streams, 1);
	ck_assert_uint_eq(quota_sessions(quota), 1);
	ck_assert_uint_eq(ports_available(ports, 0), PAIRS - 1);
	ck_assert_int_eq(session_open(&s, sessions, "c2", "x",
				      &(struct relay_options){0}, 0),
			 -EUSERS);
	ck_assert_int_eq(heard(b), 6);
	ck_assert_int_eq(heard(b), 7);
	say(b, 6);
	ck_assert_int_eq(heard(a), 6);
	ck_assert_int_eq(ask("BYE", "c1", "a", "b", ""), 200);
	ck_assert_int_eq(packets("first"), before + 2);
	ck_assert_uint_eq(ports_quarantined(ports), 1);
	clean_up();
}
END_TEST

/* A packet that waits for another leaves before; what comes later is put in
 * order again. */
START_TEST(resequencing_goes_on)
{
	call(";ph-resequence=200");
	talk();
	say(a, 7);
	uv_run(&loop, UV_RUN_NOWAIT);
	take_down();
	ck_assert_int_eq(heard(b), 7);
	begin_anew();
	ck_assert_int_eq(restore(), 0);
	say(a, 8);
	ck_assert_int_eq(heard(b), 8);
	say(a, 10);
	say(a, 9);
	ck_assert_int_eq(heard(b), 9);
	ck_assert_int_eq(heard(b), 10);
	clean_up();
}
END_TEST

/* A socket is missing: no half of a session is left. */
START_TEST(without_a_socket)
{
	call("");
	talk();
	take_down();
	begin_anew();
	close(bag.fds[_i]);
	bag.fds[_i] = -1;
	ck_assert_int_eq(restore(), -ENOENT);
	ck_assert_uint_eq(load.sessions, 0);
	ck_assert_uint_eq(load.streams, 0);
	ck_assert_uint_eq(quota_sessions(quota), 0);
	ck_assert_ptr_null(sessions_find(sessions, "c1"));
	ck_assert_uint_eq(ports_available(ports, UINT64_MAX), PAIRS);
	clean_up();
}
END_TEST

/* Twice the same Call-ID, or a port that is taken. */
START_TEST(twice)
{
	call("");
	take_down();
	begin_anew();
	ck_assert_int_eq(restore(), 0);
	ck_assert_int_eq(restore(), -EEXIST);
	ck_assert_uint_eq(load.sessions, 1);
	ck_assert_ptr_nonnull(sessions_find(sessions, "c1"));
	clean_up();
}
END_TEST

/* An address that the relay no longer has. */
START_TEST(another_address)
{
	call("");
	take_down();
	begin_anew();
	ifaces.n = 0;
	ck_assert_int_eq(restore(), -EADDRNOTAVAIL);
	ck_assert_uint_eq(load.sessions, 0);
	clean_up();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_restore");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, goes_on);
	tcase_add_test(tc, resequencing_goes_on);
	tcase_add_loop_test(tc, without_a_socket, 0, 1);
	tcase_add_test(tc, twice);
	tcase_add_test(tc, another_address);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
