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
#include "redirectd/advice.h"
#include "redirectd/api.h"
#include "redirectd/auth.h"
#include "redirectd/clock.h"
#include "redirectd/commands.h"
#include "redirectd/conf.h"
#include "redirectd/control.h"
#include "redirectd/measures.h"
#include "redirectd/relays.h"
#include "redirectd/routes.h"
#include "redirectd/store.h"

enum {
	TRACE_BYTES = 64 << 20,
	DRAIN_MS = 5000, /* for what waits for the store */
	DRAIN_LOOK_MS = 20,
	STORE_LOOK_MS = 50,
};

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
	struct routes *routes;
	struct auth *auth;
	struct registrar registrar;
	struct directory directory;
	struct control *control;
	struct trace *trace;
	struct metrics *metrics;
	struct measures measures;
	struct admin *admin;
	struct api api;
	uv_timer_t timer; /* until the store is up, then none till the end */
	const struct redirectd_conf *conf; /* of the start, until then */
	uint64_t drain_until;
	struct redirectd_counters n;
};

static void on_expired(const char *id, const struct binding *b, void *arg)
{
	struct redirectd *r = arg;

	r->n.bindings_expired++;
	log_info("expired", LOG_S("call_id", b->call_id), LOG_S("client", id),
		 LOG_S("contact", b->url), LOG_A("proxy", &b->serving));
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
		.auth = r->auth,
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

static int start_routes(struct routes **rp, const struct redirectd_conf *conf,
			char err[CONF_ERRLEN])
{
	char why[CONF_ERRLEN / 2] = "out of memory";
	int e = routes_alloc(rp, &conf->routes, why, sizeof(why));

	if (e)
		(void)snprintf(err, CONF_ERRLEN, "routes: %s", why);
	return e;
}

static int start_auth(struct redirectd *r, const struct redirectd_conf *conf)
{
	struct auth_config cfg;

	redirectd_conf_auth(&cfg, conf);
	return auth_alloc(&r->auth, &cfg, &r->n);
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
	if (!e)
		e = start_auth(r, conf);
	if (!e && conf->trace_calls)
		e = trace_alloc(&r->trace, (size_t)conf->trace_calls,
				TRACE_BYTES);
	r->measures = (struct measures){&r->store, &r->control, r->relays,
					&r->clock, &r->n};
	if (!e)
		e = measures_start(&r->metrics, &r->measures);
	if (e)
		(void)snprintf(err, CONF_ERRLEN, "start: %s", strerror(-e));
	return e ? e : start_routes(&r->routes, conf, err);
}

static int start_store(struct redirectd *r, const struct redirectd_conf *conf,
		       char err[CONF_ERRLEN])
{
	const struct store_config cfg = {
		.loop = daemon_loop(r->daemon),
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
	r->directory = (struct directory){
		.store = r->store,
		.expected = r->expected,
		.routes = r->routes,
		.n = &r->n,
	};
	return 0;
}

/* Who may use it, where that is not for passwords to say. */
static void warn_open(const struct redirectd *r,
		      const struct redirectd_conf *conf)
{
	struct store_counts n = store_counts(r->store);
	struct auth_config auth;

	redirectd_conf_auth(&auth, conf);
	if (auth.mode == AUTH_NEVER)
		log_warn("the directory is open: auth.required is never, "
			 "whoever reaches a trusted proxy can register any "
			 "client id and call as anybody");
	else if (auth.mode == AUTH_AUTO && !n.users && n.up)
		log_warn("the directory is open: it has no users, so that "
			 "whoever reaches a trusted proxy from a private "
			 "address can register any client id; "
			 "`redirectd user add` closes it");
}

static void announce(const struct redirectd *r,
		     const struct redirectd_conf *conf)
{
	struct store_counts n = store_counts(r->store);

	warn_open(r, conf);
	log_info("ready", LOG_A("listen", control_local(r->control)),
		 LOG_S("http", conf->http),
		 LOG_S("store", store_name(r->store)),
		 LOG_I("trusted", netset_count(r->trusted)),
		 LOG_I("clients", n.clients), LOG_I("contacts", n.contacts),
		 LOG_I("known", n.known), LOG_I("users", n.users));
}

/* A store that is elsewhere may be out of reach at the start. */
static void watch_cb(uv_timer_t *t)
{
	struct redirectd *r = t->data;

	if (!store_counts(r->store).up)
		return;
	(void)uv_timer_stop(t);
	admin_not_ready(r->admin, NULL);
	announce(r, r->conf);
}

static int start_watch(struct redirectd *r)
{
	int e = uv_timer_init(daemon_loop(r->daemon), &r->timer);

	if (e)
		return e;
	r->timer.data = r;
	admin_not_ready(r->admin, "the store is out of reach");
	watch_cb(&r->timer);
	if (store_counts(r->store).up)
		return 0;
	return uv_timer_start(&r->timer, watch_cb, STORE_LOOK_MS,
			      STORE_LOOK_MS);
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
	r->conf = conf;
	return start_watch(r);
}

/* What is made of a configuration anew, to be exchanged all at once. */
struct renewed {
	struct netset *trusted, *pool_trusted;
	struct table *expected;
	struct routes *routes;
};

static void renewed_free(struct renewed *n)
{
	netset_free(n->trusted);
	netset_free(n->pool_trusted);
	table_free(n->expected);
	routes_free(n->routes);
}

static int renew(struct renewed *n, const struct redirectd_conf *conf,
		 char err[CONF_ERRLEN])
{
	int e = redirectd_conf_trusted(&n->trusted, conf);

	if (!e)
		e = redirectd_conf_pool(&n->pool_trusted, conf);
	if (!e)
		e = redirectd_conf_clients(&n->expected, conf);
	if (e)
		(void)snprintf(err, CONF_ERRLEN, "%s", strerror(-e));
	return e ? e : start_routes(&n->routes, conf, err);
}

static void take_over(struct redirectd *r, const struct renewed *n)
{
	struct renewed old = {r->trusted, r->pool_trusted, r->expected,
			      r->routes};

	r->trusted = n->trusted;
	r->pool_trusted = n->pool_trusted;
	r->expected = n->expected;
	r->routes = n->routes;
	r->directory.expected = n->expected;
	r->directory.routes = n->routes;
	renewed_free(&old);
}

static void reload(void *ctx, const void *conf)
{
	struct redirectd *r = ctx;
	const struct redirectd_conf *next = conf;
	struct renewed n = {0};
	struct auth_config auth;
	char why[CONF_ERRLEN];

	r->joining.clusters = &next->pool_clusters;
	if (renew(&n, next, why)) {
		renewed_free(&n);
		log_error("reload failed: all stays as it was",
			  LOG_S("error", why));
		return;
	}
	take_over(r, &n);
	redirectd_conf_limits(&r->registrar.limits, next);
	redirectd_conf_auth(&auth, next);
	if (auth_set(r->auth, &auth))
		log_error("reload: auth stays as it was",
			  LOG_S("error", "out of memory"));
	warn_open(r, next);
	log_info("reloaded: trusted, pool, clients, expires, contacts, auth, "
		 "routes",
		 LOG_I("trusted", netset_count(r->trusted)),
		 LOG_I("clients", table_count(r->expected)),
		 LOG_I("routes", routes_count(r->routes)));
}

static void drain_cb(uv_timer_t *t)
{
	struct redirectd *r = t->data;

	if (!control_waiting(r->control) || uv_now(t->loop) >= r->drain_until)
		daemon_exit(r->daemon);
}

/* Requests that wait for the store get their answers first. */
static unsigned drain(void *ctx)
{
	struct redirectd *r = ctx;

	admin_not_ready(r->admin, "ending");
	control_drain(r->control);
	r->drain_until = uv_now(daemon_loop(r->daemon)) + DRAIN_MS;
	(void)uv_timer_start(&r->timer, drain_cb, 0, DRAIN_LOOK_MS);
	return DRAIN_MS / 1000;
}

static void release(struct redirectd *r)
{
	metrics_free(r->metrics);
	trace_free(r->trace);
	auth_free(r->auth);
	routes_free(r->routes);
	table_free(r->expected);
	netset_free(r->trusted);
	netset_free(r->pool_trusted);
	relays_free(r->relays);
	free(r);
}

static void closed_cb(uv_handle_t *h)
{
	release(h->data);
}

static void stop(void *ctx)
{
	struct redirectd *r = ctx;

	if (!r)
		return;
	control_close(r->control);
	store_close(r->store);
	admin_stop(r->admin);
	if (r->timer.data)
		uv_close((uv_handle_t *)&r->timer, closed_cb);
	else
		release(r);
}

int main(int argc, char **argv)
{
	struct daemon_class c = {
		.name = "redirectd",
		.about = "the directory: registrar and redirect server",
		.keys = redirectd_keys,
		.nkeys = redirectd_nkeys,
		.conf_size = sizeof(struct redirectd_conf),
		.commands = redirectd_commands,
		.ncommands = redirectd_ncommands,
		.check = redirectd_conf_check,
		.advise = redirectd_advise,
		.start = start,
		.reload = reload,
		.drain = drain,
		.stop = stop,
	};

	return daemon_main(&c, argc, argv);
}
