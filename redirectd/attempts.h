#ifndef REDIRECTD_ATTEMPTS_H
#define REDIRECTD_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "redirectd/binding.h"

/*
 * How many passwords have been tried in vain: by one source, an IPv4 address or
 * the /64 of an IPv6 one, by one channel of it, an IP and a port, and for one
 * client id, whoever tried. So many a minute are free; then nobody's are looked
 * at until that minute is over. The tables are bounded: the longest unheard are
 * forgotten.
 */
struct attempts;

enum { ATTEMPTS_MAX = 65536 };

/* Tables of `max` entries each; `limit` failures a minute, 0: any number. 0 or
 * -ENOMEM. */
int attempts_alloc(struct attempts **ap, size_t max, uint32_t limit);
void attempts_free(struct attempts *a);
void attempts_set(struct attempts *a, uint32_t limit);

/* Milliseconds for which credentials from this source or channel, or for this
 * client, are refused unseen; 0: they are looked at. */
uint64_t attempts_source_wait(struct attempts *a, dir_time now,
			      const struct addr *src);
uint64_t attempts_channel_wait(struct attempts *a, dir_time now,
			       const struct addr *src);
uint64_t attempts_client_wait(struct attempts *a, dir_time now, const char *id);

/* One more has failed. */
void attempts_failed(struct attempts *a, dir_time now, const struct addr *src,
		     const char *id);

#endif
