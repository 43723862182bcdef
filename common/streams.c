#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/time.h>

#include "common/acceptor.h"
#include "common/conn.h"
#include "common/sources.h"
#include "common/streams.h"
#include "common/table.h"
#include "common/tls.h"

/* One connection in so many is for those we open. */
enum { RESERVED = 16 };

/* A connection in the tables. */
struct link {
	TAILQ_ENTRY(link) all, dirty;
	struct streams *s;
	struct conn *conn;
	struct channel ch;
	char *name;    /* of the server we connected to, if we know it */
	bool accepted; /* counted at its source */
	bool is_dirty; /* has something to flush */
};
TAILQ_HEAD(links, link);

/* One of the ends we listen on. */
struct stream_end {
	struct stream_end *next;
	struct streams *s;
	struct acceptor *acceptor;
	enum transport transport;
	unsigned local;
};

struct streams {
	uv_prepare_t prepare; /* the turn's end */
	struct transports_config cfg;
	struct transports_counts *n;
	struct conn_config conns;
	struct tls_context *tls;
	struct stream_end *ends;
	struct links all, dirty;
	struct table *by_conn, *by_far;
	struct sources *sources;
	uint64_t last; /* the newest connection's number */
};

static struct link *link_of(const struct streams *s, uint64_t conn)
{
	struct link *l = table_get(s->by_conn, &conn, sizeof(conn));

	return l && !conn_is_ending(l->conn) ? l : NULL;
}

static struct link *link_to(const struct streams *s, const struct channel *ch)
{
	struct channel_key k = channel_key(ch);
	struct link *l = table_get(s->by_far, &k, sizeof(k));

	return l && !conn_is_ending(l->conn) ? l : NULL;
}

static void unfile(struct streams *s, const struct link *l)
{
	struct channel_key k = channel_key(&l->ch);

	(void)table_del(s->by_conn, &l->ch.conn, sizeof(l->ch.conn));
	if (table_get(s->by_far, &k, sizeof(k)) == l)
		(void)table_del(s->by_far, &k, sizeof(k));
}

/* Into the tables; where two lead to one address the newer is found. */
static int file(struct streams *s, struct link *l)
{
	struct channel_key k = channel_key(&l->ch);
	int err = table_put(s->by_conn, &l->ch.conn, sizeof(l->ch.conn), l);

	if (err)
		return err;
	(void)table_del(s->by_far, &k, sizeof(k));
	err = table_put(s->by_far, &k, sizeof(k), l);
	if (err)
		unfile(s, l);
	return err;
}

static struct link *new_link(struct streams *s, const struct channel *ch)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->s = s;
	l->ch = *ch;
	l->ch.conn = ++s->last;
	TAILQ_INSERT_TAIL(&s->all, l, all);
	return l;
}

/* Out of every list and table; closes what is still open. */
static void drop(struct link *l)
{
	struct streams *s = l->s;

	conn_close(l->conn); /* which may have last words to flush */
	unfile(s, l);
	if (l->accepted)
		sources_leave(s->sources, &l->ch.addr);
	if (l->is_dirty)
		TAILQ_REMOVE(&s->dirty, l, dirty);
	TAILQ_REMOVE(&s->all, l, all);
	free(l->name);
	free(l);
}

static void on_message(const struct channel *src, char *data, size_t len,
		       void *owner)
{
	struct link *l = owner;
	const struct transports_config *cfg = &l->s->cfg;

	l->s->n->rx++;
	l->s->n->rx_bytes += len;
	cfg->message(data, len, src, cfg->arg);
}

static void on_keepalive(const struct channel *src,
			 enum transports_keepalive what, void *owner)
{
	struct link *l = owner;
	const struct transports_config *cfg = &l->s->cfg;

	if (cfg->keepalive)
		cfg->keepalive(src, what, cfg->arg);
}

static void count_end(struct transports_counts *n, enum conn_end how)
{
	uint64_t *const counters[] = {
		[CONN_CLOSED] = NULL,
		[CONN_FAILED] = &n->conns_failed,
		[CONN_TLS] = &n->conns_tls,
		[CONN_IDLE] = &n->conns_idle,
		[CONN_CLOGGED] = &n->conns_clogged,
		[CONN_GARBAGE] = &n->framing,
	};

	if (counters[how])
		++*counters[how];
}

/* The last thing that is done: the handler may free everything. */
static void on_ended(void *owner, enum conn_end how, int err)
{
	struct link *l = owner;
	const struct transports_config *cfg = &l->s->cfg;
	struct channel ch = l->ch;

	count_end(l->s->n, how);
	drop(l);
	if (cfg->closed)
		cfg->closed(&ch, err, cfg->arg);
}

static void on_prepare(uv_prepare_t *prepare)
{
	streams_flush(prepare->data);
}

static void on_dirty(void *owner)
{
	struct link *l = owner;

	if (l->is_dirty)
		return;
	l->is_dirty = true;
	TAILQ_INSERT_TAIL(&l->s->dirty, l, dirty);
	(void)uv_prepare_start(&l->s->prepare, on_prepare);
}

void streams_flush(struct streams *s)
{
	struct link *l;

	while ((l = TAILQ_FIRST(&s->dirty))) {
		TAILQ_REMOVE(&s->dirty, l, dirty);
		l->is_dirty = false;
		conn_flush(l->conn);
	}
	(void)uv_prepare_stop(&s->prepare);
}

/* Let it in, or refuse it: too many, or too many from there. */
static int admit(struct streams *s, struct link *l)
{
	int err = file(s, l);

	if (!err)
		err = sources_enter(s->sources, &l->ch.addr);
	l->accepted = !err;
	return err;
}

static void on_connection(uv_stream_t *listener, int status, void *arg)
{
	const struct stream_end *e = arg;
	struct streams *s = e->s;
	struct channel ch = {.transport = e->transport, .local = e->local};
	struct tls_context *tls =
		transport_has_tls(e->transport) ? s->tls : NULL;
	struct link *l = status ? NULL : new_link(s, &ch);

	if (!l) {
		s->n->conns_failed++;
		return;
	}
	if (conn_accept(&l->conn, &s->conns, listener, &l->ch, tls, l)) {
		s->n->conns_failed++;
		drop(l);
	} else if (admit(s, l)) {
		s->n->conns_refused++;
		drop(l);
	} else {
		s->n->conns_in++;
	}
}

int streams_listen(struct streams *s, enum transport transport, unsigned local,
		   const struct addr *bind, struct addr *bound)
{
	struct stream_end *e;
	int err;

	if (transport_has_tls(transport) && !tls_context_serves(s->tls))
		return -ENOENT;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->s = s;
	e->transport = transport;
	e->local = local;
	err = acceptor_open(&e->acceptor, s->conns.loop, bind, bound,
			    on_connection, e);
	if (err) {
		free(e);
		return err;
	}
	e->next = s->ends;
	s->ends = e;
	return 0;
}

bool streams_find(struct streams *s, struct channel *ch)
{
	const struct link *l = ch->conn ? link_of(s, ch->conn) : link_to(s, ch);

	if (!l)
		return false;
	ch->conn = l->ch.conn;
	ch->local = l->ch.local;
	return true;
}

static bool same_name(const struct link *l, const char *name)
{
	return !name || (l->name && !strcasecmp(l->name, name));
}

static int dial(struct link *l, const struct addr *from, const char *name)
{
	struct streams *s = l->s;
	struct tls_context *tls =
		transport_has_tls(l->ch.transport) ? s->tls : NULL;
	int err;

	if (name) {
		l->name = strdup(name);
		if (!l->name)
			return -ENOMEM;
	}
	err = conn_connect(&l->conn, &s->conns, &l->ch, from, tls, name, l);
	return err ? err : file(s, l);
}

int streams_connect(struct streams *s, struct channel *ch,
		    const struct addr *from, const char *name)
{
	struct link *l = link_to(s, ch);
	int err;

	if (l && same_name(l, name)) {
		*ch = l->ch;
		return 0;
	}
	if (transport_is_ws(ch->transport))
		return -ENOTCONN;
	if (table_count(s->by_conn) >= s->cfg.conns_max) {
		s->n->conns_refused++;
		return -ENOBUFS;
	}
	l = new_link(s, ch);
	if (!l)
		return -ENOMEM;
	err = dial(l, from, name);
	if (err) {
		s->n->conns_failed++;
		drop(l);
		return err;
	}
	s->n->conns_out++;
	*ch = l->ch;
	return 0;
}

int streams_send(struct streams *s, uint64_t conn, const void *data, size_t len)
{
	struct link *l = link_of(s, conn);
	int err = l ? conn_send(l->conn, data, len) : -ENOTCONN;

	if (err == -ENOBUFS) {
		s->n->tx_dropped++;
	} else if (err) {
		s->n->tx_errors++;
	} else {
		s->n->tx++;
		s->n->tx_bytes += len;
	}
	return err;
}

int streams_ping(struct streams *s, uint64_t conn)
{
	struct link *l = link_of(s, conn);

	return l ? conn_ping(l->conn) : -ENOTCONN;
}

void streams_close(struct streams *s, uint64_t conn)
{
	struct link *l = table_get(s->by_conn, &conn, sizeof(conn));

	if (l)
		drop(l);
}

unsigned streams_local(const struct streams *s, uint64_t conn)
{
	const struct link *l = link_of(s, conn);

	return l ? l->ch.local : 0;
}

size_t streams_count(const struct streams *s)
{
	return table_count(s->by_conn);
}

void streams_set_tls(struct streams *s, struct tls_context *tls)
{
	tls_context_free(s->tls);
	s->tls = tls;
}

/* Numbers of another run of this process are not ours: channels may be
 * remembered longer than we run. */
static uint64_t first_number(void)
{
	struct timeval tv;

	(void)gettimeofday(&tv, NULL);
	return (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
}

static void set_conns(struct streams *s, uv_loop_t *loop)
{
	s->conns.loop = loop;
	s->conns.idle_ms = s->cfg.idle_ms;
	s->conns.setup_ms = s->cfg.setup_ms;
	s->conns.origins = s->cfg.origins;
	s->conns.message = on_message;
	s->conns.keepalive = on_keepalive;
	s->conns.ended = on_ended;
	s->conns.dirty = on_dirty;
}

int streams_alloc(struct streams **sp, uv_loop_t *loop,
		  const struct transports_config *cfg,
		  struct transports_counts *n)
{
	struct streams *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->cfg = *cfg;
	s->n = n;
	s->last = first_number();
	TAILQ_INIT(&s->all);
	TAILQ_INIT(&s->dirty);
	set_conns(s, loop);
	(void)uv_prepare_init(loop, &s->prepare);
	uv_unref((uv_handle_t *)&s->prepare);
	s->prepare.data = s;
	err = table_alloc(&s->by_conn, cfg->conns_max);
	if (!err)
		err = table_alloc(&s->by_far, cfg->conns_max);
	if (!err)
		err = sources_alloc(&s->sources,
				    cfg->conns_max - cfg->conns_max / RESERVED,
				    cfg->conns_per_source);
	if (err)
		streams_free(s);
	else
		*sp = s;
	return err;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void streams_free(struct streams *s)
{
	struct stream_end *e;
	struct link *l;

	if (!s)
		return;
	while ((l = TAILQ_FIRST(&s->all)))
		drop(l);
	while ((e = s->ends)) {
		s->ends = e->next;
		acceptor_close(e->acceptor);
		free(e);
	}
	table_free(s->by_conn);
	table_free(s->by_far);
	sources_free(s->sources);
	tls_context_free(s->tls);
	uv_close((uv_handle_t *)&s->prepare, on_closed);
}
