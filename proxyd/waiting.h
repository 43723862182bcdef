#ifndef PROXYD_WAITING_H
#define PROXYD_WAITING_H

#include <stddef.h>
#include <stdint.h>

struct channel;
struct deadlines;
struct waiting;

/* A call that waited goes on to `at`, where the phone was heard; NULL: it has
 * waited in vain. */
typedef void waiting_end_h(uint64_t ref, const struct channel *at, void *arg);

/* It takes a while: time to say so. */
typedef void waiting_queued_h(uint64_t ref, void *arg);

struct waiting_config {
	struct deadlines *deadlines; /* run by the owner, outlives the table */
	size_t max;
	size_t max_per_channel;
	uint32_t say_ms; /* a wait longer than this is told to the caller */
	waiting_end_h *end;
	waiting_queued_h *queued;
	void *arg;
};

/*
 * Calls to clients whose pinhole is shut, each waiting for the client to be
 * heard of again (seed 004, text at steps 44 and 100): its next poll, or its
 * REGISTER, on the old channel or on a new one. A call is known by a number of
 * the caller's own. Handlers are called from the deadlines, never from within a
 * function of this table. Times are milliseconds of the deadlines' clock.
 */
int waiting_alloc(struct waiting **wp, const struct waiting_config *cfg);
void waiting_free(struct waiting *w); /* calls no handler */

/* Wait until `until` for the client at `at`. 0, -ENOSPC (too many wait, there
 * or in all), -EEXIST (this number waits already), -ENOMEM. */
int waiting_add(struct waiting *w, uint64_t ref, const struct channel *at,
		uint64_t now, uint64_t until);

/* Nobody wants to know any more. A number that does not wait is ignored. */
void waiting_cancel(struct waiting *w, uint64_t ref);

/* The client at `from` is reached at `to`, which may be the same: the calls
 * waiting there go on, in the order they came. How many. */
size_t waiting_wake(struct waiting *w, const struct channel *from,
		    const struct channel *to, uint64_t now);

size_t waiting_count(const struct waiting *w);

#endif
