#ifndef PROXYD_DIRECTORY_H
#define PROXYD_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/sipmsg.h"
#include "common/txn.h"
#include "proxyd/branch.h"

struct avoid;
struct directory_question;
struct proxy;
struct request;

enum { DIRECTORY_TRIES_MAX = 3 }; /* redirectd asked for one request */

/* What a request knows of its question to the directory. */
struct directory_asking {
	const struct directory_question *question;
	txn_id txn;     /* that is under way */
	size_t at;      /* which redirectd it went to */
	uint32_t asked; /* those that were: bits by their numbers */
	unsigned tries;
	uint32_t retry_s; /* the shortest Retry-After of those that are busy */
};

/* One kind of question. */
struct directory_question {
	/* Make the copy of a request what redirectd is to get, our Via being on
	 * top already; NULL: it is. 0 or a negative errno. */
	int (*write)(const struct request *r, msg_t *query,
		     const struct addr *redirect);

	/* The final answer of the one that had one, never 503; may change it.
	 */
	void (*answered)(struct branch *b, int status, msg_t *msg);
};

/*
 * Ask redirectd on behalf of a request: of those configured the first one that
 * has not failed lately, and then the next where one is silent or says that it
 * cannot tell now (503). If none can, the branch is answered 503, with the
 * shortest Retry-After of theirs. STEP_WAIT or STEP_END.
 */
enum step_result directory_ask(struct branch *b,
			       const struct directory_question *q);

/* Which of `n` redirectd to ask that are not in `asked`: the first one that is
 * well, otherwise the first; n where there is none. Pure. */
size_t directory_choose(const struct avoid *failed, uint64_t now,
			const struct addr *redirect, size_t n, uint32_t asked);

/* 0 or -ENOMEM. */
int directory_alloc(struct avoid **ap);

/* For the metrics: how many redirectd are left alone as they have failed. */
size_t directory_failed(const struct proxy *p);

#endif
