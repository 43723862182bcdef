#ifndef RELAYD_SUCCESSION_H
#define RELAYD_SUCCESSION_H

#include <stdbool.h>
#include <uv.h>

#include "common/conf.h"
#include "relayd/handover.h"

struct crew;
struct daemon;
struct fastpath;
struct takeover;

/*
 * A relayd's place in a line of them: it may begin with what another one has
 * or had (--takeover), and leaves everything to the next one who asks.
 */
struct succession {
	struct handover left; /* by the one before; its sockets by address */
	int peer;             /* the one before; -1: there is none */
	struct takeover *takeover;
	uint64_t began; /* ms */
	/* what is given to the next: */
	struct daemon *daemon;
	struct crew *crew;
	struct ports *ports;
	const bool *drained;
	const int *fds; /* of the control and HTTP sockets */
	size_t nfds;
	struct fastpath *fastpath; /* or NULL */
	struct fdstore *fdstore;   /* the same */
	size_t lost;               /* sessions that could not be restored */
	bool begun;                /* what was left is ours */
	bool given;                /* to the next one */
};

void succession_init(struct succession *s);

/* Ask the relayd that listens at `path`, which stops. 0, or a negative errno
 * with one clear line in err. */
int succession_ask(struct succession *s, const char *path,
		   char err[CONF_ERRLEN]);

/* What a service manager keeps for after a crash, and what it has kept; without
 * one there is no `fdstore`. */
void succession_find(struct succession *s);

/* Whether there is anything to be restored. */
bool succession_inherits(const struct succession *s);

/* The sessions of the one before, into a crew that is held. One that is broken
 * is logged and counted; of a relayd that lives all must be whole, or it is
 * better to go on there. As succession_ask(). */
int succession_restore(struct succession *s, struct crew *crew,
		       struct ports *ports, char err[CONF_ERRLEN]);

/* All is in place: the one before lets go, and the crew goes on. Nothing was
 * received before, and where this fails nothing is. As succession_ask(). */
int succession_begin(struct succession *s, struct crew *crew,
		     char err[CONF_ERRLEN]);

/* From here on the next one may ask, at `path`; what is given to it has been
 * filled in. As above. */
int succession_offer(struct succession *s, const char *path,
		     char err[CONF_ERRLEN]);

/* Everything is left to the process that the service manager starts next.
 * False: it keeps nothing. */
bool succession_leave(struct succession *s);

/* Whether the sessions are those of another process, which goes on with them,
 * so that ending here changes nothing for them. */
bool succession_is_others(const struct succession *s);

void succession_end(struct succession *s);

#endif
