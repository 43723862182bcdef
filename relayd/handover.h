#ifndef RELAYD_HANDOVER_H
#define RELAYD_HANDOVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fdbag.h"

struct crew;
struct ports;

/*
 * How one relayd leaves everything to the next, over a socket of takeover.h:
 *
 *     new                         old
 *     ask          ->                     stops: packets wait in the sockets
 *                  <-   relay             control and HTTP sockets, the table
 *                  <-   resting …         ports in quarantine
 *                  <-   session …         state and sockets
 *                  <-   end               how many there were
 *     ready        ->                     all is in place, nothing received yet
 *                  <-   go                the old one touches nothing any more
 *     on           ->                     the new one receives
 *
 * Messages are JSON objects, "is" says which. Whatever breaks before `on` has
 * the old one go on, if the connection is gone by then: one that is alive and
 * silent may have read `go`, and two that receive would be worse than none.
 */
enum {
	HANDOVER_VERSION = 1,
	HANDOVER_MS = 5000, /* that each side waits for the other */
};

/* What the new one was left: filled by handover_ask() or from elsewhere. */
struct handover_session {
	json_t *state; /* as snapshot_parse() */
	struct fdbag sockets;
};

struct handover {
	struct fdbag doors; /* bound sockets, taken by address */
	bool drained;       /* it took no new sessions, by command */
	int table;          /* of fdstore.h, or -1 */
	json_t *resting;    /* [[port, ms left], …] or NULL */
	struct handover_session *sessions;
	size_t n, max;
};

void handover_init(struct handover *h);

/* Takes over both, also where it fails. 0 or -ENOMEM. */
int handover_add(struct handover *h, json_t *state, struct fdbag *sockets);

/* Ask and receive everything, until `end`. 0, or a negative errno with the
 * reason in `why`. */
enum { HANDOVER_WHY = 128 };
int handover_ask(struct handover *h, int peer, char why[HANDOVER_WHY]);

/* Put all of it into a crew that is held, and the ports. A session that is
 * broken is logged and lost: how many were lost is returned. */
size_t handover_restore(struct handover *h, struct crew *crew,
			struct ports *ports, uint64_t now);

/* `ready`, and wait for `go`: 0, then all is ours; -errno: nothing is. */
int handover_finish(int peer, char why[HANDOVER_WHY]);

/* Close and free what nobody took. */
void handover_release(struct handover *h);

/* The other side: what is given, `fds` being the control and HTTP sockets. The
 * crew is held. */
struct handover_given {
	struct crew *crew;
	struct ports *ports;
	const int *fds;
	size_t nfds;
	int table; /* of fdstore.h, or -1 */
	bool drained;
	uint64_t now;
	size_t sessions; /* set: how many were given */
};

/* 0: the other one has everything. A negative errno and why: go on. */
int handover_give(int peer, struct handover_given *g, char why[HANDOVER_WHY]);

#endif
