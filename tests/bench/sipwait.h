#ifndef BENCH_SIPWAIT_H
#define BENCH_SIPWAIT_H

#include <stdbool.h>
#include <stdint.h>

/* Requests without an answer yet, by their number, and how long the others had
 * to wait. Times in ns. */
struct sipwait;

enum { SIPWAIT_MAX = 1 << 16 }; /* unanswered at a time */

struct sipwait *sipwait_new(void); /* NULL: no memory */
void sipwait_free(struct sipwait *w);

/* Forget what was measured; numbers go on. Only while none is open. */
void sipwait_start(struct sipwait *w);

/* One more is sent now, for this user; its number. With SIPWAIT_MAX numbers
 * since the oldest open one that is given up. */
uint32_t sipwait_add(struct sipwait *w, uint32_t user, uint64_t now);

/* An answer to this number has come; false where none is waited for. */
bool sipwait_answered(uint32_t *user, struct sipwait *w, uint32_t number,
		      uint64_t now);

/* Give up those that have waited too long. */
void sipwait_expire(struct sipwait *w, uint64_t now);

unsigned sipwait_open(const struct sipwait *w);
uint64_t sipwait_lost(const struct sipwait *w);

/* What this share of the answered ones waited at most, in us. */
uint32_t sipwait_percentile(const struct sipwait *w, double share);

#endif
