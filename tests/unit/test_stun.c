#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/stun.h"

/* The transaction id of RFC 5769, whose answers' addresses are known. */
#define ID   "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
#define HEAD "\x21\x12\xa4\x42" ID

static struct addr src;
static uint8_t out[STUN_ANSWER_MAX];

/* The request in a block of its own size, for a checker to guard its end. */
static int answer(const char *request, size_t len)
{
	char *copy = calloc(1, len ? len : 1);
	int n;

	if (len)
		memcpy(copy, request, len);
	memset(out, 0xee, sizeof(out));
	n = stun_answer(out, copy, len, &src);
	free(copy);
	return n;
}

#define ANSWER(text) answer(text, sizeof(text) - 1)

static void setup(void)
{
	ck_assert_int_eq(addr_parse(&src, "192.0.2.1:32853", 0), 0);
}

/* RFC 5769 2.2 */
START_TEST(ipv4_address_is_told)
{
	static const char want[] = "\x01\x01\0\x0c" HEAD
				   "\0\x20\0\x08\0\x01\xa1\x47\xe1\x12\xa6\x43";

	ck_assert_int_eq(ANSWER("\0\x01\0\0" HEAD), 32);
	ck_assert_mem_eq(out, want, sizeof(want) - 1);
}
END_TEST

/* RFC 5769 2.3 */
START_TEST(ipv6_address_is_told)
{
	static const char want[] =
		"\x01\x01\0\x18" HEAD "\0\x20\0\x14\0\x02\xa1\x47"
		"\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9"
		"\xd9";

	ck_assert_int_eq(
		addr_parse(&src, "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
			   0),
		0);
	ck_assert_int_eq(ANSWER("\0\x01\0\0" HEAD), 44);
	ck_assert_mem_eq(out, want, sizeof(want) - 1);
}
END_TEST

/* SOFTWARE (may be ignored) and USERNAME (known), padded to four bytes. */
START_TEST(attributes_that_are_known_or_optional)
{
	ck_assert_int_eq(ANSWER("\0\x01\0\x10" HEAD "\x80\x22\0\x03"
				"abc \0\x06\0\x01"
				"a   "),
			 32);
	ck_assert_int_eq(out[0], 1);
	ck_assert_int_eq(out[1], 1);
}
END_TEST

START_TEST(attributes_that_are_not_understood)
{
	static const char want[] =
		"\x01\x11\0\x10" HEAD "\0\x09\0\x04\0\0\x04\x14"
		"\0\x0a\0\x04\0\x24\x7f\xff";

	ck_assert_int_eq(ANSWER("\0\x01\0\x0c" HEAD "\0\x24\0\x04"
				"abcd\x7f\xff\0\0"),
			 36);
	ck_assert_mem_eq(out, want, sizeof(want) - 1);
}
END_TEST

START_TEST(list_of_the_unknown_is_bounded)
{
	char request[20 + 4 * 100] = "\0\x01\x01\x90" HEAD;

	for (int i = 0; i < 100; i++)
		memcpy(request + 20 + 4 * i, "\0\x24\0\0", 4);
	ck_assert_int_eq(answer(request, sizeof(request)), 20 + 8 + 4 + 16);
}
END_TEST

START_TEST(stun_that_calls_for_no_answer)
{
	ck_assert_int_eq(ANSWER("\0\x11\0\0" HEAD), 0); /* indication */
	ck_assert_int_eq(ANSWER("\x01\x01\0\0" HEAD), 0);
	ck_assert_int_eq(ANSWER("\0\x03\0\0" HEAD), 0); /* TURN */
	/* The attribute is longer than the message. */
	ck_assert_int_eq(ANSWER("\0\x01\0\x04" HEAD "\0\x06\0\x01"), 0);
	ck_assert_int_eq(ANSWER("\0\x01\0\x04" HEAD "\0\x06\xff\xff"), 0);
}
END_TEST

START_TEST(what_is_not_stun)
{
	ck_assert_int_eq(ANSWER(""), -EBADMSG);
	ck_assert_int_eq(ANSWER("INVITE sip:a@192.0.2.1 SIP/2.0\r\n"),
			 -EBADMSG);
	ck_assert_int_eq(ANSWER("\0\x01\0\0" ID ID), -EBADMSG);
	ck_assert_int_eq(ANSWER("\0\x01\0\x04" HEAD), -EBADMSG);
	ck_assert_int_eq(ANSWER("\0\x01\0\0" HEAD "\0\0\0\0"), -EBADMSG);
	ck_assert_int_eq(ANSWER("\0\x01\0\x02" HEAD "\0\0"), -EBADMSG);
	ck_assert_int_eq(ANSWER("\x80\x01\0\0" HEAD), -EBADMSG);
	ck_assert_int_eq(answer("\0\x01\0\0" HEAD, 19), -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stun");
	TCase *tc = tcase_create("stun");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, ipv4_address_is_told);
	tcase_add_test(tc, ipv6_address_is_told);
	tcase_add_test(tc, attributes_that_are_known_or_optional);
	tcase_add_test(tc, attributes_that_are_not_understood);
	tcase_add_test(tc, list_of_the_unknown_is_bounded);
	tcase_add_test(tc, stun_that_calls_for_no_answer);
	tcase_add_test(tc, what_is_not_stun);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
