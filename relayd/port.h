#ifndef RELAYD_PORT_H
#define RELAYD_PORT_H

#include <stddef.h>
#include <stdint.h>

/*
 * The pool of even ports (step 62; the odd one above each is for RTCP, RFC
 * 3550 11). One is taken at random, so that nobody can guess where the next
 * call will be, and a released one rests in quarantine, so that late packets
 * of one call never reach another. Times are milliseconds, monotonic. Any
 * thread may take and give.
 */
struct ports;

enum {
	PORTS_TRIES = 16,          /* pairs tried for one request */
	PORTS_BUSY_REST_MS = 5000, /* a pair found taken rests at least so */
};

/*
 * Try to use a pair (bind both sockets). 0, or a negative errno: -EADDRINUSE
 * and -EACCES let the next pair be tried, anything else ends the search.
 */
typedef int ports_try_h(uint16_t port, void *arg);

/* All even ports p with lo <= p and p + 1 <= hi. 0, -EINVAL (none), -ENOMEM. */
int ports_alloc(struct ports **pp, uint16_t lo, uint16_t hi,
		uint32_t quarantine_ms);
void ports_free(struct ports *p);

/* Take a pair. 0 and *port, -ENOSPC (no pair free, or none of those tried could
 * be had), or what `fn` returned. */
int ports_take(uint16_t *port, struct ports *p, uint64_t now, ports_try_h *fn,
	       void *arg);

/* Give one back, into quarantine. Each port that was taken exactly once. */
void ports_give(struct ports *p, uint16_t port, uint64_t now);

/* Take this very one: a session of another process has it. One that is none of
 * the pool's is anybody's. 0, or -EEXIST: it is taken. */
int ports_claim(struct ports *p, uint16_t port);

/* What rests, for another process to let it rest on: at most `max` are written,
 * in order of time; how many is returned. */
struct ports_resting {
	uint64_t until;
	uint16_t port;
};
size_t ports_resting(struct ports_resting *out, size_t max, struct ports *p);
/* One that is free is to rest; in order of time. */
void ports_rest(struct ports *p, const struct ports_resting *r);

size_t ports_total(const struct ports *p);
/* How many may be taken at `now`; moves what has rested long enough. */
size_t ports_available(struct ports *p, uint64_t now);
size_t ports_quarantined(struct ports *p);

#endif
