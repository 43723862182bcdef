#ifndef RELAYD_CREW_H
#define RELAYD_CREW_H

#include <stdbool.h>
#include <stddef.h>

#include "relayd/engine.h"

/*
 * All workers, each with its engine. A session belongs to the one that its
 * Call-ID hashes to. Everything here is called from the main thread.
 */
struct crew;

enum { CREW_MAX = 64 };

/* `n` workers, 1 to CREW_MAX. The parts of `cfg` outlive them. 0 or a negative
 * errno. */
int crew_start(struct crew **cp, size_t n, const struct engine_config *cfg);
void crew_stop(struct crew *c); /* ends all sessions */

/* Hand a control datagram to whom its Call-ID belongs; `door` outlives the
 * crew. False: dropped, its mailbox is full or memory is out. */
bool crew_datagram(struct crew *c, const struct engine_door *door,
		   const struct addr *src, const char *data, size_t len);

/* Stop all of them between two packets: from here on what is asked and done
 * below happens in the calling thread, until they resume. crew_stop() then lets
 * none run any more, and no packet is received on the way. */
void crew_hold(struct crew *c);
void crew_resume(struct crew *c);

/* Whether each worker has turned since this was last asked; asked first, they
 * do. */
bool crew_alive(struct crew *c);

/* Call fn in the worker that has this call, or in one after the other until
 * it returns non-zero; returns what the last one did. The caller waits. */
typedef int crew_h(struct engine *e, void *arg);
int crew_ask(struct crew *c, const char *call_id, crew_h *fn, void *arg);
int crew_each(struct crew *c, crew_h *fn, void *arg);

#endif
