#ifndef RELAYD_JOINING_H
#define RELAYD_JOINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

/*
 * Joining the pool (proto/README.md): this relay registers itself with every
 * redirectd of its list, each by itself, and refreshes it at a third of what
 * was granted; so whichever of them a proxy asks knows it, and one that was
 * restarted knows it again soon. No socket and no clock: datagrams and the time
 * are passed in.
 */
struct joining;

enum { JOINING_REDIRECTS_MAX = 8 };

typedef void joining_send_h(const struct addr *dst, const char *data,
			    size_t len, void *arg);

struct joining_config {
	struct addr redirect[JOINING_REDIRECTS_MAX];
	size_t n;
	struct addr self;    /* the control socket, as the proxies know it */
	const char *cluster; /* outlives it */
	uint32_t expires;    /* seconds to ask for */
	joining_send_h *send;
	void *arg;
};

/* 0 or -ENOMEM. */
int joining_alloc(struct joining **jp, const struct joining_config *cfg);
void joining_free(struct joining *j); /* NULL is fine, here and below */

/* Send what is due at `now`; to be called several times a second. `room` is
 * how many more sessions can begin. */
void joining_run(struct joining *j, uint64_t now, uint64_t room);

/* Whether a datagram is an answer to a registration; it is then taken. */
bool joining_datagram(struct joining *j, const struct addr *src,
		      const char *data, size_t len, uint64_t now);

/* Leave the pool until joining_return(); what is sent now is repeated by
 * joining_run(). */
void joining_leave(struct joining *j, uint64_t now);
void joining_return(struct joining *j, uint64_t now);

/* The same before it has joined: there is nothing to leave. */
void joining_stay_out(struct joining *j);

/* How many redirectd have this relay in their pool, as far as is known. */
size_t joining_count(const struct joining *j, uint64_t now);

#endif
