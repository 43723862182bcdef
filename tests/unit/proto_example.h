#ifndef TESTS_UNIT_PROTO_EXAMPLE_H
#define TESTS_UNIT_PROTO_EXAMPLE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "proto/relay.h"

/* What the examples of proto/README.md are compared with. */

/* Run from the top of the tree, as `make check-unit` does. */
#define README "proto/README.md"

#define OFFER                                                                  \
	"v=0\r\n"                                                              \
	"o=first 1 1 IN IP4 10.0.0.16\r\n"                                     \
	"s=-\r\n"                                                              \
	"c=IN IP4 10.0.0.16\r\n"                                               \
	"t=0 0\r\n"                                                            \
	"m=audio 4000 RTP/AVP 0 8\r\n"                                         \
	"m=video 4002 RTP/AVP 34\r\n"

static struct addr proxy, redirect, relay;
static char readme[65536];
static char text[16384];
static struct strbuf sb;

static void setup(void)
{
	FILE *f = fopen(README, "r");
	size_t n;

	ck_assert_msg(f != NULL, "no " README ": run from the top folder");
	n = fread(readme, 1, sizeof(readme) - 1, f);
	fclose(f);
	readme[n] = '\0';
	ck_assert_int_eq(addr_parse(&proxy, "203.0.113.1:5060", 0), 0);
	ck_assert_int_eq(addr_parse(&redirect, "203.0.113.3:5060", 0), 0);
	ck_assert_int_eq(addr_parse(&relay, "203.0.113.4:5060", 0), 0);
	strbuf_init(&sb, text, sizeof(text));
}

/* What was just printed is the README's example `name`. */
static inline void assert_example(const char *name)
{
	char fence[64], want[4096];
	const char *from, *to;
	size_t n = 0;

	snprintf(fence, sizeof(fence), "\n```sip %s\n", name);
	from = strstr(readme, fence);
	ck_assert_msg(from != NULL, "no example %s", name);
	from += strlen(fence);
	to = strstr(from, "```");
	ck_assert_ptr_nonnull(to);
	for (; from < to; from++) {
		ck_assert_uint_lt(n + 2, sizeof(want));
		if (*from == '\n')
			want[n++] = '\r';
		want[n++] = *from;
	}
	want[n] = '\0';
	/* A fence needs a line end that a JSON body has not. */
	if (sb.len + 2 == n && strcmp(want + n - 2, "\r\n") == 0)
		want[n - 2] = '\0';
	ck_assert_str_eq(text, want);
}

static msg_t *parsed(const char *data)
{
	const char *why = NULL;
	msg_t *msg = NULL;

	ck_assert_msg(sipmsg_parse(&msg, data, strlen(data), &why) == 0,
		      "%s: %s", why, data);
	return msg;
}

static inline struct relay_request request(void)
{
	struct relay_request r = {
		.call_id = "call-1@10.0.0.16",
		.from = "<sip:first@example.com>;tag=f1",
		.to = "<sip:third@example.com>",
		.from_tag = "f1",
		.cseq = 7,
		.sdp = OFFER,
		.sdp_len = strlen(OFFER),
	};

	ck_assert_int_eq(addr_parse(&r.observed, "198.51.100.28:40000", 0), 0);
	return r;
}

static inline struct proto_hop hop(const char *branch)
{
	return (struct proto_hop){&proxy, branch, &relay};
}

/* Every printer refuses every buffer that is too small. */
#define assert_all_small_fail(call)                                            \
	do {                                                                   \
		size_t whole = sb.len;                                         \
		for (size_t cap = 0; cap <= whole; cap++) {                    \
			char *small = malloc(cap ? cap : 1);                   \
			strbuf_init(&sb, small, cap);                          \
			ck_assert_int_eq((call), -EMSGSIZE);                   \
			free(small);                                           \
		}                                                              \
		strbuf_init(&sb, text, sizeof(text));                          \
	} while (0)

#endif
