#ifndef RELAYD_ENGINE_H
#define RELAYD_ENGINE_H

#include <stdint.h>
#include <uv.h>

#include "relayd/session.h"
#include "relayd/stream.h"

struct fastpath;
struct fdbag;
struct fdstore;
struct load;
struct netset;
struct ports;
struct quota;
struct relayd_counters;
struct snapshot;
struct trace;

/*
 * The relay as one worker has it: its sessions, who answers for them, their
 * deadlines and counters. All of it lives in the worker's loop; what workers
 * share is in the configuration and guards itself.
 */
struct engine;

struct engine_config {
	/* loop, counters, buf and fast are the engine's own */
	struct stream_env env;
	struct session_limits limits;
	struct ports *ports;
	struct load *load;
	struct quota *quota;
	struct trace *trace;
	struct fastpath *fastpath; /* NULL: there is none */
	struct fdstore *fdstore;   /* the same */
	/* the control sockets */
	const struct engine_door *const *doors;
	size_t ndoors;
};

/* A control socket: any thread may send on it. */
struct engine_door {
	int fd;
	struct addr self; /* as advertised */
};

/* The parts of `cfg` outlive it. 0 or a negative errno. */
int engine_open(struct engine **ep, uv_loop_t *loop,
		const struct engine_config *cfg);

/* Closes every session; what is freed by the loop is when it runs next. */
void engine_close(struct engine *e);

/* A control datagram; the answer leaves through the door it came in by. */
void engine_datagram(struct engine *e, const struct engine_door *door,
		     const struct addr *src, const char *data, size_t len);

void engine_reload(struct engine *e, const struct session_limits *limits,
		   const struct netset *trusted);

/* A session of another process. As session_restore(). */
int engine_restore(struct engine *e, const struct snapshot *was,
		   struct fdbag *sockets);

/* All that is to outlive the process is written down, as it is now. */
void engine_keep(struct engine *e);

const struct sessions *engine_sessions(const struct engine *e);

/* Add what was counted to `sum`, up to date with the kernel. */
void engine_count(const struct engine *e, struct relayd_counters *sum);

#endif
