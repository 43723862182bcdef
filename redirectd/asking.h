#ifndef REDIRECTD_ASKING_H
#define REDIRECTD_ASKING_H

#include "common/addr.h"
#include "common/sipmsg.h"
#include "proto/redirect.h"
#include "redirectd/store.h"

struct receipt;

/*
 * A request, as the flows that answer it see it, and what they leave behind
 * where the answer has to wait. A flow prints its answer and returns the
 * status, or:
 *
 * -EMSGSIZE     the answer did not fit
 * -EAGAIN       the store has to be awaited: then the flow begins anew
 * -EINPROGRESS  the answer has been printed, but is true only once the store
 *               has called `done`
 */
struct asking {
	const sip_t *sip;
	struct addr src; /* where it came from */
	struct store_view view;
	bool stranger;      /* the caller is nobody of ours */
	store_done_h *done; /* of a change; with `arg` */
	void *arg;

	char await[REDIRECT_ID_MAX]; /* -EAGAIN: whom, or behind whom */
	bool await_served;           /* those that `src`'s proxy serves */
	struct addr asker;           /* that proxy */
	struct receipt *receipt;     /* -EINPROGRESS: what will be true */
};

/* -EAGAIN because of this id. */
int asking_await(struct asking *a, const char *id);

#endif
