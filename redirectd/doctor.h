#ifndef REDIRECTD_DOCTOR_H
#define REDIRECTD_DOCTOR_H

#include "common/doctor_ask.h"
#include "common/doctor_host.h"
#include "redirectd/conf.h"

/* What `redirectd doctor` goes by. */
struct doctor {
	const struct redirectd_conf *conf;
	struct doctor_host host;
	struct findings *f;
	struct addr listen;
	struct doctor_ends ends; /* the same, to ask from */
};

/* doctor_store.c: the store is within reach, keeps what it is given, and who is
 * in it. */
void doctor_store(const struct doctor *d);

/* doctor_redis.c: the server of a store in Redis, by its URL. */
struct redis_url;
void doctor_redis(const struct doctor *d, const struct redis_url *url);

/* What a server says of itself (INFO): pure. `now_ms`: our clock, at the time
 * when it said its own, `server_ms`. */
struct doctor_redis_says {
	const char *info; /* "maxmemory_policy:noeviction\r\n..." */
	uint64_t asked_ms, server_ms, answered_ms;
};
void doctor_redis_judge(struct findings *f, const char *name,
			const struct doctor_redis_says *s);

/* doctor_peers.c: the proxies that are trusted, and the relays in the pool. */
void doctor_peers(const struct doctor *d);

#endif
