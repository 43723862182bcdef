#include <string.h>

#include "relayd/burst.h"
#include "relayd/component.h"
#include "relayd/counters.h"
#include "relayd/fastflow.h"
#include "relayd/iface.h"
#include "relayd/resequence.h"
#include "relayd/socket.h"

enum {
	STRANGER_QUIET_MS = 10000, /* between two events about strangers */
	LINK_RETRY_MS = 5000,
	NS_PER_US = 1000,
};

static void stranger(struct component *c, const struct learn_result *what,
		     const struct addr *src, uint64_t now)
{
	c->strangers++;
	counters_stranger(c->env->counters, what->stranger);
	if (c->stranger_told && now - c->stranger_told < STRANGER_QUIET_MS)
		return;
	c->stranger_told = now;
	stream_tell(c->stream, c->part, what, src);
}

/* What waits to be sent was counted as sent: take back what was not. */
static void flush(struct component *c)
{
	struct relayd_counters *n = c->env->counters;
	struct stream_flow *flow = &c->flow[c->burst_from];
	size_t bytes;
	unsigned failed = burst_flush(&bytes, c->env->burst);

	flow->packets -= failed;
	flow->bytes -= bytes;
	flow->dropped += failed;
	n->packets -= failed;
	n->bytes -= bytes;
	n->send_errors += failed;
}

static bool gather(struct component *c, struct socket *link,
		   enum learn_side from, const uint8_t *data, size_t len)
{
	if (!socket_gather(link, c->env->burst, data, len)) {
		flush(c);
		if (!socket_gather(link, c->env->burst, data, len))
			return false;
	}
	c->burst_from = from;
	return true;
}

static bool send_from(struct component *c, enum learn_side from, bool burst,
		      const uint8_t *data, size_t len)
{
	enum learn_side side = !from;
	const struct addr *dst = &c->learn.ch[side].sendto;
	struct socket *link = c->link[side];

	if (!link || !addr_eq(dst, &c->linked[side])) {
		flush(c);
		return socket_send(c->door[side], dst, data, len);
	}
	return (burst && gather(c, link, from, data, len)) ||
	       socket_send(link, NULL, data, len);
}

/* Step 84: out of the port it came in by. Whether it is under way. */
static bool forward(struct component *c, enum learn_side from, bool burst,
		    const uint8_t *data, size_t len, uint64_t now)
{
	struct relayd_counters *n = c->env->counters;
	struct stream_flow *flow = &c->flow[from];

	if (!flow->first)
		flow->first = now;
	flow->last = now;
	if (addr_is_none(&c->learn.ch[!from].sendto)) {
		flow->dropped++;
		n->nowhere_packets++;
		return false;
	}
	if (!send_from(c, from, burst, data, len)) {
		flow->dropped++;
		n->send_errors++;
		return false;
	}
	flow->packets++;
	flow->bytes += len;
	n->packets++;
	n->bytes += len;
	return true;
}

/* Judge one packet: true where it is of the first or second channel. */
static bool judge(struct learn_result *what, struct component *c,
		  struct learn_facts *facts, const uint8_t *data, size_t len,
		  uint64_t now)
{
	struct relayd_counters *n = c->env->counters;
	const struct learn *rtp =
		c->part == STREAM_RTCP ? stream_rtp(c->stream) : NULL;

	learn_read(facts, data, len);
	switch (learn_packet(what, &c->learn, rtp, facts, now)) {
	case LEARN_FORWARD:
		return true;
	case LEARN_LEARNED:
		n->learned++;
		stream_tell(c->stream, c->part, what, &facts->src);
		return true;
	case LEARN_RELEARNED:
		counters_relearned(n, what->cause);
		stream_tell(c->stream, c->part, what, &facts->src);
		return true;
	case LEARN_PROBATION:
		n->probation_packets++;
		return false;
	case LEARN_EARLY:
		n->early_packets++;
		return false;
	case LEARN_STRANGER:
		stranger(c, what, &facts->src, now);
		return false;
	}
	return false;
}

bool component_forward(struct component *c, enum learn_side from,
		       const uint8_t *data, size_t len)
{
	return forward(c, from, false, data, len, uv_now(c->env->loop));
}

/* What goes through the buffer is under way later, which only RTCP would be
 * asked. Nothing beside it is gathered, or it would be overtaken. */
static bool put_in_order(struct component *c, enum learn_side from,
			 const struct learn_facts *facts, const uint8_t *data,
			 size_t len)
{
	const struct reorder_packet p = {data, len, facts->ssrc, facts->seq};

	if (!facts->is_rtp)
		return component_forward(c, from, data, len);
	resequence_packet(c->order, from, &p);
	return false;
}

/* The sides that are not served where a packet came in. */
static uint8_t sides_elsewhere(const struct component *c,
			       const struct socket *s)
{
	const struct socket *door = socket_door(s);
	unsigned mask = 0;

	for (unsigned i = 0; i < LEARN_SIDES; i++)
		mask |= (unsigned)(door != c->door[i]) << i;
	return (uint8_t)mask;
}

/* Steps 78-84 of Fig. 11 for one packet. */
static void on_packet(struct socket *s, const struct addr *src,
		      const uint8_t *data, size_t len, void *arg)
{
	struct component *c = arg;
	struct learn_facts facts = {.src = *src,
				    .elsewhere = sides_elsewhere(c, s)};
	struct learn_result what;
	struct figures_packet measured = {
		.data = data,
		.len = len,
		.time_us = uv_hrtime() / NS_PER_US,
	};
	uint64_t now = uv_now(c->env->loop);

	if (component_is_own(c, src)) {
		learn_result_relay(&what);
		stranger(c, &what, src, now);
		return;
	}
	if (c->part == STREAM_RTP)
		stream_sync(c->stream);
	if (!judge(&what, c, &facts, data, len, now))
		return;
	measured.from = what.from;
	measured.sent = c->order ? put_in_order(c, what.from, &facts, data, len)
				 : forward(c, what.from, socket_in_burst(s),
					   data, len, now);
	stream_measure(c->stream, c->part, facts.is_rtp, &measured);
}

static void on_turn(void *arg)
{
	struct component *c = arg;

	flush(c);
	if (c->part == STREAM_RTP)
		stream_settle(c->stream);
}

struct socket_config component_sockets(struct component *c)
{
	const struct stream_env *env = c->env;

	return (struct socket_config){
		.loop = env->loop,
		.buf = env->buf,
		.dscp = env->dscp,
		.connect_below = env->connect_below,
		.connected = env->connected,
		.errors = &env->counters->receive_errors,
		.packet = on_packet,
		.turn = on_turn,
		.arg = c,
	};
}

static int open_door(struct socket **door, struct component *c,
		     const struct iface *at)
{
	const struct socket_config cfg = component_sockets(c);

	return socket_open(door, &cfg, &at->bind, c->port);
}

/* Close those that are not among the others. */
static void close_doors(struct socket *doors[LEARN_SIDES],
			struct socket *const others[LEARN_SIDES])
{
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		struct socket *s = doors[i];

		doors[i] = NULL;
		if (s != others[LEARN_FIRST] && s != others[LEARN_SECOND] &&
		    s != doors[LEARN_SECOND])
			socket_close(s);
	}
}

/* The socket at an address: one that is open or about to be, or another. */
static int have_door(struct component *c, unsigned side, const struct iface *at)
{
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		if (c->at[i] == at)
			c->next_door[side] = c->door[i];
		else if (c->next_at[i] == at)
			c->next_door[side] = c->next_door[i];
	}
	if (c->next_door[side])
		return 0;
	return open_door(&c->next_door[side], c, at);
}

int component_prepare(struct component *c,
		      const struct iface *const at[LEARN_SIDES])
{
	int err = 0;

	for (unsigned i = 0; !err && i < LEARN_SIDES; i++) {
		err = have_door(c, i, at[i]);
		if (!err)
			c->next_at[i] = at[i];
	}
	if (err)
		component_stay(c);
	return err;
}

void component_init(struct component *c, struct stream *st,
		    const struct stream_env *env, enum stream_part part,
		    uint16_t port, const struct stream_want *want)
{
	memset(c, 0, sizeof(*c));
	c->stream = st;
	c->env = env;
	c->part = part;
	c->port = port;
	learn_init(&c->learn, want->policy);
}

int component_open(struct component *c, struct stream *st,
		   const struct stream_env *env, enum stream_part part,
		   uint16_t port, const struct stream_want *want)
{
	int err;

	component_init(c, st, env, part, port, want);
	err = component_prepare(c, want->at);
	if (!err)
		component_move(c);
	return err;
}

void component_drain(struct component *c)
{
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		if (c->link[i])
			socket_drain(c->link[i]);
		if (i == 0 || c->door[i] != c->door[0])
			socket_drain(c->door[i]);
	}
}

static void unlink_side(struct component *c, enum learn_side side)
{
	struct socket *s = c->link[side];

	if (!s)
		return;
	c->link[side] = NULL;
	socket_drain(s);
	socket_close(s);
}

/* What was learned of a side of one address family is nothing in another. */
static void forget_other_family(struct component *c, enum learn_side side)
{
	const struct addr *source = &c->learn.ch[side].source;

	if (!addr_is_none(source) &&
	    addr_family(source) != addr_family(&c->at[side]->bind))
		learn_close(&c->learn, side);
}

void component_move(struct component *c)
{
	for (unsigned i = 0; i < LEARN_SIDES; i++)
		if (c->next_door[i] != c->door[i])
			unlink_side(c, (enum learn_side)i);
	close_doors(c->door, c->next_door);
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		c->door[i] = c->next_door[i];
		c->at[i] = c->next_at[i];
		c->next_door[i] = NULL;
		c->next_at[i] = NULL;
		forget_other_family(c, (enum learn_side)i);
	}
}

void component_stay(struct component *c)
{
	close_doors(c->next_door, c->door);
	for (unsigned i = 0; i < LEARN_SIDES; i++)
		c->next_at[i] = NULL;
}

void component_close(struct component *c)
{
	static struct socket *const none[LEARN_SIDES];

	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		socket_close(c->link[i]);
		c->link[i] = NULL;
	}
	component_stay(c);
	close_doors(c->door, none);
}

/* A side that sends from where it receives, and has only to go on so. */
static void link_side(struct component *c, enum learn_side side, uint64_t now)
{
	const struct addr *peer = &c->learn.ch[side].sendto;
	struct socket *s;

	if (c->link[side] || now < c->link_retry_at ||
	    !addr_eq(peer, &c->learn.ch[side].source))
		return;
	if (socket_connect(&s, c->door[side], peer)) {
		c->link_retry_at = now + LINK_RETRY_MS;
		return;
	}
	c->link[side] = s;
	c->linked[side] = *peer;
	c->env->counters->linked++;
	/* ahead of what is behind it */
	socket_drain(c->door[side]);
}

void component_link(struct component *c, bool want, uint64_t now)
{
	bool ready = want && fastflow_ready(&c->learn);

	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		const struct learn_channel *ch = &c->learn.ch[i];

		if (c->link[i] &&
		    (!ready || !addr_eq(&c->linked[i], &ch->sendto)))
			unlink_side(c, (enum learn_side)i);
		if (ready)
			link_side(c, (enum learn_side)i, now);
	}
}

void component_leave(struct component *c, uint64_t now)
{
	c->link_retry_at = UINT64_MAX;
	component_link(c, false, now);
}

bool component_is_own(const struct component *c, const struct addr *a)
{
	const struct stream_env *env = c->env;
	uint16_t line = (uint16_t)(c->port & ~1U), port = addr_port(a);

	for (size_t i = 0; i < env->nown; i++)
		if (addr_eq(a, &env->own[i]))
			return true;
	return (port == line || port == line + 1) && iface_has(env->ifaces, a);
}
