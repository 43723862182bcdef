#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/trace.h"
#include "common/transports.h"
#include "proxyd/conf.h"
#include "proxyd/guard.h"
#include "proxyd/keeping.h"
#include "proxyd/pooling.h"
#include "proxyd/probed.h"
#include "proxyd/proxy.h"
#include "proxyd/recalling.h"
#include "proxyd/request.h"

#include "proxyd/edge.h"

enum {
	KEEPALIVE_MAX = 4, /* CRLFCRLF, or the bare CRLF of its answer */
	SETUP_MS = 10 * 1000,
};

/* Messages that belong to no call: the proxy's own questions. */
static bool is_own(const struct proxy *p, const char *call_id)
{
	return pooling_owns(p->pooling, call_id) || keeping_owns(p, call_id) ||
	       recalling_owns(p->recalling, call_id);
}

static const char *trace_id(char call_id[SIPMSG_CALLID_MAX + 1],
			    const struct proxy *p, const char *data, size_t len)
{
	if (!p->trace || request_call_id(call_id, data, len) ||
	    is_own(p, call_id))
		return NULL;
	return call_id;
}

int edge_send(struct channel *dst, const char *data, size_t len, void *arg)
{
	struct proxy *p = arg;
	char buf[SIPMSG_CALLID_MAX + 1], to[CHANNEL_STRLEN];
	int err = transports_send(p->transports, dst, data, len);
	const char *call_id;

	if (err) {
		keeping_closed(p, dst);
		log_warn("message not sent", LOG_S("dst", channel_str(to, dst)),
			 LOG_S("error", strerror(-err)));
		return err;
	}
	if (transport_is_stream(dst->transport) && !dst->conn)
		(void)transports_find(p->transports, dst);
	call_id = trace_id(buf, p, data, len);
	if (call_id)
		trace_add(p->trace, call_id, proxy_wall_us(), TRACE_OUT,
			  edge_self_for(p, &dst->addr), &dst->addr, data, len);
	return 0;
}

static void keepalive(const struct channel *src, enum transports_keepalive what,
		      void *arg)
{
	struct proxy *p = arg;

	p->n.keepalives++;
	keeping_heard(p, src, what == TRANSPORTS_PONG);
	edge_flush(p);
	proxy_arm(p);
}

static void message(char *data, size_t len, const struct channel *src,
		    void *arg)
{
	struct proxy *p = arg;
	struct sipmsg_bad bad;
	struct guard_refusal no;
	const char *call_id;
	msg_t *msg = NULL;

	if (len <= KEEPALIVE_MAX) {
		keepalive(src, TRANSPORTS_PING, p);
		return;
	}
	if (!guard_opens(&no, p, data, len, src))
		return;
	if (sipmsg_admit(&msg, data, len, &bad)) {
		refusing_received(p, data, len, src, &bad);
		return;
	}
	if (probed(p, msg, src, data, len)) {
		msg_destroy(msg);
		edge_flush(p);
		return;
	}
	call_id = sip_object(msg)->sip_call_id->i_id;
	if (p->trace && !is_own(p, call_id))
		trace_add(p->trace, call_id, proxy_wall_us(), TRACE_IN,
			  edge_self_for(p, &src->addr), &src->addr, data, len);
	keeping_heard(p, src, keeping_owns(p, call_id));
	guard_admits(&no, p, sip_object(msg), src);
	if (no.status)
		txns_refuse(p->txns, proxy_now(p), msg, src, no.status,
			    no.extra);
	else
		txns_input(p->txns, proxy_now(p), msg, src);
	edge_flush(p);
	proxy_arm(p);
}

static void closed(const struct channel *ch, int err, void *arg)
{
	struct proxy *p = arg;
	char at[CHANNEL_STRLEN];

	keeping_closed(p, ch);
	log_debug("connection closed", LOG_S("channel", channel_str(at, ch)),
		  LOG_S("error", err ? strerror(-err) : NULL));
	txns_closed(p->txns, proxy_now(p), ch->conn);
	edge_flush(p);
	proxy_arm(p);
}

void edge_flush(struct proxy *p)
{
	transports_flush(p->transports);
}

void edge_ping(struct proxy *p, const struct channel *to)
{
	p->n.keepalives_out++;
	(void)transports_ping(p->transports, to);
}

bool edge_is_self(const struct proxy *p, const struct addr *a)
{
	return transports_is_self(p->transports, a);
}

bool edge_is_own_host(const struct proxy *p, const struct addr *a)
{
	struct addr end = *a;

	for (unsigned i = 1; i <= transports_count(p->transports); i++) {
		const struct addr *self = transports_self(p->transports, i);

		if (!self)
			continue;
		addr_set_port(&end, addr_port(self));
		if (transports_is_self(p->transports, &end))
			return true;
	}
	return false;
}

void edge_self(struct channel *self, const struct proxy *p,
	       const struct channel *to)
{
	unsigned local = transports_local(p->transports, to);
	const struct addr *a = transports_self(p->transports, local);

	*self = (struct channel){
		.addr = a ? *a : p->self,
		.transport = a ? to->transport : TRANSPORT_UDP,
		.local = local,
	};
}

const struct addr *edge_self_for(const struct proxy *p, const struct addr *to)
{
	struct channel ch = channel_udp(to);
	const struct addr *a = transports_self(
		p->transports, transports_local(p->transports, &ch));

	return a ? a : &p->self;
}

/* An end as bound, and as others see it. */
static int read_end(struct channel *bound, struct addr *self,
		    const struct proxy *p, const char *value,
		    char err[CONF_ERRLEN])
{
	int e = conf_listen_channel(bound, value);

	if (e) {
		(void)snprintf(err, CONF_ERRLEN,
			       "listen: no route to find this host's address "
			       "by; name one, like udp:192.0.2.1:5060");
		return e;
	}
	*self = bound->addr;
	if (*p->conf->advertise)
		e = addr_parse(self, p->conf->advertise,
			       addr_port(&bound->addr));
	if (!e && addr_family(self) != addr_family(&bound->addr))
		*self = bound->addr;
	if (!e && addr_class(self) == ADDR_ANY) {
		(void)snprintf(err, CONF_ERRLEN,
			       "listen: %s needs \"advertise\", the address "
			       "that others reach",
			       value);
		e = -EINVAL;
	}
	return e;
}

static int open_end(struct proxy *p, const char *value, char err[CONF_ERRLEN])
{
	char where[CHANNEL_STRLEN];
	struct channel bound;
	struct addr self;
	int e = read_end(&bound, &self, p, value, err);

	if (e)
		return e;
	if (addr_is_none(&p->self) && bound.transport == TRANSPORT_UDP)
		p->self = self;
	e = transports_listen(p->transports, bound.transport, &bound.addr,
			      &self);
	if (e < 0) {
		(void)snprintf(err, CONF_ERRLEN, "listen: %s:%s: %s",
			       transport_name(bound.transport),
			       addr_str(where, &bound.addr), strerror(-e));
		return e;
	}
	log_info("listening", LOG_S("on", channel_str(where, &bound)),
		 LOG_A("advertise", &self));
	return 0;
}

static struct transports_tls tls_files(const struct proxyd_conf *conf)
{
	return (struct transports_tls){
		.certificate = conf->tls_certificate,
		.key = conf->tls_key,
		.ca = conf->tls_ca,
	};
}

void edge_reload(struct proxy *p)
{
	const struct transports_tls tls = tls_files(p->conf);
	char err[CONF_ERRLEN];

	if (transports_reload(p->transports, &tls, err, sizeof(err)))
		log_error("TLS keeps the certificates it had",
			  LOG_S("error", err));
	else if (*tls.certificate)
		log_info("certificate read", LOG_S("file", tls.certificate));
}

int edge_open(struct proxy *p, char err[CONF_ERRLEN])
{
	const struct conf_strings *ends = &p->conf->listen;
	const struct transports_config cfg = {
		.message = message,
		.keepalive = keepalive,
		.closed = closed,
		.arg = p,
		.conns_max = (size_t)p->conf->conns_max,
		.conns_per_source = (size_t)p->conf->conns_per_source,
		.idle_ms = (uint32_t)p->conf->conns_idle * 1000,
		.setup_ms = SETUP_MS,
		.origins = p->conf->origins.n
				   ? (const char *const *)p->conf->origins.v
				   : NULL,
		.tls = tls_files(p->conf),
	};
	int e = transports_alloc(&p->transports, daemon_loop(p->daemon), &cfg,
				 err, CONF_ERRLEN);

	for (size_t i = 0; !e && i < ends->n; i++)
		e = open_end(p, ends->v[i], err);
	return e;
}

void edge_close(struct proxy *p)
{
	transports_free(p->transports);
	p->transports = NULL;
}
