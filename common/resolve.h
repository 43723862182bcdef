#ifndef COMMON_RESOLVE_H
#define COMMON_RESOLVE_H

#include <sofia-sip/url.h>
#include <uv.h>

#include "common/metrics.h"
#include "common/resolve_plan.h"

/*
 * Locating SIP servers (RFC 3263): from the host, port and transport of a URI
 * to an ordered list of channels, by NAPTR, SRV and addresses, without
 * blocking. Answers are kept for as long as they say they hold; equal questions
 * are asked once.
 */
struct resolve;
typedef uint64_t resolve_id; /* 0 is never one */

/* The end of a look-up: 0 and the list, or as resolve_plan() says, -ENOMEM;
 * `list` (NULL where err) lives until the handler returns. */
typedef void resolve_h(resolve_id id, int err, const struct resolve_list *list,
		       uint64_t ref, void *arg);

struct resolve_config {
	uv_loop_t *loop;
	/* "203.0.113.53,[2001:db8::53]:5353"; "": those of resolv.conf */
	const char *servers;
	size_t max;          /* look-ups at one time; 0: 4096 */
	size_t cache_max;    /* answers kept; 0: 4096 */
	uint32_t timeout_ms; /* of a whole look-up; 0: 5000 */
	void *arg;           /* of every handler */
};

int resolve_alloc(struct resolve **rp, const struct resolve_config *cfg);

/* What is to be looked up for a SIP URI: its host (or maddr), port, transport
 * parameter and scheme; the caller adds ip4, ip6 and seed. 0, or -EINVAL: not
 * SIP, no host, a transport that nobody knows. */
int resolve_query_url(struct resolve_query *q, const url_t *url);

/* What can be said at once: of an address, or from what is known. 0 and *list;
 * -EAGAIN: ask with resolve_start(); else as the handler would get it. */
int resolve_at_once(struct resolve_list *list, struct resolve *r,
		    const struct resolve_query *q);

/* Begin a look-up. `fn` is called once with `ref`, in a later turn of the loop,
 * within the timeout; nothing is called after resolve_cancel(). 0, -ENOSPC
 * (too many), -ENOMEM. */
int resolve_start(resolve_id *id, struct resolve *r,
		  const struct resolve_query *q, resolve_h *fn, uint64_t ref);
void resolve_cancel(struct resolve *r, resolve_id id);

/* Other name servers, or resolv.conf read again; what was known is forgotten,
 * look-ups in progress go on. 0, or negative: all stays as it was. */
int resolve_reload(struct resolve *r, const char *servers);

#define RESOLVE_COUNTERS(X)                                                    \
	X(lookups, "Look-ups of SIP servers begun")                            \
	X(failures, "Look-ups without any address as their end")               \
	X(questions, "Questions sent to name servers")                         \
	X(unanswered, "Questions that name servers failed to answer")          \
	X(refused, "Look-ups refused because too many were going on")

struct resolve_counts {
	RESOLVE_COUNTERS(METRICS_FIELD)
};
const struct resolve_counts *resolve_counts(const struct resolve *r);
size_t resolve_known(const struct resolve *r);   /* answers kept */
size_t resolve_pending(const struct resolve *r); /* look-ups in progress */

/* Look-ups in progress end without a word. Not within a handler. */
void resolve_free(struct resolve *r);

#endif
