#ifndef COMMON_SIPMSG_REFUSE_H
#define COMMON_SIPMSG_REFUSE_H

#include <stddef.h>

#include "common/sipmsg.h"

struct addr;
struct strbuf;

/* Why a bad message gets no answer, once: name, help. */
#define SIPMSG_SILENCES(X)                                                     \
	X(response, "Malformed responses, and what is no SIP message")         \
	X(ack, "Malformed ACKs, which are never answered")                     \
	X(no_way_back, "Malformed requests without a Via and CSeq to return")  \
	X(longer, "Malformed requests shorter than an answer to them")         \
	X(source, "Malformed requests from an address nobody can answer")

enum sipmsg_silence {
	SIPMSG_ANSWERED,
#define SIPMSG_SILENCE_ENUM(name, help) SIPMSG_SILENCE_##name,
	SIPMSG_SILENCES(SIPMSG_SILENCE_ENUM)
#undef SIPMSG_SILENCE_ENUM
		SIPMSG_SILENCE_COUNT
};

/*
 * The stateless answer (RFC 3261 8.2.7) to a request that sipmsg_admit() did
 * not let in, out of its bytes alone: every Via (the first with received, and
 * rport where asked for), From, To with a tag, Call-ID and CSeq as far as they
 * are there, unfolded, the first of those that came twice. It goes to `src`,
 * whatever the Via says, and is never longer than what came; a standard phrase
 * takes the place of one that would make it so. No control character goes
 * back.
 */
enum sipmsg_silence sipmsg_refuse(struct strbuf *out, const char *data,
				  size_t len, const struct addr *src,
				  const struct sipmsg_bad *bad);

#endif
