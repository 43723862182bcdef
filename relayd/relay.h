#ifndef RELAYD_RELAY_H
#define RELAYD_RELAY_H

#include <stdbool.h>

#include "common/conf.h"
#include "relayd/api.h"
#include "relayd/crew.h"
#include "relayd/iface.h"
#include "relayd/joining.h"
#include "relayd/load.h"
#include "relayd/succession.h"

struct admin;
struct daemon;
struct netset;
struct quota;
struct relayd_conf;
struct udp;

/* What the process has, and the steps by which it gets it. */
enum {
	LISTEN_MAX = 16,
	/* a control socket, or a wildcard one at every media address */
	OWN_MAX = LISTEN_MAX * 2 * IFACE_MAX,
};

/* One control socket. */
struct listener {
	struct relay *relay;
	struct udp *udp;
	struct engine_door door;
};

struct relay {
	struct daemon *daemon;
	const struct relayd_conf *conf;
	struct listener listeners[LISTEN_MAX];
	size_t nlisteners;
	struct ifaces ifaces;
	/* the addresses of the listeners, and those of the directory, which
	 * trusts what comes from here */
	struct addr own[OWN_MAX + JOINING_REDIRECTS_MAX];
	size_t nown;
	struct joining *joining; /* NULL: no pool */
	struct netset *trusted;
	struct ports *ports;
	struct load load;
	struct quota *quota;
	struct trace *trace;
	struct stream_env env;
	struct fastpath *fastpath; /* NULL: relayd forwards by itself */
	struct crew *crew;
	struct api api;
	struct metrics *metrics;
	struct admin *admin;
	uv_timer_t *tick;     /* freed when closed */
	bool drained;         /* takes no new sessions, by command */
	uint64_t drain_until; /* and ends then, by a signal; 0: it does not */
	struct succession succession;
	int doors[LISTEN_MAX + 1]; /* control and HTTP sockets */
	const struct engine_door *control[LISTEN_MAX];
};

/* The option by which a relayd succeeds another one. */
extern const char relay_take_over[];

/*
 * The steps of a start, in this order; each 0, or a negative errno with one
 * clear line in err.
 */
typedef int start_step_h(struct relay *r, char err[CONF_ERRLEN]);
start_step_h start_takeover;  /* what another relayd gives, or left behind */
start_step_h start_trust;     /* who may ask */
start_step_h start_listeners; /* control sockets */
start_step_h start_media;     /* addresses and ports */
start_step_h start_descriptors;
start_step_h start_fastpath;
start_step_h start_crew;     /* the workers */
start_step_h start_restored; /* the sessions there were */
start_step_h start_admin;
start_step_h start_joining;    /* the pool */
start_step_h start_succession; /* behind all others: there is no way back */

/* "what: the error, hint" into err; returns `code`. */
int start_fail(char err[CONF_ERRLEN], int code, const char *what,
	       const char *hint);

#endif
