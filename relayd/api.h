#ifndef RELAYD_API_H
#define RELAYD_API_H

#include <uv.h>

#include "relayd/counters.h"

struct admin;
struct crew;
struct fastpath;
struct joining;
struct load;
struct metrics;
struct ports;
struct quota;
struct relay;
struct trace;

/* What operators and their tools can ask over HTTP. */
struct api {
	struct relay *relay; /* what is told to drain */
	uv_loop_t *loop;
	struct crew *crew;
	struct ports *ports;
	const struct load *load;
	struct quota *quota;
	struct trace *trace;
	struct fastpath *fastpath; /* or NULL */
	/* What is there once the relay joins pools, or NULL. */
	struct joining *const *joining;
	struct relayd_counters own; /* counted by the main thread */
	struct relayd_counters sum; /* of all, as of the last refresh */
};

/* Counters and gauges of /metrics; `api` outlives `m`. 0 or -ENOMEM. */
int api_metrics(struct metrics *m, struct api *api);

/* What there is under /api/; `api` outlives `admin`. */
int api_routes(struct admin *admin, struct api *api);

#endif
