#ifndef COMMON_SIPMSG_BRIEF_H
#define COMMON_SIPMSG_BRIEF_H

#include "common/sipmsg.h"

struct addr;

/*
 * A request that is answered from a few of its headers, read without Sofia-SIP
 * parsing all of them. Only what looks just as most do is read so: each header
 * of its own line with its long name, addresses in brackets, no credentials.
 * For all else there is sipmsg_parse(), and where both read a message they read
 * the same.
 */
enum { SIPMSG_BRIEF_VIAS = 8, SIPMSG_BRIEF_TEXT = 4096 };

struct sipmsg_brief {
	sip_t sip; /* what has been read, for those who only read it */
	sip_request_t request;
	sip_via_t via[SIPMSG_BRIEF_VIAS];
	sip_from_t from;
	sip_to_t to;
	sip_call_id_t call_id;
	sip_cseq_t cseq;
	size_t nvias;
	size_t len;
	char text[SIPMSG_BRIEF_TEXT]; /* what the above point to */
};

/*
 * Read a datagram that came from `src`, which is noted in its top Via as by
 * sipmsg_via_received(). Lines that are copied into an answer stay in `data`,
 * which outlives *b. 0, or -EAGAIN: it takes the whole parser to say what this
 * is.
 */
int sipmsg_brief_read(struct sipmsg_brief *b, const char *data, size_t len,
		      const struct addr *src);

#endif
