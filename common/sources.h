#ifndef COMMON_SOURCES_H
#define COMMON_SOURCES_H

#include <stddef.h>

struct addr;

/* How many connections there are from each source: an IPv4 address, or the /64
 * of an IPv6 address, which is as little as one host gets. */
struct sources;

/* At most `max` connections, `each` of one source. 0 or -ENOMEM. */
int sources_alloc(struct sources **sp, size_t max, size_t each);
void sources_free(struct sources *s);

/* One more: 0, -ENOSPC where there are too many, -EUSERS where there are of
 * that source, -ENOMEM. */
int sources_enter(struct sources *s, const struct addr *from);
/* One that had entered is gone. */
void sources_leave(struct sources *s, const struct addr *from);

size_t sources_count(const struct sources *s); /* of sources */

#endif
