#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/netset.h"
#include "relayd/bypass.h"
#include "relayd/counters.h"
#include "relayd/figures.h"
#include "relayd/socket.h"
#include "relayd/stream.h"

enum {
	BATCH = 32, /* packets a wake-up, so that one stream starves no other */
	STRANGER_QUIET_MS = 10000, /* between two events about strangers */
	NS_PER_US = 1000,
	SIP_PORT = 5060,
	SIPS_PORT = 5061,
};

struct part {
	uv_poll_t poll;
	int fd;
	struct stream *stream;
	struct learn learn;
	struct stream_flow flow[LEARN_SIDES];
	uint64_t strangers;
	uint64_t stranger_told; /* when; 0: never */
};

struct stream {
	struct part part[STREAM_PARTS];
	const struct stream_env *env;
	struct bypass bypass; /* of the RTP part */
	struct figures figures;
	stream_event_h *event;
	void *arg;
	unsigned handles; /* open in the loop */
	unsigned line;
	uint16_t port;
	char type[SDP_TOKEN_MAX];
};

static enum stream_part part_of(const struct part *p)
{
	return p == &p->stream->part[STREAM_RTCP] ? STREAM_RTCP : STREAM_RTP;
}

static void tell(struct part *p, const struct learn_result *what,
		 const struct addr *src)
{
	struct stream *st = p->stream;
	const struct stream_event ev = {
		.stream = st,
		.part = part_of(p),
		.what = *what,
		.source = *src,
		.strangers = p->strangers,
	};

	st->event(&ev, st->arg);
}

static void stranger(struct part *p, const struct learn_result *what,
		     const struct addr *src, uint64_t now)
{
	p->strangers++;
	p->stream->env->counters->stranger_packets++;
	if (p->stranger_told && now - p->stranger_told < STRANGER_QUIET_MS)
		return;
	p->stranger_told = now;
	tell(p, what, src);
}

/* Step 84: out of the socket it came in on. Whether it is under way. */
static bool forward(struct part *p, enum learn_side from, const uint8_t *data,
		    size_t len, uint64_t now)
{
	struct relayd_counters *c = p->stream->env->counters;
	const struct addr *dst = &p->learn.ch[!from].sendto;
	struct stream_flow *flow = &p->flow[from];

	if (!flow->first)
		flow->first = now;
	flow->last = now;
	if (addr_is_none(dst)) {
		flow->dropped++;
		c->nowhere_packets++;
		return false;
	}
	if (sendto(p->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL, &dst->u.sa,
		   addr_len(dst)) < 0) {
		flow->dropped++;
		c->send_errors++;
		return false;
	}
	flow->packets++;
	flow->bytes += len;
	c->packets++;
	c->bytes += len;
	return true;
}

/* Figures are of all that came from a known source, forwarded or not: they tell
 * how it came here. */
static void measure(struct part *p, bool is_rtp, const struct figures_packet *f)
{
	struct figures *figures = &p->stream->figures;

	if (is_rtp && part_of(p) == STREAM_RTP) {
		figures_rtp(figures, f);
	} else if (!is_rtp) {
		/* reports are of what the kernel forwarded, too */
		stream_sync(p->stream);
		figures_rtcp(figures, f);
	}
}

/* The same of what the kernel has forwarded. */
static void went_by(struct part *p, enum learn_side from,
		    const struct bypass_news *news, uint64_t now)
{
	struct relayd_counters *c = p->stream->env->counters;
	struct stream_flow *flow = &p->flow[from];
	uint64_t last = news->last < now ? news->last : now;

	flow->packets += news->packets;
	flow->bytes += news->bytes;
	flow->fast += news->packets;
	if (last > flow->last)
		flow->last = last;
	c->packets += news->packets;
	c->bytes += news->bytes;
	c->fast_packets += news->packets;
	c->fast_bytes += news->bytes;
	learn_heard(&p->learn, from, news->ssrc, news->seq, last);
	figures_passed(&p->stream->figures, from, news->ssrc, news->seq,
		       news->packets);
}

/* Whether media sent there would come back to this relay's own sockets. */
static bool own_address(const struct stream *st, const struct addr *a)
{
	const struct stream_env *env = st->env;
	uint16_t port = addr_port(a);

	for (size_t i = 0; i < env->nown; i++)
		if (addr_eq(a, &env->own[i]))
			return true;
	return (port == st->port || port == st->port + 1) &&
	       (addr_ip_eq(a, &env->address) || addr_ip_eq(a, &env->advertise));
}

/* Steps 78-84 of Fig. 11 for one packet. */
static void packet(struct part *p, struct learn_facts *facts,
		   const uint8_t *data, size_t len, uint64_t now)
{
	struct relayd_counters *c = p->stream->env->counters;
	const struct learn *rtp = part_of(p) == STREAM_RTCP
					  ? &p->stream->part[STREAM_RTP].learn
					  : NULL;
	struct learn_result what = {LEARN_STRANGER, LEARN_FIRST,
				    "source is the relay itself"};
	struct figures_packet measured = {
		.data = data,
		.len = len,
		.time_us = uv_hrtime() / NS_PER_US,
	};

	if (own_address(p->stream, &facts->src)) {
		stranger(p, &what, &facts->src, now);
		return;
	}
	if (!rtp)
		stream_sync(p->stream);
	learn_read(facts, data, len);
	switch (learn_packet(&what, &p->learn, rtp, facts, now)) {
	case LEARN_FORWARD:
		break;
	case LEARN_LEARNED:
		c->learned++;
		tell(p, &what, &facts->src);
		break;
	case LEARN_RELEARNED:
		c->relearned++;
		tell(p, &what, &facts->src);
		break;
	case LEARN_PROBATION:
		c->probation_packets++;
		return;
	case LEARN_EARLY:
		c->early_packets++;
		return;
	case LEARN_STRANGER:
		stranger(p, &what, &facts->src, now);
		return;
	}
	measured.from = what.from;
	measured.sent = forward(p, what.from, data, len, now);
	measure(p, facts->is_rtp, &measured);
	if (!rtp && facts->is_rtp)
		bypass_done(&p->stream->bypass, what.from, data);
}

/* The kernel takes over, or gives back, what learning has come to. */
static void follow(struct stream *st, uint64_t now)
{
	st->env->counters->fast_entered +=
		bypass_follow(&st->bypass, &st->part[STREAM_RTP].learn, now);
}

static void on_poll(uv_poll_t *poll, int status, int events);

/* libuv stops a handle whose socket reports an error; the error (ICMP) is
 * taken off the socket and the handle started again. */
static void revive(struct part *p)
{
	socket_clear_error(p->fd);
	p->stream->env->counters->receive_errors++;
	uv_poll_start(&p->poll, UV_READABLE, on_poll);
}

/* As much as there is, within limits. */
static void receive(struct part *p, uint64_t now)
{
	const struct stream_env *env = p->stream->env;

	for (unsigned i = 0; i < BATCH; i++) {
		struct learn_facts facts = {0};
		socklen_t slen = sizeof(facts.src.u);
		ssize_t n = recvfrom(p->fd, env->buf, STREAM_BUF, MSG_DONTWAIT,
				     &facts.src.u.sa, &slen);

		if (n >= 0)
			packet(p, &facts, env->buf, (size_t)n, now);
		else if (errno == EAGAIN || errno == EINTR)
			return;
		else
			env->counters->receive_errors++;
	}
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct part *p = poll->data;
	uint64_t now = uv_now(p->stream->env->loop);

	(void)events;
	if (status < 0) {
		revive(p);
		return;
	}
	receive(p, now);
	if (part_of(p) == STREAM_RTP)
		follow(p->stream, now);
}

static void on_close(uv_handle_t *h)
{
	struct part *p = h->data;
	struct stream *st = p->stream;

	if (--st->handles == 0)
		free(st);
}

static int part_start(struct part *p, const struct stream_env *env)
{
	int err = uv_poll_init(env->loop, &p->poll, p->fd);

	if (err)
		return err;
	p->poll.data = p;
	p->stream->handles++;
	return uv_poll_start(&p->poll, UV_READABLE, on_poll);
}

int stream_open(struct stream **sp, const struct stream_env *env, uint16_t port,
		unsigned line, const char *type, stream_event_h *event,
		void *arg)
{
	struct stream *st = calloc(1, sizeof(*st));
	int err = -ENOMEM;

	if (!st)
		return err;
	st->env = env;
	st->event = event;
	st->arg = arg;
	st->line = line;
	st->port = port;
	bypass_init(&st->bypass, env->fast, &env->address, port);
	strncat(st->type, type, sizeof(st->type) - 1);
	for (unsigned i = 0; i < STREAM_PARTS; i++) {
		st->part[i].fd = -1;
		st->part[i].stream = st;
		learn_init(&st->part[i].learn);
	}
	for (unsigned i = 0; i < STREAM_PARTS; i++) {
		err = socket_open(&st->part[i].fd, &env->address,
				  (uint16_t)(port + i), env->dscp);
		if (err)
			goto out;
	}
	for (unsigned i = 0; i < STREAM_PARTS; i++) {
		err = part_start(&st->part[i], env);
		if (err)
			goto out;
	}
	*sp = st;
out:
	if (err)
		stream_close(st);
	return err;
}

void stream_close(struct stream *st)
{
	unsigned handles;

	if (!st)
		return;
	bypass_leave(&st->bypass);
	stream_sync(st);
	figures_count(st->env->counters, &st->figures);
	handles = st->handles;
	for (unsigned i = 0; i < STREAM_PARTS; i++) {
		struct part *p = &st->part[i];

		if (i < handles)
			uv_close((uv_handle_t *)&p->poll, on_close);
		if (p->fd >= 0)
			close(p->fd);
		p->fd = -1;
	}
	if (!handles)
		free(st);
}

/* Whether media for this address is refused whoever asks for it. */
static bool barred(const struct stream *st, const struct addr *a,
		   const struct addr *proxy)
{
	uint16_t port = addr_port(a);

	return own_address(st, a) || addr_eq(a, proxy) ||
	       addr_family(a) != addr_family(&st->env->address) ||
	       ((port == SIP_PORT || port == SIPS_PORT) &&
		netset_has(st->env->trusted, a));
}

void stream_signal(struct stream *st, enum learn_side side,
		   const struct sdp_media *m, const struct addr *observed,
		   const struct addr *proxy)
{
	uint64_t now = uv_now(st->env->loop);

	stream_sync(st);
	if (m->port != 0)
		figures_signal(&st->figures, side, m);
	for (unsigned i = 0; i < STREAM_PARTS; i++) {
		struct learn *l = &st->part[i].learn;
		struct addr a = i == STREAM_RTCP ? m->rtcp : m->rtp;

		if (m->port == 0) {
			learn_close(l, side);
			continue;
		}
		/* c=0.0.0.0 is a hold (RFC 3264 8.4), not another address. */
		if (addr_class(&a) == ADDR_ANY)
			a = l->ch[side].sdp;
		if (barred(st, &a, proxy))
			a = (struct addr){0};
		learn_signal(l, side, &a, observed, now);
	}
	follow(st, now);
	stream_sync(st);
}

void stream_sync(struct stream *st)
{
	uint64_t now = uv_now(st->env->loop);
	struct bypass_news news;

	for (unsigned i = 0; i < LEARN_SIDES; i++)
		if (bypass_news(&news, &st->bypass, (enum learn_side)i))
			went_by(&st->part[STREAM_RTP], (enum learn_side)i,
				&news, now);
}

uint16_t stream_port(const struct stream *st)
{
	return st->port;
}

unsigned stream_line(const struct stream *st)
{
	return st->line;
}

const char *stream_type(const struct stream *st)
{
	return st->type;
}

uint64_t stream_last(const struct stream *st)
{
	uint64_t last = 0;

	for (unsigned i = 0; i < STREAM_PARTS; i++)
		for (unsigned side = 0; side < LEARN_SIDES; side++)
			if (st->part[i].flow[side].last > last)
				last = st->part[i].flow[side].last;
	return last;
}

const struct learn *stream_learn(const struct stream *st, enum stream_part part)
{
	return &st->part[part].learn;
}

const struct stream_flow *stream_flow(const struct stream *st,
				      enum stream_part part,
				      enum learn_side from)
{
	return &st->part[part].flow[from];
}

uint64_t stream_strangers(const struct stream *st, enum stream_part part)
{
	return st->part[part].strangers;
}

const struct figures *stream_figures(const struct stream *st)
{
	return &st->figures;
}

bool stream_is_fast(const struct stream *st, enum learn_side from)
{
	return bypass_has(&st->bypass, from);
}

const char *stream_part_name(enum stream_part part)
{
	return part == STREAM_RTCP ? "rtcp" : "rtp";
}
