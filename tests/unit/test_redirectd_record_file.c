#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/record.h"

#include "redirectd/record_file.h"

#define HEAD "{\"format\":\"pinhole-directory\",\"version\":1}\n"
#define ONE  "{\"alias\":\"a@b\",\"of\":\"c@b\"}\n"
#define END  "{\"end\":true}\n"

static struct {
	size_t n;
	unsigned long last;
	char err[CONF_ERRLEN];
} scene;

static void setup(void)
{
	memset(&scene, 0, sizeof(scene));
}

static int on_record(json_t *record, unsigned long line, void *arg,
		     char err[CONF_ERRLEN])
{
	enum record_kind kind;

	ck_assert_ptr_eq(arg, &scene);
	ck_assert_int_eq(record_kind(&kind, record), 0);
	scene.n++;
	scene.last = line;
	if (line != 4)
		return 0;
	strcpy(err, "the fourth");
	return -EPERM;
}

static int read_text(const char *text, size_t len)
{
	FILE *f = tmpfile();
	int ret;

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, len, f), len);
	rewind(f);
	ret = record_file_read(f, on_record, &scene, scene.err);
	(void)fclose(f);
	return ret;
}

static const struct {
	const char *text;
	int ret;
	size_t n;
	const char *err;
} cases[] = {
	{HEAD END, 0, 0, ""},
	{HEAD ONE END, 0, 1, ""},
	{HEAD ONE ONE END, 0, 2, ""},
	{HEAD ONE "{\"end\":true}", 0, 1, ""},
	{HEAD ONE ONE ONE END, -EPERM, 3, "the fourth"},
	{"", -EBADMSG, 0, "line 1: cut off: the last is not {\"end\":true}"},
	{HEAD, -EBADMSG, 0, "line 2: cut off: the last is not {\"end\":true}"},
	{HEAD ONE, -EBADMSG, 1,
	 "line 3: cut off: the last is not {\"end\":true}"},
	{HEAD "{\"alias\":\"a@b\"", -EBADMSG, 0, "line 2: not a JSON object"},
	{HEAD "\n" END, -EBADMSG, 0, "line 2: not a JSON object"},
	{HEAD END ONE, -EBADMSG, 0, "line 3: more behind the end"},
	{ONE END, -EBADMSG, 0,
	 "line 1: not an export of redirectd: expected "
	 "{\"format\":\"pinhole-directory\",\"version\":1}"},
	{"{\"format\":\"pinhole-directory\",\"version\":2}\n" END, -EBADMSG, 0,
	 "line 1: version: made by another redirectd, this one knows 1"},
};

START_TEST(reading)
{
	ck_assert_int_eq(read_text(cases[_i].text, strlen(cases[_i].text)),
			 cases[_i].ret);
	ck_assert_uint_eq(scene.n, cases[_i].n);
	ck_assert_str_eq(scene.err, cases[_i].err);
	if (scene.n)
		ck_assert_uint_eq(scene.last, scene.n + 1);
}
END_TEST

START_TEST(a_line_is_bounded)
{
	const size_t len = 4 * RECORD_LEN_MAX;
	char *text = malloc(len);

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', len);
	memcpy(text, HEAD, strlen(HEAD));
	ck_assert_int_eq(read_text(text, len), -EBADMSG);
	ck_assert_str_eq(scene.err, "line 2: longer than any record");
	free(text);
}
END_TEST

START_TEST(a_nul_is_no_end_of_a_line)
{
	static const char text[] = HEAD "{\"alias\":\"a@b\0\"}\n" END;

	ck_assert_int_eq(read_text(text, sizeof(text) - 1), -EBADMSG);
	ck_assert_str_eq(scene.err, "line 2: not a JSON object");
}
END_TEST

START_TEST(writing)
{
	char text[256] = "";
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(record_file_begin(f), 0);
	ck_assert_int_eq(record_file_add(f, record_of_alias("a@b", "c@b")), 0);
	ck_assert_int_eq(record_file_add(f, NULL), -ENOMEM);
	ck_assert_int_eq(record_file_end(f), 0);
	rewind(f);
	ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, f), 0);
	(void)fclose(f);
	ck_assert_str_eq(text, HEAD ONE END);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	FILE *f = fopen("/dev/full", "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(record_file_begin(f), 0); /* into the buffer */
	ck_assert_int_eq(record_file_end(f), -ENOSPC);
	(void)fclose(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redirectd record_file");
	TCase *t = tcase_create("record_file");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, reading, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, a_line_is_bounded);
	tcase_add_test(t, a_nul_is_no_end_of_a_line);
	tcase_add_test(t, writing);
	tcase_add_test(t, a_full_disk_is_told);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
