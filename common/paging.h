#ifndef COMMON_PAGING_H
#define COMMON_PAGING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct admin_query;

/*
 * A page of a long list, as the admin HTTP server shows it: ?offset= entries of
 * the walk are left out, and no more than ?limit= are shown, so that no answer
 * holds up the traffic. A table that changes between two pages may show an
 * entry twice or not at all.
 */
enum { PAGING_MAX = 1000 }; /* shown at most, also where nobody says */

struct paging {
	size_t offset, limit;
	size_t seen; /* of the walk */
	json_t *list;
};

/* 0; -EINVAL: no such numbers; -ENOMEM. */
int paging_begin(struct paging *p, const struct admin_query *q);

/* Where the walk is at an entry: whether it belongs to the page. */
bool paging_wants(struct paging *p);

/* One that does; takes the reference. */
void paging_add(struct paging *p, json_t *one);

/* The walk may end. */
bool paging_full(const struct paging *p);

/* The 400 for numbers that are none: status and *out. */
int paging_refuse(json_t **out);

#endif
