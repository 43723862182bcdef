#ifndef PROXYD_HUNTING_H
#define PROXYD_HUNTING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sipmsg.h"
#include "proto/redirect.h"
#include "proxyd/branch.h"

struct request;

/*
 * Static routes: targets of the directory with ph-route are gateways or servers
 * of other domains and no phones. They are alternatives for one callee: the
 * next one is tried only where the one before failed to serve. Those of
 * ph-route=ask are redirect servers, whose 3xx is followed here (RFC 3261 16.5,
 * 16.7 step 4).
 */
enum { HUNTING_DEPTH_MAX = 5 }; /* of redirections, one behind the other */

/* Put targets of one answer in the order in which they have their turn, their
 * q being ranks from now on: those that have failed lately go last of the
 * static routes. `depth`: of redirections that led to this answer. */
void hunting_order(struct request *r, struct redirect_target *t, size_t n,
		   unsigned depth);

/* The target of this branch has been set: take the mark out of it. 0, -ENOMEM.
 */
int hunting_take(struct branch *b);

/* For txn_request(), as locating_patience(): while there is another target. */
uint32_t hunting_patience(const struct branch *b);

/* It has this final response of 300 or above; msg NULL: of our own making.
 * True: the target could not serve, and another is to be tried in its place,
 * whose response counts; if it could, those that wait for that have no turn. */
bool hunting_failed(struct branch *b, int status, const msg_t *msg);

/* A redirect server has answered 3xx: its contacts become targets that have
 * their turn next, and the branch is over. False: it is passed on as any other
 * response. */
bool hunting_follow(struct branch *b, int status, const msg_t *msg);

/*
 * Whether a final status means that a target could not serve the request,
 * rather than that the callee does not want it: 430, and 500, 502, 503, 504;
 * not 501, 505 and 513, which every other one would say as well. Of our own
 * (`said` false; 480 is what a 430 becomes) it is whatever kept it from being
 * sent, and silence, unless the target rang first. Pure.
 */
bool hunting_unserved(int status, bool said, bool rang);

void hunting_free(struct hunting *h);

#endif
