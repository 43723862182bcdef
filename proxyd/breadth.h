#ifndef PROXYD_BREADTH_H
#define PROXYD_BREADTH_H

#include "common/sipmsg.h"

/*
 * Max-Breadth (RFC 5393 5): how many branches a request may still be on at one
 * time, in all elements together. Who forks in parallel shares out what came.
 */
enum { BREADTH_DEFAULT = 60, BREADTH_MAX = 60 };

/* What a request says: 0 to BREADTH_MAX, which is also what more is cut to;
 * BREADTH_DEFAULT where it says nothing; -EBADMSG where it is no number, or
 * says it twice. */
int breadth_read(const sip_t *sip);

/* Say it in a request that is sent on. 0 or -ENOMEM. */
int breadth_write(msg_t *msg, unsigned breadth);

#endif
