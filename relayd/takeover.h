#ifndef RELAYD_TAKEOVER_H
#define RELAYD_TAKEOVER_H

#include <stdbool.h>
#include <uv.h>

/*
 * Where a new relayd asks the one that runs for everything it has: a Unix
 * socket for this user (and root) alone. What is said there is in handover.h.
 */
struct takeover;

/* Somebody may ask: `peer` is the connection, readable, and stays the
 * listener's. May take its time. */
typedef void takeover_h(int peer, void *arg);

/*
 * Listen at `path`, in place of whoever did before. 0 or a negative errno
 * (-ENAMETOOLONG).
 */
int takeover_listen(struct takeover **tp, uv_loop_t *loop, const char *path,
		    takeover_h *fn, void *arg);
/* The path goes with it, unless a successor listens there. */
void takeover_close(struct takeover *t);

/* Connect to who listens at `path`. 0, -EPERM (of another user) or another
 * negative errno. */
int takeover_connect(int *peer, const char *path);

#endif
