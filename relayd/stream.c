#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/netset.h"
#include "relayd/bypass.h"
#include "relayd/component.h"
#include "relayd/counters.h"
#include "relayd/figures.h"
#include "relayd/iface.h"
#include "relayd/resequence.h"
#include "relayd/snapshot.h"
#include "relayd/stream.h"

/* Where the daemons of one host, or of several, have their SIP ports. */
enum { SIP_PORT_FIRST = 5060, SIP_PORT_LAST = 5069 };

struct stream {
	struct component part[STREAM_PARTS];
	const struct stream_env *env;
	struct bypass bypass; /* of the RTP part */
	struct figures figures;
	struct resequence *resequence; /* or NULL */
	stream_event_h *event;
	void *arg;
	unsigned line;
	uint16_t port;
	char type[SDP_TOKEN_MAX];
};

struct learn *stream_rtp(struct stream *st)
{
	return &st->part[STREAM_RTP].learn;
}

void stream_tell(struct stream *st, enum stream_part part,
		 const struct learn_result *what, const struct addr *src)
{
	const struct stream_event ev = {
		.stream = st,
		.part = part,
		.what = *what,
		.source = *src,
		.strangers = st->part[part].strangers,
	};

	st->event(&ev, st->arg);
}

/* Figures are of all that came from a known source, forwarded or not: they tell
 * how it came here. */
void stream_measure(struct stream *st, enum stream_part part, bool is_rtp,
		    const struct figures_packet *f)
{
	if (!is_rtp) {
		/* reports are of what the kernel forwarded, too */
		stream_sync(st);
		figures_rtcp(&st->figures, f);
	} else if (part == STREAM_RTP) {
		figures_rtp(&st->figures, f);
		bypass_done(&st->bypass, f->from, f->data);
	}
}

/* The same of what the kernel has forwarded. */
static void went_by(struct component *p, enum learn_side from,
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
}

/* The kernel takes over, or gives back, what learning has come to; what it does
 * not take is left to connected sockets. */
static void follow(struct stream *st, uint64_t now)
{
	struct component *rtp = &st->part[STREAM_RTP];

	st->env->counters->fast_entered +=
		bypass_follow(&st->bypass, &rtp->learn, now);
	component_link(rtp, !bypass_has(&st->bypass, LEARN_FIRST), now);
}

void stream_settle(struct stream *st)
{
	follow(st, uv_now(st->env->loop));
}

static void on_in_order(enum learn_side from, const uint8_t *data, size_t len,
			void *arg)
{
	component_forward(arg, from, data, len);
}

static void on_look(void *arg)
{
	component_drain(arg);
}

static int open_resequence(struct stream *st, uint32_t wait_ms)
{
	const struct resequence_config cfg = {
		.loop = st->env->loop,
		.wait_ms = wait_ms,
		.counters = st->env->counters,
		.look = on_look,
		.out = on_in_order,
		.arg = &st->part[STREAM_RTP],
	};

	return wait_ms ? resequence_open(&st->resequence, &cfg) : 0;
}

static struct stream *make(const struct stream_env *env, uint16_t port,
			   const struct stream_want *want,
			   stream_event_h *event, void *arg)
{
	struct stream *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->env = env;
	st->event = event;
	st->arg = arg;
	st->line = want->line;
	st->port = port;
	/* what is to be put in order has to come up here */
	bypass_init(&st->bypass, want->resequence_ms ? NULL : env->fast,
		    &st->figures, &want->at[LEARN_FIRST]->bind, port);
	bypass_local(&st->bypass, LEARN_SECOND, &want->at[LEARN_SECOND]->bind);
	snprintf(st->type, sizeof(st->type), "%s", want->type);
	return st;
}

int stream_open(struct stream **sp, const struct stream_env *env, uint16_t port,
		const struct stream_want *want, stream_event_h *event,
		void *arg)
{
	struct stream *st = make(env, port, want, event, arg);
	int err;

	if (!st)
		return -ENOMEM;
	err = component_open(&st->part[STREAM_RTP], st, env, STREAM_RTP, port,
			     want);
	if (!err)
		err = component_open(&st->part[STREAM_RTCP], st, env,
				     STREAM_RTCP, (uint16_t)(port + 1), want);
	if (!err)
		err = open_resequence(st, want->resequence_ms);
	if (err)
		stream_close(st);
	else
		*sp = st;
	return err;
}

int stream_prepare(struct stream *st, const struct iface *const at[LEARN_SIDES])
{
	int err = component_prepare(&st->part[STREAM_RTP], at);

	if (!err)
		err = component_prepare(&st->part[STREAM_RTCP], at);
	if (err)
		stream_stay(st);
	return err;
}

void stream_move(struct stream *st)
{
	bypass_leave(&st->bypass);
	stream_sync(st);
	for (unsigned i = 0; i < STREAM_PARTS; i++)
		component_move(&st->part[i]);
	for (unsigned i = 0; i < LEARN_SIDES; i++)
		bypass_local(&st->bypass, (enum learn_side)i,
			     &stream_at(st, (enum learn_side)i)->bind);
}

void stream_stay(struct stream *st)
{
	for (unsigned i = 0; i < STREAM_PARTS; i++)
		component_stay(&st->part[i]);
}

int stream_adopt(struct stream **sp, const struct stream_env *env,
		 const struct stream_want *want,
		 const struct snapshot_line *was, struct fdbag *sockets,
		 stream_event_h *event, void *arg)
{
	struct stream *st = make(env, was->port, want, event, arg);
	int err;

	if (!st)
		return -ENOMEM;
	st->figures = was->figures;
	bypass_restore(&st->bypass, &was->fast);
	err = open_resequence(st, want->resequence_ms);
	for (unsigned i = 0; !err && i < STREAM_PARTS; i++)
		err = component_adopt(&st->part[i], st, env,
				      (enum stream_part)i, want, &was->part[i],
				      sockets);
	if (err) {
		stream_close(st);
		return err;
	}
	if (was->in_order)
		st->part[STREAM_RTP].order = st->resequence;
	/* The kernel goes on with the very flows; no packet is received yet. */
	bypass_follow(&st->bypass, &st->part[STREAM_RTP].learn,
		      uv_now(env->loop));
	*sp = st;
	return 0;
}

void stream_flush(struct stream *st)
{
	if (st->resequence)
		resequence_flush(st->resequence);
}

void stream_leave(struct stream *st)
{
	for (unsigned i = 0; i < STREAM_PARTS; i++)
		component_leave(&st->part[i], uv_now(st->env->loop));
	stream_flush(st);
}

size_t stream_snapshot(struct snapshot_line *out, int *fds, struct stream *st)
{
	size_t n = 0;

	stream_sync(st);
	out->line = st->line;
	out->port = st->port;
	memcpy(out->type, st->type, sizeof(out->type));
	out->has_figures = true;
	out->figures = st->figures;
	bypass_taken(&out->fast, &st->bypass);
	out->in_order = st->part[STREAM_RTP].order != NULL;
	for (unsigned i = 0; i < STREAM_PARTS; i++)
		n += component_snapshot(&out->part[i], fds + n, &st->part[i]);
	return n;
}

void stream_close(struct stream *st)
{
	if (!st)
		return;
	bypass_leave(&st->bypass);
	stream_sync(st);
	figures_count(st->env->counters, &st->figures);
	for (unsigned i = 0; i < STREAM_PARTS; i++)
		component_close(&st->part[i]);
	resequence_close(st->resequence);
	free(st);
}

/* Whether media of a side for this address is refused whoever asks for it. */
static bool barred(const struct stream *st, enum learn_side side,
		   const struct addr *a, const struct addr *proxy)
{
	const struct iface *at = stream_at(st, side);
	uint16_t port = addr_port(a);

	return component_is_own(&st->part[STREAM_RTP], a) ||
	       addr_eq(a, proxy) || addr_family(a) != addr_family(&at->bind) ||
	       (port >= SIP_PORT_FIRST && port <= SIP_PORT_LAST &&
		netset_has(st->env->trusted, a));
}

void stream_signal(struct stream *st, enum learn_side side,
		   const struct sdp_media *m, const struct addr *observed,
		   const struct addr *proxy)
{
	uint64_t now = uv_now(st->env->loop);

	stream_sync(st);
	if (m->port != 0) {
		figures_signal(&st->figures, side, m);
		/* a line may turn to T.38, which has other numbers */
		st->part[STREAM_RTP].order =
			strstr(m->proto, "RTP/") ? st->resequence : NULL;
	}
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
		if (barred(st, side, &a, proxy))
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

const struct iface *stream_at(const struct stream *st, enum learn_side side)
{
	return st->part[STREAM_RTP].at[side];
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

const struct resequence *stream_resequence(const struct stream *st)
{
	return st->resequence;
}

bool stream_is_fast(const struct stream *st, enum learn_side from)
{
	return bypass_has(&st->bypass, from);
}

const char *stream_part_name(enum stream_part part)
{
	return part == STREAM_RTCP ? "rtcp" : "rtp";
}
