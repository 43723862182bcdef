#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "relayd/fdtable.h"

enum { SLOTS = 4, SLOT = 16384, HALF = 8192 };

static struct fdtable *table;

static void setup(void)
{
	ck_assert_int_eq(fdtable_open(&table, SLOTS, -1), 0);
}

static void teardown(void)
{
	fdtable_close(table);
}

static void write_text(uint32_t slot, const char *text)
{
	ck_assert_int_eq(fdtable_write(table, slot, text, strlen(text)), 0);
}

static void has(const struct fdtable *t, uint32_t slot, const char *text)
{
	size_t len;
	const char *got = fdtable_read(&len, t, slot);

	if (!text) {
		ck_assert_ptr_null(got);
		return;
	}
	ck_assert_ptr_nonnull(got);
	ck_assert_uint_eq(len, strlen(text));
	ck_assert_int_eq(memcmp(got, text, len), 0);
}

static void spoil(uint32_t slot, unsigned half, size_t at)
{
	off_t where = (off_t)(slot * SLOT + half * HALF + at);
	char was;

	ck_assert_int_eq(pread(fdtable_fd(table), &was, 1, where), 1);
	was ^= 1;
	ck_assert_int_eq(pwrite(fdtable_fd(table), &was, 1, where), 1);
}

/* Each slot has its own text, the last one that was written. */
START_TEST(last_text)
{
	has(table, 1, NULL);
	for (unsigned i = 0; i < 5; i++) {
		write_text(1, "one");
		write_text(SLOTS, "another");
		write_text(1, i % 2 ? "two" : "three and more");
		has(table, 1, i % 2 ? "two" : "three and more");
		has(table, 2, NULL);
		has(table, SLOTS, "another");
	}
	fdtable_erase(table, 1);
	has(table, 1, NULL);
	write_text(1, "anew");
	has(table, 1, "anew");
}
END_TEST

START_TEST(size)
{
	char text[FDTABLE_TEXT_MAX + 1];

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(fdtable_write(table, 1, text, sizeof(text)),
			 -EMSGSIZE);
	has(table, 1, NULL);
	text[FDTABLE_TEXT_MAX] = '\0';
	write_text(1, text);
	has(table, 1, text);
}
END_TEST

/* Killed within a write: the text before is whole. Any byte may be the one that
 * is wrong. */
START_TEST(torn)
{
	write_text(1, "before");
	write_text(1, "behind");
	spoil(1, 1, (size_t)_i);
	has(table, 1, "before");
	write_text(1, "at last");
	has(table, 1, "at last");
}
END_TEST

START_TEST(torn_twice)
{
	write_text(1, "before");
	write_text(1, "behind");
	spoil(1, 0, 24);
	spoil(1, 1, 24);
	has(table, 1, NULL);
}
END_TEST

/* A length beyond the slot is not followed. */
START_TEST(long_length)
{
	const uint64_t len = UINT64_MAX - 8;

	write_text(1, "before");
	ck_assert_int_eq(
		pwrite(fdtable_fd(table), &len, sizeof(len), SLOT + 16),
		sizeof(len));
	has(table, 1, NULL);
}
END_TEST

/* Another process has the same memory. */
START_TEST(adopted)
{
	struct fdtable *other;

	write_text(3, "there");
	ck_assert_int_eq(fdtable_open(&other, SLOTS, dup(fdtable_fd(table))),
			 0);
	has(other, 3, "there");
	fdtable_close(other);
}
END_TEST

START_TEST(not_a_table)
{
	int fd = memfd_create("other", MFD_CLOEXEC);
	struct fdtable *other;

	ck_assert_int_eq(
		fdtable_open(&other, SLOTS + 1, dup(fdtable_fd(table))),
		-EBADMSG);
	ck_assert_int_eq(ftruncate(fd, (SLOTS + 1) * SLOT), 0);
	ck_assert_int_eq(fdtable_open(&other, SLOTS, fd), -EBADMSG);
	ck_assert_int_eq(fdtable_open(&other, SLOTS, open("/dev/null", O_RDWR)),
			 -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_fdtable");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, last_text);
	tcase_add_test(tc, size);
	tcase_add_loop_test(tc, torn, 0, 30);
	tcase_add_test(tc, torn_twice);
	tcase_add_test(tc, long_length);
	tcase_add_test(tc, adopted);
	tcase_add_test(tc, not_a_table);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
