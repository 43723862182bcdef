#ifndef PROXYD_SPEAKING_H
#define PROXYD_SPEAKING_H

#include <stdbool.h>

#include "proxyd/branch.h"

struct proxy;

/*
 * Whether a request within a call comes from the party whose it claims to be
 * (identity.h): what this proxy sees of the parties' places is noted when the
 * call begins, and asked for in every later request, unless `dialogs.verify` is
 * off.
 */

/* An INVITE outside a dialog is about to be sent on. */
void speaking_begins(const struct branch *b);

/* It has this answer, as the callee's side wrote it. */
void speaking_answers(const struct branch *b, const sip_t *answer);

/* One request within a call, its Route read. */
struct speaking {
	const sip_t *sip;
	const struct channel *src;
	bool from_caller;
	bool spiral; /* it has been looked at the first time it was here */
};

/* False: a stranger's, which is logged and counted. */
bool speaking_allowed(struct proxy *p, const struct speaking *s);

/* A request within a call has this final response: after a BYE it is over. */
void speaking_ended(const struct branch *b, int status);

#endif
