#include "common/addr.h"
#include "common/sipmsg_refuse.h"
#include "common/strbuf.h"
#include "tests/unit/torture.h"

/*
 * The torture corpus without a daemon: what is let in, what is wrong with what
 * is not, and what is answered.
 */
enum { CORPUS_MIN = 60 };

static char out[2 * SIPMSG_MAX];

static struct addr source(void)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, "203.0.113.14:5070", 0), 0);
	return a;
}

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* An answer has its status, no more bytes than came, and can be read where
 * nothing was missing. */
static void answered(const char *name, const struct torture *t,
		     const struct strbuf *sb, const char *expect)
{
	bool missing = strstr(t->text, "\nfault: no_");
	bool future = strstr(t->text, "\nfault: version");
	msg_t *msg = NULL;
	const char *why = NULL;

	ck_assert_msg(begins(expect, "answered "), "%s: answered", name);
	ck_assert_msg(begins(sb->data, "SIP/2.0 "), "%s: %s", name, sb->data);
	ck_assert_msg(!strncmp(sb->data + 8, expect + 9, strlen(expect + 9)),
		      "%s: %s", name, sb->data);
	ck_assert_msg(sb->len <= t->len, "%s: longer than what came", name);
	ck_assert_ptr_nonnull(strstr(sb->data, ";received=203.0.113.14"));
	if (sipmsg_parse(&msg, sb->data, sb->len, &why))
		ck_assert_msg(missing || future || strstr(why, "In URI") ||
				      strstr(why, "Quoted") ||
				      strstr(why, "Malformed") ||
				      strstr(why, "CSeq") ||
				      strstr(why, "Call-ID"),
			      "%s: the answer: %s: %s", name, why, sb->data);
	msg_destroy(msg);
}

static void refused(const char *name, const struct torture *t,
		    const struct sipmsg_bad *bad, const char *expect)
{
	struct addr src = source();
	char *exact = malloc(t->len);
	enum sipmsg_silence silence;
	struct strbuf sb;

	memcpy(exact, t->data, t->len);
	strbuf_init(&sb, out, sizeof(out));
	silence = sipmsg_refuse(&sb, exact, t->len, &src, bad);
	free(exact);
	if (silence == SIPMSG_ANSWERED)
		answered(name, t, &sb, expect);
	else
		ck_assert_msg(begins(expect, "dropped"), "%s: silent %d", name,
			      silence);
}

static void one(const char *name)
{
	struct sipmsg_bad bad;
	struct torture t;
	char fault[256], expect[256];
	msg_t *msg = NULL;
	int err;

	torture_load(&t, name);
	torture_value(fault, &t, "fault");
	torture_value(expect, &t, "expect");
	ck_assert_msg(*expect, "%s: no expect", name);
	ck_assert_msg(*torture_value(out, &t, "cite"), "%s: no cite", name);
	err = sipmsg_admit(&msg, t.data, t.len, &bad);
	ck_assert_msg(
		!strcmp(sipmsg_fault_name(bad.fault), *fault ? fault : "none"),
		"%s: %s %s, not %s", name, sipmsg_fault_name(bad.fault),
		bad.header ? bad.header : "", fault);
	ck_assert_int_eq(err != 0, bad.fault != SIPMSG_FAULT_NONE);
	if (err)
		refused(name, &t, &bad, expect);
	msg_destroy(msg);
	torture_drop(&t);
}

static char *names[TORTURE_FILES];

START_TEST(corpus_is_told_apart)
{
	one(names[_i]);
}
END_TEST

/* Whatever is cut off wherever, and whatever byte is another. */
START_TEST(pieces_of_the_corpus)
{
	static const char bytes[] = "\0 \t\r\n,;:<\"\\/x\xff";
	const struct sipmsg_bad bad = {SIPMSG_FAULT_header, "Contact"};
	struct addr src = source();
	struct strbuf sb;
	struct torture t;

	torture_load(&t, names[_i]);
	for (size_t len = 0; len < t.len; len++) {
		char *exact = malloc(len + 1);

		memcpy(exact, t.data, len + 1);
		exact[len] = bytes[len % (sizeof(bytes) - 1)];
		strbuf_init(&sb, out, sizeof(out));
		if (!sipmsg_refuse(&sb, exact, len + 1, &src, &bad))
			ck_assert_uint_le(sb.len, len + 1);
		free(exact);
	}
	torture_drop(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("torture");
	TCase *tc = tcase_create("core");
	int failed, n = torture_files(names);
	SRunner *sr;

	if (n < CORPUS_MIN)
		return 1;
	tcase_set_timeout(tc, 0);
	tcase_add_loop_test(tc, corpus_is_told_apart, 0, n);
	tcase_add_loop_test(tc, pieces_of_the_corpus, 0, n);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	for (int i = 0; i < n; i++)
		free(names[i]);
	return failed != 0;
}
