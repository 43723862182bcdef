#ifndef RELAYD_STREAM_H
#define RELAYD_STREAM_H

#include <stdint.h>
#include <uv.h>

#include "common/sdp.h"
#include "relayd/learn.h"

struct burst;
struct fastpath_user;
struct figures;
struct iface;
struct ifaces;
struct netset;
struct fdbag;
struct relayd_counters;
struct resequence;
struct snapshot_line;

/*
 * One media line: an even port for RTP and the odd one above it for RTCP, a
 * component each (component.h).
 */
struct stream;

enum stream_part { STREAM_RTP, STREAM_RTCP, STREAM_PARTS };

/* What came from one side. Times as the loop's clock; 0: never. */
struct stream_flow {
	uint64_t packets, bytes; /* forwarded */
	uint64_t fast;           /* of these packets, by the kernel */
	uint64_t dropped;        /* nowhere to send to, or not sent */
	uint64_t first, last;
};

/* Something an operator wants to know of: never per packet. */
struct stream_event {
	const struct stream *stream;
	enum stream_part part;
	struct learn_result what; /* LEARNED, RELEARNED or STRANGER */
	struct addr source;
	uint64_t strangers; /* so far, of this part */
};
typedef void stream_event_h(const struct stream_event *ev, void *arg);

/* What all streams share; outlives them. */
struct stream_env {
	uv_loop_t *loop;
	const struct ifaces *ifaces; /* where media is received */
	/* media never goes to the control sockets, nor to the SIP ports of a
	 * trusted proxy: it would come from an address that proxies trust */
	const struct addr *own;
	size_t nown;
	const struct netset *trusted;
	int dscp; /* 0-63 */
	/* the descriptors from here on are kept for calls to come, none for
	 * a second socket of a port */
	int connect_below;
	unsigned *connected; /* of the worker's sockets */
	struct relayd_counters *counters;
	struct fastpath_user *fast; /* NULL: there is none */
	uint8_t *buf;        /* SOCKET_BUF bytes, used within one wake-up */
	struct burst *burst; /* the same, empty behind it */
};

/* What a stream is to be. */
struct stream_want {
	unsigned line;          /* index of the media line */
	const char *type;       /* its media type */
	uint32_t resequence_ms; /* 0: RTP goes on as it comes */
	enum learn_policy policy;
	const struct iface *at[LEARN_SIDES]; /* where each side is served */
};

/*
 * Bind both ports, at the address of each side, and receive. `event` is called
 * from the loop. 0 or a negative errno (-EADDRINUSE: either port is taken).
 */
int stream_open(struct stream **sp, const struct stream_env *env, uint16_t port,
		const struct stream_want *want, stream_event_h *event,
		void *arg);

/* Serve the sides at other addresses, same ports: first have the sockets that
 * takes, then move, or let them be. 0 or a negative errno (-EADDRINUSE). */
int stream_prepare(struct stream *st,
		   const struct iface *const at[LEARN_SIDES]);
void stream_move(struct stream *st);
void stream_stay(struct stream *st);
/*
 * Go on where another process was, with those of its sockets that belong to
 * this line; nothing is received before the loop runs. 0 or a negative errno
 * (-ENOENT: one is not there).
 */
int stream_adopt(struct stream **sp, const struct stream_env *env,
		 const struct stream_want *want,
		 const struct snapshot_line *was, struct fdbag *sockets,
		 stream_event_h *event, void *arg);

/* What is needed for that. Its sockets are written to `fds`, at most
 * STREAM_FDS; how many they are is returned. */
enum { STREAM_FDS = 8 };
size_t stream_snapshot(struct snapshot_line *out, int *fds, struct stream *st);

/* Let go of what waits to be put in order. */
void stream_flush(struct stream *st);

/* The same, and of its connected sockets (component_leave()). */
void stream_leave(struct stream *st);

/* Both ports are free again at once; no event comes any more. */
void stream_close(struct stream *st);

/* What the SDP of one side says of this line (port 0: the side is closed), the
 * address its signalling came from, and the proxy that tells us. */
void stream_signal(struct stream *st, enum learn_side side,
		   const struct sdp_media *m, const struct addr *observed,
		   const struct addr *proxy);

/* Bring what is read below up to date: the kernel may have forwarded more. */
void stream_sync(struct stream *st);

uint16_t stream_port(const struct stream *st); /* the even one */
/* Where a side is served. */
const struct iface *stream_at(const struct stream *st, enum learn_side side);
unsigned stream_line(const struct stream *st);
const char *stream_type(const struct stream *st);
uint64_t stream_last(const struct stream *st); /* accepted packet; 0: none */
const struct learn *stream_learn(const struct stream *st,
				 enum stream_part part);
const struct stream_flow *stream_flow(const struct stream *st,
				      enum stream_part part,
				      enum learn_side from);
uint64_t stream_strangers(const struct stream *st, enum stream_part part);
/* Figures of its RTP and RTCP. */
const struct figures *stream_figures(const struct stream *st);
/* Puts its RTP in order; NULL: nothing does. */
const struct resequence *stream_resequence(const struct stream *st);
/* Whether the RTP of this side is left to the kernel. */
bool stream_is_fast(const struct stream *st, enum learn_side from);
const char *stream_part_name(enum stream_part part); /* "rtp", "rtcp" */

#endif
