#include <errno.h>
#include <stdlib.h>

#include "common/avoid.h"

/* Few fail at one time: a list that is searched from end to end. */
struct failed {
	struct channel ch;
	uint64_t until;
};

struct avoid {
	size_t n, max;
	struct failed v[];
};

/* Its number, or a->n: not there. */
static size_t find(const struct avoid *a, const struct channel *ch)
{
	size_t i = 0;

	while (i < a->n && !channel_eq(&a->v[i].ch, ch))
		i++;
	return i;
}

static void forget(struct avoid *a, struct failed *f)
{
	*f = a->v[--a->n];
}

/* A place for one more: behind the others, or that of the first to go. */
static struct failed *make_room(struct avoid *a, uint64_t now)
{
	struct failed *first = &a->v[0];

	for (size_t i = a->n; i-- > 0;)
		if (a->v[i].until <= now)
			forget(a, &a->v[i]);
	if (a->n < a->max)
		return &a->v[a->n++];
	for (size_t i = 1; i < a->n; i++)
		if (a->v[i].until < first->until)
			first = &a->v[i];
	return first;
}

int avoid_alloc(struct avoid **ap, size_t max)
{
	struct avoid *a = calloc(1, sizeof(*a) + max * sizeof(a->v[0]));

	if (!a)
		return -ENOMEM;
	a->max = max;
	*ap = a;
	return 0;
}

void avoid_free(struct avoid *a)
{
	free(a);
}

void avoid_add(struct avoid *a, const struct channel *ch, uint64_t now,
	       uint64_t ms)
{
	size_t i = find(a, ch);
	struct failed *f = i < a->n ? &a->v[i] : make_room(a, now);

	f->ch = *ch;
	f->until = now + (ms < AVOID_MAX_MS ? ms : AVOID_MAX_MS);
}

void avoid_del(struct avoid *a, const struct channel *ch)
{
	size_t i = find(a, ch);

	if (i < a->n)
		forget(a, &a->v[i]);
}

bool avoid_has(const struct avoid *a, const struct channel *ch, uint64_t now)
{
	size_t i = find(a, ch);

	return i < a->n && a->v[i].until > now;
}

void avoid_sort(const struct avoid *a, struct channel *v, size_t n,
		uint64_t now)
{
	size_t good = 0;

	for (size_t i = 0; i < n; i++) {
		struct channel ch = v[i];

		if (avoid_has(a, &ch, now))
			continue;
		for (size_t j = i; j > good; j--)
			v[j] = v[j - 1];
		v[good++] = ch;
	}
}

size_t avoid_count(const struct avoid *a, uint64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += a->v[i].until > now;
	return n;
}
