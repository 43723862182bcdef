#ifndef RELAYD_API_H
#define RELAYD_API_H

#include <uv.h>

struct admin;
struct fastpath;
struct metrics;
struct ports;
struct relayd_counters;
struct sessions;
struct trace;

/* What operators and their tools can ask over HTTP. */
struct api {
	uv_loop_t *loop;
	struct sessions *sessions;
	struct ports *ports;
	struct trace *trace;
	struct fastpath *fastpath; /* or NULL */
};

/* Counters and gauges of /metrics; `api` and `counters` outlive `m`. 0 or
 * -ENOMEM. */
int api_metrics(struct metrics *m, struct api *api,
		const struct relayd_counters *counters);

/* /api/sessions, /api/trace, /api/calls; `api` outlives `admin`. */
int api_routes(struct admin *admin, struct api *api);

#endif
