#ifndef PROXYD_CONTEXT_H
#define PROXYD_CONTEXT_H

#include "common/sipmsg.h"

struct branch;
struct request;

/*
 * The response context of RFC 3261 16.7: of the final responses of 300 and
 * above that the branches got, the best so far, until it can go back.
 */
struct context {
	int status; /* 0: none yet */
	msg_t *msg; /* ready to go back; NULL: made here */
	char *phrase, *extra;
	char *challenges; /* header lines of all 401 and 407 but that of msg */
};

/*
 * A branch has this final response: as `msg` came and was rewritten, or made
 * here (NULL; phrase NULL: standard, extra: header lines or NULL). It goes back
 * when no branch is left that could bring a better one.
 */
void context_final(struct branch *b, int status, msg_t *msg, const char *phrase,
		   const char *extra);

/* A branch is over without one, as others have come in its place. */
void context_gone(struct branch *b);

/* Of two final statuses, 300 and above, whether the first is the better one to
 * go back (16.7 step 6). Pure. */
bool context_better(int status, int than);

void context_clear(struct context *c);

#endif
