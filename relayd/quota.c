#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "relayd/quota.h"

enum { MS_PER_S = 1000, BITS = 8 };

/* A session is worth as many shares as a second has milliseconds, so that the
 * bucket fills by `rate` of them each. */
enum { SHARES = MS_PER_S };

struct quota {
	uv_mutex_t lock;
	struct quota_limits limits;
	size_t sessions;
	uint64_t shares, filled; /* in the bucket, and when */
	uint64_t bandwidth;
};

static uint64_t full(const struct quota *q)
{
	return (uint64_t)q->limits.rate * SHARES;
}

int quota_alloc(struct quota **qp, const struct quota_limits *limits)
{
	struct quota *q = calloc(1, sizeof(*q));
	int err = q ? uv_mutex_init(&q->lock) : -ENOMEM;

	if (err) {
		free(q);
		return err;
	}
	q->limits = *limits;
	q->shares = full(q);
	*qp = q;
	return 0;
}

void quota_free(struct quota *q)
{
	if (!q)
		return;
	uv_mutex_destroy(&q->lock);
	free(q);
}

void quota_limit(struct quota *q, const struct quota_limits *limits)
{
	uv_mutex_lock(&q->lock);
	if (!q->limits.rate)
		q->shares = UINT64_MAX;
	q->limits = *limits;
	if (q->shares > full(q))
		q->shares = full(q);
	uv_mutex_unlock(&q->lock);
}

/* The workers' clocks may be a little apart: time does not go back. */
static void fill(struct quota *q, uint64_t now)
{
	uint64_t room = full(q) - q->shares;

	if (now <= q->filled)
		return;
	if (now - q->filled >= MS_PER_S ||
	    (now - q->filled) * q->limits.rate >= room)
		q->shares += room;
	else
		q->shares += (now - q->filled) * q->limits.rate;
	q->filled = now;
}

static int take(struct quota *q, uint64_t now)
{
	const struct quota_limits *lim = &q->limits;

	if (q->sessions >= lim->sessions)
		return -EUSERS;
	if (lim->bandwidth && q->bandwidth > lim->bandwidth)
		return -EDQUOT;
	if (lim->rate) {
		fill(q, now);
		if (q->shares < SHARES)
			return -EAGAIN;
		q->shares -= SHARES;
	}
	q->sessions++;
	return 0;
}

int quota_take(struct quota *q, uint64_t now)
{
	int err;

	uv_mutex_lock(&q->lock);
	err = take(q, now);
	uv_mutex_unlock(&q->lock);
	return err;
}

void quota_claim(struct quota *q)
{
	uv_mutex_lock(&q->lock);
	q->sessions++;
	uv_mutex_unlock(&q->lock);
}

void quota_give(struct quota *q)
{
	uv_mutex_lock(&q->lock);
	q->sessions--;
	uv_mutex_unlock(&q->lock);
}

size_t quota_sessions(struct quota *q)
{
	size_t n;

	uv_mutex_lock(&q->lock);
	n = q->sessions;
	uv_mutex_unlock(&q->lock);
	return n;
}

/* False: no span has ended. */
static bool measure(struct quota_meter *m, uint64_t bytes, uint64_t now)
{
	uint64_t span = now - m->since;

	if (m->begun && span < QUOTA_SPAN_MS)
		return false;
	m->rate = 0;
	if (m->begun && span <= QUOTA_STALE_MS)
		m->rate = (bytes - m->bytes) * BITS * MS_PER_S / span;
	m->bytes = bytes;
	m->since = now;
	m->begun = true;
	return true;
}

void quota_traffic(struct quota *q, struct quota_meter *m, uint64_t bytes,
		   uint64_t now)
{
	uint64_t before = m->rate;

	if (!measure(m, bytes, now))
		return;
	uv_mutex_lock(&q->lock);
	q->bandwidth += m->rate - before;
	uv_mutex_unlock(&q->lock);
}

bool quota_wants_traffic(struct quota *q)
{
	bool wants;

	uv_mutex_lock(&q->lock);
	wants = q->limits.bandwidth > 0;
	uv_mutex_unlock(&q->lock);
	return wants;
}

uint64_t quota_bandwidth(struct quota *q)
{
	uint64_t bandwidth;

	uv_mutex_lock(&q->lock);
	bandwidth = q->bandwidth;
	uv_mutex_unlock(&q->lock);
	return bandwidth;
}
