#include <errno.h>

#include "common/admin.h"
#include "common/metrics.h"
#include "common/paging.h"
#include "common/trace.h"
#include "relayd/api.h"
#include "relayd/counters.h"
#include "relayd/crew.h"
#include "relayd/draining.h"
#include "relayd/fastpath.h"
#include "relayd/joining.h"
#include "relayd/load.h"
#include "relayd/port.h"
#include "relayd/quota.h"
#include "relayd/report.h"
#include "relayd/session.h"

enum { OK = 200, BAD_REQUEST = 400, NOT_FOUND = 404, CONFLICT = 409 };

static const struct metric_def counter_defs[] = {RELAYD_COUNTERS(METRICS_DEF)};

static uint64_t sessions_gauge(void *arg)
{
	const struct api *api = arg;

	return atomic_load(&api->load->sessions);
}

static uint64_t streams_gauge(void *arg)
{
	const struct api *api = arg;

	return atomic_load(&api->load->streams);
}

static uint64_t ports_free_gauge(void *arg)
{
	const struct api *api = arg;

	return ports_available(api->ports, uv_now(api->loop));
}

static uint64_t ports_quarantined_gauge(void *arg)
{
	const struct api *api = arg;

	ports_available(api->ports, uv_now(api->loop));
	return ports_quarantined(api->ports);
}

static uint64_t bandwidth_gauge(void *arg)
{
	const struct api *api = arg;

	return quota_bandwidth(api->quota);
}

static uint64_t fast_gauge(void *arg)
{
	const struct api *api = arg;

	return api->fastpath ? fastpath_flows(api->fastpath) : 0;
}

static uint64_t fastpath_gauge(void *arg)
{
	const struct api *api = arg;

	return api->fastpath != NULL;
}

static uint64_t drained_gauge(void *arg)
{
	const struct api *api = arg;

	return atomic_load(&api->load->draining);
}

static int sum_up(struct engine *e, void *arg)
{
	engine_count(e, arg);
	return 0;
}

static void refresh(void *arg)
{
	struct api *api = arg;

	api->sum = api->own;
	crew_each(api->crew, sum_up, &api->sum);
}

static uint64_t pool_gauge(void *arg)
{
	const struct api *api = arg;

	return joining_count(*api->joining, uv_now(api->loop));
}

static const struct {
	const char *name;
	const char *help;
	metric_gauge_h *fn;
} gauges[] = {
	{"sessions", "Sessions at present", sessions_gauge},
	{"streams", "Media lines relayed at present", streams_gauge},
	{"ports_free", "Port pairs that can be taken", ports_free_gauge},
	{"ports_quarantined", "Port pairs at rest", ports_quarantined_gauge},
	{"bandwidth", "Bits/s of media, where media.bandwidth limits it",
	 bandwidth_gauge},
	{"drained", "Whether it takes no new sessions", drained_gauge},
	{"fastpath", "Whether the kernel fast path is there", fastpath_gauge},
	{"fast_flows", "Directions of streams in the fast path", fast_gauge},
	{"pool_joined", "Redirectd whose pool this relay is in", pool_gauge},
};

struct listing {
	struct paging page;
	uint64_t now;
	const char *call; /* one session, if not NULL */
	json_t *one;
};

static int list_one(const struct session *s, void *arg)
{
	struct listing *l = arg;

	if (paging_wants(&l->page))
		paging_add(&l->page, report_session_brief(s, l->now));
	return paging_full(&l->page);
}

static int list_engine(struct engine *e, void *arg)
{
	return sessions_apply(engine_sessions(e), list_one, arg);
}

static int find_one(struct engine *e, void *arg)
{
	struct listing *l = arg;
	const struct session *s = sessions_find(engine_sessions(e), l->call);

	if (s)
		l->one = report_session(s, l->now);
	return s ? OK : NOT_FOUND;
}

static int error(json_t **out, int status, const char *what)
{
	*out = json_pack("{s:s}", "error", what);
	return status;
}

static int get_sessions(json_t **out, const struct admin_query *q, void *arg)
{
	const struct api *api = arg;
	struct listing l = {
		.now = uv_now(api->loop),
		.call = admin_arg(q, "call"),
	};

	if (l.call) {
		if (crew_ask(api->crew, l.call, find_one, &l) == NOT_FOUND)
			return error(out, NOT_FOUND, "no such session");
		*out = l.one;
		return OK;
	}
	if (paging_begin(&l.page, q))
		return paging_refuse(out);
	crew_each(api->crew, list_engine, &l);
	*out = json_pack("{s:I,s:b,s:o}", "total",
			 (json_int_t)atomic_load(&api->load->sessions),
			 "draining", (int)atomic_load(&api->load->draining),
			 "sessions", l.page.list);
	return OK;
}

static int get_load(json_t **out, const struct admin_query *q, void *arg)
{
	const struct api *api = arg;

	(void)q;
	*out = report_load(api->load, api->ports, uv_now(api->loop));
	return OK;
}

/* What it is like afterwards; that it was so before is no error. */
static int set_draining(json_t **out, struct api *api,
			int (*set)(struct relay *r))
{
	if (set(api->relay) == -ESHUTDOWN)
		return error(out, CONFLICT, "a signal has told it to end");
	return get_load(out, NULL, api);
}

static int post_drain(json_t **out, const struct admin_query *q, void *arg)
{
	(void)q;
	return set_draining(out, arg, draining_begin);
}

static int post_undrain(json_t **out, const struct admin_query *q, void *arg)
{
	(void)q;
	return set_draining(out, arg, draining_end);
}

static int get_relay(json_t **out, const struct admin_query *q, void *arg)
{
	const struct api *api = arg;

	(void)q;
	*out = json_pack("{s:I, s:b}", "joined", (json_int_t)pool_gauge(arg),
			 "fastpath", api->fastpath != NULL);
	return OK;
}

static int get_trace(json_t **out, const struct admin_query *q, void *arg)
{
	const struct api *api = arg;
	const char *call = admin_arg(q, "call");

	if (!call)
		return error(out, BAD_REQUEST, "ask with ?call=CALL-ID");
	*out = trace_json(api->trace, call);
	return *out ? OK : error(out, NOT_FOUND, "no such call");
}

static int get_calls(json_t **out, const struct admin_query *q, void *arg)
{
	const struct api *api = arg;

	(void)q;
	*out = trace_calls_json(api->trace);
	return OK;
}

static const struct {
	const char *path;
	const char *about;
	admin_h *fn;
	int (*add)(struct admin *a, const char *path, const char *about,
		   admin_h *fn, void *arg);
} routes[] = {
	{"/api/sessions", "sessions at present; one in detail with ?call=",
	 get_sessions, admin_route},
	{"/api/load", "what it carries, and whether it drains", get_load,
	 admin_route},
	{"/api/relay",
	 "how many redirectd have it in their pool, whether it has the fast "
	 "path",
	 get_relay, admin_route},
	{"/api/drain", "take no new sessions", post_drain, admin_route_post},
	{"/api/undrain", "take new sessions again", post_undrain,
	 admin_route_post},
	{"/api/trace", "messages and notes of one call: ?call=", get_trace,
	 admin_route},
	{"/api/calls", "Call-IDs of the calls traced, newest first", get_calls,
	 admin_route},
};

int api_metrics(struct metrics *m, struct api *api)
{
	const size_t n = sizeof(counter_defs) / sizeof(counter_defs[0]);
	int err = metrics_add_counters(
		m, counter_defs, n, (const uint64_t *)(const void *)&api->sum);

	metrics_refresh(m, refresh, api);
	for (size_t i = 0; !err && i < sizeof(gauges) / sizeof(gauges[0]); i++)
		err = metrics_add_gauge(m, gauges[i].name, gauges[i].help,
					gauges[i].fn, api);
	return err;
}

int api_routes(struct admin *admin, struct api *api)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(routes) / sizeof(routes[0]); i++)
		err = routes[i].add(admin, routes[i].path, routes[i].about,
				    routes[i].fn, api);
	return err;
}
