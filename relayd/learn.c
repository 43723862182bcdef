#include <arpa/inet.h>
#include <string.h>

#include "relayd/learn.h"

enum { RTP_HEADER = 12, RTCP_TYPE_MIN = 192, RTCP_TYPE_MAX = 223 };

static const struct {
	const char *name;
	const char *evidence;
} ranks[] = {
#define RANK_ROW(name, word, evidence) {word, evidence},
	LEARN_RANKS(RANK_ROW)
#undef RANK_ROW
};

/* One way a source may be accepted for a side. */
struct admission {
	enum learn_rank rank;
	const char *reason;
};

/*
 * Whether packets may be sent to the SDP's address before anything came from
 * there: a public one, or one the signalling really came from. This keeps the
 * relay from being aimed at hosts only it can reach.
 */
static bool sdp_usable(const struct learn_channel *ch)
{
	switch (addr_class(&ch->sdp)) {
	case ADDR_PUBLIC:
		return addr_port(&ch->sdp) != 0;
	case ADDR_PRIVATE:
	case ADDR_LOOPBACK:
	case ADDR_LINKLOCAL:
		return addr_port(&ch->sdp) != 0 &&
		       addr_ip_eq(&ch->sdp, &ch->observed);
	default:
		return false;
	}
}

static enum learn_rank rank_of(const struct learn_channel *ch,
			       const struct learn_channel *rtp,
			       const struct addr *src)
{
	if (sdp_usable(ch) && addr_ip_eq(src, &ch->sdp))
		return addr_eq(src, &ch->sdp) ? LEARN_EXACT : LEARN_SDP_IP;
	if (addr_ip_eq(src, &ch->observed))
		return LEARN_OBSERVED;
	if (rtp && rtp->rank != LEARN_NONE && addr_ip_eq(src, &rtp->source))
		return LEARN_PAIRED;
	return LEARN_ELSEWHERE;
}

/*
 * 004 steps 160-164 and 172-176: the signalled address where the source has its
 * IP (a public client may send and receive on different ports, Figs. 2b and
 * 2c), the extracted one where it has not.
 */
static void set_sendto(struct learn_channel *ch)
{
	bool by_sdp = ch->rank == LEARN_NONE || ch->rank >= LEARN_SDP_IP ||
		      ch->fresh == LEARN_CHANGED;

	if (by_sdp && sdp_usable(ch))
		ch->sendto = ch->sdp;
	else
		ch->sendto = ch->source;
}

/* 1 to `max` forward; the same packet again is no proof. */
static bool continues(uint16_t seq, uint16_t last, uint16_t max)
{
	uint16_t step = (uint16_t)(seq - last);

	return step >= 1 && step <= max;
}

/* Same IPv4 /24 or IPv6 /64: the network of one NAT or one mobile carrier. */
static bool same_net(const struct addr *a, const struct addr *b)
{
	if (addr_family(a) != addr_family(b))
		return false;
	if (addr_family(a) == AF_INET)
		return !((a->u.in.sin_addr.s_addr ^ b->u.in.sin_addr.s_addr) &
			 htonl(0xffffff00));
	if (addr_family(a) == AF_INET6)
		return !memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, 8);
	return false;
}

static bool silent(const struct learn_channel *ch, uint64_t now, uint64_t ms)
{
	return now - ch->last >= ms;
}

/* The proof that needs no signalling: the stream itself goes on. */
static bool same_stream(const struct learn_channel *ch,
			const struct learn_facts *f, uint64_t now)
{
	return f->is_rtp && ch->has_rtp && f->ssrc == ch->ssrc &&
	       continues(f->seq, ch->seq, LEARN_SILENCE_GAP) &&
	       silent(ch, now, LEARN_SILENCE_MS) &&
	       same_net(&f->src, &ch->source);
}

/* RTCP goes where RTP went, but a live source beside it is not displaced. */
static bool follows_rtp(const struct learn_channel *ch,
			const struct learn_channel *rtp,
			const struct learn_facts *f, uint64_t now)
{
	if (!rtp || rtp->rank == LEARN_NONE ||
	    !addr_ip_eq(&f->src, &rtp->source))
		return false;
	return !addr_ip_eq(&ch->source, &rtp->source) ||
	       silent(ch, now, LEARN_RTCP_SILENCE_MS);
}

/* Whether a source unknown so far may become that of a side; the reason, or
 * NULL. */
static const char *admit(enum learn_rank rank, const struct learn_channel *ch,
			 const struct learn_channel *rtp,
			 const struct learn_facts *f, uint64_t now)
{
	if (!ch->signalled)
		return NULL;
	if (ch->rank == LEARN_NONE)
		/* cppcheck-suppress arrayIndexOutOfBoundsCond */
		return rank >= LEARN_PAIRED ? ranks[rank].evidence : NULL;
	if (rank > ch->rank &&
	    (ch->rank < LEARN_OBSERVED || rank == LEARN_EXACT))
		return ranks[rank].evidence;
	if (rank >= LEARN_OBSERVED && ch->fresh == LEARN_CHANGED)
		return "new signalling";
	if (rank >= LEARN_OBSERVED && ch->fresh == LEARN_REPEATED &&
	    silent(ch, now, LEARN_SILENCE_MS))
		return "signalled again, known source silent";
	if (same_stream(ch, f, now))
		return "same SSRC and sequence after silence";
	if (follows_rtp(ch, rtp, f, now))
		return "RTCP follows RTP";
	return NULL;
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

static enum learn_verdict assign(struct learn_result *r, struct learn *l,
				 enum learn_side side,
				 const struct admission *by,
				 const struct learn_facts *f, uint64_t now)
{
	struct learn_channel *ch = &l->ch[side];

	r->verdict = ch->rank == LEARN_NONE ? LEARN_LEARNED : LEARN_RELEARNED;
	r->from = side;
	r->reason = by->reason;
	ch->source = f->src;
	ch->rank = by->rank;
	ch->fresh = LEARN_SETTLED;
	ch->has_rtp = false;
	hear(ch, f, now);
	set_sendto(ch);
	return r->verdict;
}

/* Steps 80 and 82: the source is the one of the first or second channel. */
static bool known(enum learn_side *side, struct learn *l,
		  const struct learn_facts *f, uint64_t now)
{
	for (unsigned i = LEARN_FIRST; i < LEARN_SIDES; i++) {
		struct learn_channel *ch = &l->ch[i];

		if (ch->rank == LEARN_NONE || !addr_eq(&f->src, &ch->source))
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

/* The side that takes the source best, if any does. */
static bool choose(enum learn_side *side, struct admission *by,
		   const struct learn *l, const struct learn *rtp,
		   const struct learn_facts *f, uint64_t now)
{
	struct admission a[LEARN_SIDES];
	unsigned i;

	for (i = LEARN_FIRST; i < LEARN_SIDES; i++) {
		const struct learn_channel *pair = rtp ? &rtp->ch[i] : NULL;

		a[i].rank = rank_of(&l->ch[i], pair, &f->src);
		a[i].reason = admit(a[i].rank, &l->ch[i], pair, f, now);
	}
	if (!a[LEARN_FIRST].reason && !a[LEARN_SECOND].reason)
		return false;
	if (!a[LEARN_FIRST].reason)
		*side = LEARN_SECOND;
	else if (!a[LEARN_SECOND].reason)
		*side = LEARN_FIRST;
	else if (a[LEARN_FIRST].rank != a[LEARN_SECOND].rank)
		*side = a[LEARN_FIRST].rank > a[LEARN_SECOND].rank
				? LEARN_FIRST
				: LEARN_SECOND;
	else
		*side = tie(l);
	*by = a[*side];
	return true;
}

/*
 * Whether a source from elsewhere may be proven for this side: only where the
 * SDP gave no public address to hold it against, and a source that is not
 * public only where the signalling came from such a network too.
 */
static bool open_to_elsewhere(const struct learn_channel *ch,
			      const struct addr *src)
{
	enum addr_class c = addr_class(src);

	return ch->signalled && ch->rank == LEARN_NONE &&
	       addr_class(&ch->sdp) != ADDR_PUBLIC &&
	       (c == ADDR_PUBLIC || c == addr_class(&ch->observed));
}

/* Count one packet of a source from elsewhere; true when it is proven. */
static bool prove(struct learn_candidate *c, const struct learn_facts *f,
		  uint64_t now)
{
	bool mine = c->count && addr_eq(&c->source, &f->src);

	if (c->count && !mine && now - c->last < LEARN_PROOF_HOLD_MS)
		return false;
	if (mine && c->ssrc == f->ssrc &&
	    continues(f->seq, c->seq, LEARN_PROOF_GAP))
		c->count++;
	else
		c->count = 1;
	c->source = f->src;
	c->ssrc = f->ssrc;
	c->seq = f->seq;
	c->last = now;
	if (c->count < LEARN_PROOF_PACKETS)
		return false;
	*c = (struct learn_candidate){0};
	return true;
}

static enum learn_verdict probation(struct learn_result *r, struct learn *l,
				    const struct learn_facts *f, uint64_t now)
{
	static const char why[] = "no side is waiting for this source";
	const struct admission by = {LEARN_ELSEWHERE,
				     ranks[LEARN_ELSEWHERE].evidence};
	bool first = open_to_elsewhere(&l->ch[LEARN_FIRST], &f->src);
	bool second = open_to_elsewhere(&l->ch[LEARN_SECOND], &f->src);

	*r = (struct learn_result){.verdict = LEARN_STRANGER, .reason = why};
	if (!f->is_rtp || (!first && !second))
		return r->verdict;
	r->verdict = LEARN_PROBATION;
	r->reason = "not proven yet";
	if (!prove(&l->candidate, f, now))
		return r->verdict;
	if (first && second)
		return assign(r, l, tie(l), &by, f, now);
	return assign(r, l, first ? LEARN_FIRST : LEARN_SECOND, &by, f, now);
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

void learn_init(struct learn *l)
{
	*l = (struct learn){0};
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
	if (ch->rank != LEARN_NONE)
		ch->rank = rank_of(ch, NULL, &ch->source);
	set_sendto(ch);
	/* Early media may have been taken for the wrong side's. */
	if (other->rank != LEARN_NONE &&
	    rank_of(ch, NULL, &other->source) > other->rank)
		unlearn(other);
	/* Behind one NAT the two may have been taken for each other. */
	if (other->rank == LEARN_OBSERVED && ch->rank == LEARN_OBSERVED &&
	    addr_ip_eq(&ch->observed, &other->observed))
		refresh(other, true, now);
}

void learn_close(struct learn *l, enum learn_side side)
{
	l->ch[side] = (struct learn_channel){0};
}

void learn_read(struct learn_facts *f, const uint8_t *data, size_t len)
{
	f->is_rtp = len >= RTP_HEADER && data[0] >> 6 == 2 &&
		    (data[1] < RTCP_TYPE_MIN || data[1] > RTCP_TYPE_MAX);
	f->seq = f->is_rtp ? (uint16_t)(data[2] << 8 | data[3]) : 0;
	f->ssrc = f->is_rtp
			  ? (uint32_t)data[8] << 24 | (uint32_t)data[9] << 16 |
				    (uint32_t)data[10] << 8 | data[11]
			  : 0;
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
	struct admission by;
	enum learn_side side;

	*r = (struct learn_result){.verdict = LEARN_FORWARD};
	if (known(&r->from, l, f, now))
		return LEARN_FORWARD;
	if (choose(&side, &by, l, rtp, f, now))
		return assign(r, l, side, &by, f, now);
	if (rtp) { /* RTCP carries no sequence to prove itself with */
		r->verdict = LEARN_STRANGER;
		r->reason = "RTCP from another IP than its RTP";
	} else {
		(void)probation(r, l, f, now);
	}
	if (r->verdict == LEARN_STRANGER && half_signalled(l)) {
		r->verdict = LEARN_EARLY;
		r->reason = "a side has not been signalled yet";
	}
	return r->verdict;
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
