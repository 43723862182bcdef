#ifndef REDIRECTD_RELAYS_H
#define REDIRECTD_RELAYS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/pool.h"
#include "redirectd/binding.h"

/*
 * The pool of relays: who has joined which cluster, until when. In memory
 * alone: a directory that was restarted knows all relays again within one
 * refresh, and the proxies go on with those they know until then. What has run
 * out is dropped at the next look.
 */
struct relays;

/* What a relay's REGISTER says. */
struct relays_news {
	const char *cluster;
	const char *call_id;
	uint32_t cseq;
	struct pool_join join;
};

int relays_alloc(struct relays **rp); /* 0 or -ENOMEM */
void relays_free(struct relays *r);   /* NULL is fine */

/* Take the news of a relay. 0; -ESTALE where its Call-ID has said something
 * later already, -ENOSPC with POOL_RELAYS_MAX relays there, -EMSGSIZE. */
int relays_put(struct relays *r, const struct relays_news *news, dir_time now);

/* Those of a cluster that are there at `now`. Returns how many. */
size_t relays_list(struct pool_relay v[POOL_RELAYS_MAX], struct relays *r,
		   const char *cluster, dir_time now);

size_t relays_count(struct relays *r, dir_time now);

/* [{"cluster", "relay", "q", "expires"}]; new reference. */
json_t *relays_json(struct relays *r, dir_time now);

#endif
