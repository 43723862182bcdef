#ifndef PROXYD_VIGIL_H
#define PROXYD_VIGIL_H

#include <stdint.h>

#include "proxyd/calls.h"

struct proxy;
struct vigil;

/*
 * Looking after calls until they end: one whose session timer has run out is
 * ended (RFC 4028 8.3), and so is one whose party does not answer an OPTIONS
 * within the dialog any more, or knows nothing of it (RFC 3261 12.2.1.2).
 */
int vigil_alloc(struct vigil **vp); /* 0 or -ENOMEM */
void vigil_free(struct vigil *v);   /* NULL is fine */

/* Handler of the table of calls; arg is the struct proxy. */
void vigil_due(const char *id, void *arg);

/* A call has begun: its parties are asked every session.probe seconds. */
void vigil_begin(struct proxy *p, const char *id);

/* This party has not answered a request, or answered 481: it is asked once,
 * when the other has had the time to hang up. */
void vigil_doubt(struct proxy *p, const char *id, enum party who);

/* This party has been heard: it is there. */
void vigil_heard(struct proxy *p, const char *id, enum party who);

#endif
