#ifndef PROXYD_CLIENTS_H
#define PROXYD_CLIENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr;
struct clients;
struct deadlines;

/*
 * The NAT client table (step 119): the clients that this proxy serves and that
 * are behind a NAT, each until its registration expires. A client may have
 * several channels; the table keeps the one it was last heard from on.
 */
int clients_alloc(struct clients **cp, struct deadlines *deadlines, size_t max);
void clients_free(struct clients *c);

/* Write or refresh one: reachable at `channel` until `expires` (milliseconds
 * of the deadlines' clock). 0, -ENOSPC, -ENOMEM. */
int clients_put(struct clients *c, const char *id, const struct addr *channel,
		uint64_t expires);
void clients_del(struct clients *c, const char *id);

/* Whether the client is listed, and listed at exactly this channel. */
bool clients_has(const struct clients *c, const char *id);
bool clients_at(const struct clients *c, const char *id,
		const struct addr *channel);
size_t clients_count(const struct clients *c);

/* [{"id", "channel", "expires_ms"}]; new reference. */
json_t *clients_json(const struct clients *c);

#endif
