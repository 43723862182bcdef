#ifndef PROXYD_CHOICE_H
#define PROXYD_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

struct addr;

/*
 * Rendezvous hashing: the member of `pool` whose hash with the Call-ID is the
 * nth highest (0: the first choice). Every proxy chooses alike, and a pool that
 * loses a member moves only that member's calls. False where there are not
 * that many. Pure.
 */
bool choice_nth(struct addr *out, const struct addr *pool, size_t n,
		const char *call_id, size_t nth);

#endif
