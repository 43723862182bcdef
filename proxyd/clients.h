#ifndef PROXYD_CLIENTS_H
#define PROXYD_CLIENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/channel.h"

struct clients;
struct deadlines;
struct paging;
struct pinholes;

enum { CLIENT_BINDINGS_MAX = 10 }; /* of one client id */

/* A phone of the client `id` is now reached at `to`, no longer at `from`. */
typedef void clients_moved_h(const char *id, const struct channel *from,
			     const struct channel *to, void *arg);

struct clients_config {
	struct deadlines *deadlines; /* run by the owner, outlives the table */
	struct pinholes *pinholes;   /* the same */
	size_t max;                  /* bindings of all clients */
	clients_moved_h *moved;
	void *arg;
};

/* One phone of a client. Strings are borrowed. */
struct clients_phone {
	struct channel channel; /* as the directory has it */
	const char *target;     /* "sip:USER@HOST:PORT" as it calls itself */
	const char *instance;   /* +sip.instance (RFC 5626); "": none */
	uint32_t reg_id;
	bool soon; /* its pinhole may be about to shut */
};

/*
 * The NAT client table (step 119): the clients that this proxy serves and that
 * are behind a NAT or on a connection they opened. Each has one binding for
 * each of its phones, until the registration of that expires; the pinhole of
 * each is kept open until then. Times are milliseconds of the deadlines' clock.
 */
int clients_alloc(struct clients **cp, const struct clients_config *cfg);
void clients_free(struct clients *c);

/*
 * Write or refresh a binding: the phone is reached at its channel until
 * `expires`. It takes the place of the same phone's at another channel: that
 * with the same instance and reg-id or, where it has none, with the same target
 * behind the same NAT. 0, -ENOSPC, -ENOMEM.
 */
int clients_put(struct clients *c, const char *id,
		const struct clients_phone *phone, uint64_t now,
		uint64_t expires);

/* Remove the bindings of a client that the directory does not list. */
void clients_retain(struct clients *c, const char *id,
		    const struct channel *listed, size_t n);

/*
 * A request of the client, let through by the directory, came from `src`, where
 * none of its phones is known to be: its mapping has changed. The binding
 * of the phone with this own host:port behind the same public address is
 * reached there from now on; what the directory has is still its name. False:
 * it is none of our phones, or not to be told from another.
 */
bool clients_moved(struct clients *c, const char *id, const char *own,
		   const struct channel *src, uint64_t now);

/* Whether the client is listed, and listed at exactly this channel. */
bool clients_has(const struct clients *c, const char *id);
bool clients_at(const struct clients *c, const char *id,
		const struct channel *channel);

/* The channel at which the phone is reached now that the directory, or an
 * earlier message of it, names by *at. False: *at is not known. */
bool clients_live(struct channel *at, const struct clients *c, const char *id);

size_t clients_count(const struct clients *c); /* bindings */

/* {"id", "channel", "registered", "expires_in_ms", "heard_ago_ms", "marked"}
 * each, "expires_ms" and "heard_ms" by the clock of the deadlines; of one
 * client, or with `id` NULL of all. */
void clients_page(struct paging *page, const struct clients *c, const char *id,
		  uint64_t now);

#endif
