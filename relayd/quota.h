#ifndef RELAYD_QUOTA_H
#define RELAYD_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How many sessions all workers together may begin and carry. Any thread may
 * call any of this; it is used where a session begins or ends and once a second
 * in between, never for a packet. Times are milliseconds of one monotonic
 * clock.
 */
struct quota;

/* 0: no limit, except for sessions. */
struct quota_limits {
	size_t sessions;    /* at a time */
	uint32_t rate;      /* new ones a second; so many may come at once */
	uint64_t bandwidth; /* bits a second of media forwarded */
};

/* 0 or a negative errno. */
int quota_alloc(struct quota **qp, const struct quota_limits *limits);
void quota_free(struct quota *q);

/* Other limits from here on; what there is stays. */
void quota_limit(struct quota *q, const struct quota_limits *limits);

/*
 * Room for one more session, to be given back: 0, or why there is none:
 * -EUSERS (too many), -EDQUOT (too much media already), -EAGAIN (too many new
 * ones just now).
 */
int quota_take(struct quota *q, uint64_t now);
void quota_give(struct quota *q);

/* One that there is already, whatever the limits say: to be given back. */
void quota_claim(struct quota *q);

size_t quota_sessions(struct quota *q);

enum {
	QUOTA_SPAN_MS = 1000,  /* over which bandwidth is measured */
	QUOTA_STALE_MS = 5000, /* a measurement so old is begun anew */
};

/* The bandwidth of one worker; all zero to begin with. */
struct quota_meter {
	uint64_t bytes, since; /* where the present span began */
	uint64_t rate;         /* of the last one, bits a second */
	bool begun;
};

/* This worker has forwarded so many bytes in all. More often than once a
 * QUOTA_SPAN_MS is not necessary and does no harm. */
void quota_traffic(struct quota *q, struct quota_meter *m, uint64_t bytes,
		   uint64_t now);

/* Whether anybody wants to know the bandwidth, and what it is, in bits a
 * second. */
bool quota_wants_traffic(struct quota *q);
uint64_t quota_bandwidth(struct quota *q);

#endif
