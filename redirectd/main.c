#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/admin.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/netset.h"
#include "common/table.h"
#include "common/trace.h"
#include "redirectd/api.h"
#include "redirectd/clock.h"
#include "redirectd/conf.h"
#include "redirectd/control.h"
#include "redirectd/relays.h"
#include "redirectd/store.h"

enum { TRACE_BYTES = 64 << 20 };

/* Owner of everything. */
struct redirectd {
	struct daemon *daemon;
	struct dir_clock clock;
	struct store *store;
	struct netset *trusted;
	struct netset *pool_trusted;
	struct relays *relays;
	struct joining joining;
	struct table *expected;
	struct registrar registrar;
	struct directory directory;
	struct control *control;
	struct trace *trace;
	struct metrics *metrics;
	struct admin *admin;
	struct api api;
	struct redirectd_counters n;
};

static const struct metric_def counter_defs[] = {
	REDIRECTD_COUNTERS(METRICS_DEF)};

static void on_expired(const char *id, const struct binding *b, void *arg)
{
	struct redirectd *r = arg;

	r->n.bindings_expired++;
	log_info("expired", LOG_S("call_id", b->call_id), LOG_S("client", id),
		 LOG_S("contact", b->url), LOG_A("proxy", &b->serving));
}

static uint64_t gauge_clients(void *arg)
{
	return store_counts(((struct redirectd *)arg)->store).clients;
}

static uint64_t gauge_contacts(void *arg)
{
	return store_counts(((struct redirectd *)arg)->store).contacts;
}

static uint64_t gauge_known(void *arg)
{
	return store_counts(((struct redirectd *)arg)->store).known;
}

static uint64_t gauge_relays(void *arg)
{
	struct redirectd *r = arg;

	return relays_count(r->relays, dir_clock_now(&r->clock));
}

static int start_metrics(struct redirectd *r)
{
	int err = metrics_alloc(&r->metrics, "redirectd");

	if (!err)
		err = metrics_add_counters(r->metrics, counter_defs,
					   sizeof(counter_defs) /
						   sizeof(counter_defs[0]),
					   (const uint64_t *)&r->n);
	if (!err)
		err = metrics_add_gauge(r->metrics, "clients",
					"Client ids registered now",
					gauge_clients, r);
	if (!err)
		err = metrics_add_gauge(r->metrics, "contacts",
					"Bindings of all clients",
					gauge_contacts, r);
	if (!err)
		err = metrics_add_gauge(r->metrics, "known",
					"Client ids remembered, registered or "
					"not",
					gauge_known, r);
	if (!err)
		err = metrics_add_gauge(r->metrics, "relays",
					"Relays in the pool", gauge_relays, r);
	return err;
}

/* One line for a socket that could not be opened. */
static void fail_bind(char err[CONF_ERRLEN], const char *key, const char *value,
		      int e)
{
	const char *todo = "check the address";

	if (e == -EADDRINUSE)
		todo = "is another daemon there?";
	else if (e == -EADDRNOTAVAIL)
		todo = "name an address of this host";
	else if (e == -EACCES)
		todo = "ports below 1024 need privileges";
	(void)snprintf(err, CONF_ERRLEN, "%s: %s: %s: %s", key, value,
		       strerror(-e), todo);
}

static int start_admin(struct redirectd *r, const struct redirectd_conf *conf,
		       char err[CONF_ERRLEN])
{
	struct addr http;
	int e = addr_parse(&http, conf->http, 0);

	if (!e)
		e = admin_start(&r->admin, daemon_loop(r->daemon), &http,
				"redirectd", r->metrics);
	if (!e) {
		admin_not_ready(r->admin, "starting");
		r->api = (struct api){r->store, &r->clock, r->trace, r->relays};
		e = api_routes(r->admin, &r->api);
	}
	if (e)
		fail_bind(err, "http", conf->http, e);
	return e;
}

static int start_control(struct redirectd *r, const struct redirectd_conf *conf,
			 char err[CONF_ERRLEN])
{
	const struct control_parts parts = {
		.clock = &r->clock,
		.registrar = &r->registrar,
		.directory = &r->directory,
		.joining = &r->joining,
		.trusted = &r->trusted,
		.pool_trusted = &r->pool_trusted,
		.trace = r->trace,
		.n = &r->n,
	};
	struct addr listen;
	int e = conf_listen_addr(&listen, conf->listen);

	if (!e)
		e = control_open(&r->control, daemon_loop(r->daemon), &listen,
				 &parts);
	if (e)
		fail_bind(err, "listen", conf->listen, e);
	return e;
}

static int start_tables(struct redirectd *r, const struct redirectd_conf *conf,
			char err[CONF_ERRLEN])
{
	int e = redirectd_conf_trusted(&r->trusted, conf);

	if (!e)
		e = redirectd_conf_pool(&r->pool_trusted, conf);
	if (!e)
		e = relays_alloc(&r->relays);
	r->joining = (struct joining){r->relays, &conf->pool_clusters, &r->n};
	if (!e)
		e = redirectd_conf_clients(&r->expected, conf);
	if (!e && conf->trace_calls)
		e = trace_alloc(&r->trace, (size_t)conf->trace_calls,
				TRACE_BYTES);
	if (!e)
		e = start_metrics(r);
	if (e)
		(void)snprintf(err, CONF_ERRLEN, "start: %s", strerror(-e));
	return e;
}

static int start_store(struct redirectd *r, const struct redirectd_conf *conf,
		       char err[CONF_ERRLEN])
{
	const struct store_config cfg = {
		.max = (size_t)conf->known_max,
		.now = dir_clock_now(&r->clock),
		.expired = on_expired,
		.arg = r,
	};
	int e = store_open(&r->store, conf->store, &cfg, err);

	if (e)
		return e;
	r->registrar.store = r->store;
	r->registrar.n = &r->n;
	redirectd_conf_limits(&r->registrar.limits, conf);
	r->directory = (struct directory){r->store, r->expected, &r->n};
	return 0;
}

static void announce(const struct redirectd *r,
		     const struct redirectd_conf *conf)
{
	struct store_counts n = store_counts(r->store);

	log_warn("the directory is open: there is no authentication, whoever "
		 "reaches a trusted proxy can register any client id");
	log_info("ready", LOG_A("listen", control_local(r->control)),
		 LOG_S("http", conf->http), LOG_S("store", conf->store),
		 LOG_I("trusted", netset_count(r->trusted)),
		 LOG_I("clients", n.clients), LOG_I("contacts", n.contacts),
		 LOG_I("known", n.known));
}

static int start(void **ctx, struct daemon *d, const void *conf,
		 char err[CONF_ERRLEN])
{
	struct redirectd *r = calloc(1, sizeof(*r));
	int e;

	*ctx = r;
	if (!r) {
		(void)snprintf(err, CONF_ERRLEN, "start: out of memory");
		return -ENOMEM;
	}
	r->daemon = d;
	dir_clock_init(&r->clock, daemon_loop(d));
	e = start_tables(r, conf, err);
	if (!e)
		e = start_store(r, conf, err);
	if (!e)
		e = start_admin(r, conf, err);
	if (!e)
		e = start_control(r, conf, err);
	if (e)
		return e;
	admin_not_ready(r->admin, NULL);
	announce(r, conf);
	return 0;
}

static void reload(void *ctx, const void *conf)
{
	struct redirectd *r = ctx;
	const struct redirectd_conf *next = conf;
	struct netset *trusted = NULL, *pool_trusted = NULL;
	struct table *expected = NULL;
	int err = redirectd_conf_trusted(&trusted, conf);

	r->joining.clusters = &next->pool_clusters;
	if (!err)
		err = redirectd_conf_pool(&pool_trusted, conf);
	if (!err)
		err = redirectd_conf_clients(&expected, conf);
	if (err) {
		netset_free(trusted);
		netset_free(pool_trusted);
		log_error("reload failed: all stays as it was",
			  LOG_S("error", strerror(-err)));
		return;
	}
	netset_free(r->trusted);
	netset_free(r->pool_trusted);
	table_free(r->expected);
	r->pool_trusted = pool_trusted;
	r->trusted = trusted;
	r->expected = expected;
	r->directory.expected = expected;
	redirectd_conf_limits(&r->registrar.limits, conf);
	log_info("reloaded: trusted, pool, clients, expires, contacts",
		 LOG_I("trusted", netset_count(trusted)),
		 LOG_I("clients", table_count(expected)));
}

static void drain(void *ctx)
{
	struct redirectd *r = ctx;

	/* Every request was answered, and written, as it came. */
	admin_not_ready(r->admin, "ending");
	daemon_exit(r->daemon);
}

static void stop(void *ctx)
{
	struct redirectd *r = ctx;

	if (!r)
		return;
	control_close(r->control);
	admin_stop(r->admin);
	metrics_free(r->metrics);
	trace_free(r->trace);
	table_free(r->expected);
	netset_free(r->trusted);
	netset_free(r->pool_trusted);
	relays_free(r->relays);
	store_close(r->store);
	free(r);
}

int main(int argc, char **argv)
{
	struct daemon_class c = {
		.name = "redirectd",
		.about = "the directory: registrar and redirect server",
		.keys = redirectd_keys,
		.nkeys = redirectd_nkeys,
		.conf_size = sizeof(struct redirectd_conf),
		.check = redirectd_conf_check,
		.start = start,
		.reload = reload,
		.drain = drain,
		.stop = stop,
	};

	return daemon_main(&c, argc, argv);
}
