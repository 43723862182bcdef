#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#include "common/admin.h"
#include "common/avoid.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/netset.h"
#include "common/table.h"
#include "common/trace.h"
#include "proxyd/api.h"
#include "proxyd/calls.h"
#include "proxyd/conf.h"
#include "proxyd/credentials.h"
#include "proxyd/directory.h"
#include "proxyd/edge.h"
#include "proxyd/keeping.h"
#include "proxyd/locating.h"
#include "proxyd/guard.h"
#include "proxyd/identity.h"
#include "proxyd/measures.h"
#include "proxyd/pooling.h"
#include "proxyd/recalling.h"
#include "proxyd/relays.h"
#include "proxyd/request.h"
#include "proxyd/session.h"
#include "proxyd/vigil.h"

#include "proxyd/proxy.h"

enum {
	TRANSACTIONS_MAX = PROXY_REQUESTS_MAX,
	DIALOGS_MAX = 100000, /* whose parties are known by their places */
	HOUR_MS = 3600 * 1000,
	TRACE_BYTES = 64 << 20,
	SECRET_LEN = 40,
};

uint64_t proxy_now(const struct proxy *p)
{
	return uv_now(daemon_loop(p->daemon));
}

bool proxy_is_self(const struct proxy *p, const url_t *url)
{
	struct addr a;

	return !sipmsg_url_addr(&a, url) && edge_is_self(p, &a);
}

bool proxy_serves(const struct proxy *p, const url_t *url)
{
	const struct conf_strings *domains = &p->conf->domains;

	for (size_t i = 0; i < domains->n; i++)
		if (url->url_host && !strcasecmp(url->url_host, domains->v[i]))
			return true;
	return !domains->n || proxy_is_self(p, url);
}

bool proxy_trusts(const struct proxy *p, const struct channel *ch)
{
	return ch->transport == TRANSPORT_UDP &&
	       netset_has(p->trusted, &ch->addr);
}

bool proxy_is_daemon(const struct proxy *p, const struct addr *dst)
{
	for (size_t i = 0; i < p->nredirect; i++)
		if (addr_eq(&p->redirect[i], dst))
			return true;
	return relays_id(p->relays, dst) != 0;
}

bool proxy_may_contact(const struct proxy *p, const struct addr *dst)
{
	enum addr_class c = addr_class(dst);
	struct addr v4;

	if (!addr_port(dst) || edge_is_self(p, dst) || proxy_is_daemon(p, dst))
		return false;
	if (addr_carried(&v4, dst) && !proxy_may_contact(p, &v4))
		return false;
	if (c == ADDR_NONE || c == ADDR_ANY || c == ADDR_MULTICAST)
		return false;
	return c == ADDR_PUBLIC || addr_class(&p->self) != ADDR_PUBLIC ||
	       (c == ADDR_PRIVATE && netset_has(p->lan, dst));
}

uint64_t proxy_wall_us(void)
{
	struct timeval tv;

	(void)gettimeofday(&tv, NULL);
	return (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
}

void proxy_note(struct proxy *p, const char *call_id, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	if (!p->trace)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		trace_add(p->trace, call_id, proxy_wall_us(), TRACE_NOTE,
			  &p->self, NULL, text, strlen(text));
}

static void timer_cb(uv_timer_t *t)
{
	struct proxy *p = t->data;

	deadlines_run(p->deadlines, proxy_now(p));
	edge_flush(p);
	proxy_arm(p);
}

void proxy_arm(struct proxy *p)
{
	uint64_t next = deadlines_next(p->deadlines);
	uint64_t now = proxy_now(p);

	if (next == UINT64_MAX)
		(void)uv_timer_stop(p->timer);
	else
		(void)uv_timer_start(p->timer, timer_cb,
				     next > now ? next - now : 0, 0);
}

static int set_networks(struct netset **where, const struct conf_strings *list)
{
	struct netset *set = NULL;
	int err = netset_alloc(&set);

	for (size_t i = 0; !err && i < list->n; i++)
		err = netset_add(set, list->v[i]);
	if (err) {
		netset_free(set);
		return err;
	}
	netset_free(*where);
	*where = set;
	return 0;
}

int proxy_set_networks(struct proxy *p, const struct proxyd_conf *conf)
{
	int err = set_networks(&p->trusted, &conf->trusted);

	return err ? err : set_networks(&p->lan, &conf->lan);
}

static int parse_peers(struct addr *out, size_t *n,
		       const struct conf_strings *list, uint16_t port)
{
	for (*n = 0; *n < list->n; ++*n)
		if (addr_parse(&out[*n], list->v[*n], port))
			return -EINVAL;
	return 0;
}

static int add_relays(struct proxy *p)
{
	const struct conf_strings *list = &p->conf->relays;
	struct addr at;
	int err = relays_alloc(&p->relays);

	for (size_t i = 0; !err && i < list->n; i++) {
		if (proxyd_conf_is_auto(list->v[i]))
			continue;
		err = addr_parse(&at, list->v[i], PROXYD_RELAY_PORT);
		if (!err)
			err = relays_add(p->relays, &at);
	}
	return err;
}

static int set_secret(struct proxy *p)
{
	char random[SECRET_LEN];

	if (*p->conf->secret) {
		p->secret = strdup(p->conf->secret);
	} else {
		sipmsg_token(random, sizeof(random));
		p->secret = strdup(random);
		log_warn("no secret is configured: calls in progress will not "
			 "survive a restart of this proxyd");
	}
	return p->secret ? 0 : -ENOMEM;
}

static int open_timer(struct proxy *p)
{
	p->timer = calloc(1, sizeof(*p->timer));
	if (!p->timer)
		return -ENOMEM;
	p->timer->data = p;
	return uv_timer_init(daemon_loop(p->daemon), p->timer);
}

static int open_identity(struct proxy *p)
{
	const struct identity_config cfg = {
		.calls = DIALOGS_MAX,
		.clients = PROXY_CLIENTS_MAX,
		.call_ms = (uint64_t)SESSION_HOURS * HOUR_MS,
		.client_ms = 2 * (uint64_t)HOUR_MS, /* as long as phones ask */
	};

	return identity_alloc(&p->identity, &cfg);
}

static int open_calls(struct proxy *p)
{
	const struct calls_config cfg = {
		.deadlines = p->deadlines,
		.max = (size_t)p->conf->sessions_max,
		.due = vigil_due,
		.arg = p,
	};
	int err = vigil_alloc(&p->vigil);

	return err ? err : calls_alloc(&p->calls, &cfg);
}

static int open_tables(struct proxy *p)
{
	struct txn_config cfg = {
		.timers = txn_default_timers,
		.max = TRANSACTIONS_MAX,
		.trying_at_once = true,
		.send = edge_send,
		.request = request_received,
		.cancel = request_cancelled,
		.arg = p,
	};
	int err = deadlines_alloc(&p->deadlines);

	if (!err)
		err = directory_alloc(&p->directory);
	if (!err)
		err = txns_alloc(&p->txns, p->deadlines, &cfg);
	if (!err)
		err = table_alloc(&p->requests, PROXY_REQUESTS_MAX);
	if (!err)
		err = keeping_start(p);
	if (!err)
		err = sessions_alloc(&p->sessions, p->deadlines,
				     (size_t)p->conf->sessions_max);
	if (!err)
		err = open_identity(p);
	if (!err)
		err = open_calls(p);
	if (!err)
		err = credentials_alloc(&p->credentials);
	if (!err && p->conf->trace_calls)
		err = trace_alloc(&p->trace, (size_t)p->conf->trace_calls,
				  TRACE_BYTES);
	return err;
}

static int open_admin(struct proxy *p, char err[CONF_ERRLEN])
{
	struct addr http;
	int e = measures_open(p);

	if (!e)
		e = addr_parse(&http, p->conf->http, 8091);
	if (e)
		return e;
	e = admin_start(&p->admin, daemon_loop(p->daemon), &http, "proxyd",
			p->metrics);
	if (e) {
		(void)snprintf(err, CONF_ERRLEN, "http: %s: %s", p->conf->http,
			       strerror(-e));
		return e;
	}
	return api_routes(p);
}

int proxy_start(struct proxy *p, char err[CONF_ERRLEN])
{
	int e = set_secret(p);

	(void)snprintf(err, CONF_ERRLEN, "out of memory");
	if (!e)
		e = parse_peers(p->redirect, &p->nredirect, &p->conf->redirect,
				PROXYD_REDIRECT_PORT);
	if (!e)
		e = add_relays(p);
	if (!e)
		e = proxy_set_networks(p, p->conf);
	if (!e)
		e = open_tables(p);
	if (!e)
		e = guard_alloc(&p->guard, daemon_loop(p->daemon), p->conf);
	if (!e)
		e = open_timer(p);
	if (!e)
		e = edge_open(p, err);
	if (!e)
		e = locating_open(&p->locating, p, err);
	if (!e)
		e = open_admin(p, err);
	if (!e)
		e = pooling_start(&p->pooling, p);
	if (!e)
		e = recalling_start(&p->recalling, p);
	if (e)
		return e;
	admin_not_ready(p->admin, NULL);
	log_info("ready", LOG_A("advertise", &p->self),
		 LOG_I("relays", relays_count(p->relays)),
		 LOG_I("redirect", p->nredirect));
	return 0;
}

static void timer_closed(uv_handle_t *h)
{
	free(h);
}

void proxy_stop(struct proxy *p)
{
	if (p->timer)
		uv_close((uv_handle_t *)p->timer, timer_closed);
	admin_stop(p->admin);
	edge_close(p);
	requests_free(p);
	locating_close(p->locating);
	pooling_stop(p->pooling);
	p->pooling = NULL;
	recalling_stop(p->recalling);
	p->recalling = NULL;
	relays_free(p->relays);
	avoid_free(p->directory);
	sessions_free(p->sessions);
	identity_free(p->identity);
	credentials_free(p->credentials);
	guard_free(p->guard);
	calls_free(p->calls);
	vigil_free(p->vigil);
	keeping_stop(p);
	txns_free(p->txns);
	table_free(p->requests);
	trace_free(p->trace);
	metrics_free(p->metrics);
	netset_free(p->trusted);
	netset_free(p->lan);
	deadlines_free(p->deadlines);
	free(p->secret);
}
