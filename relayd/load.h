#ifndef RELAYD_LOAD_H
#define RELAYD_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* What all workers together carry; any thread may look at it. */
struct load {
	atomic_size_t sessions;
	atomic_size_t streams;
	atomic_size_t max;    /* sessions, by configuration */
	atomic_bool draining; /* no new sessions for now, or any more */
};

/* How many more sessions may begin, of one media line each, where so many port
 * pairs are free. */
static inline size_t load_room(const struct load *l, size_t pairs)
{
	size_t used = atomic_load(&l->sessions), max = atomic_load(&l->max);
	size_t room = used < max ? max - used : 0;

	return room < pairs ? room : pairs;
}

#endif
