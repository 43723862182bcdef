#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "relayd/learn_admit.h"

enum reach { NEVER, LIMITED, ALWAYS };

/* learn_policy.h, as a table. */
static const struct rules {
	bool other_ports;     /* and IPs that signalling names besides */
	enum reach elsewhere; /* LIMITED: where signalling named no IP */
	enum reach follow;    /* a silent stream; LIMITED: in its network */
} rules[] = {
	[LEARN_STRICT] = {false, NEVER, NEVER},
	[LEARN_SIGNALLED] = {true, LIMITED, LIMITED},
	[LEARN_OPEN] = {true, ALWAYS, ALWAYS},
};

bool learn_sdp_usable(const struct learn_channel *ch)
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

/* Whether the SDP's address means the same host here as where it was written:
 * that of a phone behind a NAT may be any host of this network. */
static bool sdp_meaningful(const struct learn_channel *ch)
{
	return learn_sdp_usable(ch) ||
	       addr_class(&ch->sdp) == addr_class(&ch->observed);
}

enum learn_rank learn_rank_of(const struct learn_channel *ch,
			      const struct learn_channel *rtp,
			      const struct addr *src)
{
	if (addr_ip_eq(src, &ch->sdp) && sdp_meaningful(ch))
		return addr_eq(src, &ch->sdp) ? LEARN_EXACT : LEARN_SDP_IP;
	if (addr_ip_eq(src, &ch->observed))
		return LEARN_OBSERVED;
	if (rtp && rtp->rank != LEARN_NONE && addr_ip_eq(src, &rtp->source))
		return LEARN_PAIRED;
	return LEARN_ELSEWHERE;
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
	return now >= ch->last + ms;
}

/* What is asked: this packet, for this side. */
struct question {
	const struct rules *rule;
	const struct learn_channel *ch, *rtp;
	const struct learn_facts *f;
	uint64_t now;
	enum learn_rank rank;
};

/* Whether a source from elsewhere may be one of this side: RTP alone can prove
 * itself, and from a network that is not public only where the signalling is of
 * such a one too. */
static bool may_be_elsewhere(const struct question *q)
{
	enum addr_class c = addr_class(&q->f->src);

	if (q->rtp || !q->f->is_rtp || q->rule->elsewhere == NEVER)
		return false;
	if (q->rule->elsewhere == LIMITED &&
	    (learn_sdp_usable(q->ch) || !addr_is_none(&q->ch->observed)))
		return false;
	return c == ADDR_PUBLIC || c == addr_class(&q->ch->observed);
}

/* Whether the policy takes a source of this rank at all. */
static bool allowed(const struct question *q)
{
	switch (q->rank) {
	case LEARN_EXACT:
		return true;
	case LEARN_OBSERVED:
		return q->rule->other_ports || !learn_sdp_usable(q->ch);
	case LEARN_SDP_IP:
	case LEARN_PAIRED:
		return q->rule->other_ports;
	case LEARN_ELSEWHERE:
		return may_be_elsewhere(q);
	default:
		return false;
	}
}

/* As a source that the signalling means. */
static bool meant(const struct question *q)
{
	return (q->rank >= LEARN_OBSERVED || q->rule->elsewhere == ALWAYS) &&
	       allowed(q);
}

static bool changed(const struct question *q)
{
	return q->ch->fresh == LEARN_CHANGED && meant(q);
}

/* A better one displaces what had to do until now; among those that fit, only
 * the very address of the SDP, and with RTP where RTP was. */
static bool better(const struct question *q)
{
	if (q->rank <= q->ch->rank || !allowed(q) ||
	    (!q->f->is_rtp && q->ch->has_rtp))
		return false;
	return q->ch->rank < LEARN_OBSERVED ||
	       (q->rank == LEARN_EXACT && q->rule->follow != NEVER);
}

static bool repeated(const struct question *q)
{
	return q->ch->fresh == LEARN_REPEATED &&
	       silent(q->ch, q->now, LEARN_SILENCE_MS) && meant(q);
}

/* The next packet of the stream that the known source sent last. */
static bool continues(const struct question *q)
{
	uint16_t step = (uint16_t)(q->f->seq - q->ch->seq);

	return q->f->is_rtp && q->ch->has_rtp && q->f->ssrc == q->ch->ssrc &&
	       step >= 1 && step <= LEARN_SILENCE_GAP;
}

/* The proof that needs no signalling: the stream itself goes on. */
static bool same_stream(const struct question *q)
{
	if (!continues(q) || !silent(q->ch, q->now, LEARN_SILENCE_MS))
		return false;
	return q->rule->follow == ALWAYS ||
	       (q->rule->follow == LIMITED &&
		same_net(&q->f->src, &q->ch->source));
}

/* Proven by more than its source was until now. */
static bool first_rtp(const struct question *q)
{
	return !q->rtp && q->f->is_rtp && !q->ch->has_rtp &&
	       q->rank >= q->ch->rank && q->rule->follow != NEVER && meant(q);
}

/* RTCP goes where RTP went, but a live source beside it is not displaced. */
static bool follows_rtp(const struct question *q)
{
	const struct learn_channel *rtp = q->rtp;

	if (!rtp || rtp->rank == LEARN_NONE || q->rule->follow == NEVER ||
	    !addr_ip_eq(&q->f->src, &rtp->source))
		return false;
	return !addr_ip_eq(&q->ch->source, &rtp->source) ||
	       silent(q->ch, q->now, LEARN_RTCP_SILENCE_MS);
}

/* What may move a side, the first that holds. */
static const struct {
	enum learn_cause cause;
	bool (*holds)(const struct question *q);
} moves[] = {
	{LEARN_BY_SIGNALLING, changed}, {LEARN_BY_RANK, better},
	{LEARN_BY_REPEAT, repeated},    {LEARN_BY_STREAM, same_stream},
	{LEARN_BY_RTP, first_rtp},      {LEARN_BY_RTCP, follows_rtp},
};

static bool move(struct learn_admission *a, const struct question *q)
{
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		if (!moves[i].holds(q))
			continue;
		a->cause = moves[i].cause;
		return true;
	}
	return false;
}

/* A known source that is still heard may well be the right one, unless new
 * signalling speaks against it and for the other. */
static bool still_speaks(const struct learn_admission *a,
			 const struct question *q)
{
	if (a->cause != LEARN_BY_SIGNALLING && a->cause != LEARN_BY_RTP)
		return false;
	if (a->cause == LEARN_BY_SIGNALLING &&
	    (q->rank == LEARN_EXACT ||
	     (q->rank >= LEARN_OBSERVED && q->ch->rank < LEARN_OBSERVED)))
		return false;
	return !silent(q->ch, q->now, LEARN_QUIET_MS);
}

/* How many packets it takes. One is enough where packets go there anyway, and
 * where it belongs to a stream that has been proven before. */
static unsigned proof(const struct question *q)
{
	bool known = q->ch->rank != LEARN_NONE;

	if (q->rank == LEARN_EXACT && learn_sdp_usable(q->ch) &&
	    (!known || q->ch->fresh == LEARN_CHANGED))
		return 1;
	if (known && continues(q))
		return 1;
	if (q->f->is_rtp)
		return q->rank == LEARN_ELSEWHERE ? LEARN_PROOF_ELSEWHERE
						  : LEARN_PROOF;
	if (q->rtp && q->rtp->has_rtp && q->f->is_rtcp &&
	    q->f->ssrc == q->rtp->ssrc &&
	    addr_ip_eq(&q->f->src, &q->rtp->source))
		return 1;
	return LEARN_PROOF_OTHER;
}

void learn_admit(struct learn_admission *a, enum learn_policy policy,
		 const struct learn_channel *ch,
		 const struct learn_channel *rtp, const struct learn_facts *f,
		 uint64_t now)
{
	const struct question q = {
		.rule = &rules[policy],
		.ch = ch,
		.rtp = rtp,
		.f = f,
		.now = now,
		.rank = learn_rank_of(ch, rtp, &f->src),
	};
	bool known = ch->rank != LEARN_NONE;

	*a = (struct learn_admission){.rank = q.rank, .proof = proof(&q)};
	a->admitted = known ? move(a, &q) : allowed(&q);
	a->wait = known && a->admitted && still_speaks(a, &q);
}
