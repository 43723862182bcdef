#ifndef REDIRECTD_CONTROL_H
#define REDIRECTD_CONTROL_H

#include <uv.h>

#include "redirectd/clock.h"
#include "redirectd/joining.h"
#include "redirectd/query.h"
#include "redirectd/registration.h"

struct addr;
struct auth;
struct control;
struct netset;
struct trace;

/* What the SIP door leads to. All is its owner's, who may change what is
 * behind the pointers (a reload) and lets it outlive the door. */
struct control_parts {
	const struct dir_clock *clock;
	struct registrar *registrar;
	struct directory *directory;
	struct auth *auth;
	const struct joining *joining;
	struct netset *const *trusted;      /* sources that are served */
	struct netset *const *pool_trusted; /* relays that may join the pool */
	struct trace *trace;                /* NULL: none is kept */
	struct redirectd_counters *n;
};

/*
 * The SIP door: one UDP socket. Every request is answered from what it says
 * and what the store holds, at once or as soon as the store has it: nothing is
 * remembered of it then, so a retransmission gets the same answer. It also lets
 * bindings run out in time. 0 or -errno. The store is closed after it, with no
 * turn of the loop in between.
 */
int control_open(struct control **cp, uv_loop_t *loop,
		 const struct addr *listen, const struct control_parts *parts);

/* Begin no request any more, answer those that there are: what comes now is
 * sent again, and taken by who is there then. */
void control_drain(struct control *c);

/* Freed when the loop has let go of it. NULL is fine. */
void control_close(struct control *c);

/* Requests that have not been answered yet. */
size_t control_waiting(const struct control *c);

const struct addr *control_local(const struct control *c);

#endif
