#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "redirectd/digest.h"

/* RFC 7616 3.9.1, and 3.9.2 as erratum 4897 has it (what the RFC prints is no
 * hash of its own example); RFC 2617 3.5; RFC 2069 2.4 by its erratum 749. */
static const struct vector {
	enum digest_algorithm a;
	const char *name, *realm, *password;
	struct digest_parts p;
	const char *response;
} vectors[] = {
	{DIGEST_MD5,
	 "Mufasa",
	 "http-auth@example.org",
	 "Circle of Life",
	 {"GET", "/dir/index.html",
	  "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "auth", "00000001",
	  "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"},
	 "8ca523f5e9506fed4657c9700eebdbec"},
	{DIGEST_SHA256,
	 "Mufasa",
	 "http-auth@example.org",
	 "Circle of Life",
	 {"GET", "/dir/index.html",
	  "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "auth", "00000001",
	  "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"},
	 "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	{DIGEST_SHA512_256,
	 "J\xc3\xa4s\xc3\xb8n Doe",
	 "api@example.org",
	 "Secret, or not?",
	 {"GET", "/doe.json", "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
	  "auth", "00000001", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"},
	 "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"},
	{DIGEST_MD5,
	 "Mufasa",
	 "testrealm@host.com",
	 "Circle Of Life",
	 {"GET", "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093",
	  "auth", "00000001", "0a4f113b"},
	 "6629fae49393a05397450978507c4ef1"},
	{DIGEST_MD5,
	 "Mufasa",
	 "testrealm@host.com",
	 "CircleOfLife",
	 {"GET", "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093", NULL,
	  NULL, NULL},
	 "1949323746fe6a43ef61f9606e7febea"},
};

START_TEST(the_examples_of_the_rfcs)
{
	const struct vector *v = &vectors[_i];
	struct digest ha1, d;

	ck_assert_int_eq(digest_ha1(&ha1, v->a, v->name, v->realm, v->password),
			 0);
	ck_assert_uint_eq(strlen(ha1.hex), digest_len(v->a));
	ck_assert_int_eq(digest_response(&d, v->a, &ha1, &v->p), 0);
	ck_assert_str_eq(d.hex, v->response);
}
END_TEST

/* RFC 8760 2.2: names and lengths. */
START_TEST(algorithms_by_name)
{
	static const struct {
		const char *name;
		enum digest_algorithm a;
		size_t len;
	} known[] = {
		{"MD5", DIGEST_MD5, 32},
		{"SHA-256", DIGEST_SHA256, 64},
		{"SHA-512-256", DIGEST_SHA512_256, 64},
	};
	enum digest_algorithm a;

	ck_assert_uint_eq(sizeof(known) / sizeof(known[0]), DIGEST_ALGORITHMS);
	for (size_t i = 0; i < DIGEST_ALGORITHMS; i++) {
		ck_assert_int_eq(digest_find(&a, known[i].name), 0);
		ck_assert_int_eq(a, known[i].a);
		ck_assert_str_eq(digest_name(a), known[i].name);
		ck_assert_uint_eq(digest_len(a), known[i].len);
	}
	ck_assert_int_eq(digest_find(&a, "sha-512-256"), 0);
	ck_assert_int_eq(a, DIGEST_SHA512_256);
	ck_assert_int_eq(digest_find(&a, NULL), 0);
	ck_assert_int_eq(a, DIGEST_MD5);
	ck_assert_int_eq(digest_find(&a, ""), 0);
	ck_assert_int_eq(a, DIGEST_MD5);
	ck_assert_int_eq(digest_find(&a, "MD5-sess"), -ENOENT);
	ck_assert_int_eq(digest_find(&a, "SHA-25"), -ENOENT);
	ck_assert_int_eq(digest_find(&a, "SHA-2566"), -ENOENT);
}
END_TEST

START_TEST(the_same_or_not)
{
	ck_assert(digest_same("", ""));
	ck_assert(digest_same("abc", "abc"));
	ck_assert(!digest_same("abc", "abd"));
	ck_assert(!digest_same("abc", "ab"));
	ck_assert(!digest_same("ab", "abc"));
	ck_assert(!digest_same("", "a"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("digest");
	Suite *s = suite_create("redirectd digest");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, the_examples_of_the_rfcs, 0,
			    sizeof(vectors) / sizeof(vectors[0]));
	tcase_add_test(tc, algorithms_by_name);
	tcase_add_test(tc, the_same_or_not);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
