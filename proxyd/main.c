#include <stdlib.h>

#include "common/admin.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/txn.h"
#include "proxyd/advice.h"
#include "proxyd/commands.h"
#include "proxyd/conf.h"
#include "proxyd/edge.h"
#include "proxyd/locating.h"
#include "proxyd/guard.h"
#include "proxyd/pooling.h"
#include "proxyd/proxy.h"
#include "proxyd/recalling.h"
#include "proxyd/request.h"

enum { DRAIN_POLL_MS = 50 };

static int start(void **ctx, struct daemon *d, const void *conf,
		 char err[CONF_ERRLEN])
{
	struct proxy *p = calloc(1, sizeof(*p));

	*ctx = p;
	if (!p)
		return -1;
	p->daemon = d;
	p->conf = conf;
	return proxy_start(p, err);
}

static void reload(void *ctx, const void *conf)
{
	struct proxy *p = ctx;

	p->conf = conf;
	if (proxy_set_networks(p, conf) || guard_reload(p->guard, conf))
		log_error("out of memory: the trusted networks stay as "
			  "they were");
	locating_reload(p->locating);
	edge_reload(p);
}

static void drain_give_up(void *ctx)
{
	struct proxy *p = ctx;

	log_warn("transactions left unfinished",
		 LOG_I("count", txns_pending(p->txns)));
	requests_give_up(p);
	daemon_exit(p->daemon);
}

static void drain_poll(void *ctx)
{
	struct proxy *p = ctx;

	if (!txns_pending(p->txns)) {
		daemon_exit(p->daemon);
		return;
	}
	(void)deadlines_add(NULL, p->deadlines, proxy_now(p) + DRAIN_POLL_MS,
			    drain_poll, p);
}

/* SIGTERM: what has begun is finished, calls live on in their routes. */
static unsigned drain(void *ctx)
{
	struct proxy *p = ctx;

	p->draining = true;
	pooling_stop(p->pooling); /* its questions are none to wait for */
	p->pooling = NULL;
	recalling_stop(p->recalling);
	p->recalling = NULL;
	admin_not_ready(p->admin, "draining");
	(void)deadlines_add(NULL, p->deadlines,
			    proxy_now(p) + (uint64_t)p->conf->drain * 1000,
			    drain_give_up, p);
	drain_poll(p);
	proxy_arm(p);
	return (unsigned)p->conf->drain;
}

static void stop(void *ctx)
{
	struct proxy *p = ctx;

	if (p)
		proxy_stop(p);
	free(p);
}

int main(int argc, char **argv)
{
	static const struct daemon_class proxyd = {
		.name = "proxyd",
		.about = "SIP proxy for clients behind NAT firewalls",
		.keys = proxyd_keys,
		.conf_size = sizeof(struct proxyd_conf),
		.check = proxyd_conf_check,
		.advise = proxyd_advise,
		.start = start,
		.reload = reload,
		.drain = drain,
		.stop = stop,
	};
	struct daemon_class c = proxyd;

	c.nkeys = proxyd_nkeys;
	c.commands = proxyd_commands;
	c.ncommands = proxyd_ncommands;
	return daemon_main(&c, argc, argv);
}
