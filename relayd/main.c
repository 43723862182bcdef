#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/admin.h"
#include "common/daemon.h"
#include "common/deadlines.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/netset.h"
#include "common/sipmsg.h"
#include "common/strbuf.h"
#include "common/trace.h"
#include "common/udp.h"
#include "relayd/api.h"
#include "relayd/conf.h"
#include "relayd/control.h"
#include "relayd/counters.h"
#include "relayd/fastpath.h"
#include "relayd/journal.h"
#include "relayd/port.h"
#include "relayd/session.h"
#include "relayd/stream.h"

enum {
	TICK_MS = 250, /* how late an expiry may come */
	TRACE_BYTES = 8 << 20,
	LISTEN_MAX = 16,
	FDS_PER_PAIR = 2,
	FDS_OTHER = 64,
};

/* One control socket. */
struct listener {
	struct relay *relay;
	struct udp *udp;
	struct addr self; /* as advertised */
};

struct relay {
	struct daemon *daemon;
	const struct relayd_conf *conf;
	struct relayd_counters counters;
	struct listener listeners[LISTEN_MAX];
	struct addr own[LISTEN_MAX]; /* their addresses */
	size_t nlisteners;
	struct netset *trusted;
	struct deadlines *deadlines;
	struct ports *ports;
	struct trace *trace;
	struct journal *journal;
	struct stream_env env;
	struct fastpath *fastpath; /* NULL: relayd forwards by itself */
	struct sessions *sessions;
	struct control *control;
	struct api api;
	struct metrics *metrics;
	struct admin *admin;
	uv_timer_t *tick;     /* drives the deadlines; freed when closed */
	uint64_t drain_until; /* 0: not draining */
	char answer[SIPMSG_MAX];
	uint8_t packet[STREAM_BUF];
};

static void on_datagram(struct udp *u, const struct addr *src, char *data,
			size_t len, void *arg)
{
	struct listener *l = arg;
	struct relay *r = l->relay;
	const struct control_input in = {
		.data = data,
		.len = len,
		.src = src,
		.self = &l->self,
		.now = uv_now(daemon_loop(r->daemon)),
	};
	struct strbuf out;
	struct addr dst;

	strbuf_init(&out, r->answer, sizeof(r->answer));
	if (control_handle(r->control, &out, &dst, &in))
		udp_send(u, &dst, out.data, out.len);
}

static void on_tick(uv_timer_t *timer)
{
	struct relay *r = timer->data;
	uint64_t now = uv_now(timer->loop);

	if (r->fastpath && fastpath_tick(r->fastpath))
		sessions_sync(r->sessions);
	deadlines_run(r->deadlines, now);
	if (r->drain_until && now >= r->drain_until) {
		log_warn("drain time over, sessions are cut",
			 LOG_I("sessions", sessions_count(r->sessions)));
		daemon_exit(r->daemon);
	}
}

static void on_emptied(void *arg)
{
	struct relay *r = arg;

	daemon_exit(r->daemon);
}

static struct session_limits limits(const struct relayd_conf *conf)
{
	return (struct session_limits){
		.max = (size_t)conf->session_max,
		.idle_ms = (uint32_t)conf->session_idle * 1000,
		.setup_ms = (uint32_t)conf->session_setup * 1000,
	};
}

static int fail(char err[CONF_ERRLEN], int code, const char *what,
		const char *hint)
{
	snprintf(err, CONF_ERRLEN, "%s: %s%s%s", what, strerror(-code),
		 *hint ? ", " : "", hint);
	return code;
}

/* Steps of start(), in order; each leaves one clear line in err. */
static int start_listeners(struct relay *r, char err[CONF_ERRLEN])
{
	const struct conf_strings *listen = &r->conf->listen;

	if (listen->n > LISTEN_MAX)
		return fail(err, -E2BIG, "listen", "16 addresses at most");
	for (size_t i = 0; i < listen->n; i++) {
		struct listener *l = &r->listeners[i];
		int ret = conf_listen_addr(&l->self, listen->v[i]);

		if (ret)
			return fail(
				err, ret, listen->v[i],
				"give an address in listen instead of auto");
		l->relay = r;
		ret = udp_listen(&l->udp, daemon_loop(r->daemon), &l->self,
				 on_datagram, l);
		if (ret)
			return fail(err, ret, listen->v[i],
				    "choose another address in listen");
		l->self = *udp_local(l->udp);
		r->nlisteners++;
	}
	return 0;
}

/* A wildcard control socket is known by the media address. */
static void name_listeners(struct relay *r)
{
	for (size_t i = 0; i < r->nlisteners; i++) {
		struct listener *l = &r->listeners[i];
		uint16_t port = addr_port(&l->self);

		if (addr_class(&l->self) == ADDR_ANY) {
			l->self = r->env.advertise;
			addr_set_port(&l->self, port);
		}
		r->own[i] = l->self;
	}
}

static int start_media(struct relay *r, char err[CONF_ERRLEN])
{
	const struct relayd_conf *c = r->conf;
	int ret = relayd_conf_media(&r->env.address, &r->env.advertise, c,
				    &r->listeners[0].self);

	if (ret)
		return fail(err, ret, "media.address",
			    "give this host's address, and media.advertise if "
			    "phones see another");
	name_listeners(r);
	r->env.loop = daemon_loop(r->daemon);
	r->env.own = r->own;
	r->env.nown = r->nlisteners;
	r->env.trusted = r->trusted;
	r->env.dscp = (int)c->media_dscp;
	r->env.counters = &r->counters;
	r->env.buf = r->packet;
	ret = ports_alloc(&r->ports, (uint16_t)c->media_ports.lo,
			  (uint16_t)c->media_ports.hi,
			  (uint32_t)c->media_quarantine * 1000);
	return ret ? fail(err, ret, "media.ports", "") : 0;
}

/* Without it relayd works as well, so that only "on" insists. */
static int start_fastpath(struct relay *r, char err[CONF_ERRLEN])
{
	const struct fastpath_config cfg = {
		.address = r->env.address,
		.ports_lo = (uint16_t)r->conf->media_ports.lo,
		.ports_hi = (uint16_t)r->conf->media_ports.hi,
		.dscp = r->env.dscp,
	};
	enum relayd_fastpath mode = FASTPATH_OFF;
	char why[FASTPATH_WHY];
	int ret;

	relayd_fastpath_parse(&mode, r->conf->fastpath);
	if (mode == FASTPATH_OFF)
		return 0;
	ret = fastpath_open(&r->fastpath, &cfg, why);
	r->env.fast = r->fastpath;
	if (!ret)
		return 0;
	if (mode == FASTPATH_ON) {
		snprintf(err, CONF_ERRLEN, "fastpath: %s", why);
		return ret;
	}
	log_info("fast path unavailable, relayd forwards by itself",
		 LOG_S("reason", why));
	return 0;
}

static int start_tables(struct relay *r, char err[CONF_ERRLEN])
{
	int ret = deadlines_alloc(&r->deadlines);

	if (!ret)
		ret = trace_alloc(&r->trace, (size_t)r->conf->trace_calls,
				  TRACE_BYTES);
	if (!ret)
		ret = journal_alloc(&r->journal, r->trace);
	if (!ret)
		ret = sessions_alloc(&r->sessions,
				     &(struct sessions_config){
					     .env = &r->env,
					     .ports = r->ports,
					     .deadlines = r->deadlines,
					     .journal = r->journal,
					     .counters = &r->counters,
					     .limits = limits(r->conf),
					     .emptied = on_emptied,
					     .arg = r,
				     });
	if (!ret)
		ret = control_alloc(&r->control,
				    &(struct control_config){
					    .sessions = r->sessions,
					    .ports = r->ports,
					    .journal = r->journal,
					    .counters = &r->counters,
					    .trusted = r->trusted,
				    });
	return ret ? fail(err, ret, "cannot make the session table", "") : 0;
}

static int start_admin(struct relay *r, char err[CONF_ERRLEN])
{
	struct addr http;
	int ret = addr_parse(&http, r->conf->http, 0);

	r->api = (struct api){daemon_loop(r->daemon), r->sessions, r->ports,
			      r->trace, r->fastpath};
	if (!ret)
		ret = metrics_alloc(&r->metrics, "relayd");
	if (!ret)
		ret = api_metrics(r->metrics, &r->api, &r->counters);
	if (!ret)
		ret = admin_start(&r->admin, daemon_loop(r->daemon), &http,
				  "relayd", r->metrics);
	if (!ret)
		ret = api_routes(r->admin, &r->api);
	return ret ? fail(err, ret, r->conf->http,
			  "choose another address in http")
		   : 0;
}

static int start_tick(struct relay *r, char err[CONF_ERRLEN])
{
	r->tick = calloc(1, sizeof(*r->tick));
	if (!r->tick)
		return fail(err, -ENOMEM, "timer", "");
	uv_timer_init(daemon_loop(r->daemon), r->tick);
	r->tick->data = r;
	uv_timer_start(r->tick, on_tick, TICK_MS, TICK_MS);
	return 0;
}

/* Too few descriptors show up as refused calls at the busiest hour: say so at
 * once. */
static void check_descriptors(const struct relay *r)
{
	size_t need = ports_total(r->ports) * FDS_PER_PAIR + FDS_OTHER;
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < need)
		log_warn("fewer file descriptors than media.ports needs",
			 LOG_I("limit", limit.rlim_cur), LOG_I("needed", need));
}

static int start_trust(struct relay *r, char err[CONF_ERRLEN])
{
	int ret = relayd_conf_trusted(&r->trusted, r->conf);

	return ret ? fail(err, ret, "trusted", "") : 0;
}

static int start(void **ctx, struct daemon *d, const void *conf,
		 char err[CONF_ERRLEN])
{
	static int (*const steps[])(struct relay *, char *) = {
		start_trust,  start_listeners, start_media, start_fastpath,
		start_tables, start_admin,     start_tick,
	};
	struct relay *r = calloc(1, sizeof(*r));
	int ret = 0;

	if (!r)
		return fail(err, -ENOMEM, "cannot start", "");
	*ctx = r;
	r->daemon = d;
	r->conf = conf;
	for (size_t i = 0; !ret && i < sizeof(steps) / sizeof(steps[0]); i++)
		ret = steps[i](r, err);
	if (ret)
		return ret;
	check_descriptors(r);
	admin_not_ready(r->admin, NULL);
	log_info("ready", LOG_A("control", &r->listeners[0].self),
		 LOG_A("media", &r->env.address),
		 LOG_A("advertise", &r->env.advertise),
		 LOG_I("port_pairs", ports_total(r->ports)),
		 LOG_S("http", r->conf->http));
	return 0;
}

static void reload(void *ctx, const void *conf)
{
	struct relay *r = ctx;
	const struct session_limits lim = limits(conf);
	struct netset *trusted;

	sessions_limit(r->sessions, &lim);
	if (relayd_conf_trusted(&trusted, conf)) {
		log_error("trusted stays as it was: out of memory");
		return;
	}
	control_trust(r->control, trusted);
	r->env.trusted = trusted;
	netset_free(r->trusted);
	r->trusted = trusted;
}

static void drain(void *ctx)
{
	struct relay *r = ctx;

	r->drain_until = uv_now(daemon_loop(r->daemon)) +
			 (uint64_t)r->conf->drain * 1000;
	admin_not_ready(r->admin, "draining");
	sessions_drain(r->sessions);
}

static void on_tick_closed(uv_handle_t *h)
{
	free(h);
}

static void stop(void *ctx)
{
	struct relay *r = ctx;

	if (!r)
		return;
	if (r->tick)
		uv_close((uv_handle_t *)r->tick, on_tick_closed);
	admin_stop(r->admin);
	metrics_free(r->metrics);
	for (size_t i = 0; i < r->nlisteners; i++)
		udp_close(r->listeners[i].udp);
	control_free(r->control);
	sessions_free(r->sessions);
	fastpath_close(r->fastpath);
	journal_free(r->journal);
	trace_free(r->trace);
	deadlines_free(r->deadlines);
	ports_free(r->ports);
	netset_free(r->trusted);
	free(r);
}

int main(int argc, char **argv)
{
	const struct daemon_class class = {
		.name = "relayd",
		.about = "media relay for SIP calls through NAT firewalls",
		.keys = relayd_keys,
		.nkeys = relayd_nkeys,
		.conf_size = sizeof(struct relayd_conf),
		.check = relayd_conf_check,
		.start = start,
		.reload = reload,
		.drain = drain,
		.stop = stop,
	};

	return daemon_main(&class, argc, argv);
}
