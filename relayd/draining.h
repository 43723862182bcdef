#ifndef RELAYD_DRAINING_H
#define RELAYD_DRAINING_H

struct relay;

/*
 * A relay that drains takes no new sessions (503, Retry-After), is in no pool
 * and not ready, and serves those it has as ever. By command it does so until
 * it is told otherwise, over a takeover too; by a signal it then ends.
 */

/* By command. 0; -EALREADY: so it is; -ESHUTDOWN: a signal has come. */
int draining_begin(struct relay *r);
int draining_end(struct relay *r);

/* By a signal: daemon_exit() when no session is left, or it has lasted for
 * `drain` seconds, which draining_tick() looks after. */
void draining_to_end(struct relay *r);
void draining_tick(struct relay *r);

#endif
