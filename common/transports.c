#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/streams.h"
#include "common/stun.h"
#include "common/tls.h"
#include "common/transports.h"
#include "common/udp.h"

enum {
	ENDS_MAX = 64,
	KEEPALIVE_MAX = 4, /* bytes: no SIP message is as short */
	STUN_FIRST_MAX = 0x3f,
};

/* One of our ends: what we listen on. */
struct end {
	struct transports *t;
	enum transport transport;
	unsigned number; /* from 1, as struct channel's `local` */
	struct addr bound, self;
	struct udp *udp; /* streams have their sockets in streams.c */
};

struct transports {
	uv_loop_t *loop;
	struct transports_config cfg;
	struct end *ends[ENDS_MAX]; /* pointers: handlers hold them */
	unsigned n;
	struct streams *streams;
	bool has_tls;
	struct transports_counts counts; /* of streams */
};

static const struct end *end_of(const struct transports *t, unsigned local)
{
	return local >= 1 && local <= t->n ? t->ends[local - 1] : NULL;
}

/* A byte of CRLF or of SIP never begins as STUN does. */
static bool take_keepalive(struct udp *u, const struct addr *src,
			   const char *data, size_t len)
{
	uint8_t answer[STUN_ANSWER_MAX];
	int n;

	if (len <= KEEPALIVE_MAX)
		return true;
	if (data[0] > STUN_FIRST_MAX || data[0] < 0)
		return false;
	n = stun_answer(answer, data, len, src);
	if (n > 0)
		(void)udp_send(u, src, answer, (size_t)n);
	return n >= 0;
}

static void on_datagram(struct udp *u, const struct addr *src, char *data,
			size_t len, void *arg)
{
	const struct end *e = arg;
	const struct transports_config *cfg = &e->t->cfg;
	struct channel from = {
		.addr = *src,
		.transport = TRANSPORT_UDP,
		.local = e->number,
	};

	if (!take_keepalive(u, src, data, len))
		cfg->message(data, len, &from, cfg->arg);
	else if (cfg->keepalive)
		cfg->keepalive(&from,
			       len == 2 ? TRANSPORTS_PONG : TRANSPORTS_PING,
			       cfg->arg);
}

static const char *text(const char *s)
{
	return s ? s : "";
}

/* Load what is configured; where nothing is, wait until TLS is wanted. */
static int load_tls(struct transports *t, const struct transports_tls *tls,
		    char *err, size_t err_len)
{
	struct tls_context *ctx;
	int e = tls_context_alloc(&ctx, text(tls->certificate), text(tls->key),
				  text(tls->ca), err, err_len);

	if (e)
		return e;
	streams_set_tls(t->streams, ctx);
	t->has_tls = true;
	return 0;
}

static int want_tls(struct transports *t, enum transport transport)
{
	const struct transports_tls none = {0};
	char why[128];

	if (t->has_tls || !transport_has_tls(transport))
		return 0;
	return load_tls(t, &none, why, sizeof(why));
}

int transports_alloc(struct transports **tp, uv_loop_t *loop,
		     const struct transports_config *cfg, char *err,
		     size_t err_len)
{
	struct transports *t = calloc(1, sizeof(*t));
	int e = -ENOMEM;

	(void)snprintf(err, err_len, "out of memory");
	if (!t)
		return e;
	t->loop = loop;
	t->cfg = *cfg;
	e = streams_alloc(&t->streams, loop, cfg, &t->counts);
	if (!e && (*text(cfg->tls.certificate) || *text(cfg->tls.ca)))
		e = load_tls(t, &cfg->tls, err, err_len);
	if (e)
		transports_free(t);
	else
		*tp = t;
	return e;
}

static int open_end(struct end *e, const struct addr *bind)
{
	struct transports *t = e->t;
	int err;

	if (transport_is_stream(e->transport)) {
		err = want_tls(t, e->transport);
		return err ? err
			   : streams_listen(t->streams, e->transport, e->number,
					    bind, &e->bound);
	}
	err = udp_listen(&e->udp, t->loop, bind, on_datagram, e);
	if (!err)
		e->bound = *udp_local(e->udp);
	return err;
}

int transports_listen(struct transports *t, enum transport transport,
		      const struct addr *bind, const struct addr *self)
{
	struct end *e;
	int err;

	if (t->n == ENDS_MAX)
		return -ENOSPC;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->t = t;
	e->transport = transport;
	e->number = t->n + 1;
	err = open_end(e, bind);
	if (err) {
		free(e);
		return err;
	}
	e->self = *self;
	if (!addr_port(&e->self))
		addr_set_port(&e->self, addr_port(&e->bound));
	t->ends[t->n++] = e;
	return (int)e->number;
}

int transports_connect(struct transports *t, struct channel *ch,
		       const char *name)
{
	const struct end *e = end_of(t, transports_local(t, ch));
	struct channel to = *ch;
	int err;

	if (!e)
		return -EAFNOSUPPORT;
	if (!transport_is_stream(ch->transport))
		return 0;
	to.local = e->number;
	err = want_tls(t, to.transport);
	if (!err)
		err = streams_connect(t->streams, &to, &e->bound, name);
	if (!err)
		*ch = to;
	return err;
}

static int send_stream(struct transports *t, const struct channel *to,
		       const void *data, size_t len)
{
	struct channel ch = *to;
	int err = 0;

	if (!ch.conn && !streams_find(t->streams, &ch))
		err = transports_connect(t, &ch, NULL);
	if (!err)
		return streams_send(t->streams, ch.conn, data, len);
	t->counts.tx_errors++;
	return err;
}

int transports_send(struct transports *t, const struct channel *to,
		    const void *data, size_t len)
{
	const struct end *e;

	if (transport_is_stream(to->transport))
		return send_stream(t, to, data, len);
	e = end_of(t, transports_local(t, to));
	if (e)
		return udp_send(e->udp, &to->addr, data, len);
	t->counts.tx_errors++;
	return -EAFNOSUPPORT;
}

void transports_flush(struct transports *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->ends[i]->udp)
			udp_flush(t->ends[i]->udp);
	streams_flush(t->streams);
}

bool transports_find(struct transports *t, struct channel *ch)
{
	return transport_is_stream(ch->transport) &&
	       streams_find(t->streams, ch);
}

unsigned transports_local(const struct transports *t, const struct channel *to)
{
	const struct end *e = end_of(t, to->local);

	if (to->conn && !to->local)
		return streams_local(t->streams, to->conn);
	if (to->local)
		return e && e->transport == to->transport ? to->local : 0;
	for (unsigned i = 0; i < t->n; i++)
		if (t->ends[i]->transport == to->transport &&
		    addr_family(&t->ends[i]->bound) == addr_family(&to->addr))
			return i + 1;
	return 0;
}

const struct addr *transports_self(const struct transports *t, unsigned local)
{
	const struct end *e = end_of(t, local);

	return e ? &e->self : NULL;
}

enum transport transports_transport(const struct transports *t, unsigned local)
{
	const struct end *e = end_of(t, local);

	return e ? e->transport : TRANSPORT_UDP;
}

unsigned transports_count(const struct transports *t)
{
	return t->n;
}

bool transports_is_self(const struct transports *t, const struct addr *a)
{
	for (unsigned i = 0; i < t->n; i++)
		if (addr_eq(a, &t->ends[i]->self) ||
		    addr_eq(a, &t->ends[i]->bound))
			return true;
	return false;
}

int transports_ping(struct transports *t, const struct channel *to)
{
	static const char ping[] = "\r\n\r\n";
	struct channel ch = *to;

	if (!transport_is_stream(to->transport))
		return transports_send(t, to, ping, strlen(ping));
	return streams_find(t->streams, &ch) ? streams_ping(t->streams, ch.conn)
					     : -ENOTCONN;
}

void transports_close_channel(struct transports *t, const struct channel *ch)
{
	struct channel at = *ch;

	if (transport_is_stream(ch->transport) && streams_find(t->streams, &at))
		streams_close(t->streams, at.conn);
}

static bool serves_tls(const struct transports *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (transport_has_tls(t->ends[i]->transport))
			return true;
	return false;
}

int transports_reload(struct transports *t, const struct transports_tls *tls,
		      char *err, size_t err_len)
{
	if (!t->has_tls && !*text(tls->certificate) && !*text(tls->ca))
		return 0;
	if (serves_tls(t) && !*text(tls->certificate)) {
		(void)snprintf(err, err_len,
			       "no certificate, and we listen for TLS");
		return -EINVAL;
	}
	return load_tls(t, tls, err, err_len);
}

void transports_counts(struct transports_counts *out,
		       const struct transports *t)
{
	*out = t->counts;
	for (unsigned i = 0; i < t->n; i++) {
		const struct udp_counts *c;

		if (!t->ends[i]->udp)
			continue;
		c = udp_counts(t->ends[i]->udp);
		out->rx += c->rx;
		out->tx += c->tx;
		out->rx_bytes += c->rx_bytes;
		out->tx_bytes += c->tx_bytes;
		out->tx_dropped += c->tx_dropped;
		out->tx_errors += c->tx_errors;
	}
}

size_t transports_conns(const struct transports *t)
{
	return streams_count(t->streams);
}

void transports_free(struct transports *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->n; i++) {
		udp_close(t->ends[i]->udp);
		free(t->ends[i]);
	}
	streams_free(t->streams);
	free(t);
}
