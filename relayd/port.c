#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>

#include "relayd/port.h"

/* Every port is in use, in avail[0..navail) or in the ring of resting ones,
 * which is in order of time as all rest equally long. */
struct ports {
	pthread_mutex_t lock;
	uint32_t quarantine_ms;
	uint16_t lo; /* the lowest */
	size_t total;
	size_t navail;
	size_t first; /* of the ring */
	size_t nrest;
	uint16_t *avail;
	struct ports_resting *ring;
};

static size_t random_below(size_t n)
{
	uint32_t r = 0;

	/* Short reads do not happen below 256 bytes (getrandom(2)). */
	if (getrandom(&r, sizeof(r), 0) < 0)
		r = (uint32_t)random();
	return (size_t)(((uint64_t)r * n) >> 32);
}

static uint16_t take_random(struct ports *p)
{
	size_t i = random_below(p->navail);
	uint16_t port = p->avail[i];

	p->avail[i] = p->avail[--p->navail];
	return port;
}

static void rest(struct ports *p, uint16_t port, uint64_t until)
{
	size_t last = (p->first + p->nrest++) % p->total;

	/* A busy pair may ask for a shorter rest than the one before it: the
	 * ring stays in order by never going back. */
	if (p->nrest > 1) {
		size_t before = (last + p->total - 1) % p->total;

		if (until < p->ring[before].until)
			until = p->ring[before].until;
	}
	p->ring[last] = (struct ports_resting){until, port};
}

static void wake(struct ports *p, uint64_t now)
{
	while (p->nrest && p->ring[p->first].until <= now) {
		p->avail[p->navail++] = p->ring[p->first].port;
		p->first = (p->first + 1) % p->total;
		p->nrest--;
	}
}

int ports_alloc(struct ports **pp, uint16_t lo, uint16_t hi,
		uint32_t quarantine_ms)
{
	uint32_t first = (lo + 1U) & ~1U;
	struct ports *p;

	if (first + 1 > hi)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	p->quarantine_ms = quarantine_ms;
	p->lo = (uint16_t)first;
	p->total = (hi - first + 1) / 2;
	p->avail = calloc(p->total, sizeof(*p->avail));
	p->ring = calloc(p->total, sizeof(*p->ring));
	if (!p->avail || !p->ring) {
		ports_free(p);
		return -ENOMEM;
	}
	while (p->navail < p->total) {
		p->avail[p->navail] = (uint16_t)(first + 2 * p->navail);
		p->navail++;
	}
	*pp = p;
	return 0;
}

void ports_free(struct ports *p)
{
	if (!p)
		return;
	free(p->avail);
	free(p->ring);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* One at random; false: none is free. */
static bool pick(uint16_t *port, struct ports *p, uint64_t now)
{
	bool found;

	pthread_mutex_lock(&p->lock);
	wake(p, now);
	found = p->navail > 0;
	if (found)
		*port = take_random(p);
	pthread_mutex_unlock(&p->lock);
	return found;
}

static void put_back(struct ports *p, uint16_t port)
{
	pthread_mutex_lock(&p->lock);
	p->avail[p->navail++] = port;
	pthread_mutex_unlock(&p->lock);
}

static void put_to_rest(struct ports *p, uint16_t port, uint64_t until)
{
	pthread_mutex_lock(&p->lock);
	rest(p, port, until);
	pthread_mutex_unlock(&p->lock);
}

int ports_take(uint16_t *port, struct ports *p, uint64_t now, ports_try_h *fn,
	       void *arg)
{
	uint16_t one;

	for (unsigned i = 0; i < PORTS_TRIES && pick(&one, p, now); i++) {
		int err = fn(one, arg);

		if (!err) {
			*port = one;
			return 0;
		}
		if (err != -EADDRINUSE && err != -EACCES) {
			put_back(p, one);
			return err;
		}
		put_to_rest(p, one, now + PORTS_BUSY_REST_MS);
	}
	return -ENOSPC;
}

static bool mine(const struct ports *p, uint16_t port)
{
	return port >= p->lo && (port - p->lo) % 2 == 0 &&
	       (size_t)(port - p->lo) / 2 < p->total;
}

int ports_claim(struct ports *p, uint16_t port)
{
	int err = mine(p, port) ? -EEXIST : 0;

	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; err && i < p->navail; i++) {
		if (p->avail[i] != port)
			continue;
		p->avail[i] = p->avail[--p->navail];
		err = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return err;
}

size_t ports_resting(struct ports_resting *out, size_t max, struct ports *p)
{
	size_t n = 0;

	pthread_mutex_lock(&p->lock);
	for (; n < max && n < p->nrest; n++)
		out[n] = p->ring[(p->first + n) % p->total];
	pthread_mutex_unlock(&p->lock);
	return n;
}

void ports_rest(struct ports *p, const struct ports_resting *r)
{
	if (mine(p, r->port) && !ports_claim(p, r->port))
		put_to_rest(p, r->port, r->until);
}

void ports_give(struct ports *p, uint16_t port, uint64_t now)
{
	/* one of another range came with a session of another process */
	if (mine(p, port))
		put_to_rest(p, port, now + p->quarantine_ms);
}

size_t ports_total(const struct ports *p)
{
	return p->total;
}

size_t ports_available(struct ports *p, uint64_t now)
{
	size_t n;

	pthread_mutex_lock(&p->lock);
	wake(p, now);
	n = p->navail;
	pthread_mutex_unlock(&p->lock);
	return n;
}

size_t ports_quarantined(struct ports *p)
{
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = p->nrest;
	pthread_mutex_unlock(&p->lock);
	return n;
}
