#ifndef REDIRECTD_RECEIPT_H
#define REDIRECTD_RECEIPT_H

#include "redirectd/changeset.h"
#include "redirectd/counters.h"

/*
 * What a REGISTER has changed, for the log and the counters: written down when
 * it is worked out, told when it is durable.
 */
struct receipt;

/* 0 or -ENOMEM. The strings are copied. */
int receipt_alloc(struct receipt **rp, const struct changeset *cs,
		  const char *call_id, const char *id, dir_time now);
void receipt_free(struct receipt *r); /* NULL is fine */

/* It is true now. */
void receipt_tell(const struct receipt *r, struct redirectd_counters *n);

#endif
