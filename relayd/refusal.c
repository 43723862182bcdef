#include <stddef.h>
#include <stdio.h>

#include "common/strbuf.h"
#include "proto/dialect.h"
#include "relayd/counters.h"
#include "relayd/refusal.h"

enum { EXTRA_MAX = 64 };

static const struct {
	int status;
	const char *phrase;
	int retry;
	size_t counter;
} refusals[] = {{0},
#define REFUSAL_ROW(name, status, phrase, retry, counter)                      \
	{status, phrase, retry, offsetof(struct relayd_counters, counter)},
		REFUSALS(REFUSAL_ROW)
#undef REFUSAL_ROW
};

static uint64_t *counter_at(struct relayd_counters *c, size_t offset)
{
	return (uint64_t *)(void *)((char *)c + offset);
}

int refusal_print(struct strbuf *out, enum refusal why, const sip_t *sip,
		  struct relayd_counters *counters)
{
	char extra[EXTRA_MAX] = "", tag[PROTO_TAG_LEN];
	struct sipmsg_reply r = {
		.status = refusals[why].status,
		.phrase = refusals[why].phrase,
		.to_tag = proto_reply_tag(tag, sip),
	};

	++*counter_at(counters, refusals[why].counter);
	if (refusals[why].retry)
		snprintf(extra, sizeof(extra), "Retry-After: %d\r\n",
			 refusals[why].retry);
	else if (why == METHOD)
		snprintf(extra, sizeof(extra),
			 "Allow: INVITE, ACK, BYE, OPTIONS\r\n");
	r.extra = *extra ? extra : NULL;
	return sipmsg_reply(out, sip, &r);
}

int refusal_status(enum refusal why)
{
	return refusals[why].status;
}

const char *refusal_phrase(enum refusal why)
{
	return refusals[why].phrase;
}
