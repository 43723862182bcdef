#include <string.h>

#include "relayd/bypass.h"
#include "relayd/fastflow.h"
#include "relayd/fastpath_user.h"
#include "relayd/figures.h"

void bypass_init(struct bypass *b, struct fastpath_user *user,
		 struct figures *figures, const struct addr *address,
		 uint16_t port)
{
	*b = (struct bypass){.user = user, .figures = figures};
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		b->local[i] = *address;
		addr_set_port(&b->local[i], port);
	}
	for (unsigned i = 0; user && i < LEARN_SIDES; i++) {
		struct fastpath_count c;

		b->slot[i] = fastpath_user_slot(user, port, (enum learn_side)i);
		fastpath_user_read(&c, user, b->slot[i]);
		b->packets[i] = c.packets;
		b->bytes[i] = c.bytes;
	}
}

void bypass_local(struct bypass *b, enum learn_side side,
		  const struct addr *address)
{
	uint16_t port = addr_port(&b->local[side]);

	b->local[side] = *address;
	addr_set_port(&b->local[side], port);
}

void bypass_taken(struct bypass_taken *out, const struct bypass *b)
{
	memcpy(out->packets, b->packets, sizeof(out->packets));
	memcpy(out->bytes, b->bytes, sizeof(out->bytes));
}

/* Counts that began anew meanwhile are below what was taken. */
void bypass_restore(struct bypass *b, const struct bypass_taken *taken)
{
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		enum learn_side side = (enum learn_side)i;
		struct fastflow flow;
		struct quality heard;

		if (bypass_found(&flow, b, side)) {
			fastpath_user_heard(&heard, b->user, b->slot[i]);
			figures_passed(b->figures, side, &heard);
		}
		if (taken->packets[i] > b->packets[i] ||
		    taken->bytes[i] > b->bytes[i])
			continue;
		b->packets[i] = taken->packets[i];
		b->bytes[i] = taken->bytes[i];
	}
}

bool bypass_found(struct fastflow *out, const struct bypass *b,
		  enum learn_side from)
{
	return b->user && fastpath_user_orphan(out, b->user, b->slot[from]);
}

static void tell_done(struct bypass *b, enum learn_side from)
{
	const struct fastpath_done done = {
		b->mark[from],
		figures_rate(b->figures, from, b->type[from]),
		b->type[from],
		figures_heard(b->figures, from),
	};

	fastpath_user_done(b->user, b->slot[from], &done);
	b->mark[from] = 0;
}

unsigned bypass_follow(struct bypass *b, const struct learn *l, uint64_t now)
{
	unsigned entered = 0;

	if (!b->user)
		return 0;
	for (unsigned i = 0; i < LEARN_SIDES; i++)
		if (b->mark[i])
			tell_done(b, (enum learn_side)i);
	if (!fastflow_ready(l)) {
		bypass_leave(b);
		return 0;
	}
	if (now < b->retry_at)
		return 0;
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		bool had = fastpath_user_has(b->user, b->slot[i]);
		struct fastflow f;

		fastflow_of(&f, l, (enum learn_side)i, b->local);
		b->in = true;
		if (fastpath_user_put(b->user, b->slot[i], &f)) {
			bypass_leave(b);
			b->retry_at = now + BYPASS_RETRY_MS;
			return 0;
		}
		entered += !had;
	}
	return entered;
}

void bypass_leave(struct bypass *b)
{
	if (!b->user || !b->in)
		return;
	for (unsigned i = 0; i < LEARN_SIDES; i++)
		fastpath_user_del(b->user, b->slot[i]);
	b->in = false;
}

void bypass_done(struct bypass *b, enum learn_side from, const uint8_t *rtp)
{
	uint16_t seq = (uint16_t)(rtp[2] << 8 | rtp[3]);
	uint32_t timestamp = (uint32_t)rtp[4] << 24 | (uint32_t)rtp[5] << 16 |
			     (uint32_t)rtp[6] << 8 | rtp[7];

	if (!b->in)
		return;
	b->mark[from] = fastpath_mark(seq, timestamp);
	b->type[from] = rtp[1] & 0x7f;
}

bool bypass_has(const struct bypass *b, enum learn_side from)
{
	return b->user && fastpath_user_has(b->user, b->slot[from]);
}

bool bypass_news(struct bypass_news *out, struct bypass *b,
		 enum learn_side from)
{
	struct fastpath_count c;
	struct quality heard;

	if (!b->user)
		return false;
	fastpath_user_read(&c, b->user, b->slot[from]);
	if (c.packets == b->packets[from])
		return false;
	fastpath_user_heard(&heard, b->user, b->slot[from]);
	*out = (struct bypass_news){c.packets - b->packets[from],
				    c.bytes - b->bytes[from], c.last,
				    heard.ssrc, (uint16_t)heard.max};
	b->packets[from] = c.packets;
	b->bytes[from] = c.bytes;
	figures_passed(b->figures, from, &heard);
	return true;
}
