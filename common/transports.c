#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/transports.h"
#include "common/udp.h"

enum {
	ENDS_MAX = 64,
	KEEPALIVE_MAX = 4, /* bytes: no SIP message is as short */
};

/* One of our ends: what we listen on. */
struct end {
	struct transports *t;
	enum transport transport;
	unsigned number; /* from 1, as struct channel's `local` */
	struct addr bound, self;
	struct udp *udp;
};

struct transports {
	uv_loop_t *loop;
	struct transports_config cfg;
	struct end *ends[ENDS_MAX]; /* pointers: handlers hold them */
	unsigned n;
};

static const struct end *end_of(const struct transports *t, unsigned local)
{
	return local >= 1 && local <= t->n ? t->ends[local - 1] : NULL;
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

	(void)u;
	if (len > KEEPALIVE_MAX)
		cfg->message(data, len, &from, cfg->arg);
	else if (cfg->keepalive)
		cfg->keepalive(&from,
			       len == 2 ? TRANSPORTS_PONG : TRANSPORTS_PING,
			       cfg->arg);
}

int transports_alloc(struct transports **tp, uv_loop_t *loop,
		     const struct transports_config *cfg, char *err,
		     size_t err_len)
{
	struct transports *t = calloc(1, sizeof(*t));

	if (!t) {
		(void)snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	t->loop = loop;
	t->cfg = *cfg;
	*tp = t;
	return 0;
}

static int open_end(struct end *e, const struct addr *bind)
{
	int err;

	if (e->transport != TRANSPORT_UDP)
		return -EPROTONOSUPPORT;
	err = udp_listen(&e->udp, e->t->loop, bind, on_datagram, e);
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

int transports_send(struct transports *t, const struct channel *to,
		    const void *data, size_t len)
{
	const struct end *e = end_of(t, transports_local(t, to));

	if (!e)
		return -EAFNOSUPPORT;
	return udp_send(e->udp, &to->addr, data, len);
}

void transports_flush(struct transports *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->ends[i]->udp)
			udp_flush(t->ends[i]->udp);
}

bool transports_find(struct transports *t, struct channel *ch)
{
	(void)t;
	(void)ch;
	return false;
}

unsigned transports_local(const struct transports *t, const struct channel *to)
{
	const struct end *e = end_of(t, to->local);

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

	return transports_send(t, to, ping, strlen(ping));
}

void transports_close_channel(struct transports *t, const struct channel *ch)
{
	(void)t;
	(void)ch;
}

int transports_reload(struct transports *t, const struct transports_tls *tls,
		      char *err, size_t err_len)
{
	t->cfg.tls = *tls;
	(void)err;
	(void)err_len;
	return 0;
}

void transports_counts(struct transports_counts *out,
		       const struct transports *t)
{
	memset(out, 0, sizeof(*out));
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
	(void)t;
	return 0;
}

void transports_free(struct transports *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->n; i++) {
		udp_close(t->ends[i]->udp);
		free(t->ends[i]);
	}
	free(t);
}
