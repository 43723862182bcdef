#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/deadlines.h"

enum { SLOTS_MIN = 16 };

/* A slot is free, in the heap, or due: taken out by the run that fires it. */
#define NOT_IN_HEAP UINT32_MAX
#define FREE        (UINT32_MAX - 1)
#define NO_SLOT     UINT32_MAX

/* There are many: what stands here is what a timer costs. */
struct slot {
	uint64_t when;
	deadline_h *fn;
	void *arg;
	uint32_t seq;  /* equal times fire in the order they were added */
	uint32_t gen;  /* so that an old id does not hit a new tenant */
	uint32_t pos;  /* in the heap, or one of the above */
	uint32_t next; /* free list, or the batch of a run */
};

struct deadlines {
	struct slot *slots;
	uint32_t *heap; /* slot numbers, the earliest first */
	uint32_t cap;   /* of both */
	uint32_t nheap;
	uint32_t free; /* first free slot */
	size_t count;
	uint64_t due; /* of the one that fired last */
	uint32_t seq;
};

static bool earlier(const struct deadlines *d, uint32_t a, uint32_t b)
{
	const struct slot *x = &d->slots[a], *y = &d->slots[b];

	if (x->when != y->when)
		return x->when < y->when;
	return (int32_t)(x->seq - y->seq) < 0; /* it may wrap */
}

static void place(struct deadlines *d, uint32_t pos, uint32_t slot)
{
	d->heap[pos] = slot;
	d->slots[slot].pos = pos;
}

static void sift_up(struct deadlines *d, uint32_t pos)
{
	uint32_t slot = d->heap[pos];

	while (pos > 0 && earlier(d, slot, d->heap[(pos - 1) / 2])) {
		place(d, pos, d->heap[(pos - 1) / 2]);
		pos = (pos - 1) / 2;
	}
	place(d, pos, slot);
}

static void sift_down(struct deadlines *d, uint32_t pos)
{
	uint32_t slot = d->heap[pos];
	uint32_t child;

	while ((child = 2 * pos + 1) < d->nheap) {
		if (child + 1 < d->nheap &&
		    earlier(d, d->heap[child + 1], d->heap[child]))
			child++;
		if (!earlier(d, d->heap[child], slot))
			break;
		place(d, pos, d->heap[child]);
		pos = child;
	}
	place(d, pos, slot);
}

static void heap_remove(struct deadlines *d, uint32_t pos)
{
	uint32_t last = d->heap[--d->nheap];

	d->slots[d->heap[pos]].pos = NOT_IN_HEAP;
	if (pos == d->nheap)
		return;
	place(d, pos, last);
	sift_up(d, pos);
	sift_down(d, d->slots[last].pos);
}

static void release(struct deadlines *d, uint32_t i)
{
	struct slot *s = &d->slots[i];

	s->pos = FREE;
	s->gen++;
	s->next = d->free;
	d->free = i;
}

static int grow(struct deadlines *d)
{
	uint32_t cap = d->cap ? 2 * d->cap : SLOTS_MIN;
	struct slot *slots;
	uint32_t *heap;

	if (d->cap > UINT32_MAX / 4)
		return -ENOMEM;
	slots = realloc(d->slots, cap * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	d->slots = slots;
	heap = realloc(d->heap, cap * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	d->heap = heap;
	for (uint32_t i = cap; i-- > d->cap;) {
		slots[i].gen = 0;
		release(d, i);
	}
	d->cap = cap;
	return 0;
}

/* Take everything due out of the heap, in order: a chain of slots. */
static uint32_t take_due(struct deadlines *d, uint64_t now)
{
	uint32_t first = NO_SLOT, last = NO_SLOT, i;

	while (d->nheap > 0 && d->slots[d->heap[0]].when <= now) {
		i = d->heap[0];
		heap_remove(d, 0);
		d->slots[i].next = NO_SLOT;
		if (last == NO_SLOT)
			first = i;
		else
			d->slots[last].next = i;
		last = i;
	}
	return first;
}

int deadlines_alloc(struct deadlines **dp)
{
	struct deadlines *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->free = NO_SLOT;
	*dp = d;
	return 0;
}

void deadlines_free(struct deadlines *d)
{
	if (!d)
		return;
	free(d->slots);
	free(d->heap);
	free(d);
}

int deadlines_add(deadline_id *id, struct deadlines *d, uint64_t when,
		  deadline_h *fn, void *arg)
{
	struct slot *s;
	uint32_t i;

	if (d->free == NO_SLOT && grow(d) != 0)
		return -ENOMEM;
	i = d->free;
	s = &d->slots[i];
	d->free = s->next;
	s->when = when;
	s->seq = d->seq++;
	s->fn = fn;
	s->arg = arg;
	d->count++;
	place(d, d->nheap++, i);
	sift_up(d, s->pos);
	if (id)
		*id = (uint64_t)s->gen << 32 | (i + 1);
	return 0;
}

void deadlines_cancel(struct deadlines *d, deadline_id id)
{
	uint32_t i = (uint32_t)id - 1;
	struct slot *s;

	if (id == 0 || i >= d->cap)
		return;
	s = &d->slots[i];
	if (s->pos == FREE || !s->fn || s->gen != (uint32_t)(id >> 32))
		return;
	d->count--;
	if (s->pos == NOT_IN_HEAP) {
		s->fn = NULL; /* the run that holds it releases it */
		return;
	}
	heap_remove(d, s->pos);
	release(d, i);
}

uint64_t deadlines_next(const struct deadlines *d)
{
	return d->nheap > 0 ? d->slots[d->heap[0]].when : UINT64_MAX;
}

void deadlines_run(struct deadlines *d, uint64_t now)
{
	uint32_t i = take_due(d, now);
	uint32_t next;

	for (; i != NO_SLOT; i = next) {
		deadline_h *fn = d->slots[i].fn;
		void *arg = d->slots[i].arg;

		next = d->slots[i].next;
		d->due = d->slots[i].when;
		release(d, i);
		if (fn) {
			d->count--;
			fn(arg);
		}
	}
}

size_t deadlines_count(const struct deadlines *d)
{
	return d->count;
}

uint64_t deadlines_due(const struct deadlines *d)
{
	return d->due;
}
