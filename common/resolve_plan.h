#ifndef COMMON_RESOLVE_PLAN_H
#define COMMON_RESOLVE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/channel.h"
#include "common/dnsmsg.h"

/*
 * The procedure of RFC 3263 section 4 from what name servers are known to say:
 * it either comes to its end or says what has to be asked. Pure; whoever asks
 * runs it again with the answers (resolve.c).
 */

/* What is looked for, and what we can use. */
struct resolve_query {
	char host[DNS_NAME_LEN]; /* "" where it is an address */
	struct addr addr;        /* then; its port is not used */
	uint16_t port;           /* 0: none was given */
	bool sips;
	bool has_transport; /* one was given */
	enum transport transport;
	unsigned ip4, ip6; /* transports usable towards each family: bit
			      1u << enum transport */
	uint64_t seed;     /* of chance among equals */
};

/* Host (a name or an address, IPv6 with or without brackets) and port of a URI
 * or a Via; the other fields are the caller's to set. 0, or -EINVAL. */
int resolve_query_host(struct resolve_query *q, const char *host, size_t len,
		       uint16_t port);

/* Where to, the best first. */
enum { RESOLVE_CHANNELS_MAX = 16 };
struct resolve_list {
	size_t n;
	struct channel v[RESOLVE_CHANNELS_MAX];
};

struct resolve_question {
	enum dns_type type;
	char name[DNS_NAME_LEN];
};

enum { RESOLVE_QUESTIONS_MAX = 24 };
struct resolve_plan {
	struct resolve_list list;
	size_t nmissing;
	struct resolve_question missing[RESOLVE_QUESTIONS_MAX];
};

/* The answer to a question, or NULL: not known yet. */
typedef const struct dns_answer *resolve_lookup_h(enum dns_type type,
						  const char *name, void *arg);

/*
 * 0: out->list is the answer. -EAGAIN: out->missing has to be asked first.
 * Otherwise there is no way: -ENOENT (nothing is there), -EPROTONOSUPPORT
 * (nothing that we speak), -ETIMEDOUT (name servers did not say).
 */
int resolve_plan(struct resolve_plan *out, const struct resolve_query *q,
		 resolve_lookup_h *lookup, void *arg);

#endif
