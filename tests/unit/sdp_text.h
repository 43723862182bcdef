#ifndef TESTS_UNIT_SDP_TEXT_H
#define TESTS_UNIT_SDP_TEXT_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/sdp.h"
#include "common/strbuf.h"

/* What the phone of Fig. 5a says, with two media lines and every oddity. */
#define OFFER                                                                  \
	"v=0\r\n"                                                              \
	"o=first 2890844526 2890844527 IN IP4 10.0.0.16\r\n"                   \
	"s=A call\r\n"                                                         \
	"c=IN IP4 10.0.0.16\r\n"                                               \
	"t=0 0\r\n"                                                            \
	"a=ice-ufrag:abcd\r\n"                                                 \
	"m=audio 4000 RTP/AVP 0 8 101\r\n"                                     \
	"a=rtpmap:0 PCMU/8000\r\n"                                             \
	"a=rtcp:4009 IN IP4 10.0.0.17\r\n"                                     \
	"a=candidate:1 1 UDP 1 10.0.0.16 4000 typ host\r\n"                    \
	"a=end-of-candidates\r\n"                                              \
	"a=sendonly\r\n"                                                       \
	"m=video 4002/2 RTP/AVP 34\r\n"                                        \
	"i=eyes\r\n"                                                           \
	"a=rtcp-mux\r\n"                                                       \
	"a=rtcp:4003\r\n"                                                      \
	"m=application 0 udp t38\r\n"                                          \
	"c=IN IP6 2001:db8::7\r\n"

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

/* Parse from a block of exactly that size. */
static inline int parse_n(struct sdp *out, const char *text, size_t len)
{
	char *exact = malloc(len ? len : 1);
	int err;

	memcpy(exact, text, len);
	err = sdp_parse(out, exact, len);
	free(exact);
	return err;
}

static inline int parse(struct sdp *out, const char *text)
{
	return parse_n(out, text, strlen(text));
}

static inline void set_line(struct sdp *s, size_t i, const char *rtp)
{
	struct sdp_media *m = &s->media[i];

	snprintf(m->type, sizeof(m->type), "audio");
	snprintf(m->proto, sizeof(m->proto), "RTP/AVP");
	snprintf(m->fmt, sizeof(m->fmt), "0");
	m->rtp = address(rtp);
	m->port = addr_port(&m->rtp);
	m->rtcp = m->rtp;
	addr_set_port(&m->rtcp, (uint16_t)(m->port + 1));
	if (s->n <= i)
		s->n = i + 1;
}

/* A resource of one address, ports from 30000 in twos. */
static inline struct sdp resource(size_t n)
{
	struct sdp s = {0};
	char text[32];

	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "203.0.113.4:%zu", 30000 + 2 * i);
		set_line(&s, i, text);
	}
	return s;
}

#define C "v=0\nc=IN IP4 192.0.2.1\n"
#define M "m=audio 4000 RTP/AVP 0\n"

static inline void assert_replaced(const char *text, const struct sdp *with,
				   const char *want)
{
	struct sdp again;
	char buf[4096];
	struct strbuf sb;

	strbuf_init(&sb, buf, sizeof(buf));
	ck_assert_int_eq(sdp_replace(&sb, text, strlen(text), with), 0);
	ck_assert_str_eq(buf, want);
	ck_assert_int_eq(parse(&again, buf), 0);
	for (size_t cap = 0; cap <= strlen(want); cap++) {
		char *small = malloc(cap ? cap : 1);

		strbuf_init(&sb, small, cap);
		ck_assert_int_eq(sdp_replace(&sb, text, strlen(text), with),
				 -EMSGSIZE);
		free(small);
	}
}

#endif
