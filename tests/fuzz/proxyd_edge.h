#ifndef TESTS_FUZZ_PROXYD_EDGE_H
#define TESTS_FUZZ_PROXYD_EDGE_H

#include <string.h>

#include "common/admin.h"
#include "common/daemon.h"
#include "common/transports.h"
#include "tests/fuzz/fuzz.h"

/*
 * What stands in for the sockets, the loop and the admin server of a proxyd
 * that runs within this process: these definitions take the place of those in
 * the library. Bytes that would leave go to edge_captured(), which the target
 * defines; bytes arrive by edge_deliver().
 */
enum { EDGE_ENDS_MAX = 4, EDGE_TIMERS_MAX = 8, EDGE_CONN = 9 };

struct transports {
	struct transports_config cfg;
	struct channel ends[EDGE_ENDS_MAX];
	unsigned n;
};

static struct transports edge_transports;
static uv_loop_t edge_loop;

/* Timers of the loop that are running. */
static struct {
	uv_timer_t *handle;
	uv_timer_cb cb;
	uint64_t due;
} edge_timers[EDGE_TIMERS_MAX];

/* One message that the proxy sends, borrowed. */
static void edge_captured(const struct channel *to, const char *data,
			  size_t len);

/* In a block of its own, so that a checker guards its end. */
static inline void edge_deliver(const struct channel *src, const char *data,
				size_t len)
{
	struct transports *t = &edge_transports;
	char *copy = malloc(len + 1);

	MUST(copy);
	memcpy(copy, data, len);
	copy[len] = '\0';
	t->cfg.message(copy, len, src, t->cfg.arg);
	free(copy);
}

int uv_timer_stop(uv_timer_t *handle)
{
	for (size_t i = 0; i < EDGE_TIMERS_MAX; i++)
		if (edge_timers[i].handle == handle)
			edge_timers[i].handle = NULL;
	return 0;
}

int uv_timer_start(uv_timer_t *handle, uv_timer_cb cb, uint64_t timeout,
		   uint64_t repeat)
{
	size_t i = 0;

	MUST(repeat == 0);
	(void)uv_timer_stop(handle);
	while (i < EDGE_TIMERS_MAX && edge_timers[i].handle)
		i++;
	MUST(i < EDGE_TIMERS_MAX);
	edge_timers[i].handle = handle;
	edge_timers[i].cb = cb;
	edge_timers[i].due = edge_loop.time + timeout;
	return 0;
}

/* Run the timer that is due first, if it is by `until`. False: none is. */
static inline bool edge_fire(uint64_t until)
{
	size_t first = EDGE_TIMERS_MAX;
	uv_timer_t *handle;

	for (size_t i = 0; i < EDGE_TIMERS_MAX; i++)
		if (edge_timers[i].handle && edge_timers[i].due <= until &&
		    (first == EDGE_TIMERS_MAX ||
		     edge_timers[i].due < edge_timers[first].due))
			first = i;
	if (first == EDGE_TIMERS_MAX)
		return false;
	if (edge_timers[first].due > edge_loop.time)
		edge_loop.time = edge_timers[first].due;
	handle = edge_timers[first].handle;
	edge_timers[first].handle = NULL;
	edge_timers[first].cb(handle);
	return true;
}

uv_loop_t *daemon_loop(struct daemon *d)
{
	(void)d;
	return &edge_loop;
}

int transports_alloc(struct transports **tp, uv_loop_t *loop,
		     const struct transports_config *cfg, char *err,
		     size_t err_len)
{
	(void)loop;
	(void)err;
	(void)err_len;
	edge_transports = (struct transports){.cfg = *cfg};
	*tp = &edge_transports;
	return 0;
}

int transports_listen(struct transports *t, enum transport transport,
		      const struct addr *bind, const struct addr *self)
{
	(void)bind;
	MUST(t->n < EDGE_ENDS_MAX);
	t->ends[t->n] = (struct channel){
		.addr = *self, .transport = transport, .local = t->n + 1};
	t->n++;
	return (int)t->n;
}

int transports_connect(struct transports *t, struct channel *ch,
		       const char *name)
{
	(void)name;
	ch->local = transports_local(t, ch);
	if (!ch->local)
		return -EAFNOSUPPORT;
	if (ch->transport != TRANSPORT_UDP && !ch->conn)
		ch->conn = EDGE_CONN;
	return 0;
}

unsigned transports_local(const struct transports *t, const struct channel *to)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct channel *end = &t->ends[i];

		if ((!to->local || to->local == end->local) &&
		    end->transport == to->transport &&
		    addr_family(&end->addr) == addr_family(&to->addr))
			return end->local;
	}
	return 0;
}

const struct addr *transports_self(const struct transports *t, unsigned local)
{
	return local >= 1 && local <= t->n ? &t->ends[local - 1].addr : NULL;
}

enum transport transports_transport(const struct transports *t, unsigned local)
{
	return local >= 1 && local <= t->n ? t->ends[local - 1].transport
					   : TRANSPORT_UDP;
}

unsigned transports_count(const struct transports *t)
{
	return t->n;
}

bool transports_is_self(const struct transports *t, const struct addr *a)
{
	for (unsigned i = 0; i < t->n; i++)
		if (addr_eq(&t->ends[i].addr, a))
			return true;
	return false;
}

int transports_send(struct transports *t, const struct channel *to,
		    const void *data, size_t len)
{
	if (!transports_local(t, to))
		return -EAFNOSUPPORT;
	edge_captured(to, data, len);
	return 0;
}

int transports_ping(struct transports *t, const struct channel *to)
{
	(void)t;
	MUST(!channel_is_none(to));
	return 0;
}

bool transports_find(struct transports *t, struct channel *ch)
{
	(void)t;
	return ch->conn != 0;
}

void transports_close_channel(struct transports *t, const struct channel *ch)
{
	(void)t;
	(void)ch;
}

void transports_flush(struct transports *t)
{
	(void)t;
}

int transports_reload(struct transports *t, const struct transports_tls *tls,
		      char *err, size_t err_len)
{
	(void)t;
	(void)tls;
	(void)err;
	(void)err_len;
	return 0;
}

void transports_counts(struct transports_counts *out,
		       const struct transports *t)
{
	(void)t;
	memset(out, 0, sizeof(*out));
}

size_t transports_conns(const struct transports *t)
{
	(void)t;
	return 0;
}

void transports_free(struct transports *t)
{
	(void)t;
}

int admin_start(struct admin **ap, uv_loop_t *loop, const struct addr *listen,
		const char *daemon, const struct metrics *metrics)
{
	(void)loop;
	(void)listen;
	(void)daemon;
	(void)metrics;
	*ap = NULL;
	return 0;
}

void admin_stop(struct admin *a)
{
	(void)a;
}

int admin_route(struct admin *a, const char *path, const char *about,
		admin_h *fn, void *arg)
{
	(void)a;
	(void)path;
	(void)about;
	(void)fn;
	(void)arg;
	return 0;
}

void admin_not_ready(struct admin *a, const char *why)
{
	(void)a;
	(void)why;
}

const char *admin_arg(const struct admin_query *q, const char *name)
{
	(void)q;
	(void)name;
	return NULL;
}

#endif
