#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/admin.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/netset.h"
#include "common/trace.h"
#include "common/udp.h"
#include "relayd/api.h"
#include "relayd/conf.h"
#include "relayd/crew.h"
#include "relayd/fastpath.h"
#include "relayd/fdstore.h"
#include "relayd/iface.h"
#include "relayd/joining.h"
#include "relayd/load.h"
#include "relayd/port.h"
#include "relayd/quota.h"
#include "relayd/stream.h"
#include "relayd/succession.h"

enum {
	TICK_MS = 250, /* how late an expiry may come */
	TRACE_BYTES = 8 << 20,
	LISTEN_MAX = 16,
	/* a control socket, or a wildcard one at every media address */
	OWN_MAX = LISTEN_MAX * 2 * IFACE_MAX,
	FDS_PER_PAIR = 2, /* twice that for sides at two addresses */
	FDS_OTHER = 64,
};

/* One control socket. */
struct listener {
	struct relay *relay;
	struct udp *udp;
	struct engine_door door;
};

struct relay {
	struct daemon *daemon;
	const struct relayd_conf *conf;
	struct listener listeners[LISTEN_MAX];
	size_t nlisteners;
	struct ifaces ifaces;
	/* the addresses of the listeners, and those of the directory, which
	 * trusts what comes from here */
	struct addr own[OWN_MAX + JOINING_REDIRECTS_MAX];
	size_t nown;
	struct joining *joining; /* NULL: no pool */
	struct netset *trusted;
	struct ports *ports;
	struct load load;
	struct quota *quota;
	struct trace *trace;
	struct stream_env env;
	struct fastpath *fastpath; /* NULL: relayd forwards by itself */
	struct crew *crew;
	struct api api;
	struct metrics *metrics;
	struct admin *admin;
	uv_timer_t *tick;     /* freed when closed */
	uint64_t drain_until; /* 0: not draining */
	struct succession succession;
	int doors[LISTEN_MAX + 1]; /* control and HTTP sockets */
	const struct engine_door *control[LISTEN_MAX];
};

static void on_datagram(struct udp *u, const struct addr *src, char *data,
			size_t len, void *arg)
{
	struct listener *l = arg;

	(void)u;
	if (joining_datagram(l->relay->joining, src, data, len,
			     uv_now(daemon_loop(l->relay->daemon))))
		return;
	if (!crew_datagram(l->relay->crew, &l->door, src, data, len))
		l->relay->api.own.overrun++;
}

static void on_tick(uv_timer_t *timer)
{
	struct relay *r = timer->data;
	uint64_t now = uv_now(timer->loop);
	size_t left = atomic_load(&r->load.sessions);

	if (r->fastpath)
		fastpath_beat(r->fastpath);
	fdstore_tick(r->succession.fdstore);
	joining_run(r->joining, now,
		    load_room(&r->load, ports_available(r->ports, now)));
	if (!r->drain_until || (left > 0 && now < r->drain_until))
		return;
	if (left > 0)
		log_warn("drain time over, sessions are cut",
			 LOG_I("sessions", left));
	daemon_exit(r->daemon);
}

static int fail(char err[CONF_ERRLEN], int code, const char *what,
		const char *hint)
{
	snprintf(err, CONF_ERRLEN, "%s: %s%s%s", what, strerror(-code),
		 *hint ? ", " : "", hint);
	return code;
}

static const char take_over[] = "takeover"; /* the option */

/* The one of the relayd before, or a new one. */
static int listen_udp(struct listener *l, struct relay *r)
{
	int fd = fdbag_take(&r->succession.left.doors, SOCK_DGRAM,
			    &l->door.self, NULL);

	if (fd >= 0)
		return udp_adopt(&l->udp, daemon_loop(r->daemon), fd,
				 on_datagram, l);
	return udp_listen(&l->udp, daemon_loop(r->daemon), &l->door.self,
			  on_datagram, l);
}

/* Steps of start(), in order; each leaves one clear line in err. */
static int start_listeners(struct relay *r, char err[CONF_ERRLEN])
{
	const struct conf_strings *listen = &r->conf->listen;

	if (listen->n > LISTEN_MAX)
		return fail(err, -E2BIG, "listen", "16 addresses at most");
	for (size_t i = 0; i < listen->n; i++) {
		struct listener *l = &r->listeners[i];
		int ret = conf_listen_addr(&l->door.self, listen->v[i]);

		if (ret)
			return fail(
				err, ret, listen->v[i],
				"give an address in listen instead of auto");
		l->relay = r;
		ret = listen_udp(l, r);
		if (ret)
			return fail(err, ret, listen->v[i],
				    "choose another address in listen");
		l->door = (struct engine_door){udp_fd(l->udp),
					       *udp_local(l->udp)};
		r->control[i] = &l->door;
		r->nlisteners++;
	}
	return 0;
}

static void add_own(struct relay *r, const struct addr *ip, uint16_t port)
{
	r->own[r->nown] = *ip;
	addr_set_port(&r->own[r->nown++], port);
}

/* A wildcard control socket is known by the media addresses. */
static void name_listener(struct relay *r, struct listener *l)
{
	uint16_t port = addr_port(&l->door.self);
	int family = addr_family(&l->door.self);
	const struct iface *first = iface_first(&r->ifaces, family);

	if (addr_class(&l->door.self) != ADDR_ANY) {
		add_own(r, &l->door.self, port);
		return;
	}
	l->door.self = first ? first->advertise : r->ifaces.v[0].advertise;
	addr_set_port(&l->door.self, port);
	for (size_t i = 0; i < r->ifaces.n; i++) {
		add_own(r, &r->ifaces.v[i].bind, port);
		add_own(r, &r->ifaces.v[i].advertise, port);
	}
}

static int start_media(struct relay *r, char err[CONF_ERRLEN])
{
	const struct relayd_conf *c = r->conf;
	int ret = relayd_conf_media(&r->ifaces, c, &r->listeners[0].door.self);

	if (ret)
		return fail(err, ret, "media.address",
			    "give this host's address, and media.advertise if "
			    "phones see another");
	for (size_t i = 0; i < r->nlisteners; i++)
		name_listener(r, &r->listeners[i]);
	r->env.ifaces = &r->ifaces;
	r->env.own = r->own;
	r->env.nown = r->nown + relayd_conf_redirects(r->own + r->nown, c);
	r->env.trusted = r->trusted;
	r->env.dscp = (int)c->media_dscp;
	ret = ports_alloc(&r->ports, (uint16_t)c->media_ports.lo,
			  (uint16_t)c->media_ports.hi,
			  (uint32_t)c->media_quarantine * 1000);
	return ret ? fail(err, ret, "media.ports", "") : 0;
}

/* Flows of sessions that ended with another process. */
static void sweep(struct fastpath *fp)
{
	size_t n = fastpath_sweep(fp);

	if (n > 0)
		log_info("flows of an earlier relayd removed",
			 LOG_I("flows", n));
}

/* Without it relayd works as well, so that only "on" insists. */
static int start_fastpath(struct relay *r, char err[CONF_ERRLEN])
{
	struct fastpath_config cfg = {
		.naddresses = r->ifaces.n,
		.ports_lo = (uint16_t)r->conf->media_ports.lo,
		.ports_hi = (uint16_t)r->conf->media_ports.hi,
		.dscp = r->env.dscp,
		.dead_ms = (uint32_t)r->conf->fastpath_dead * 1000,
		.pin = r->conf->fastpath_pin,
	};
	enum relayd_fastpath mode = FASTPATH_OFF;
	char why[FASTPATH_WHY];
	int ret;

	relayd_fastpath_parse(&mode, r->conf->fastpath);
	if (mode == FASTPATH_OFF)
		return 0;
	for (size_t i = 0; i < r->ifaces.n; i++)
		cfg.addresses[i] = r->ifaces.v[i].bind;
	ret = fastpath_open(&r->fastpath, &cfg, why);
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

static int start_crew(struct relay *r, char err[CONF_ERRLEN])
{
	const struct quota_limits quota = relayd_conf_quotas(r->conf);
	size_t n = relayd_conf_workers(r->conf);
	int ret = trace_alloc(&r->trace, (size_t)r->conf->trace_calls,
			      TRACE_BYTES);

	if (!ret)
		ret = quota_alloc(&r->quota, &quota);
	if (!ret)
		ret = crew_start(&r->crew, n,
				 &(struct engine_config){
					 .env = r->env,
					 .limits = relayd_conf_limits(r->conf),
					 .ports = r->ports,
					 .load = &r->load,
					 .quota = r->quota,
					 .trace = r->trace,
					 .fastpath = r->fastpath,
					 .fdstore = r->succession.fdstore,
					 .doors = r->control,
					 .ndoors = r->nlisteners,
				 });
	return ret ? fail(err, ret, "cannot start the workers", "") : 0;
}

/* What the relayd before left: held until it has let go. */
static int start_restored(struct relay *r, char err[CONF_ERRLEN])
{
	(void)err;
	if (!succession_inherits(&r->succession))
		return 0;
	crew_hold(r->crew);
	succession_restore(&r->succession, r->crew, r->ports);
	return 0;
}

static int listen_admin(struct relay *r, const struct addr *http)
{
	int fd = fdbag_take(&r->succession.left.doors, SOCK_STREAM, http, NULL);

	if (fd >= 0)
		return admin_adopt(&r->admin, daemon_loop(r->daemon), fd,
				   "relayd", r->metrics);
	return admin_start(&r->admin, daemon_loop(r->daemon), http, "relayd",
			   r->metrics);
}

static int start_admin(struct relay *r, char err[CONF_ERRLEN])
{
	struct addr http;
	int ret = addr_parse(&http, r->conf->http, 0);

	r->api = (struct api){
		.loop = daemon_loop(r->daemon),
		.crew = r->crew,
		.ports = r->ports,
		.load = &r->load,
		.quota = r->quota,
		.trace = r->trace,
		.fastpath = r->fastpath,
	};
	if (!ret)
		ret = metrics_alloc(&r->metrics, "relayd");
	if (!ret)
		ret = api_metrics(r->metrics, &r->api);
	if (!ret)
		ret = listen_admin(r, &http);
	if (!ret)
		ret = api_routes(r->admin, &r->api);
	return ret ? fail(err, ret, r->conf->http,
			  "choose another address in http")
		   : 0;
}

static void send_join(const struct addr *dst, const char *data, size_t len,
		      void *arg)
{
	struct relay *r = arg;

	(void)udp_send(r->listeners[0].udp, dst, data, len);
}

/* Through the socket that the proxies will ask at. */
static int start_joining(struct relay *r, char err[CONF_ERRLEN])
{
	struct joining_config cfg = {
		.self = r->listeners[0].door.self,
		.cluster = r->conf->pool_cluster,
		.expires = (uint32_t)r->conf->pool_expires,
		.send = send_join,
		.arg = r,
	};
	int ret;

	cfg.n = relayd_conf_redirects(cfg.redirect, r->conf);
	ret = cfg.n ? joining_alloc(&r->joining, &cfg) : 0;
	return ret ? fail(err, ret, "pool", "") : 0;
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
 * once. What is left over may be used for connected sockets. */
static int start_descriptors(struct relay *r, char err[CONF_ERRLEN])
{
	size_t addresses = r->ifaces.n > 1 ? LEARN_SIDES : 1;
	size_t need =
		ports_total(r->ports) * FDS_PER_PAIR * addresses + FDS_OTHER;
	struct rlimit limit;

	(void)err;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	if (limit.rlim_cur < need)
		log_warn("fewer file descriptors than media.ports needs",
			 LOG_I("limit", limit.rlim_cur), LOG_I("needed", need));
	else
		r->env.connect_below = (int)(limit.rlim_cur - need < INT_MAX
						     ? limit.rlim_cur - need
						     : INT_MAX);
	return 0;
}

static int start_takeover(struct relay *r, char err[CONF_ERRLEN])
{
	char path[RELAYD_PATH_MAX];
	int ret = 0;

	succession_init(&r->succession);
	if (daemon_has_flag(r->daemon, take_over)) {
		if (!relayd_conf_takeover(path, r->conf)) {
			snprintf(err, CONF_ERRLEN,
				 "takeover: off, give the path that the "
				 "running relayd has");
			return -EINVAL;
		}
		ret = succession_ask(&r->succession, path, err);
	}
	if (!ret)
		succession_find(&r->succession);
	return ret;
}

/* The last step: from here on this is the relayd, until another one asks. */
static int start_succession(struct relay *r, char err[CONF_ERRLEN])
{
	struct succession *s = &r->succession;
	char path[RELAYD_PATH_MAX];
	int ret = 0;

	if (succession_inherits(s))
		ret = succession_begin(s, r->crew, err);
	if (ret)
		return ret;
	if (r->fastpath)
		sweep(r->fastpath);
	for (size_t i = 0; i < r->nlisteners; i++)
		r->doors[i] = r->listeners[i].door.fd;
	fdstore_sweep(s->fdstore);
	fdstore_control(s->fdstore, r->doors, r->nlisteners);
	if (!relayd_conf_takeover(path, r->conf))
		return ret;
	s->daemon = r->daemon;
	s->crew = r->crew;
	s->ports = r->ports;
	s->fds = r->doors;
	s->fastpath = r->fastpath;
	s->nfds = r->nlisteners;
	r->doors[s->nfds++] = admin_fd(r->admin);
	ret = succession_offer(s, path, err);
	if (ret && daemon_has_flag(r->daemon, take_over)) {
		log_error("no relayd can take over", LOG_S("reason", err));
		return 0; /* there is no way back any more */
	}
	return ret;
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
		start_takeover, start_trust,       start_listeners,
		start_media,    start_descriptors, start_fastpath,
		start_crew,     start_restored,    start_admin,
		start_joining,  start_tick,        start_succession,
	};
	struct relay *r = calloc(1, sizeof(*r));
	int ret = 0;

	if (!r)
		return fail(err, -ENOMEM, "cannot start", "");
	*ctx = r;
	r->daemon = d;
	r->conf = conf;
	atomic_store(&r->load.max, (size_t)r->conf->session_max);
	for (size_t i = 0; !ret && i < sizeof(steps) / sizeof(steps[0]); i++)
		ret = steps[i](r, err);
	if (ret)
		return ret;
	admin_not_ready(r->admin, NULL);
	for (size_t i = 0; i < r->ifaces.n; i++)
		log_info("media address", LOG_A("bind", &r->ifaces.v[i].bind),
			 LOG_A("advertise", &r->ifaces.v[i].advertise),
			 LOG_S("interface", r->ifaces.v[i].name));
	log_info("ready", LOG_A("control", &r->listeners[0].door.self),
		 LOG_I("media_addresses", r->ifaces.n),
		 LOG_I("port_pairs", ports_total(r->ports)),
		 LOG_S("http", r->conf->http));
	return 0;
}

struct reloading {
	struct session_limits limits;
	struct netset *trusted;
};

static int reload_engine(struct engine *e, void *arg)
{
	const struct reloading *new = arg;

	engine_reload(e, &new->limits, new->trusted);
	return 0;
}

static void reload(void *ctx, const void *conf)
{
	struct relay *r = ctx;
	struct reloading new = {relayd_conf_limits(conf), r->trusted};
	const struct quota_limits quota = relayd_conf_quotas(conf);

	quota_limit(r->quota, &quota);
	if (relayd_conf_trusted(&new.trusted, conf)) {
		log_error("trusted stays as it was: out of memory");
		new.trusted = r->trusted;
	}
	atomic_store(&r->load.max, quota.sessions);
	crew_each(r->crew, reload_engine, &new);
	if (new.trusted != r->trusted)
		netset_free(r->trusted);
	r->trusted = new.trusted;
}

static void drain(void *ctx)
{
	struct relay *r = ctx;

	r->drain_until = uv_now(daemon_loop(r->daemon)) +
			 (uint64_t)r->conf->drain * 1000;
	admin_not_ready(r->admin, "draining");
	joining_leave(r->joining, uv_now(daemon_loop(r->daemon)));
	atomic_store(&r->load.draining, true);
	if (atomic_load(&r->load.sessions) == 0)
		daemon_exit(r->daemon);
}

static void on_tick_closed(uv_handle_t *h)
{
	free(h);
}

static void stop(void *ctx)
{
	struct relay *r = ctx;
	bool keep = r && succession_is_others(&r->succession);

	if (!r)
		return;
	if (r->fastpath && keep)
		fastpath_yield(r->fastpath);
	fdstore_yield(r->succession.fdstore, keep);
	if (r->tick)
		uv_close((uv_handle_t *)r->tick, on_tick_closed);
	succession_end(&r->succession);
	admin_stop(r->admin);
	metrics_free(r->metrics);
	crew_stop(r->crew);
	fdstore_close(r->succession.fdstore, keep);
	quota_free(r->quota);
	for (size_t i = 0; i < r->nlisteners; i++)
		udp_close(r->listeners[i].udp);
	joining_free(r->joining);
	fastpath_close(r->fastpath, keep);
	trace_free(r->trace);
	ports_free(r->ports);
	netset_free(r->trusted);
	free(r);
}

int main(int argc, char **argv)
{
	static const struct daemon_flag flags[] = {
		{take_over, "take everything over from the relayd that runs"},
	};
	const struct daemon_class class = {
		.name = "relayd",
		.about = "media relay for SIP calls through NAT firewalls",
		.keys = relayd_keys,
		.nkeys = relayd_nkeys,
		.conf_size = sizeof(struct relayd_conf),
		.flags = flags,
		.nflags = sizeof(flags) / sizeof(flags[0]),
		.check = relayd_conf_check,
		.start = start,
		.reload = reload,
		.drain = drain,
		.stop = stop,
	};

	return daemon_main(&class, argc, argv);
}
