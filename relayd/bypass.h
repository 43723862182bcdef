#ifndef RELAYD_BYPASS_H
#define RELAYD_BYPASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "relayd/learn.h"

struct fastflow;
struct fastpath_user;
struct figures;

/*
 * How the RTP of one stream gets past relayd: when it enters the fast path,
 * when it leaves, and what went by in the meantime. Without a fast path
 * (user NULL) all of this does nothing.
 */
struct bypass {
	struct fastpath_user *user;
	struct figures *figures;
	struct addr local[LEARN_SIDES]; /* where each is served */
	uint32_t slot[LEARN_SIDES];
	uint64_t packets[LEARN_SIDES], bytes[LEARN_SIDES]; /* taken so far */
	/* of the last packet that relayd had, not yet told to the kernel */
	uint64_t mark[LEARN_SIDES]; /* 0: it was */
	uint8_t type[LEARN_SIDES];
	uint64_t retry_at; /* after a flow was refused */
	bool in;           /* some direction is, or was until now */
};

/* What went by of one side since it was asked last. */
struct bypass_news {
	uint64_t packets, bytes;
	uint64_t last; /* ms, CLOCK_MONOTONIC */
	uint32_t ssrc;
	uint16_t seq;
};

enum { BYPASS_RETRY_MS = 5000 };

/* `port`: the stream's even one, at `address` for both sides. `figures`: of the
 * line; bypass_news() keeps them up to date. */
void bypass_init(struct bypass *b, struct fastpath_user *user,
		 struct figures *figures, const struct addr *address,
		 uint16_t port);

/* One side is served at another address, same port. */
void bypass_local(struct bypass *b, enum learn_side side,
		  const struct addr *address);

/* What was taken of the counts, for another process to go on from; with the
 * figures (bypass_news) and the state of learning. */
struct bypass_taken {
	uint64_t packets[LEARN_SIDES], bytes[LEARN_SIDES];
};
void bypass_taken(struct bypass_taken *out, const struct bypass *b);

/* After bypass_init(), of a stream that another process had: what the kernel
 * has forwarded since is news, and where it has a flow still, its figures are
 * the youngest. The flows go on with bypass_follow(). */
void bypass_restore(struct bypass *b, const struct bypass_taken *taken);

/* The flow from this side that the other process left with the kernel, before
 * bypass_follow(): source and target were proven, whatever was written down.
 * False: none. */
bool bypass_found(struct fastflow *out, const struct bypass *b,
		  enum learn_side from);

/* The state of learning may have changed: enter, follow or leave. Cheap where
 * nothing is to do. Returns how many directions entered. */
unsigned bypass_follow(struct bypass *b, const struct learn *l, uint64_t now);

/* Out, both directions: packets come up again. */
void bypass_leave(struct bypass *b);

/* An RTP packet of the known source of a side was forwarded or dropped, and is
 * in the figures. It has left, if it has to, when bypass_follow() is called
 * next. */
void bypass_done(struct bypass *b, enum learn_side from, const uint8_t *rtp);

/* Whether a side's RTP is left to the kernel at present. */
bool bypass_has(const struct bypass *b, enum learn_side from);

/* Before a packet is measured, and before the figures are read. False: nothing
 * new. */
bool bypass_news(struct bypass_news *out, struct bypass *b,
		 enum learn_side from);

#endif
