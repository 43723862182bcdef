#ifndef COMMON_RESOLVE_ASKING_H
#define COMMON_RESOLVE_ASKING_H

#include <stdbool.h>
#include <uv.h>

#include "common/resolve_plan.h"

struct resolve_counts;

/*
 * The questions of all look-ups: each is asked once, however many wait for it,
 * and its answer is kept for as long as it says it holds. For resolve.c.
 */
struct resolve_asking;

/* An answer that `waiter` waits for is known now. */
typedef void resolve_asking_h(uint64_t waiter, void *arg);

struct resolve_asking_config {
	uv_loop_t *loop;
	const char *servers; /* as for dns_alloc() */
	size_t max;          /* questions at one time */
	size_t cache_max;
	struct resolve_counts *counts;
	resolve_asking_h *fn;
	void *arg;
};

int resolve_asking_alloc(struct resolve_asking **ap,
			 const struct resolve_asking_config *cfg);

/* What is known, or NULL; valid until the next question or answer. */
const struct dns_answer *resolve_asking_known(const struct resolve_asking *a,
					      enum dns_type type,
					      const char *name);

/* Ask, or wait for one that is being asked. True: it is known at once (from
 * /etc/hosts, or that nobody can be asked). */
bool resolve_asking_ask(struct resolve_asking *a,
			const struct resolve_question *q, uint64_t waiter);

/* As resolve_reload(). */
int resolve_asking_reload(struct resolve_asking *a, const char *servers);
size_t resolve_asking_kept(const struct resolve_asking *a);
void resolve_asking_free(struct resolve_asking *a);

#endif
