#ifndef RELAYD_COMPONENT_H
#define RELAYD_COMPONENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayd/figures.h"
#include "relayd/learn.h"
#include "relayd/socket.h"
#include "relayd/stream.h"

struct fdbag;
struct iface;
struct resequence;
struct snapshot_part;

/*
 * One component of a media line, RTP or RTCP (RFC 8445 4): its port, where its
 * media comes from and what came. The packet path is here: receive, judge
 * (learn.h), send.
 */
struct component {
	/* Where each side is served: one socket for both, but for sides on
	 * different addresses of the relay. */
	struct socket *door[LEARN_SIDES];
	const struct iface *at[LEARN_SIDES];
	/* The same after a move that is under way. */
	struct socket *next_door[LEARN_SIDES];
	const struct iface *next_at[LEARN_SIDES];
	/* Connected to a side that is proven, so that the kernel need not look
	 * up the route of each packet; or NULL. */
	struct socket *link[LEARN_SIDES];
	struct addr linked[LEARN_SIDES]; /* to whom */
	struct learn learn;
	struct stream_flow flow[LEARN_SIDES];
	uint64_t strangers;
	uint64_t stranger_told;     /* when; 0: never */
	uint64_t link_retry_at;     /* after one could not be had */
	enum learn_side burst_from; /* whose packets wait in env->burst */
	struct resequence *order;   /* RTP goes through it; NULL: as it comes */
	struct stream *stream;
	const struct stream_env *env;
	enum stream_part part;
	uint16_t port;
};

/* Bind and receive. 0 or a negative errno (-EADDRINUSE). */
int component_open(struct component *c, struct stream *st,
		   const struct stream_env *env, enum stream_part part,
		   uint16_t port, const struct stream_want *want);

/* component_adopt.c: go on where another process was, with the sockets it left:
 * those of this port are taken. 0 or a negative errno (-ENOENT: a socket is not
 * there). */
int component_adopt(struct component *c, struct stream *st,
		    const struct stream_env *env, enum stream_part part,
		    const struct stream_want *want,
		    const struct snapshot_part *was, struct fdbag *sockets);

/* What is needed for that. Its sockets are written to `fds`, at most
 * COMPONENT_FDS; how many they are is returned. */
enum { COMPONENT_FDS = 4 };
size_t component_snapshot(struct snapshot_part *out, int *fds,
			  const struct component *c);

/* What both ways to begin have in common. */
void component_init(struct component *c, struct stream *st,
		    const struct stream_env *env, enum stream_part part,
		    uint16_t port, const struct stream_want *want);
struct socket_config component_sockets(struct component *c);

/* Have the sockets to serve the sides at other addresses, then move, or stay:
 * stream_prepare(). */
int component_prepare(struct component *c,
		      const struct iface *const at[LEARN_SIDES]);
void component_move(struct component *c);
void component_stay(struct component *c);

void component_close(struct component *c);

/* Connect sockets to sides that are proven and stay as they are, and let go of
 * those that are no more. `want` false: of all. */
void component_link(struct component *c, bool want, uint64_t now);

/* Let go of all connected sockets for good, which end with the process: from
 * here on what comes waits in the doors. */
void component_leave(struct component *c, uint64_t now);

/* Step 84: send on what came from a side, out of the port it came in by.
 * Whether it is under way. */
bool component_forward(struct component *c, enum learn_side from,
		       const uint8_t *data, size_t len);

/* Receive what waits in its sockets. */
void component_drain(struct component *c);

/* A source that is another's port of this relay, or one of its own. */
bool component_is_own(const struct component *c, const struct addr *a);

/* What a component asks of its stream (stream.c). */
struct learn *stream_rtp(struct stream *st);
void stream_tell(struct stream *st, enum stream_part part,
		 const struct learn_result *what, const struct addr *src);
void stream_measure(struct stream *st, enum stream_part part, bool is_rtp,
		    const struct figures_packet *f);
void stream_settle(struct stream *st); /* behind a wake-up of RTP */

#endif
