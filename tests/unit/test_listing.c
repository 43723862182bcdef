#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/listing.h"

static const char *const columns[] = {"call_id", "packets", "peer"};
static struct listing list;
static char *text;
static size_t len;

static void begin(size_t room, bool json)
{
	listing_begin(&list, columns, 3, json);
	list.room = room;
	list.right = 1 << 1;
	list.out = open_memstream(&text, &len);
	ck_assert_ptr_nonnull(list.out);
}

static int row(const char *a, const char *b, const char *c)
{
	const char *const values[] = {a, b, c};

	return listing_row(&list, values);
}

/* What was printed, until the next one. */
static const char *printed(void)
{
	static char copy[1 << 20];

	listing_end(&list);
	ck_assert_int_eq(fclose(list.out), 0);
	snprintf(copy, sizeof(copy), "%s", text);
	free(text);
	return copy;
}

START_TEST(as_wide_as_the_rows)
{
	begin(0, false);
	ck_assert_int_eq(row("a1", "7", "203.0.113.14:5060"), 0);
	ck_assert_int_eq(row("a-longer-one", "12345678", "x"), 0);
	ck_assert_str_eq(printed(),
			 "CALL ID        PACKETS  PEER\n"
			 "a1                   7  203.0.113.14:5060\n"
			 "a-longer-one  12345678  x\n");
}
END_TEST

START_TEST(nothing_is_a_heading)
{
	begin(0, false);
	ck_assert_str_eq(printed(), "CALL ID  PACKETS  PEER\n");
	begin(0, true);
	ck_assert_str_eq(printed(), "[]\n");
}
END_TEST

/* The longest gives way, the others stay whole. */
START_TEST(cut_to_fit)
{
	begin(32, false);
	row("0123456789abcdefghijklmnopq", "12", "203.0.113.4");
	ck_assert_str_eq(printed(), "CALL ID     PACKETS  PEER\n"
				    "012345678~       12  203.0.113.4\n");
}
END_TEST

static size_t longest_line(const char *out)
{
	size_t most = 0;

	for (; *out; out += strcspn(out, "\n") + 1)
		if (strcspn(out, "\n") > most)
			most = strcspn(out, "\n");
	return most;
}

/* However narrow, down to one character a column. */
START_TEST(fits_any_room)
{
	begin((size_t)_i, false);
	row("0123456789abcdefghijklmnopq", "123456789012", "203.0.113.4");
	row("a", "1", "b");
	ck_assert_uint_le(longest_line(printed()), (size_t)_i);
}
END_TEST

START_TEST(later_rows_have_the_same_columns)
{
	const char *out;

	begin(40, false);
	for (int i = 0; i < LISTING_LOOK; i++)
		ck_assert_int_eq(row("a", "1", "b"), 0);
	row("0123456789", "123456789", "cdefg");
	out = strrchr(printed(), 'a');
	ck_assert_str_eq(out, "a              1  b\n012345~  123456~  cde~\n");
}
END_TEST

/* Nothing that comes from elsewhere moves the cursor. */
START_TEST(control_characters_are_not_passed_on)
{
	begin(0, false);
	row("\x1b[2Jx",
	    "\xc2\x9b"
	    "1",
	    "a\tb\r\nc\x7f");
	ck_assert_str_eq(printed(), "CALL ID  PACKETS  PEER\n"
				    "?[2Jx         ?1  a?b??c?\n");
}
END_TEST

/* A character is a column, however many bytes it has; none is cut apart. */
START_TEST(utf8_is_whole)
{
	begin(22, false);
	row("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac"
	    "789",
	    "1", "b");
	row("abc", "1", "b\xff");
	ck_assert_str_eq(printed(),
			 "CALL ID  PACKETS  PEER\n"
			 "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac"
			 "7~        1  b\n"
			 "abc            1  b?\n");
}
END_TEST

START_TEST(json_is_whole)
{
	begin(10, true);
	ck_assert_int_eq(row("0123456789abcdef", "1", "\x1b"), 0);
	ck_assert_int_eq(row("\xff", "1", "b"), -EILSEQ);
	ck_assert_int_eq(row("b", "2", "c"), 0);
	ck_assert_str_eq(printed(),
			 "[\n{\"call_id\":\"0123456789abcdef\",\"packets\":"
			 "\"1\",\"peer\":\"\\u001B\"},\n"
			 "{\"call_id\":\"b\",\"packets\":\"2\",\"peer\":"
			 "\"c\"}\n]\n");
}
END_TEST

START_TEST(text_says_how_much_it_took)
{
	FILE *out = open_memstream(&text, &len);

	ck_assert_uint_eq(listing_text(out, "abcdef", 4), 4);
	ck_assert_uint_eq(listing_text(out, "abcd", 4), 4);
	ck_assert_uint_eq(listing_text(out, "ab", 0), 2);
	ck_assert_uint_eq(listing_text(out, "", 4), 0);
	fclose(out);
	ck_assert_str_eq(text, "abc~abcdab");
	free(text);
}
END_TEST

/* A terminal says how wide it is; one that does not, $COLUMNS. */
START_TEST(room_of_a_terminal)
{
	struct winsize size = {.ws_col = 132};
	int before = dup(STDOUT_FILENO);
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	size_t said, none, columns_say, usual;

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master) || unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(slave, 0);
	fflush(stdout);
	dup2(slave, STDOUT_FILENO);
	ck_assert_int_eq(ioctl(slave, TIOCSWINSZ, &size), 0);
	said = listing_room();
	size.ws_col = 0;
	ck_assert_int_eq(ioctl(slave, TIOCSWINSZ, &size), 0);
	setenv("COLUMNS", "61", 1);
	columns_say = listing_room();
	setenv("COLUMNS", "-3", 1);
	usual = listing_room();
	dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	none = listing_room();
	dup2(before, STDOUT_FILENO);
	ck_assert_uint_eq(said, 132);
	ck_assert_uint_eq(columns_say, 61);
	ck_assert_uint_eq(usual, 80);
	ck_assert_uint_eq(none, 0);
}
END_TEST

static Suite *listing_suite(void)
{
	Suite *s = suite_create("listing");
	TCase *t = tcase_create("listing");

	tcase_add_test(t, as_wide_as_the_rows);
	tcase_add_test(t, nothing_is_a_heading);
	tcase_add_test(t, cut_to_fit);
	tcase_add_loop_test(t, fits_any_room, 7, 60);
	tcase_add_test(t, later_rows_have_the_same_columns);
	tcase_add_test(t, control_characters_are_not_passed_on);
	tcase_add_test(t, utf8_is_whole);
	tcase_add_test(t, json_is_whole);
	tcase_add_test(t, text_says_how_much_it_took);
	tcase_add_test(t, room_of_a_terminal);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(listing_suite());

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
