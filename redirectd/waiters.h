#ifndef REDIRECTD_WAITERS_H
#define REDIRECTD_WAITERS_H

#include <stdbool.h>
#include <stddef.h>

#include "redirectd/store.h"

/* Who waits for news of a client id, in the order in which they came. */
struct waiters;

/* At most `max` in all, and `each` for one id. 0 or -ENOMEM. */
int waiters_alloc(struct waiters **wp, size_t max, size_t each);
void waiters_free(struct waiters *w); /* those who wait are not told */

/* One more. 0; -ENOBUFS where there are too many, -ENOMEM. */
int waiters_add(struct waiters *w, const char *id, store_done_h *fn, void *arg);

/* Tell all that wait for an id; they may begin to wait again. */
void waiters_tell(struct waiters *w, const char *id, int err);

size_t waiters_count(const struct waiters *w);

#endif
