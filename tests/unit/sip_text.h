#ifndef TESTS_UNIT_SIP_TEXT_H
#define TESTS_UNIT_SIP_TEXT_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/sipmsg.h"
#include "common/strbuf.h"

#define START "INVITE sip:bob@example.com SIP/2.0\r\n"
#define VIA                                                                    \
	"Via: SIP/2.0/UDP "                                                    \
	"10.0.0.16:5062;rport;branch=z9hG4bK1;x-own=\"a;b\"\r\n"
#define REST                                                                   \
	"From: \"100% Alice\" <sip:alice@example.com;x=%41>;tag=f1;odd=1\r\n"  \
	"To : <sip:bob@example.com>\r\n"                                       \
	"Call-ID: c1@10.0.0.16\r\n"                                            \
	"CSeq: 7 INVITE\r\n"
#define TAIL                                                                   \
	"Record-Route: <sip:203.0.113.9;lr;x=%5b>\r\n"                         \
	"Contact: <sip:alice@10.0.0.16:5062>\r\n"                              \
	"X-Folded: one\r\n two\r\n"                                            \
	"Content-Type: application/sdp\r\n"                                    \
	"Content-Length: 5\r\n"                                                \
	"\r\n"                                                                 \
	"v=0\r\n"
#define GOOD START VIA REST TAIL

/* Parse from a block of exactly that size, so that a sanitizer sees any step
 * beyond it. */
static inline int parse(msg_t **msg, const char *data, size_t len)
{
	const char *why = NULL;
	char *exact = malloc(len ? len : 1);
	int err;

	memcpy(exact, data, len);
	err = sipmsg_parse(msg, exact, len, &why);
	free(exact);
	ck_assert_msg((err == 0) == (why == NULL), "err %d why %s", err,
		      why ? why : "-");
	return err;
}

static inline msg_t *parsed(const char *text)
{
	msg_t *msg = NULL;

	ck_assert_int_eq(parse(&msg, text, strlen(text)), 0);
	return msg;
}

static inline const char *printed(msg_t *msg)
{
	static char buf[SIPMSG_MAX];
	struct strbuf sb;

	strbuf_init(&sb, buf, sizeof(buf));
	ck_assert_int_eq(sipmsg_print(&sb, msg), 0);
	return buf;
}

static inline struct addr address(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 0), 0);
	return a;
}

static inline void assert_addr(const struct addr *a, const char *text)
{
	char buf[ADDR_STRLEN];

	ck_assert_str_eq(addr_str(buf, a), text);
}

#endif
