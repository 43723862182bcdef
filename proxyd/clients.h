#ifndef PROXYD_CLIENTS_H
#define PROXYD_CLIENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channel;
struct clients;
struct deadlines;

/* Send a keepalive to a client's channel. */
typedef void clients_keepalive_h(const struct channel *channel, void *arg);

struct clients_config {
	struct deadlines *deadlines; /* run by the owner, outlives the table */
	size_t max;
	uint32_t keepalive_ms; /* between two to one client; 0: none */
	clients_keepalive_h *keepalive;
	void *arg;
};

/*
 * The NAT client table (step 119): the clients that this proxy serves and that
 * are behind a NAT, each until its registration expires, and each with its
 * pinhole kept open until then (seed 004, text at step 44). A client may have
 * several channels; the table keeps the one it was last heard from on. Times
 * are milliseconds of the deadlines' clock.
 */
int clients_alloc(struct clients **cp, const struct clients_config *cfg);
void clients_free(struct clients *c);

/*
 * Write or refresh one: reachable at `channel` until `expires`. The keepalives
 * of the clients are spread over the interval by their ids. 0, -ENOSPC,
 * -ENOMEM.
 */
int clients_put(struct clients *c, const char *id,
		const struct channel *channel, uint64_t now, uint64_t expires);
void clients_del(struct clients *c, const char *id);

/* Whether the client is listed, and listed at exactly this channel. */
bool clients_has(const struct clients *c, const char *id);
bool clients_at(const struct clients *c, const char *id,
		const struct channel *channel);
size_t clients_count(const struct clients *c);

/* [{"id", "channel", "expires_ms"}]; new reference. */
json_t *clients_json(const struct clients *c);

#endif
