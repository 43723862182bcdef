#ifndef PROXYD_REFUSING_H
#define PROXYD_REFUSING_H

#include <stddef.h>
#include <stdint.h>

#include "common/metrics.h"
#include "common/sipmsg_refuse.h"

struct channel;
struct proxy;

/* What has become of the malformed, once: name, help. Together they are
 * proxyd_malformed_total. */
#define REFUSING_COUNTERS(X)                                                   \
	X(answered, "Malformed requests answered")                             \
	SIPMSG_SILENCES(X)                                                     \
	X(limited, "Malformed requests beyond those answered in one second")

/* What proxyd knows of the malformed messages it met. */
struct refusing {
	struct refusing_counts {
		REFUSING_COUNTERS(METRICS_FIELD)
	} n;
	struct sipmsg_faults faults;
	uint64_t since;   /* ms: when the second began */
	int64_t answered; /* in this second */
};

/* A message that sipmsg_admit() did not let in: counted by what is wrong, and
 * answered where it is a request that can be, so many a second. */
void refusing_received(struct proxy *p, const char *data, size_t len,
		       const struct channel *src, const struct sipmsg_bad *bad);

/* Whether one more may be answered at `now` (ms) of `max` a second. Pure. */
bool refusing_admit(struct refusing *r, uint64_t now, int64_t max);

#endif
