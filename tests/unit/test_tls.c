#include <errno.h>

#include "common/addr.h"
#include "common/tls.h"
#include "tests/unit/tls_fixture.h"

enum { RECORDS = 16 << 10 };

static struct identity ca, other_ca, named, at_address;
static struct tls_context *server_ctx, *client_ctx;
static struct tls *server, *client;
static char plain[RECORDS], why[256];

static struct tls_context *context(const char *pair, const char *roots)
{
	struct tls_context *ctx;

	ck_assert_msg(
		!tls_context_alloc(&ctx, pair, pair, roots, why, sizeof(why)),
		"%s", why);
	return ctx;
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ca = identity_of("ca", NULL, NULL);
	other_ca = identity_of("other", NULL, NULL);
	named = identity_of("named", "DNS:sip.example.com", &ca);
	at_address = identity_of("address", "IP:192.0.2.1", &ca);
	server_ctx = context(named.path, "");
	client_ctx = context("", ca.path);
}

static void teardown(void)
{
	tls_free(server);
	tls_free(client);
	tls_context_free(server_ctx);
	tls_context_free(client_ctx);
	forget(&ca);
	forget(&other_ca);
	forget(&named);
	forget(&at_address);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void open_both(const char *name, const char *ip)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, ip, 5061), 0);
	ck_assert_int_eq(tls_accept(&server, server_ctx), 0);
	ck_assert_int_eq(tls_connect(&client, client_ctx, name, &a), 0);
}

/* Carry what one has to say to the other, `piece` bytes at a time. */
static bool carry(struct tls *from, struct tls *to, size_t piece)
{
	const char *data;
	size_t n = tls_output(from, &data);

	for (size_t at = 0; at < n; at += piece)
		ck_assert_int_eq(tls_input(to, data + at,
					   n - at < piece ? n - at : piece),
				 0);
	tls_sent(from);
	return n > 0;
}

/* Until neither has anything to say: what the client, and the server, came to.
 */
static void converse(int *of_client, int *of_server, size_t piece)
{
	bool more;

	do {
		*of_client = tls_read(client, plain, sizeof(plain));
		more = carry(client, server, piece);
		*of_server = tls_read(server, plain, sizeof(plain));
		more |= carry(server, client, piece);
	} while (more && *of_client == 0 && *of_server == 0);
}

static void shake_hands(size_t piece)
{
	int c, s;

	converse(&c, &s, piece);
	ck_assert_int_eq(c, 0);
	ck_assert_int_eq(s, 0);
	ck_assert(tls_is_up(client));
	ck_assert(tls_is_up(server));
}

static const size_t pieces[] = {1, 7, RECORDS};

START_TEST(text_goes_both_ways)
{
	open_both("sip.example.com", "192.0.2.9");
	ck_assert(!tls_is_up(client));
	shake_hands(pieces[_i]);
	ck_assert_int_eq(tls_write(client, "hello", 5), 0);
	ck_assert(carry(client, server, pieces[_i]));
	ck_assert_int_eq(tls_read(server, plain, sizeof(plain)), 5);
	ck_assert_mem_eq(plain, "hello", 5);
	ck_assert_int_eq(tls_read(server, plain, sizeof(plain)), 0);
	ck_assert_int_eq(tls_write(server, "you too", 7), 0);
	ck_assert(carry(server, client, pieces[_i]));
	ck_assert_int_eq(tls_read(client, plain, sizeof(plain)), 7);
	ck_assert_mem_eq(plain, "you too", 7);
}
END_TEST

START_TEST(long_text_arrives_whole)
{
	static char text[10 * RECORDS], got[sizeof(text) + RECORDS];
	size_t len = 0;
	int n;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 / 5);
	open_both("sip.example.com", "192.0.2.9");
	shake_hands(RECORDS);
	ck_assert_int_eq(tls_write(client, text, sizeof(text)), 0);
	ck_assert(carry(client, server, RECORDS));
	while ((n = tls_read(server, got + len, RECORDS)) > 0)
		len += (size_t)n;
	ck_assert_int_eq(n, 0);
	ck_assert_uint_eq(len, sizeof(text));
	ck_assert_mem_eq(got, text, sizeof(text));
}
END_TEST

START_TEST(goodbye_is_heard)
{
	open_both("sip.example.com", "192.0.2.9");
	shake_hands(RECORDS);
	tls_shutdown(client);
	ck_assert(carry(client, server, RECORDS));
	ck_assert_int_eq(tls_read(server, plain, sizeof(plain)), -EPIPE);
}
END_TEST

START_TEST(address_may_be_certified_too)
{
	tls_context_free(server_ctx);
	server_ctx = context(at_address.path, "");
	open_both(NULL, "192.0.2.1");
	shake_hands(RECORDS);
}
END_TEST

START_TEST(name_may_be_an_address)
{
	tls_context_free(server_ctx);
	server_ctx = context(at_address.path, "");
	open_both("192.0.2.1", "192.0.2.9");
	shake_hands(RECORDS);
}
END_TEST

static const struct {
	const char *name, *ip;
} wrong[] = {
	{"sip.example.org", "192.0.2.1"}, /* another's */
	{"example.com", "192.0.2.1"},     /* of the domain above */
	{NULL, "192.0.2.1"},              /* the address is not certified */
};

START_TEST(certificate_of_another_is_refused)
{
	int c, s;

	open_both(wrong[_i].name, wrong[_i].ip);
	converse(&c, &s, RECORDS);
	ck_assert_int_eq(c, -EPROTO);
	ck_assert_ptr_nonnull(strstr(tls_why(client), "mismatch"));
	ck_assert(!tls_is_up(client));
	ck_assert_int_eq(s, -EPROTO); /* it was told why */
	ck_assert_str_ne(tls_why(server), "");
}
END_TEST

START_TEST(certificate_of_a_stranger_is_refused)
{
	int c, s;

	tls_context_free(client_ctx);
	client_ctx = context("", other_ca.path);
	open_both("sip.example.com", "192.0.2.1");
	converse(&c, &s, RECORDS);
	ck_assert_int_eq(c, -EPROTO);
	ck_assert_ptr_nonnull(strstr(tls_why(client), "issuer"));
}
END_TEST

START_TEST(what_is_no_tls_is_refused)
{
	ck_assert_int_eq(tls_accept(&server, server_ctx), 0);
	ck_assert_int_eq(tls_input(server, "OPTIONS sip:a SIP/2.0\r\n", 23), 0);
	ck_assert_int_eq(tls_read(server, plain, sizeof(plain)), -EPROTO);
	ck_assert_str_ne(tls_why(server), "");
}
END_TEST

/* TLS 1.1 as the newest of a client, by its version in the ClientHello. */
START_TEST(old_versions_are_refused)
{
	static const unsigned char hello[] = {
		0x16, 0x03, 0x01, 0x00, 0x31, 0x01, 0x00, 0x00, 0x2d,
		0x03, 0x02, 0,    1,    2,    3,    4,    5,    6,
		7,    8,    9,    10,   11,   12,   13,   14,   15,
		16,   17,   18,   19,   20,   21,   22,   23,   24,
		25,   26,   27,   28,   29,   30,   31,   0x00, 0x00,
		0x06, 0xc0, 0x09, 0xc0, 0x13, 0x00, 0x2f, 0x01, 0x00,
	};

	ck_assert_int_eq(tls_accept(&server, server_ctx), 0);
	ck_assert_int_eq(tls_input(server, hello, sizeof(hello)), 0);
	ck_assert_int_eq(tls_read(server, plain, sizeof(plain)), -EPROTO);
	ck_assert_str_eq(tls_why(server), "unsupported protocol");
}
END_TEST

START_TEST(sessions_outlive_their_certificates)
{
	open_both("sip.example.com", "192.0.2.9");
	shake_hands(RECORDS);
	tls_context_free(server_ctx);
	tls_context_free(client_ctx);
	server_ctx = client_ctx = NULL;
	ck_assert_int_eq(tls_write(client, "hello", 5), 0);
	ck_assert(carry(client, server, RECORDS));
	ck_assert_int_eq(tls_read(server, plain, sizeof(plain)), 5);
}
END_TEST

START_TEST(files_that_do_not_do_are_named)
{
	struct tls_context *ctx;

	ck_assert_int_lt(tls_context_alloc(&ctx, "/nowhere.pem", "/nowhere.pem",
					   "", why, sizeof(why)),
			 0);
	ck_assert_str_eq(why,
			 "certificate /nowhere.pem: No such file or directory");
	ck_assert_int_lt(tls_context_alloc(&ctx, named.path, at_address.path,
					   "", why, sizeof(why)),
			 0);
	ck_assert_ptr_nonnull(strstr(why, "key values mismatch"));
	ck_assert_int_lt(tls_context_alloc(&ctx, "", "", "/nowhere.pem", why,
					   sizeof(why)),
			 0);
	ck_assert_ptr_nonnull(strstr(why, "ca /nowhere.pem: "));
}
END_TEST

/* It must not ask on the terminal. */
START_TEST(key_with_a_password_is_refused)
{
	struct identity locked = ca;
	struct tls_context *ctx;
	char password[] = "secret";
	FILE *f;

	(void)snprintf(locked.path, sizeof(locked.path), "%s/locked", folder);
	f = fopen(locked.path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(PEM_write_PrivateKey(f, ca.key, EVP_aes_128_cbc(),
					      (unsigned char *)password, 6,
					      NULL, NULL),
			 1);
	(void)fclose(f);
	ck_assert_int_lt(tls_context_alloc(&ctx, ca.path, locked.path, "", why,
					   sizeof(why)),
			 0);
	ck_assert_ptr_nonnull(strstr(why, "/locked: it must not need a"));
	ck_assert_int_eq(unlink(locked.path), 0);
}
END_TEST

START_TEST(without_a_certificate_there_is_no_server)
{
	struct addr a;

	ck_assert(tls_context_serves(server_ctx));
	ck_assert(!tls_context_serves(client_ctx));
	ck_assert_int_eq(tls_accept(&server, client_ctx), -ENOENT);
	ck_assert_int_eq(addr_parse(&a, "192.0.2.1", 0), 0);
	ck_assert_int_eq(tls_connect(&client, client_ctx, "", &a), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls");
	TCase *tc = tcase_create("tls");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, text_goes_both_ways, 0, 3);
	tcase_add_test(tc, long_text_arrives_whole);
	tcase_add_test(tc, goodbye_is_heard);
	tcase_add_test(tc, address_may_be_certified_too);
	tcase_add_test(tc, name_may_be_an_address);
	tcase_add_test(tc, key_with_a_password_is_refused);
	tcase_add_loop_test(tc, certificate_of_another_is_refused, 0, 3);
	tcase_add_test(tc, certificate_of_a_stranger_is_refused);
	tcase_add_test(tc, what_is_no_tls_is_refused);
	tcase_add_test(tc, old_versions_are_refused);
	tcase_add_test(tc, sessions_outlive_their_certificates);
	tcase_add_test(tc, files_that_do_not_do_are_named);
	tcase_add_test(tc, without_a_certificate_there_is_no_server);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
