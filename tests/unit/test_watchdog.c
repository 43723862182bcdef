#include <sys/socket.h>
#include <sys/un.h>

#include "common/watchdog.h"
#include "tests/unit/daemon_fixture.h"

/* What a service manager hears of a daemon; the test is one. */
static int manager = -1;
static char notify_path[80];

static void manage(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	setup();
	snprintf(notify_path, sizeof(notify_path), "%s/notify", dir);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", notify_path);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&sun, sizeof(sun)),
			 0);
	setenv("NOTIFY_SOCKET", notify_path, 1);
	setenv("WATCHDOG_USEC", "20000", 1);
	unsetenv("WATCHDOG_PID");
}

static void unmanage(void)
{
	close(manager);
	unlink(notify_path);
	teardown();
}

/* The next message has this line; "" where there is none. */
static const char *heard(void)
{
	static char text[256];
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static bool heard_line(const char *line)
{
	for (const char *text = heard(); *text; text = heard())
		if (strstr(text, line))
			return true;
	return false;
}

static const struct {
	const char *usec, *pid;
	bool heir;
	uint64_t ms;
} intervals[] = {
	{NULL, NULL, false, 0},
	{"", NULL, false, 0},
	{"0", NULL, false, 0},
	{"-1000000", NULL, false, 0},
	{"30000000s", NULL, false, 0},
	{"99999999999999999999999", NULL, false, 0},
	{"30000000", NULL, false, 7500},
	{"1000", NULL, false, 1},
	{"30000000", "1", false, 0},
	{"30000000", "none", false, 0},
	{"30000000", "1", true, 7500},
};

START_TEST(interval_is_a_quarter_of_the_limit)
{
	ck_assert_uint_eq(watchdog_interval(intervals[_i].usec,
					    intervals[_i].pid,
					    intervals[_i].heir),
			  intervals[_i].ms);
}
END_TEST

START_TEST(interval_of_this_process)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	ck_assert_uint_eq(watchdog_interval("30000000", pid, false), 7500);
}
END_TEST

static int signs;

static void end_after_three(void)
{
	while (signs < 3 && heard_line("WATCHDOG=1"))
		signs++;
	if (signs == 3)
		send_term();
}

START_TEST(idle_daemon_gives_signs_of_life)
{
	seen.drain_ends = true;
	seen.on_turn = end_after_three;
	ck_assert_int_eq(run(NULL, NULL), 0);
	ck_assert_int_eq(signs, 3);
	ck_assert_ptr_null(strstr(out, "left open"));
}
END_TEST

/* Of another service, which happens to be around this one. */
START_TEST(another_s_watchdog_is_not_ours)
{
	setenv("WATCHDOG_PID", "1", 1);
	seen.drain_ends = true;
	seen.on_turn = send_term;
	ck_assert_int_eq(run(NULL, NULL), 0);
	ck_assert(!heard_line("WATCHDOG=1"));
}
END_TEST

static int asked;
static bool stuck = true;

static bool is_alive(void *ctx)
{
	ck_assert_ptr_eq(ctx, &seen);
	if (++asked == 3) {
		ck_assert(heard_line("READY=1"));
		ck_assert(!heard_line("WATCHDOG=1"));
		stuck = false;
		seen.on_turn = end_after_three;
	}
	return !stuck;
}

/* A loop that turns is not all: a thread does not, and then does again. */
START_TEST(stuck_thread_is_no_sign_of_life)
{
	struct daemon_class c = class;

	c.alive = is_alive;
	seen.drain_ends = true;
	signs = 2;
	ck_assert_int_eq(run_class(&c, NULL, NULL), 0);
	ck_assert_int_ge(asked, 3);
	ck_assert_ptr_nonnull(strstr(out, "level=warn daemon=sampled "
					  "msg=\"a thread does not turn"));
}
END_TEST

/* How long ending may take is for the daemon to say: seven seconds here. */
START_TEST(ending_has_its_time)
{
	seen.drain_ends = true;
	seen.on_turn = send_term;
	ck_assert_int_eq(run(NULL, NULL), 0);
	ck_assert(heard_line("STOPPING=1\nEXTEND_TIMEOUT_USEC=17000000"));
}
END_TEST

static int leaves;

static bool leave(void *ctx)
{
	ck_assert_ptr_eq(ctx, &seen);
	daemon_exit(seen.d);
	return ++leaves > 0;
}

static void make_way(void)
{
	seen.on_turn = NULL;
	kill(getpid(), SIGUSR2);
}

START_TEST(sigusr2_leaves_all_to_the_next)
{
	struct daemon_class c = class;

	c.leave = leave;
	seen.on_turn = make_way;
	ck_assert_int_eq(run_class(&c, NULL, NULL), 0);
	ck_assert_int_eq(leaves, 1);
	ck_assert_int_eq(seen.drains, 0);
}
END_TEST

static bool leave_nothing(void *ctx)
{
	ck_assert_ptr_eq(ctx, &seen);
	return ++leaves < 0;
}

START_TEST(sigusr2_drains_where_nothing_is_kept)
{
	struct daemon_class c = class;

	c.leave = leave_nothing;
	seen.drain_ends = true;
	seen.on_turn = make_way;
	ck_assert_int_eq(run_class(&c, NULL, NULL), 0);
	ck_assert_int_eq(leaves, 1);
	ck_assert_int_eq(seen.drains, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("watchdog");
	TCase *t = tcase_create("watchdog");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, manage, unmanage);
	tcase_add_loop_test(t, interval_is_a_quarter_of_the_limit, 0,
			    sizeof(intervals) / sizeof(intervals[0]));
	tcase_add_test(t, interval_of_this_process);
	tcase_add_test(t, idle_daemon_gives_signs_of_life);
	tcase_add_test(t, another_s_watchdog_is_not_ours);
	tcase_add_test(t, stuck_thread_is_no_sign_of_life);
	tcase_add_test(t, ending_has_its_time);
	tcase_add_test(t, sigusr2_leaves_all_to_the_next);
	tcase_add_test(t, sigusr2_drains_where_nothing_is_kept);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
