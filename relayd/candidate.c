#include <stddef.h>

#include "relayd/candidate.h"

static struct candidate *find(struct candidates *cs, const struct addr *source,
			      bool is_rtp)
{
	for (unsigned i = 0; i < CANDIDATE_PLACES; i++) {
		struct candidate *c = &cs->place[i];

		if (c->count && c->is_rtp == is_rtp &&
		    addr_eq(&c->source, source))
			return c;
	}
	return NULL;
}

/* Of uneven length, or a spray in step with it would be first each time. */
static uint64_t hold(const struct candidate *c)
{
	if (c->count > 1)
		return CANDIDATE_HOLD_MS;
	return CANDIDATE_FIRST_MS +
	       (addr_hash(&c->source) ^ c->last) % CANDIDATE_UNEVEN_MS;
}

static struct candidate *vacant(struct candidates *cs, uint64_t now)
{
	for (unsigned i = 0; i < CANDIDATE_PLACES; i++) {
		struct candidate *c = &cs->place[i];

		if (!c->count || now >= c->last + hold(c))
			return c;
	}
	return NULL;
}

/* From the beginning, and the place is kept no longer for it. */
static unsigned restart(struct candidate *c, const struct candidate *packet)
{
	uint64_t last = c->last;

	*c = *packet;
	c->last = last;
	c->count = 1;
	return 1;
}

static unsigned advance(struct candidate *c, const struct candidate *packet)
{
	int16_t step = (int16_t)(packet->seq - c->seq);

	if (packet->is_rtp && (c->ssrc != packet->ssrc ||
			       step > CANDIDATE_GAP || step < -CANDIDATE_GAP))
		return restart(c, packet);
	if (packet->is_rtp && step <= 0)
		return 0; /* late, or again */
	c->seq = packet->seq;
	c->last = packet->last;
	if (c->count < UINT8_MAX)
		c->count++;
	return c->count;
}

unsigned candidates_hear(struct candidates *cs, const struct candidate *packet)
{
	struct candidate *c = find(cs, &packet->source, packet->is_rtp);

	if (c)
		return advance(c, packet);
	c = vacant(cs, packet->last);
	if (!c)
		return 0;
	*c = *packet;
	c->count = 1;
	return 1;
}

void candidates_drop(struct candidates *cs, const struct addr *source)
{
	for (unsigned i = 0; i < CANDIDATE_PLACES; i++)
		if (addr_eq(&cs->place[i].source, source))
			cs->place[i].count = 0;
}
