#ifndef COMMON_DEADLINES_H
#define COMMON_DEADLINES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Deadlines in a heap: thousands of timers on one clock that is passed in.
 * No loop is attached (deadlines_next() tells whoever drives it when to call
 * deadlines_run()), so that tests can move the clock by hand. Times are
 * milliseconds of any monotonic clock.
 */
struct deadlines;
typedef uint64_t deadline_id; /* 0 is never a valid id */
typedef void deadline_h(void *arg);

int deadlines_alloc(struct deadlines **dp);
void deadlines_free(struct deadlines *d); /* pending ones are dropped */

/* Call fn(arg) once at `when`. *id may be NULL. 0 or -ENOMEM. */
int deadlines_add(deadline_id *id, struct deadlines *d, uint64_t when,
		  deadline_h *fn, void *arg);

/* Forget one; an id that fired, was cancelled or is 0 is ignored. */
void deadlines_cancel(struct deadlines *d, deadline_id id);

/* When the earliest is due; UINT64_MAX if there is none. */
uint64_t deadlines_next(const struct deadlines *d);

/* Fire all that are due at `now`; handlers may add and cancel. */
void deadlines_run(struct deadlines *d, uint64_t now);
size_t deadlines_count(const struct deadlines *d);

/* For a handler: when the deadline was due that it is called for. */
uint64_t deadlines_due(const struct deadlines *d);

#endif
