#include <string.h>

#include "relayd/learn.h"
#include "relayd/snapshot_field.h"

static const char *const sides[LEARN_SIDES] = {"first", "second"};

static json_t *channel_json(const struct learn_channel *ch, uint64_t now)
{
	json_t *j = json_object();

	field_put_flag(j, "signalled", ch->signalled);
	field_put_addr(j, "sdp", &ch->sdp);
	field_put_addr(j, "observed", &ch->observed);
	field_put_addr(j, "source", &ch->source);
	field_put_addr(j, "sendto", &ch->sendto);
	field_put_text(j, "rank", learn_rank_name(ch->rank));
	field_put_age(j, "last_ms", ch->last, now);
	field_put_count(j, "fresh", ch->fresh);
	field_put_age(j, "fresh_ms", ch->fresh_at, now);
	field_put_flag(j, "has_rtp", ch->has_rtp);
	field_put_count(j, "ssrc", ch->ssrc);
	field_put_count(j, "seq", ch->seq);
	return j;
}

/* A rank of another version: as good as the signalling's own address, so that
 * nobody else takes the side. */
static enum learn_rank read_rank(const struct snapshot_reader *r)
{
	const char *name = json_string_value(json_object_get(r->at, "rank"));

	if (!name)
		return LEARN_NONE;
#define RANK_MATCH(id, word, evidence)                                         \
	if (!strcmp(name, word))                                               \
		return LEARN_##id;
	LEARN_RANKS(RANK_MATCH)
#undef RANK_MATCH
	return LEARN_OBSERVED;
}

static void read_channel(struct learn_channel *ch, struct snapshot_reader *r)
{
	ch->signalled = field_flag(r, "signalled");
	ch->sdp = field_addr(r, "sdp");
	ch->observed = field_addr(r, "observed");
	ch->source = field_addr(r, "source");
	ch->sendto = field_addr(r, "sendto");
	ch->rank = read_rank(r);
	ch->last = field_age(r, "last_ms");
	/* A source that was heard then is not silent because nobody listened:
	 * its side is not up for another one. */
	if (ch->last && r->now - ch->last < LEARN_SILENCE_MS)
		ch->last = r->present;
	ch->fresh = (enum learn_fresh)field_count(r, "fresh", LEARN_CHANGED);
	ch->fresh_at = field_age(r, "fresh_ms");
	ch->has_rtp = field_flag(r, "has_rtp");
	ch->ssrc = (uint32_t)field_count(r, "ssrc", UINT32_MAX);
	ch->seq = (uint16_t)field_count(r, "seq", UINT16_MAX);
	if ((ch->rank == LEARN_NONE) != addr_is_none(&ch->source) && !r->bad)
		r->bad = "rank";
}

void snapshot_put_learn(json_t *to, const struct learn *l, uint64_t now)
{
	json_t *j = json_object();

	for (unsigned i = 0; i < LEARN_SIDES; i++)
		json_object_set_new(j, sides[i], channel_json(&l->ch[i], now));
	field_put_text(j, "policy", learn_policy_name(l->policy));
	json_object_set_new(to, "learn", j);
}

/* One of another version: the default. */
enum learn_policy snapshot_read_policy(struct snapshot_reader *r)
{
	const char *name = json_string_value(json_object_get(r->at, "policy"));
	enum learn_policy policy = LEARN_SIGNALLED;

	if (name)
		(void)learn_policy_parse(&policy, name);
	return policy;
}

void snapshot_read_learn(struct learn *l, struct snapshot_reader *r)
{
	struct snapshot_reader learn = field_object(r, "learn");

	learn_init(l, snapshot_read_policy(&learn));
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		struct snapshot_reader ch = field_object(&learn, sides[i]);

		read_channel(&l->ch[i], &ch);
		field_close(r, &ch);
	}
}
