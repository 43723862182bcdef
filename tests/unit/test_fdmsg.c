#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/fdbag.h"
#include "common/fdmsg.h"

enum { SOON = 2000 };

static int ends[2];
static char buf[FDMSG_MAX];
static int fds[FDMSG_FDS];
static size_t nfds;

static void setup(void)
{
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends),
		0);
	fdmsg_prepare(ends[0]);
}

static void teardown(void)
{
	close(ends[0]);
	close(ends[1]);
}

static int bound(int type, struct addr *a)
{
	socklen_t len = sizeof(a->u);
	int fd = socket(AF_INET, type, 0);

	addr_parse(a, "127.0.0.1", 0);
	ck_assert_int_eq(bind(fd, &a->u.sa, addr_len(a)), 0);
	ck_assert_int_eq(getsockname(fd, &a->u.sa, &len), 0);
	return fd;
}

static ssize_t receive(int ms)
{
	return fdmsg_recv(ends[1], buf, sizeof(buf), fds, &nfds, ms);
}

START_TEST(message_with_descriptors)
{
	int pair[2];
	char got = 0;

	ck_assert_int_eq(pipe(pair), 0);
	ck_assert_int_eq(fdmsg_send(ends[0], "hello", 5, pair, 2, SOON), 0);
	ck_assert_int_eq(receive(SOON), 5);
	ck_assert_int_eq(memcmp(buf, "hello", 5), 0);
	ck_assert_uint_eq(nfds, 2);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ck_assert_int_eq(read(pair[0], &got, 1), 1);
	ck_assert_int_eq(got, 'x');
	for (unsigned i = 0; i < 2; i++) {
		close(pair[i]);
		close(fds[i]);
	}
}
END_TEST

START_TEST(nobody_answers)
{
	ck_assert_int_eq(receive(10), -ETIMEDOUT);
	close(ends[0]);
	ends[0] = -1;
	ck_assert_int_eq(receive(SOON), -ECONNRESET);
}
END_TEST

/* A reader that does not read holds nobody up for ever. */
START_TEST(nobody_reads)
{
	int err = 0;

	for (unsigned i = 0; !err && i < 1000; i++)
		err = fdmsg_send(ends[0], buf, 100000, NULL, 0, 10);
	ck_assert_int_eq(err, -ETIMEDOUT);
}
END_TEST

START_TEST(too_long)
{
	ck_assert_int_eq(fdmsg_send(ends[0], "12345678", 8, NULL, 0, SOON), 0);
	ck_assert_int_eq(fdmsg_recv(ends[1], buf, 4, fds, &nfds, SOON),
			 -EMSGSIZE);
	ck_assert_int_eq(fdmsg_send(ends[0], "", 1, fds, FDMSG_FDS + 1, SOON),
			 -EMSGSIZE);
}
END_TEST

/* Whatever their order, a socket is found by what it is. */
START_TEST(found_by_address)
{
	struct addr one, two, tcp, peer;
	int all[4] = {bound(SOCK_STREAM, &tcp), bound(SOCK_DGRAM, &two),
		      bound(SOCK_DGRAM, &one), -1};
	struct fdbag bag = {0};

	ck_assert_int_eq(connect(all[1], &one.u.sa, addr_len(&one)), 0);
	ck_assert_int_eq(fdbag_add(&bag, all, 3), 0);
	ck_assert_int_eq(fdbag_take(&bag, SOCK_DGRAM, &tcp, NULL), -ENOENT);
	ck_assert_int_eq(fdbag_take(&bag, SOCK_DGRAM, &two, NULL), -ENOENT);
	ck_assert_int_eq(fdbag_take(&bag, SOCK_DGRAM, &one, &peer), -ENOENT);
	ck_assert_int_eq(fdbag_take(&bag, SOCK_DGRAM, &one, NULL), all[2]);
	ck_assert_int_eq(fdbag_take(&bag, SOCK_DGRAM, &one, NULL), -ENOENT);
	ck_assert_int_eq(fdbag_take(&bag, SOCK_DGRAM, &two, &peer), all[1]);
	ck_assert(addr_eq(&peer, &one));
	fdbag_close(&bag);
	ck_assert_int_eq(close(all[0]), -1); /* what was left is closed */
	close(all[1]);
	close(all[2]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fdmsg");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, message_with_descriptors);
	tcase_add_test(tc, nobody_answers);
	tcase_add_test(tc, nobody_reads);
	tcase_add_test(tc, too_long);
	tcase_add_test(tc, found_by_address);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
