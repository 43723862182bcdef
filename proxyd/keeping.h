#ifndef PROXYD_KEEPING_H
#define PROXYD_KEEPING_H

#include <stdbool.h>

#include "proxyd/branch.h"

struct keeping;
struct proxy;

/*
 * Keeping pinholes open, and calls to those that are shut: the tables of
 * pinholes, clients and waiting calls of a proxy, and what they send. 0 or
 * -ENOMEM; what was opened is closed by keeping_stop().
 */
int keeping_start(struct proxy *p);
void keeping_stop(struct proxy *p);

/* Something came from there; `answer`: to a keepalive of ours. */
void keeping_heard(struct proxy *p, const struct channel *src, bool answer);

/* A connection is gone. */
void keeping_closed(struct proxy *p, const struct channel *at);

/* The INVITE of this branch was not answered at all. */
void keeping_silent(const struct branch *b);

/* The directory has let this request through: where it comes from is where its
 * sender is, whatever the directory has registered. */
void keeping_seen(const struct request *r);

/* Whether a Call-ID is that of our keepalives, which are in no call's trace. */
bool keeping_owns(const struct proxy *p, const char *call_id);

/* A step: where the client's pinhole is shut the call waits for its next poll
 * or REGISTER, and is then delivered where that came from (seed 004, text at
 * steps 44 and 100). */
enum step_result keeping_await(struct branch *b);

/* It waits no longer. */
void keeping_leave(struct branch *b);

#endif
