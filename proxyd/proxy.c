#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#include "common/admin.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/netset.h"
#include "common/table.h"
#include "common/trace.h"
#include "common/udp.h"
#include "proxyd/api.h"
#include "proxyd/clients.h"
#include "proxyd/conf.h"
#include "proxyd/measures.h"
#include "proxyd/pooling.h"
#include "proxyd/relays.h"
#include "proxyd/request.h"
#include "proxyd/session.h"

#include "proxyd/proxy.h"

enum {
	TRANSACTIONS_MAX = 200000,
	REQUESTS_MAX = TRANSACTIONS_MAX,
	CLIENTS_MAX = 1000000,
	TRACE_BYTES = 64 << 20,
	SECRET_LEN = 40,
	REDIRECT_PORT = 5062,
	RELAY_PORT = 5064,
	KEEPALIVE_MAX = 4, /* CRLFCRLF, or the bare CRLF of its answer */
};

uint64_t proxy_now(const struct proxy *p)
{
	return uv_now(daemon_loop(p->daemon));
}

bool proxy_is_self(const struct proxy *p, const url_t *url)
{
	struct addr a;

	return !sipmsg_url_addr(&a, url) &&
	       (addr_eq(&a, &p->self) || addr_eq(&a, &p->local));
}

bool proxy_serves(const struct proxy *p, const url_t *url)
{
	const struct conf_strings *domains = &p->conf->domains;

	for (size_t i = 0; i < domains->n; i++)
		if (url->url_host && !strcasecmp(url->url_host, domains->v[i]))
			return true;
	return !domains->n || proxy_is_self(p, url);
}

bool proxy_may_contact(const struct proxy *p, const struct addr *dst)
{
	enum addr_class c = addr_class(dst);

	if (!addr_port(dst) || addr_eq(dst, &p->self) ||
	    addr_eq(dst, &p->local))
		return false;
	if (c == ADDR_NONE || c == ADDR_ANY || c == ADDR_MULTICAST)
		return false;
	return c == ADDR_PUBLIC || addr_class(&p->self) != ADDR_PUBLIC;
}

static uint64_t wall_us(void)
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
		trace_add(p->trace, call_id, wall_us(), TRACE_NOTE, &p->self,
			  NULL, text, strlen(text));
}

static void timer_cb(uv_timer_t *t)
{
	struct proxy *p = t->data;

	deadlines_run(p->deadlines, proxy_now(p));
	udp_flush(p->udp);
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

static void send_cb(const struct addr *dst, const char *data, size_t len,
		    void *arg)
{
	struct proxy *p = arg;
	char call_id[SIPMSG_CALLID_MAX + 1];
	int err = udp_send(p->udp, dst, data, len);

	if (err)
		log_warn("datagram not sent", LOG_A("dst", dst),
			 LOG_S("error", strerror(-err)));
	else if (p->trace && !request_call_id(call_id, data, len) &&
		 !pooling_owns(p->pooling, call_id))
		trace_add(p->trace, call_id, wall_us(), TRACE_OUT, &p->self,
			  dst, data, len);
}

void proxy_send(struct proxy *p, const struct addr *dst, const char *data,
		size_t len)
{
	send_cb(dst, data, len, p);
}

static void recv_cb(struct udp *u, const struct addr *src, char *data,
		    size_t len, void *arg)
{
	struct proxy *p = arg;
	const char *why = NULL;
	msg_t *msg = NULL;

	if (len <= KEEPALIVE_MAX) {
		p->n.keepalives++;
		return;
	}
	if (sipmsg_parse(&msg, data, len, &why)) {
		p->n.malformed++;
		log_debug("malformed datagram dropped", LOG_A("src", src),
			  LOG_S("reason", why));
		return;
	}
	if (p->trace &&
	    !pooling_owns(p->pooling, sip_object(msg)->sip_call_id->i_id))
		trace_add(p->trace, sip_object(msg)->sip_call_id->i_id,
			  wall_us(), TRACE_IN, &p->self, src, data, len);
	txns_input(p->txns, proxy_now(p), msg, src);
	udp_flush(u);
	proxy_arm(p);
}

int proxy_set_trusted(struct proxy *p, const struct proxyd_conf *conf)
{
	struct netset *set = NULL;
	int err = netset_alloc(&set);

	for (size_t i = 0; !err && i < conf->trusted.n; i++)
		err = netset_add(set, conf->trusted.v[i]);
	if (err) {
		netset_free(set);
		return err;
	}
	netset_free(p->trusted);
	p->trusted = set;
	return 0;
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
		err = addr_parse(&at, list->v[i], RELAY_PORT);
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

/* Who we are: the bound address as others see it. */
static int set_addresses(struct proxy *p, char err[CONF_ERRLEN])
{
	int e = conf_listen_addr(&p->local, p->conf->listen.v[0]);

	if (e) {
		(void)snprintf(err, CONF_ERRLEN,
			       "listen: no route to find this host's address "
			       "by; name one, like udp:192.0.2.1:5060");
		return e;
	}
	p->self = p->local;
	if (*p->conf->advertise)
		return addr_parse(&p->self, p->conf->advertise,
				  addr_port(&p->local));
	if (addr_class(&p->local) == ADDR_ANY) {
		(void)snprintf(err, CONF_ERRLEN,
			       "listen: %s needs \"advertise\", the address "
			       "that others reach",
			       p->conf->listen.v[0]);
		return -EINVAL;
	}
	return 0;
}

static int open_socket(struct proxy *p, char err[CONF_ERRLEN])
{
	char where[ADDR_STRLEN];
	int e = udp_listen(&p->udp, daemon_loop(p->daemon), &p->local, recv_cb,
			   p);

	if (e)
		(void)snprintf(err, CONF_ERRLEN, "listen: udp:%s: %s",
			       addr_str(where, &p->local), strerror(-e));
	return e;
}

static int open_timer(struct proxy *p)
{
	p->timer = calloc(1, sizeof(*p->timer));
	if (!p->timer)
		return -ENOMEM;
	p->timer->data = p;
	return uv_timer_init(daemon_loop(p->daemon), p->timer);
}

/* An empty line is no SIP message (RFC 3261 7.5); it opens the NAT's timer. */
static void keepalive_cb(const struct addr *channel, void *arg)
{
	static const char crlf[] = "\r\n\r\n";
	struct proxy *p = arg;

	p->n.keepalives_out++;
	(void)udp_send(p->udp, channel, crlf, strlen(crlf));
}

static int open_clients(struct proxy *p)
{
	const struct clients_config cfg = {
		.deadlines = p->deadlines,
		.max = CLIENTS_MAX,
		.keepalive_ms = (uint32_t)p->conf->keepalive * 1000,
		.keepalive = keepalive_cb,
		.arg = p,
	};

	return clients_alloc(&p->clients, &cfg);
}

static int open_tables(struct proxy *p)
{
	struct txn_config cfg = {
		.timers = txn_default_timers,
		.max = TRANSACTIONS_MAX,
		.send = send_cb,
		.request = request_received,
		.cancel = request_cancelled,
		.arg = p,
	};
	int err = deadlines_alloc(&p->deadlines);

	if (!err)
		err = txns_alloc(&p->txns, p->deadlines, &cfg);
	if (!err)
		err = table_alloc(&p->requests, REQUESTS_MAX);
	if (!err)
		err = open_clients(p);
	if (!err)
		err = sessions_alloc(&p->sessions, p->deadlines,
				     (size_t)p->conf->sessions_max);
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
	int e = set_addresses(p, err);

	if (e)
		return e;
	(void)snprintf(err, CONF_ERRLEN, "out of memory");
	e = set_secret(p);
	if (!e)
		e = parse_peers(p->redirect, &p->nredirect, &p->conf->redirect,
				REDIRECT_PORT);
	if (!e)
		e = add_relays(p);
	if (!e)
		e = proxy_set_trusted(p, p->conf);
	if (!e)
		e = open_tables(p);
	if (!e)
		e = open_timer(p);
	if (!e)
		e = open_socket(p, err);
	if (!e)
		e = open_admin(p, err);
	if (!e)
		e = pooling_start(&p->pooling, p);
	if (e)
		return e;
	admin_not_ready(p->admin, NULL);
	log_info("ready", LOG_A("listen", &p->local),
		 LOG_A("advertise", &p->self),
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
	if (p->udp)
		udp_close(p->udp);
	requests_free(p);
	pooling_stop(p->pooling);
	p->pooling = NULL;
	relays_free(p->relays);
	sessions_free(p->sessions);
	clients_free(p->clients);
	txns_free(p->txns);
	table_free(p->requests);
	trace_free(p->trace);
	metrics_free(p->metrics);
	netset_free(p->trusted);
	deadlines_free(p->deadlines);
	free(p->secret);
}
