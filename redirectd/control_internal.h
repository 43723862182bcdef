#ifndef REDIRECTD_CONTROL_INTERNAL_H
#define REDIRECTD_CONTROL_INTERNAL_H

#include <sys/queue.h>

#include "common/sipmsg_brief.h"
#include "common/strbuf.h"
#include "common/trace.h"
#include "common/udp.h"
#include "redirectd/asking.h"

#include "redirectd/control.h"

struct exchange;

TAILQ_HEAD(exchanges, exchange);

struct control {
	struct control_parts p;
	struct udp *udp;
	uv_timer_t timer; /* the next binding to run out */
	dir_time armed;   /* for when */
	dir_time untrusted_said;
	struct exchanges waiting; /* for the store */
	size_t nwaiting;
	bool draining;
	struct sipmsg_brief brief;
	char answer[UDP_DATAGRAM_MAX];
};

/* control.c: one line of a call's trace. */
void control_trace(struct control *c, const sip_t *sip, enum trace_dir dir,
		   const struct addr *peer, const char *text, size_t len);

/* answering.c: print the answer to a request. Its status, 0 where there is none
 * to be sent, or what asking.h says, -errno where it could not be printed. */
int answering_request(struct control *c, struct strbuf *out, struct asking *a,
		      bool trusted);

/* Whether messages like this are in a call's trace: the daemons' own questions
 * are not. */
bool answering_is_traced(const struct control *c, const sip_t *sip);

/* Whether it is a redirect query: answered from a few of its headers. */
bool answering_is_brief(const sip_t *sip);

/* probed.c: a doctor's question (proto/probe.h) from a proxy or a relay is
 * answered. False: it is none, or from somebody else. */
struct datagram {
	const struct addr *src;
	const char *data;
	size_t len;
};
bool probed(struct control *c, msg_t *msg, const struct datagram *d);

/*
 * exchange.c: a request (taken over) and its answer. It is there until it has
 * been answered, which for most is at once; others wait for the store.
 */
void exchange_begin(struct control *c, msg_t *msg, const struct addr *src,
		    bool trusted);

/*
 * The same for a request that can be answered from what sipmsg_brief_read()
 * sees of it, and at once, as most redirect queries can. 0; -EAGAIN: it takes
 * exchange_begin().
 */
int exchange_brief(struct control *c, const char *data, size_t len,
		   const struct addr *src);

/* Forget those that wait. */
void exchanges_drop(struct control *c);

#endif
