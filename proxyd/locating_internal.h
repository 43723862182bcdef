#ifndef PROXYD_LOCATING_INTERNAL_H
#define PROXYD_LOCATING_INTERNAL_H

#include "proxyd/locating.h"

struct avoid;
struct table;

/* What locating.c and locating_ack.c share. */
struct locating {
	struct proxy *p;
	struct resolve *resolve;
	struct avoid *avoid;
	struct table *acks; /* that wait for a look-up */
	uint64_t last_ack;
};

int locating_acks_alloc(struct table **tp); /* 0 or -ENOMEM */
void locating_acks_free(struct table *t);

/* What is to be looked up for a URL on behalf of a call. 0 or -EINVAL. */
int locating_query(struct resolve_query *q, const struct proxy *p,
		   const url_t *url, const char *call_id);

/* Those of a list that may be contacted, the ones that have failed last, into
 * v, which has room for RESOLVE_CHANNELS_MAX. How many. */
size_t locating_choose(struct channel *v, struct proxy *p,
		       const struct resolve_list *list, const char *call_id);

/* To a server of the name that was looked for (RFC 5922), NULL: of an address;
 * fills in the connection, where there is to be one. 0 or a negative errno. */
int locating_connect_to(struct proxy *p, struct channel *ch, const char *name);

#endif
