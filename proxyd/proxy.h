#ifndef PROXYD_PROXY_H
#define PROXYD_PROXY_H

#include <stdbool.h>
#include <uv.h>

#include "common/channel.h"
#include "common/conf.h"
#include "common/deadlines.h"
#include "common/sipmsg.h"
#include "common/transports.h"
#include "common/txn.h"
#include "proxyd/counters.h"
#include "proxyd/refusing.h"

struct admin;
struct avoid;
struct calls;
struct clients;
struct credentials;
struct daemon;
struct keeping;
struct locating;
struct guard;
struct identity;
struct metrics;
struct netset;
struct pinholes;
struct pooling;
struct proxyd_conf;
struct recalling;
struct relays;
struct sessions;
struct table;
struct trace;
struct vigil;
struct waiting;

enum {
	PROXY_PEERS_MAX = 16,
	PROXY_ENDS_MAX = 16,
	PROXY_REQUESTS_MAX = 200000, /* at one time */
	PROXY_CLIENTS_MAX = 1000000, /* behind NATs, with their phones */
};

/* Everything one proxyd owns; made by proxy_start, closed by proxy_stop. */
struct proxy {
	struct daemon *daemon;
	const struct proxyd_conf *conf;
	struct addr self; /* our first UDP end, as advertised: who we are */
	char *secret;     /* owned */
	struct addr redirect[PROXY_PEERS_MAX];
	size_t nredirect;
	struct avoid *directory; /* those of them that have failed lately */
	struct netset *trusted;
	struct netset *lan;

	bool draining; /* finish what has begun, begin nothing */
	struct guard *guard;
	struct identity *identity;       /* who speaks in a dialog */
	struct credentials *credentials; /* which are ours */
	struct transports *transports;
	struct deadlines *deadlines;
	uv_timer_t *timer;
	struct txns *txns;
	struct table *requests;    /* server transaction id -> struct request */
	struct clients *clients;   /* the NAT client table */
	struct pinholes *pinholes; /* through which they are reached */
	struct waiting *waiting;   /* calls to those that are shut */
	struct keeping *keeping;
	struct sessions *sessions; /* the session table */
	struct calls *calls;       /* those that may have to be ended */
	struct vigil *vigil;       /* who looks after them */
	struct relays *relays;     /* who may be asked for a resource */
	struct pooling *pooling;
	struct locating *locating;
	struct recalling *recalling;
	struct trace *trace;
	struct metrics *metrics;
	struct admin *admin;
	struct proxyd_counters n;
	struct refusing refusing;
	struct transports_counts wire; /* as of the last look */
};

/* Open sockets and tables by the configuration. 0 or a negative errno with one
 * clear line in err; the caller then calls proxy_stop(). */
int proxy_start(struct proxy *p, char err[CONF_ERRLEN]);
void proxy_stop(struct proxy *p);

/* The networks of the other proxies, read again on SIGHUP. 0 or -ENOMEM. */
int proxy_set_networks(struct proxy *p, const struct proxyd_conf *conf);

/* Let the loop's timer follow the earliest deadline; called at the end of every
 * entry from outside. */
void proxy_arm(struct proxy *p);

/* Milliseconds of the loop's monotonic clock. */
uint64_t proxy_now(const struct proxy *p);

/* Microseconds since 1970, for people. */
uint64_t proxy_wall_us(void);

/* Whether the host and port of a URI are this proxy's. */
bool proxy_is_self(const struct proxy *p, const url_t *url);

/* Whether this proxy serves a host part: one of its domains, its own address,
 * or any where no domains are configured. */
bool proxy_serves(const struct proxy *p, const url_t *url);

/* Whether a channel is that of another proxy of the site. */
bool proxy_trusts(const struct proxy *p, const struct channel *ch);

/* Whether it is redirectd or a relay: they obey whatever comes from a proxy. */
bool proxy_is_daemon(const struct proxy *p, const struct addr *a);

/* Whether an address may be contacted because a message says so: not this
 * proxy itself, not redirectd or a relay, which obey it, not loopback, private
 * (but those of the key `lan`) or link-local for a proxy that is itself public;
 * nor an IPv6 address that leads to one of these. Pure. */
bool proxy_may_contact(const struct proxy *p, const struct addr *dst);

/* A note in the call's trace. */
void proxy_note(struct proxy *p, const char *call_id, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
