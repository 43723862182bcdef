#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "common/ws_handshake.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define GET     "GET / HTTP/1.1\r\n"
#define HOST    "Host: sip.example.com\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define SIP     "Sec-WebSocket-Protocol: sip\r\n"
#define ALL     HOST UPGRADE KEY VERSION SIP
#define END     "\r\n"

static const char *const ours[] = {"https://phone.example.com",
				   "https://www.example.com:8443", NULL};

static char answer[WS_ANSWER_MAX];
static const char *why;

static int shake(const char *head, const char *const *origins)
{
	struct strbuf out;
	size_t len = strlen(head);
	char *copy = malloc(len); /* of its own size, for a checker */
	int status;

	memcpy(copy, head, len);
	strbuf_init(&out, answer, sizeof(answer));
	why = NULL;
	status = ws_handshake(&out, &why, copy, len, origins);
	ck_assert_int_eq(strbuf_err(&out), 0);
	free(copy);
	return status;
}

static const struct {
	int status;
	const char *head;
} heads[] = {
	{0, GET ALL END},
	/* RFC 7118 4.2 */
	{0, "GET / HTTP/1.1\r\nHost: sip-ws.example.com\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	    "Origin: http://www.example.com\r\n"
	    "Sec-WebSocket-Protocol: sip\r\n"
	    "Sec-WebSocket-Version: 13\r\n\r\n"},
	/* Firefox's words, any case, several protocols, any path, lone LF */
	{0, "GET /ws?x=1 HTTP/1.1\nhost:a\nUPGRADE: WebSocket\n"
	    "connection: keep-alive, Upgrade\n"
	    "sec-websocket-key:\tdGhlIHNhbXBsZSBub25jZQ== \n"
	    "Sec-WebSocket-Protocol: xmpp,  sip\n"
	    "Sec-WebSocket-Extensions: permessage-deflate\n"
	    "Sec-WebSocket-Version: 13\n\n"},
	{0, GET HOST UPGRADE KEY VERSION
	 "Sec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Protocol: sip\r\n" END},
	{400, END},
	{400, "GET\r\n" END},
	{400, "GET /\r\n" END},
	{400, "GET / \r\n" END},
	{400, "GET  HTTP/1.1\r\n" END},
	{400, " / HTTP/1.1\r\n" END},
	{400, "GET / HTTP/\r\n" END},
	{400, "REGISTER sip:example.com SIP/2.0\r\n" ALL END},
	{400, GET ALL "no header\r\n" END},
	{400, GET ALL "Folded: a\r\n b: c\r\n" END},
	{400, GET ALL "Space : c\r\n" END},
	{400, GET ALL ": c\r\n" END},
	{405, "POST / HTTP/1.1\r\n" ALL END},
	{405, "get / HTTP/1.1\r\n" ALL END},
	{505, "GET / HTTP/1.0\r\n" ALL END},
	{505, "GET / HTTP/2\r\n" ALL END},
	{400, GET UPGRADE KEY VERSION SIP END},
	{400, GET ALL HOST END},
	{400, GET UPGRADE KEY VERSION SIP "Host:\r\n" END},
	{426, GET HOST END},
	{426, GET HOST KEY VERSION SIP "Upgrade: websocket\r\n" END},
	{426, GET HOST KEY VERSION SIP "Connection: upgrade\r\n" END},
	{426, GET HOST KEY VERSION SIP
	 "Connection: upgrade\r\nUpgrade: h2c\r\n" END},
	{426, GET HOST UPGRADE KEY SIP END},
	{426, GET HOST UPGRADE KEY SIP "Sec-WebSocket-Version: 8\r\n" END},
	{426, GET ALL VERSION END},
	{400, GET HOST UPGRADE VERSION SIP END},
	{400, GET ALL KEY END},
	{400, GET HOST UPGRADE VERSION SIP "Sec-WebSocket-Key: short\r\n" END},
	{400, GET HOST UPGRADE VERSION SIP
	 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTEy\r\n" END},
	{400, GET HOST UPGRADE VERSION SIP
	 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j===\r\n" END},
	{400, GET HOST UPGRADE VERSION SIP
	 "Sec-WebSocket-Key: dGhlIHNhbX*sZSBub25jZQ==\r\n" END},
	{400, GET HOST UPGRADE KEY VERSION END},
	{400, GET HOST UPGRADE KEY VERSION
	 "Sec-WebSocket-Protocol: sips, xsip\r\n" END},
};

START_TEST(every_check)
{
	char line[16];
	int status = shake(heads[_i].head, NULL);

	ck_assert_int_eq(status, heads[_i].status);
	snprintf(line, sizeof(line), "HTTP/1.1 %d", status ? status : 101);
	ck_assert_int_eq(strncmp(answer, line, strlen(line)), 0);
	if (status) {
		ck_assert_ptr_nonnull(why);
		ck_assert_ptr_nonnull(strstr(answer, why));
		return;
	}
	/* RFC 6455 1.3: the key of all of them has this answer. */
	ck_assert_ptr_nonnull(strstr(
		answer,
		"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	ck_assert_ptr_nonnull(
		strstr(answer, "\r\nSec-WebSocket-Protocol: sip\r\n"));
	ck_assert_ptr_nonnull(strstr(answer, "\r\nUpgrade: websocket\r\n"));
}
END_TEST

START_TEST(refusals_say_what_would_do)
{
	ck_assert_int_eq(shake("PUT / HTTP/1.1\r\n" ALL END, NULL), 405);
	ck_assert_ptr_nonnull(strstr(answer, "\r\nAllow: GET\r\n"));
	ck_assert_int_eq(shake(GET HOST END, NULL), 426);
	ck_assert_ptr_nonnull(strstr(answer, "\r\nUpgrade: websocket\r\n"));
	ck_assert_ptr_nonnull(
		strstr(answer, "\r\nSec-WebSocket-Version: 13\r\n"));
	ck_assert_ptr_nonnull(
		strstr(answer, "\r\nConnection: upgrade, close\r\n"));
}
END_TEST

static const struct {
	int status;
	const char *head;
} pages[] = {
	{0, GET ALL "Origin: https://phone.example.com\r\n" END},
	{0, GET ALL "Origin: HTTPS://Phone.Example.com\r\n" END},
	{0, GET ALL "Origin: https://www.example.com:8443\r\n" END},
	{0, GET ALL END}, /* no browser */
	{403, GET ALL "Origin: http://phone.example.com\r\n" END},
	{403, GET ALL "Origin: https://phone.example.com.evil\r\n" END},
	{403, GET ALL "Origin: https://www.example.com\r\n" END},
	{403, GET ALL "Origin: null\r\n" END},
	{403, GET ALL "Origin:\r\n" END},
	{403, GET ALL "Origin: https://evil.example\r\n"
		      "Origin: https://phone.example.com\r\n" END},
};

START_TEST(origins)
{
	static const char *const none[] = {NULL};

	ck_assert_int_eq(shake(pages[_i].head, ours), pages[_i].status);
	ck_assert_int_eq(shake(pages[_i].head, none), 0);
	ck_assert_int_eq(shake(pages[_i].head, NULL), 0);
}
END_TEST

START_TEST(where_a_head_ends)
{
	static const char head[] = GET ALL END;
	size_t len = strlen(head);

	for (size_t i = 0; i <= len; i++)
		ck_assert_int_eq(ws_head_ends(head, i), i == len);
	ck_assert(ws_head_ends("a\n\n", 3));
	ck_assert(ws_head_ends("a\r\n\n", 4));
	ck_assert(ws_head_ends("a\n\r\n", 4));
	ck_assert(!ws_head_ends("\r\n", 2));
	ck_assert(!ws_head_ends("a\r\r\n", 4));
}
END_TEST

START_TEST(never_a_head)
{
	struct strbuf out;

	strbuf_init(&out, answer, sizeof(answer));
	ck_assert_ptr_nonnull(ws_handshake_refuse(&out, 431));
	ck_assert_int_eq(strncmp(answer, "HTTP/1.1 431 ", 13), 0);
	strbuf_init(&out, answer, sizeof(answer));
	ck_assert_ptr_nonnull(ws_handshake_refuse(&out, 400));
	ck_assert_int_eq(strncmp(answer, "HTTP/1.1 400 ", 13), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ws_handshake");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, every_check, 0, COUNT(heads));
	tcase_add_test(tc, refusals_say_what_would_do);
	tcase_add_loop_test(tc, origins, 0, COUNT(pages));
	tcase_add_test(tc, where_a_head_ends);
	tcase_add_test(tc, never_a_head);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
