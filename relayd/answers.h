#ifndef RELAYD_ANSWERS_H
#define RELAYD_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

/*
 * What released sessions were answered, for as long as the release may be
 * retransmitted (64*T1, RFC 3261 17.1.2): Call-ID -> text. Bounded: the
 * oldest goes first. Times are milliseconds, monotonic.
 */
struct answers;

enum { ANSWERS_KEEP_MS = 32000 };

/* 0 or -ENOMEM. */
int answers_alloc(struct answers **ap, size_t max);
void answers_free(struct answers *a);

/* Remember (and replace) one; takes over `text`, which was malloc'ed, also when
 * it fails. 0 or -ENOMEM. */
int answers_put(struct answers *a, const char *call_id, char *text,
		uint64_t now);

/* The text, valid until the next call; NULL where there is none. */
const char *answers_get(struct answers *a, const char *call_id, uint64_t now);
size_t answers_count(const struct answers *a);

#endif
