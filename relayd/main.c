#include <errno.h>
#include <stdlib.h>

#include "common/admin.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/netset.h"
#include "common/trace.h"
#include "common/udp.h"
#include "relayd/advice.h"
#include "relayd/commands.h"
#include "relayd/conf.h"
#include "relayd/draining.h"
#include "relayd/fastpath.h"
#include "relayd/fdstore.h"
#include "relayd/port.h"
#include "relayd/quota.h"
#include "relayd/relay.h"

enum { TICK_MS = 250 /* how late an expiry may come */ };

static void on_tick(uv_timer_t *timer)
{
	struct relay *r = timer->data;
	uint64_t now = uv_now(timer->loop);

	if (r->fastpath)
		fastpath_beat(r->fastpath);
	fdstore_tick(r->succession.fdstore);
	joining_run(r->joining, now,
		    load_room(&r->load, ports_available(r->ports, now)));
	draining_tick(r);
}

static int start_tick(struct relay *r, char err[CONF_ERRLEN])
{
	r->tick = calloc(1, sizeof(*r->tick));
	if (!r->tick)
		return start_fail(err, -ENOMEM, "timer", "");
	uv_timer_init(daemon_loop(r->daemon), r->tick);
	r->tick->data = r;
	uv_timer_start(r->tick, on_tick, TICK_MS, TICK_MS);
	return 0;
}

static int start(void **ctx, struct daemon *d, const void *conf,
		 char err[CONF_ERRLEN])
{
	static start_step_h *const steps[] = {
		start_takeover, start_trust,       start_listeners,
		start_media,    start_descriptors, start_fastpath,
		start_crew,     start_restored,    start_admin,
		start_joining,  start_tick,        start_succession,
	};
	struct relay *r = calloc(1, sizeof(*r));
	int ret = 0;

	if (!r)
		return start_fail(err, -ENOMEM, "cannot start", "");
	*ctx = r;
	r->daemon = d;
	r->conf = conf;
	atomic_store(&r->load.max, (size_t)r->conf->session_max);
	for (size_t i = 0; !ret && i < sizeof(steps) / sizeof(steps[0]); i++)
		ret = steps[i](r, err);
	if (ret)
		return ret;
	admin_not_ready(r->admin, r->drained ? "draining" : NULL);
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

static unsigned drain(void *ctx)
{
	const struct relay *r = ctx;

	draining_to_end(ctx);
	return (unsigned)r->conf->drain;
}

static bool leave(void *ctx)
{
	struct relay *r = ctx;

	return succession_leave(&r->succession);
}

static bool alive(void *ctx)
{
	struct relay *r = ctx;

	return crew_alive(r->crew);
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
		{relay_take_over,
		 "take everything over from the relayd that runs"},
	};
	const struct daemon_class class = {
		.name = "relayd",
		.about = "media relay for SIP calls through NAT firewalls",
		.keys = relayd_keys,
		.nkeys = relayd_nkeys,
		.conf_size = sizeof(struct relayd_conf),
		.flags = flags,
		.nflags = sizeof(flags) / sizeof(flags[0]),
		.commands = relayd_commands,
		.ncommands = relayd_ncommands,
		.check = relayd_conf_check,
		.advise = relayd_advise,
		.start = start,
		.reload = reload,
		.drain = drain,
		.leave = leave,
		.alive = alive,
		.stop = stop,
	};

	return daemon_main(&class, argc, argv);
}
