#ifndef PROXYD_WAITING_H
#define PROXYD_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channel;
struct deadlines;
struct waiting;

/* A call: a branch of a request, by numbers of the caller's own. */
struct waiting_ref {
	uint64_t request, branch;
};

/* A call that waited goes on to `at`, where the phone was heard; NULL: it has
 * waited in vain. */
typedef void waiting_end_h(const struct waiting_ref *ref,
			   const struct channel *at, void *arg);

/* It takes a while: time to say so. */
typedef void waiting_queued_h(const struct waiting_ref *ref, void *arg);

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
 * REGISTER, on the old channel or on a new one. Handlers are called from the
 * deadlines, never from within a function of this table. Times are milliseconds
 * of the deadlines' clock.
 */
int waiting_alloc(struct waiting **wp, const struct waiting_config *cfg);
void waiting_free(struct waiting *w); /* calls no handler */

/* Wait until `until` for the client at `at`. 0, -ENOSPC (too many wait, there
 * or in all), -EEXIST (this call waits already), -ENOMEM. */
int waiting_add(struct waiting *w, const struct waiting_ref *ref,
		const struct channel *at, uint64_t now, uint64_t until);

/* Nobody wants to know any more. False: it does not wait. */
bool waiting_cancel(struct waiting *w, const struct waiting_ref *ref);

/* The client at `from` is reached at `to`, which may be the same: the calls
 * waiting there go on, in the order they came. How many. */
size_t waiting_wake(struct waiting *w, const struct channel *from,
		    const struct channel *to, uint64_t now);

size_t waiting_count(const struct waiting *w);

#endif
