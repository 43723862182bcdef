#include "relayd/learn_admit.h"

enum {
	RTP_HEADER = 12,
	RTCP_HEADER = 8,
	RTCP_TYPE_MIN = 192,
	RTCP_TYPE_MAX = 223
};

static const struct {
	const char *name;
	const char *evidence;
} ranks[] = {
#define RANK_ROW(name, word, evidence) {word, evidence},
	LEARN_RANKS(RANK_ROW)
#undef RANK_ROW
};

static const char *const causes[] = {
#define CAUSE_ROW(X, name, field, evidence) evidence,
	LEARN_CAUSES(CAUSE_ROW, )
#undef CAUSE_ROW
};

static const char *const strangers[] = {
#define STRANGER_ROW(X, name, field, evidence) evidence,
	LEARN_STRANGERS(STRANGER_ROW, )
#undef STRANGER_ROW
};

/*
 * 004 steps 160-164 and 172-176: the signalled address where the source has its
 * IP (a public client may send and receive on different ports, Figs. 2b and
 * 2c), the extracted one where it has not.
 */
static void set_sendto(struct learn_channel *ch)
{
	bool by_sdp = ch->rank == LEARN_NONE || ch->rank >= LEARN_SDP_IP ||
		      ch->fresh == LEARN_CHANGED;

	if (by_sdp && learn_sdp_usable(ch))
		ch->sendto = ch->sdp;
	else
		ch->sendto = ch->source;
}

/*
 * Both sides would take the source at the same rank (two phones behind one
 * NAT): the side still empty, the first before the second, which alternates
 * as Fig. 11 says; of two full ones the one not heard for longer.
 */
static enum learn_side tie(const struct learn *l)
{
	const struct learn_channel *a = &l->ch[LEARN_FIRST];
	const struct learn_channel *b = &l->ch[LEARN_SECOND];

	if (a->rank == LEARN_NONE || b->rank == LEARN_NONE)
		return a->rank == LEARN_NONE ? LEARN_FIRST : LEARN_SECOND;
	return a->last <= b->last ? LEARN_FIRST : LEARN_SECOND;
}

static void hear(struct learn_channel *ch, const struct learn_facts *f,
		 uint64_t now)
{
	ch->last = now;
	if (!f->is_rtp)
		return;
	if (ch->has_rtp && ch->ssrc == f->ssrc &&
	    (int16_t)(f->seq - ch->seq) <= 0)
		return; /* late or again: the highest number stays */
	ch->has_rtp = true;
	ch->ssrc = f->ssrc;
	ch->seq = f->seq;
}

/* The source has become that of this side. */
static void assign(struct learn_result *r, struct learn *l,
		   enum learn_side side, const struct learn_admission *by,
		   const struct learn_facts *f, uint64_t now)
{
	struct learn_channel *ch = &l->ch[side];

	r->from = side;
	if (ch->rank == LEARN_NONE) {
		r->verdict = LEARN_LEARNED;
		/* cppcheck-suppress arrayIndexOutOfBoundsCond */
		r->reason = ranks[by->rank].evidence;
	} else {
		r->verdict = LEARN_RELEARNED;
		r->cause = by->cause;
		r->reason = causes[by->cause];
	}
	ch->source = f->src;
	ch->rank = by->rank;
	ch->fresh = LEARN_SETTLED;
	ch->has_rtp = false;
	hear(ch, f, now);
	set_sendto(ch);
	candidates_drop(&l->plausible, &f->src);
	candidates_drop(&l->elsewhere, &f->src);
}

/* Whether the packet came in where this side is served. */
static bool served(const struct learn_facts *f, unsigned side)
{
	return !(f->elsewhere >> side & 1);
}

/* Steps 80 and 82: the source is the one of the first or second channel. */
static bool known(enum learn_side *side, struct learn *l,
		  const struct learn_facts *f, uint64_t now)
{
	for (unsigned i = LEARN_FIRST; i < LEARN_SIDES; i++) {
		struct learn_channel *ch = &l->ch[i];

		if (ch->rank == LEARN_NONE || !served(f, i) ||
		    !addr_eq(&f->src, &ch->source))
			continue;
		hear(ch, f, now);
		if (ch->fresh && now - ch->fresh_at >= LEARN_SETTLE_MS) {
			ch->fresh = LEARN_SETTLED;
			set_sendto(ch);
		}
		*side = (enum learn_side)i;
		return true;
	}
	return false;
}

/* The side that takes the source best, if any does; else how well it fits. */
static bool choose(enum learn_side *side, struct learn_admission *by,
		   const struct learn *l, const struct learn *rtp,
		   const struct learn_facts *f, uint64_t now)
{
	struct learn_admission a[LEARN_SIDES] = {0};

	for (unsigned i = LEARN_FIRST; i < LEARN_SIDES; i++)
		if (served(f, i))
			learn_admit(&a[i], l->policy, &l->ch[i],
				    rtp ? &rtp->ch[i] : NULL, f, now);
	if (a[LEARN_FIRST].admitted != a[LEARN_SECOND].admitted)
		*side = a[LEARN_FIRST].admitted ? LEARN_FIRST : LEARN_SECOND;
	else if (a[LEARN_FIRST].rank != a[LEARN_SECOND].rank)
		*side = a[LEARN_FIRST].rank > a[LEARN_SECOND].rank
				? LEARN_FIRST
				: LEARN_SECOND;
	else
		*side = tie(l);
	*by = a[*side];
	return by->admitted;
}

/* Count one packet of a source that may be one; whether it is proven. */
static bool prove(struct learn *l, const struct learn_admission *by,
		  const struct learn_facts *f, uint64_t now)
{
	const struct candidate packet = {
		.source = f->src,
		.last = now,
		.ssrc = f->is_rtp ? f->ssrc : 0,
		.seq = f->seq,
		.is_rtp = f->is_rtp,
	};
	struct candidates *cs =
		by->rank > LEARN_ELSEWHERE ? &l->plausible : &l->elsewhere;

	if (by->proof == 1 && !by->wait)
		return true;
	return candidates_hear(cs, &packet) >= by->proof && !by->wait;
}

static void stranger(struct learn_result *r, enum learn_stranger who)
{
	*r = (struct learn_result){
		.verdict = LEARN_STRANGER,
		.stranger = who,
		.reason = strangers[who],
	};
}

/* Signalled since it was learned: it may move for a while. */
static void refresh(struct learn_channel *ch, bool changed, uint64_t now)
{
	if (changed)
		ch->fresh = LEARN_CHANGED;
	else if (ch->fresh == LEARN_SETTLED)
		ch->fresh = LEARN_REPEATED;
	ch->fresh_at = now;
}

static void unlearn(struct learn_channel *ch)
{
	ch->rank = LEARN_NONE;
	ch->source = (struct addr){0};
	ch->has_rtp = false;
	ch->fresh = LEARN_SETTLED;
	set_sendto(ch);
}

void learn_init(struct learn *l, enum learn_policy policy)
{
	*l = (struct learn){.policy = policy};
}

void learn_signal(struct learn *l, enum learn_side side, const struct addr *sdp,
		  const struct addr *observed, uint64_t now)
{
	struct learn_channel *ch = &l->ch[side], *other = &l->ch[!side];
	bool same = ch->signalled && addr_eq(sdp, &ch->sdp) &&
		    addr_ip_eq(observed, &ch->observed);

	ch->signalled = true;
	ch->sdp = *sdp;
	ch->observed = *observed;
	if (ch->rank != LEARN_NONE)
		refresh(ch, !same, now);
	if (same)
		return;
	l->plausible = l->elsewhere = (struct candidates){0};
	if (ch->rank != LEARN_NONE)
		ch->rank = learn_rank_of(ch, NULL, &ch->source);
	set_sendto(ch);
	/* Early media may have been taken for the wrong side's. */
	if (other->rank != LEARN_NONE &&
	    learn_rank_of(ch, NULL, &other->source) > other->rank)
		unlearn(other);
	/* Behind one NAT the two may have been taken for each other. */
	if (other->rank == LEARN_OBSERVED && ch->rank == LEARN_OBSERVED &&
	    addr_ip_eq(&ch->observed, &other->observed))
		refresh(other, true, now);
}

void learn_close(struct learn *l, enum learn_side side)
{
	l->ch[side] = (struct learn_channel){0};
	l->plausible = l->elsewhere = (struct candidates){0};
}

void learn_read(struct learn_facts *f, const uint8_t *data, size_t len)
{
	bool v2 = len >= RTCP_HEADER && data[0] >> 6 == 2;
	const uint8_t *ssrc;

	f->is_rtcp = v2 && data[1] >= RTCP_TYPE_MIN && data[1] <= RTCP_TYPE_MAX;
	f->is_rtp = v2 && !f->is_rtcp && len >= RTP_HEADER;
	f->seq = f->is_rtp ? (uint16_t)(data[2] << 8 | data[3]) : 0;
	f->ssrc = 0;
	if (!f->is_rtp && !f->is_rtcp)
		return;
	ssrc = data + (f->is_rtp ? 8 : 4);
	f->ssrc = (uint32_t)ssrc[0] << 24 | (uint32_t)ssrc[1] << 16 |
		  (uint32_t)ssrc[2] << 8 | ssrc[3];
}

/* A callee's media may be faster than its answer: no word for a stranger. */
static bool half_signalled(const struct learn *l)
{
	return !l->ch[LEARN_FIRST].signalled || !l->ch[LEARN_SECOND].signalled;
}

enum learn_verdict learn_packet(struct learn_result *r, struct learn *l,
				const struct learn *rtp,
				const struct learn_facts *f, uint64_t now)
{
	struct learn_admission by;
	enum learn_side side;

	*r = (struct learn_result){.verdict = LEARN_FORWARD};
	if (known(&r->from, l, f, now))
		return LEARN_FORWARD;
	if (half_signalled(l)) {
		r->verdict = LEARN_EARLY;
		r->reason = "a side has not been signalled yet";
	} else if (!choose(&side, &by, l, rtp, f, now)) {
		stranger(r, by.rank > LEARN_ELSEWHERE ? LEARN_FROM_BESIDE
						      : LEARN_FROM_ELSEWHERE);
	} else if (!prove(l, &by, f, now)) {
		r->verdict = LEARN_PROBATION;
		r->reason = "not proven yet";
	} else {
		assign(r, l, side, &by, f, now);
	}
	return r->verdict;
}

void learn_result_relay(struct learn_result *r)
{
	stranger(r, LEARN_FROM_RELAY);
}

void learn_heard(struct learn *l, enum learn_side side, uint32_t ssrc,
		 uint16_t seq, uint64_t last)
{
	const struct learn_facts f = {.ssrc = ssrc, .seq = seq, .is_rtp = true};
	struct learn_channel *ch = &l->ch[side];

	if (ch->rank != LEARN_NONE)
		hear(ch, &f, last > ch->last ? last : ch->last);
}

const char *learn_rank_name(enum learn_rank rank)
{
	return ranks[rank].name;
}

const char *learn_side_name(enum learn_side side)
{
	return side == LEARN_FIRST ? "first" : "second";
}
