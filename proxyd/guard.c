#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "common/netset.h"
#include "common/table.h"
#include "proto/redirect.h"
#include "proxyd/clients.h"
#include "proxyd/conf.h"
#include "proxyd/limits.h"
#include "proxyd/overload.h"
#include "proxyd/proxy.h"
#include "proxyd/request.h"

#include "proxyd/guard.h"

enum {
	MS = 1000 * 1000, /* nanoseconds */
	MEMORY_LOOK_MS = 1000,
	RETRY_S = 5,
};

struct guard {
	uv_loop_t *loop;
	struct limits *limits;
	struct netset *gateways;
	struct overload overload;
	uint32_t lag_ms;    /* the longest since the last look */
	uint64_t idle_ns;   /* as of the last look */
	bool look_now;      /* there are other limits */
	uint64_t memory_at; /* when memory was looked at */
	unsigned memory;    /* 0-1000 */
	uint64_t memory_max;
};

static void read_limits(struct limits_config *cfg,
			const struct proxyd_conf *conf)
{
	*cfg = (struct limits_config){
		.requests = (uint32_t)conf->limits_requests,
		.burst = (uint32_t)conf->limits_burst,
		.failures = (uint32_t)conf->limits_failures,
		.ban_ms = (uint32_t)conf->limits_ban * 1000,
	};
}

static int read_gateways(struct guard *g, const struct proxyd_conf *conf)
{
	struct netset *set = NULL;
	int err = netset_alloc(&set);

	for (size_t i = 0; !err && i < conf->gateways.n; i++)
		err = netset_add(set, conf->gateways.v[i]);
	if (err) {
		netset_free(set);
		return err;
	}
	netset_free(g->gateways);
	g->gateways = set;
	return 0;
}

int guard_alloc(struct guard **gp, uv_loop_t *loop,
		const struct proxyd_conf *conf)
{
	struct guard *g = calloc(1, sizeof(*g));
	struct limits_config cfg;
	int err;

	if (!g)
		return -ENOMEM;
	g->loop = loop;
	g->memory_max = (uint64_t)conf->limits_memory << 20;
	read_limits(&cfg, conf);
	err = limits_alloc(&g->limits, LIMITS_SOURCES_MAX, &cfg);
	if (!err)
		err = read_gateways(g, conf);
	if (!err)
		err = uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
	if (err) {
		guard_free(g);
		return err;
	}
	*gp = g;
	return 0;
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	limits_free(g->limits);
	netset_free(g->gateways);
	free(g);
}

int guard_reload(struct guard *g, const struct proxyd_conf *conf)
{
	struct limits_config cfg;

	read_limits(&cfg, conf);
	limits_set(g->limits, &cfg);
	g->memory_max = (uint64_t)conf->limits_memory << 20;
	g->memory_at = 0;
	g->look_now = true;
	return read_gateways(g, conf);
}

bool guard_is_gateway(const struct guard *g, const struct addr *src)
{
	return netset_has(g->gateways, src);
}

/* The other daemons of the site, told by where they are. */
static bool is_of_the_site(const struct proxy *p, const struct channel *src)
{
	return src->transport == TRANSPORT_UDP &&
	       (proxy_trusts(p, src) || proxy_is_daemon(p, &src->addr));
}

/* What fail2ban can match: a field `ip` of its own. */
static void log_source(const char *msg, const struct channel *src,
		       const char *call_id, int status)
{
	char ip[ADDR_STRLEN], at[CHANNEL_STRLEN];

	log_warn(msg, LOG_S("ip", addr_ip_str(ip, &src->addr)),
		 LOG_S("src", channel_str(at, src)), LOG_S("call_id", call_id),
		 LOG_I("status", status));
}

static void refuse(struct guard_refusal *no, int status, uint64_t retry_s)
{
	no->status = status;
	(void)snprintf(no->extra, sizeof(no->extra), "Retry-After: %u\r\n",
		       (unsigned)retry_s);
}

bool guard_opens(struct guard_refusal *no, struct proxy *p, const char *data,
		 size_t len, const struct channel *src)
{
	struct guard *g = p->guard;
	enum limits_kind kind = limits_kind_of(data, len);
	enum limits_verdict v;

	no->status = 0;
	if (is_of_the_site(p, src) || guard_is_gateway(g, &src->addr))
		return true;
	v = limits_take(g->limits, proxy_now(p), &src->addr, kind);
	if (v == LIMITS_PASS)
		return true;
	p->n.limited++;
	if (v == LIMITS_DROP)
		return false;
	log_source("too many messages from one source", src, NULL, 503);
	refuse(no, 503, RETRY_S);
	return kind != LIMITS_RESPONSE;
}

/* A phone that has registered here, on this very channel: its neighbours
 * behind the NAT are not its fault. */
static bool is_registered(const struct proxy *p, const sip_t *sip,
			  const struct channel *src)
{
	bool registers = sip->sip_request->rq_method == sip_method_register;
	const url_t *who =
		registers ? sip->sip_to->a_url : sip->sip_from->a_url;
	char id[REDIRECT_ID_MAX];

	return !redirect_client_id(id, who) && clients_at(p->clients, id, src);
}

static void check_ban(struct guard_refusal *no, struct proxy *p,
		      const sip_t *sip, const struct channel *src)
{
	uint64_t left =
		limits_banned(p->guard->limits, proxy_now(p), &src->addr);

	if (!left || is_registered(p, sip, src))
		return;
	p->n.banned++;
	log_debug("request of a source that is refused",
		  LOG_A("src", &src->addr), LOG_S("method", sipmsg_method(sip)),
		  LOG_I("left_s", left / 1000));
	refuse(no, 403, (left + 999) / 1000);
}

/* 0-1000: which part of the time since the last look the loop has not waited.
 */
static unsigned busy(struct guard *g, uint64_t passed_ms)
{
	uint64_t idle = uv_metrics_idle_time(g->loop);
	uint64_t waited = (idle - g->idle_ns) / MS;

	g->idle_ns = idle;
	if (!passed_ms || waited >= passed_ms)
		return 0;
	return (unsigned)(1000 - waited * 1000 / passed_ms);
}

static unsigned memory(struct guard *g, uint64_t now)
{
	size_t rss = 0;

	if (!g->memory_max || now < g->memory_at + MEMORY_LOOK_MS)
		return g->memory_max ? g->memory : 0;
	g->memory_at = now;
	(void)uv_resident_set_memory(&rss);
	g->memory = overload_fullness(rss, g->memory_max);
	return g->memory;
}

static unsigned fullness(struct proxy *p, uint64_t now)
{
	unsigned full[] = {
		txns_fullness(p->txns),
		overload_fullness(table_count(p->requests), PROXY_REQUESTS_MAX),
		memory(p->guard, now),
	};
	unsigned most = 0;

	for (size_t i = 0; i < sizeof(full) / sizeof(full[0]); i++)
		most = full[i] > most ? full[i] : most;
	return most;
}

static void look(struct proxy *p)
{
	struct guard *g = p->guard;
	uint64_t now = proxy_now(p), clock = uv_hrtime() / MS;
	uint32_t lag = clock > now ? (uint32_t)(clock - now) : 0;
	struct overload_load load;
	unsigned before = g->overload.refused;

	g->lag_ms = lag > g->lag_ms ? lag : g->lag_ms;
	if (!g->look_now && !overload_due(&g->overload, now))
		return;
	g->look_now = false;
	load = (struct overload_load){
		.lag_ms = g->lag_ms,
		.busy = busy(g, now - g->overload.at),
		.fullness = fullness(p, now),
	};
	g->lag_ms = 0;
	overload_look(&g->overload, now, &load);
	if (!before != !g->overload.refused)
		log_warn(before ? "overload is over"
				: "overload: new calls are refused",
			 LOG_I("lag_ms", load.lag_ms), LOG_I("busy", load.busy),
			 LOG_I("fullness", load.fullness));
}

void guard_admits(struct guard_refusal *no, struct proxy *p, const sip_t *sip,
		  const struct channel *src)
{
	enum overload_class c = overload_class_of(sip);

	look(p);
	if (no->status || c == OVERLOAD_END)
		return;
	if (c != OVERLOAD_DIALOG && !is_of_the_site(p, src))
		check_ban(no, p, sip, src);
	if (no->status || overload_admits(&p->guard->overload, c))
		return;
	p->n.overload++;
	log_debug("request refused: overload",
		  LOG_S("call_id", sip->sip_call_id->i_id),
		  LOG_S("method", sipmsg_method(sip)));
	refuse(no, 503, RETRY_S);
}

/* A challenge is no failure unless something has been tried; nor is one whose
 * nonce was only too old (RFC 2617 3.2.1). */
static bool has_tried(const sip_t *req, const sip_t *answer)
{
	const msg_auth_t *ask = answer ? answer->sip_www_authenticate : NULL;
	const char *stale;

	if (!ask && answer)
		ask = answer->sip_proxy_authenticate;
	stale = ask ? msg_params_find(ask->au_params, "stale=") : NULL;
	if (stale && !strncasecmp(stale + (*stale == '"'), "true", 4))
		return false;
	return req->sip_authorization || req->sip_proxy_authorization;
}

static bool is_failure(const sip_t *req, int status, const sip_t *answer)
{
	if (status == 401 || status == 407)
		return has_tried(req, answer);
	return status == 403 || status == 404;
}

void guard_answered(const struct request *r, int status, const sip_t *answer)
{
	struct proxy *p = r->p;
	struct limits *l = p->guard->limits;

	if (r->trusted || guard_is_gateway(p->guard, &r->src.addr) ||
	    !is_failure(r->sip, status, answer) ||
	    is_registered(p, r->sip, &r->src))
		return;
	p->n.auth_failures++;
	log_source("failed authentication", &r->src, request_id(r), status);
	if (limits_failed(l, proxy_now(p), &r->src.addr))
		log_source("source refused: too many failed authentications",
			   &r->src, request_id(r), 403);
}

unsigned guard_refusing(const struct guard *g)
{
	return g->overload.refused;
}

size_t guard_sources(const struct guard *g)
{
	return limits_count(g->limits);
}
