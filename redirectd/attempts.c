#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/recent.h"

#include "redirectd/attempts.h"

enum { MINUTE_MS = 60 * 1000 };

/* Failures since the first of them; zero is none. */
struct failures {
	dir_time since;
	uint32_t n;
};

struct attempts {
	uint32_t limit;
	struct recent *sources, *channels, *clients;
};

int attempts_alloc(struct attempts **ap, size_t max, uint32_t limit)
{
	struct attempts *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->limit = limit;
	err = recent_alloc(&a->sources, max, sizeof(struct failures),
			   MINUTE_MS);
	if (!err)
		err = recent_alloc(&a->channels, max, sizeof(struct failures),
				   MINUTE_MS);
	if (!err)
		err = recent_alloc(&a->clients, max, sizeof(struct failures),
				   MINUTE_MS);
	if (err) {
		attempts_free(a);
		return err;
	}
	*ap = a;
	return 0;
}

void attempts_free(struct attempts *a)
{
	if (!a)
		return;
	recent_free(a->sources);
	recent_free(a->channels);
	recent_free(a->clients);
	free(a);
}

void attempts_set(struct attempts *a, uint32_t limit)
{
	a->limit = limit;
}

/* Where there are none there is nobody to look for: the usual case. */
static uint64_t wait_of(const struct attempts *a, struct recent *r,
			dir_time now, const void *key, size_t len)
{
	const struct failures *f;

	if (!a->limit || !recent_count(r))
		return 0;
	f = recent_get(r, now, key, len);
	return f && f->n >= a->limit && f->since + MINUTE_MS > now
		       ? f->since + MINUTE_MS - now
		       : 0;
}

uint64_t attempts_source_wait(struct attempts *a, dir_time now,
			      const struct addr *src)
{
	struct addr_source key = addr_source(src);

	return wait_of(a, a->sources, now, &key, sizeof(key));
}

uint64_t attempts_channel_wait(struct attempts *a, dir_time now,
			       const struct addr *src)
{
	char key[ADDR_STRLEN];

	return wait_of(a, a->channels, now, key, strlen(addr_str(key, src)));
}

uint64_t attempts_client_wait(struct attempts *a, dir_time now, const char *id)
{
	return wait_of(a, a->clients, now, id, strlen(id));
}

static void add(struct recent *r, dir_time now, const void *key, size_t len)
{
	struct failures *f = recent_put(r, now, key, len);

	if (!f)
		return;
	if (!f->n || f->since + MINUTE_MS <= now)
		*f = (struct failures){.since = now};
	f->n += f->n < UINT32_MAX;
}

void attempts_failed(struct attempts *a, dir_time now, const struct addr *src,
		     const char *id)
{
	struct addr_source key = addr_source(src);
	char channel[ADDR_STRLEN];

	if (!a->limit)
		return;
	add(a->sources, now, &key, sizeof(key));
	add(a->channels, now, channel, strlen(addr_str(channel, src)));
	add(a->clients, now, id, strlen(id));
}
