#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/pattern.h"

static struct pattern *make(const char *text)
{
	struct pattern *p = NULL;
	const char *why = "";

	ck_assert_msg(!pattern_alloc(&p, text, strlen(text), &why),
		      "%s: expected %s", text, why);
	return p;
}

static void read_text(struct pattern_text *t, const char *text)
{
	ck_assert_int_eq(pattern_text_read(t, text, strlen(text)), 0);
}

static const struct {
	const char *pattern, *text;
	bool fits;
} cases[] = {
	{"alice", "alice", true},
	{"alice", "Alice", false},
	{"alice", "alic", false},
	{"alice", "alicea", false},
	{"*", "", true},
	{"*", "anything", true},
	{"**", "", true},
	{"0*", "0", true},
	{"0*", "089", true},
	{"0*", "10", false},
	{"*0", "100", true},
	{"*0", "101", false},
	{"1*2*3", "123", true},
	{"1*2*3", "1223323", true},
	{"1*2*3", "1322", false},
	{"*ab*ab*", "aab", false},
	{"*ab*ab*", "aababx", true},
	{"?", "", false},
	{"?", "x", true},
	{"?", "xy", false},
	{"1??", "112", true},
	{"1??", "11", false},
	{"[0-9]", "5", true},
	{"[0-9]", "a", false},
	{"[0-35b-d]x", "3x", true},
	{"[0-35b-d]x", "4x", false},
	{"[0-35b-d]x", "5x", true},
	{"[0-35b-d]x", "cx", true},
	{"[0-35b-d]x", "ex", false},
	{"[a-]", "-", true},
	{"[-a]", "-", true},
	{"[-a]", ".", false},
	{"[*]72", "*72", true},
	{"[*]72", "172", false},
	{"[?][[]]", "?[]", true},
	{"0[1-9]*", "0", false},
	{"0[1-9]*", "00", false},
	{"0[1-9]*", "049", true},
	{"+[0-9]*", "+4989", true},
	{"a%2fb", "a%2Fb", true},
	{"a/b", "a%2Fb", true},
	{"a?b", "a%2Fb", true},
	{"a[%2f-0]b", "a%2fb", true},
	{"%23*", "%2331", true},
	{"a%00b", "a%00b", true},
	{"100%25", "100%", true},
	{"\xc3\xa9*", "%C3%A9t%C3%A9", true},
};

START_TEST(matching)
{
	struct pattern_text t;
	struct pattern *p = make(cases[_i].pattern);

	read_text(&t, cases[_i].text);
	ck_assert_msg(pattern_match(p, &t) == cases[_i].fits, "%s with %s",
		      cases[_i].pattern, cases[_i].text);
	pattern_free(p);
}
END_TEST

static const struct {
	const char *pattern, *why;
} refused[] = {
	{"", "a pattern of 1 to 255 characters"},
	{"a b", "characters of a client id in the pattern"},
	{"a\rb", "characters of a client id in the pattern"},
	{"a\x7f", "characters of a client id in the pattern"},
	{"<a>", "characters of a client id in the pattern"},
	{"a@b", "characters of a client id in the pattern"},
	{"[@]", "characters of a client id in the pattern"},
	{"a%", "two hex digits after a %"},
	{"a%4", "two hex digits after a %"},
	{"a%zz", "two hex digits after a %"},
	{"[", "a ] for each ["},
	{"[0-9", "a ] for each ["},
	{"[0-", "a ] for each ["},
	{"[]", "characters in [ ]"},
	{"[]a]", "characters in [ ]"},
	{"[!0]", "what may stand there in [ ], not what not"},
	{"[^0]", "what may stand there in [ ], not what not"},
	{"[9-0]", "the lower character first, as in [0-9]"},
	{"[a][a][a][a][a][a][a][a][a][a][a][a][a][a][a][a][a]",
	 "at most 16 [ ] in a pattern"},
};

START_TEST(refusing)
{
	struct pattern *p = NULL;
	const char *why = "";

	ck_assert_int_eq(pattern_alloc(&p, refused[_i].pattern,
				       strlen(refused[_i].pattern), &why),
			 -EINVAL);
	ck_assert_str_eq(why, refused[_i].why);
	ck_assert_ptr_null(p);
}
END_TEST

START_TEST(length_is_bounded)
{
	char text[3 * PATTERN_TEXT_MAX + 1];
	struct pattern_text t;
	struct pattern *p;
	const char *why;

	memset(text, 'a', sizeof(text));
	p = NULL;
	ck_assert_int_eq(pattern_alloc(&p, text, PATTERN_TEXT_MAX, &why),
			 -EINVAL);
	ck_assert_int_eq(pattern_alloc(&p, text, PATTERN_TEXT_MAX - 1, &why),
			 0);
	ck_assert_int_eq(pattern_text_read(&t, text, PATTERN_TEXT_MAX - 1), 0);
	ck_assert(pattern_match(p, &t));
	pattern_free(p);
	ck_assert_int_eq(pattern_text_read(&t, text, PATTERN_TEXT_MAX), 0);
	ck_assert_int_eq(pattern_text_read(&t, text, PATTERN_TEXT_MAX + 1),
			 -EMSGSIZE);
	for (size_t i = 0; i < PATTERN_TEXT_MAX; i++)
		memcpy(text + 3 * i, "%41", 3);
	ck_assert_int_eq(pattern_text_read(&t, text, 3 * PATTERN_TEXT_MAX), 0);
	ck_assert_uint_eq(t.n, PATTERN_TEXT_MAX);
	ck_assert_uint_eq(t.at[t.n], 3 * PATTERN_TEXT_MAX);
}
END_TEST

static const struct {
	const char *pattern, *text, *star; /* NULL: none */
} stars[] = {
	{"0*", "089", "89"},
	{"0*", "0", ""},
	{"*", "089", "089"},
	{"*0", "100", "10"},
	{"[0-9]?*%23", "12a%2Fb%23", "a%2Fb"},
	{"*", "%41%42", "%41%42"},
	{"012", "012", NULL},
	{"*1*", "212", NULL},
	{"[*]", "*", NULL},
};

START_TEST(star)
{
	struct pattern *p = make(stars[_i].pattern);
	struct pattern_text t;
	size_t from, to;

	read_text(&t, stars[_i].text);
	ck_assert(pattern_match(p, &t));
	ck_assert(pattern_star(&from, &to, p, &t) == !!stars[_i].star);
	ck_assert(pattern_has_one_star(p) == !!stars[_i].star);
	if (stars[_i].star) {
		ck_assert_uint_eq(t.at[to] - t.at[from],
				  strlen(stars[_i].star));
		ck_assert_mem_eq(stars[_i].text + t.at[from], stars[_i].star,
				 strlen(stars[_i].star));
	}
	pattern_free(p);
}
END_TEST

/* Would take 2^n steps if every star were tried with every other. */
START_TEST(many_stars_end)
{
	char text[PATTERN_TEXT_MAX], pattern[PATTERN_TEXT_MAX];
	struct pattern_text t;
	struct pattern *p;

	for (size_t i = 0; i + 2 < sizeof(pattern); i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[sizeof(pattern) - 2] = 'b';
	pattern[sizeof(pattern) - 1] = '\0';
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	p = make(pattern);
	read_text(&t, text);
	ck_assert(!pattern_match(p, &t));
	text[sizeof(text) - 2] = 'b';
	read_text(&t, text);
	ck_assert(pattern_match(p, &t));
	pattern_free(p);
}
END_TEST

/* The plain way, for short texts: what the pattern means, by recursion. */
static bool means(const char *p, const char *s)
{
	if (!*p)
		return !*s;
	if (*p == '*')
		return means(p + 1, s) || (*s && means(p, s + 1));
	return *s && (*p == '?' || *p == *s) && means(p + 1, s + 1);
}

/* Every pattern of up to 4 of "a*?b" with every text of up to 5 of "ab". */
START_TEST(agrees_with_the_plain_way)
{
	static const char alphabet[] = "a*?b";
	size_t agreed = 0;

	for (unsigned k = 1; k < 1U << 10; k++) {
		char pattern[8] = "";
		unsigned len = 1 + (k >> 8), bits = k & 0xff;
		struct pattern *p;

		for (unsigned i = 0; i < len; i++)
			pattern[i] = alphabet[bits >> 2 * i & 3];
		p = make(pattern);
		for (unsigned m = 1; m < 1U << 6; m++) {
			char text[8] = "";
			struct pattern_text t;
			unsigned top = 0;

			for (unsigned v = m; v > 1; v >>= 1)
				text[top++] = v & 1 ? 'a' : 'b';
			read_text(&t, text);
			ck_assert_msg(pattern_match(p, &t) ==
					      means(pattern, text),
				      "%s with %s", pattern, text);
			agreed++;
		}
		pattern_free(p);
	}
	ck_assert_uint_eq(agreed, 1023 * 63);
}
END_TEST

#define LOOP(test, table)                                                      \
	tcase_add_loop_test(t, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *s = suite_create("redirectd pattern");
	TCase *t = tcase_create("pattern");

	LOOP(matching, cases);
	LOOP(refusing, refused);
	LOOP(star, stars);
	tcase_add_test(t, length_is_bounded);
	tcase_add_test(t, many_stars_end);
	tcase_add_test(t, agrees_with_the_plain_way);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
