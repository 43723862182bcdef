#ifndef PROXYD_CHOICE_H
#define PROXYD_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"

/* One that can be chosen. Those of a lower rank go before all of a higher. */
struct choice {
	struct addr at;
	unsigned weight; /* its share within the rank; 0 counts as the least */
	unsigned rank;
};

/*
 * Weighted rendezvous hashing: of the lowest rank the member whose score, made
 * of weight and hash with the Call-ID, is the nth highest (0: the first
 * choice), then those of the next rank. Every proxy chooses alike; each member
 * gets calls in proportion to its weight; one that is lost, or whose weight
 * changes, moves only its own calls. False where there are not that many. Pure.
 */
bool choice_nth(struct addr *out, const struct choice *v, size_t n,
		const char *call_id, size_t nth);

#endif
