#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/admin.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/netset.h"
#include "common/trace.h"
#include "common/udp.h"
#include "relayd/conf.h"
#include "relayd/fastpath.h"
#include "relayd/fdstore.h"
#include "relayd/port.h"
#include "relayd/quota.h"
#include "relayd/relay.h"

enum { TRACE_BYTES = 8 << 20 };

const char relay_take_over[] = "takeover";

int start_fail(char err[CONF_ERRLEN], int code, const char *what,
	       const char *hint)
{
	snprintf(err, CONF_ERRLEN, "%s: %s%s%s", what, strerror(-code),
		 *hint ? ", " : "", hint);
	return code;
}

int start_takeover(struct relay *r, char err[CONF_ERRLEN])
{
	char path[RELAYD_PATH_MAX];
	int ret = 0;

	succession_init(&r->succession);
	if (daemon_has_flag(r->daemon, relay_take_over)) {
		if (!relayd_conf_takeover(path, r->conf)) {
			snprintf(err, CONF_ERRLEN,
				 "takeover: off, give the path that the "
				 "running relayd has");
			return -EINVAL;
		}
		ret = succession_ask(&r->succession, path, err);
	}
	r->drained = r->succession.left.drained;
	atomic_store(&r->load.draining, r->drained);
	if (!ret)
		succession_find(&r->succession);
	return ret;
}

int start_trust(struct relay *r, char err[CONF_ERRLEN])
{
	int ret = relayd_conf_trusted(&r->trusted, r->conf);

	return ret ? start_fail(err, ret, "trusted", "") : 0;
}

int start_crew(struct relay *r, char err[CONF_ERRLEN])
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
	return ret ? start_fail(err, ret, "cannot start the workers", "") : 0;
}

/* What the relayd before left: held until it has let go. */
int start_restored(struct relay *r, char err[CONF_ERRLEN])
{
	if (!succession_inherits(&r->succession))
		return 0;
	crew_hold(r->crew);
	return succession_restore(&r->succession, r->crew, r->ports, err);
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

int start_admin(struct relay *r, char err[CONF_ERRLEN])
{
	struct addr http;
	int ret = addr_parse(&http, r->conf->http, 0);

	r->api = (struct api){
		.relay = r,
		.loop = daemon_loop(r->daemon),
		.crew = r->crew,
		.ports = r->ports,
		.load = &r->load,
		.quota = r->quota,
		.trace = r->trace,
		.fastpath = r->fastpath,
		.joining = &r->joining,
	};
	if (!ret)
		ret = metrics_alloc(&r->metrics, "relayd");
	if (!ret)
		ret = api_metrics(r->metrics, &r->api);
	if (!ret)
		ret = listen_admin(r, &http);
	if (!ret)
		ret = api_routes(r->admin, &r->api);
	return ret ? start_fail(err, ret, r->conf->http,
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
int start_joining(struct relay *r, char err[CONF_ERRLEN])
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
	if (!ret && r->drained)
		joining_stay_out(r->joining);
	return ret ? start_fail(err, ret, "pool", "") : 0;
}

/* Flows of sessions that ended with another process. */
static void sweep(struct fastpath *fp)
{
	size_t n = fastpath_sweep(fp);

	if (n > 0)
		log_info("flows of an earlier relayd removed",
			 LOG_I("flows", n));
}

/* The last step: from here on this is the relayd, until another one asks. */
int start_succession(struct relay *r, char err[CONF_ERRLEN])
{
	struct succession *s = &r->succession;
	char path[RELAYD_PATH_MAX];
	int ret = 0;

	if (succession_inherits(s))
		ret = succession_begin(s, r->crew, err);
	if (ret)
		return ret;
	r->api.own.sessions_lost = s->lost;
	if (r->fastpath)
		sweep(r->fastpath);
	for (size_t i = 0; i < r->nlisteners; i++)
		r->doors[i] = r->listeners[i].door.fd;
	fdstore_sweep(s->fdstore);
	fdstore_control(s->fdstore, r->doors, r->nlisteners);
	if (daemon_has_flag(r->daemon, relay_take_over))
		daemon_inherits(r->daemon);
	s->daemon = r->daemon;
	s->crew = r->crew;
	s->ports = r->ports;
	s->drained = &r->drained;
	s->fds = r->doors;
	s->fastpath = r->fastpath;
	s->nfds = r->nlisteners;
	r->doors[s->nfds++] = admin_fd(r->admin);
	if (!relayd_conf_takeover(path, r->conf))
		return 0;
	ret = succession_offer(s, path, err);
	if (ret && atomic_load(&r->load.sessions) > 0) {
		/* better so than without the sessions that it has now */
		log_error("no relayd can take over", LOG_S("reason", err));
		return 0; /* there is no way back any more */
	}
	return ret;
}
