#include <string.h>

#include "relayd/learn.h"
#include "tests/fuzz/fuzz.h"

/*
 * Learning, in a world where signalling, packets of all kinds from anywhere and
 * time come in any order. The first byte is the policy; then events of four
 * bytes: what (0-7), and three bytes of it.
 *
 *   0  a side (lowest bit) is signalled: SDP address, observed address
 *   1  a side is closed
 *   2  time goes by: 256 ms times the second byte, and the third in ms
 *   3  RTCP from an address, SSRC, on the RTP port (lowest bit: on the other)
 *   4  neither, likewise
 *   5  RTP on the RTCP port: address, SSRC and step, as below
 *   6-7  RTP: address; SSRC by the upper two bits, sequence number on from the
 *      last of this SSRC by the lower six (up to 40; beyond: anywhere)
 *
 * A model counts for itself what came, and says what may be.
 */
enum { EVENT = 4, SSRCS = 4, STEP_MAX = 40, NEAR = 3 };

static const char *const texts[] = {
	"198.51.100.5:4000",   "198.51.100.5:7777",  "198.51.100.28:40001",
	"198.51.100.28:40002", "198.51.100.77:9",    "203.0.113.77:50001",
	"203.0.113.77:50002",  "203.0.113.5:4000",   "192.0.2.9:9000",
	"192.0.2.10:9000",     "10.0.0.16:4000",     "10.0.0.17:4000",
	"127.0.0.1:4000",      "[2001:db8::1]:4000", "[2001:db8::2]:4000",
};

enum { ADDRS = sizeof(texts) / sizeof(texts[0]) };

/* What came from one address while it might be a source, in sequence; RTP or
 * all else. */
struct run {
	unsigned count;
	uint32_t ssrc;
	uint16_t seq;
};

struct part {
	struct learn learn;
	struct run runs[ADDRS][2];
	bool signalled_since[LEARN_SIDES]; /* its source was learned */
	uint64_t heard[LEARN_SIDES];
};

struct world {
	struct addr addrs[ADDRS];
	struct part part[2]; /* RTP, RTCP */
	uint16_t seq[SSRCS];
	uint64_t now;
};

static bool usable(const struct learn_channel *ch)
{
	return addr_class(&ch->sdp) == ADDR_PUBLIC ||
	       (!addr_is_none(&ch->sdp) && addr_ip_eq(&ch->sdp, &ch->observed));
}

/* Nothing is sent to what was neither signalled nor learned. */
static void check_channels(const struct part *p)
{
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		const struct learn_channel *ch = &p->learn.ch[i];
		bool known = ch->rank != LEARN_NONE;

		MUST(known == !addr_is_none(&ch->source));
		MUST(ch->signalled || (!known && addr_is_none(&ch->sendto)));
		MUST(addr_is_none(&ch->sendto) ||
		     (usable(ch) && addr_eq(&ch->sendto, &ch->sdp)) ||
		     (known && addr_eq(&ch->sendto, &ch->source)));
	}
}

static void count(struct run *r, const struct learn_facts *f)
{
	int16_t step = (int16_t)(f->seq - r->seq);

	if (f->is_rtp && r->count && r->ssrc == f->ssrc && step <= 0 &&
	    step >= -NEAR)
		return;
	if (f->is_rtp && (r->ssrc != f->ssrc || step > NEAR || step < 0))
		r->count = 0;
	r->count++;
	r->ssrc = f->ssrc;
	r->seq = f->seq;
}

static bool same_stream(const struct learn_channel *was,
			const struct learn_facts *f)
{
	uint16_t step = (uint16_t)(f->seq - was->seq);

	return f->is_rtp && was->has_rtp && was->ssrc == f->ssrc && step >= 1 &&
	       step <= LEARN_SILENCE_GAP;
}

/* How many packets it must have taken at least. */
static unsigned needed(const struct learn_channel *was,
		       const struct learn_channel *rtp,
		       const struct learn_channel *is,
		       const struct learn_facts *f)
{
	if (same_stream(was, f))
		return 1;
	if (usable(was) && addr_eq(&f->src, &was->sdp) &&
	    (was->rank == LEARN_NONE || was->fresh == LEARN_CHANGED))
		return 1;
	if (rtp && f->is_rtcp && rtp->has_rtp && rtp->ssrc == f->ssrc)
		return 1;
	if (!f->is_rtp)
		return 2;
	return is->rank == LEARN_ELSEWHERE ? 5 : 3;
}

static bool slash24(const struct addr *a, const struct addr *b)
{
	if (addr_family(a) != addr_family(b))
		return false;
	if (addr_family(a) == AF_INET)
		return !memcmp(&a->u.in.sin_addr, &b->u.in.sin_addr, 3);
	return !memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, 8);
}

/* By policy: whether this may be a source of the side. */
static bool permitted(enum learn_policy policy, const struct learn_channel *was,
		      const struct learn_channel *rtp,
		      const struct learn_facts *f)
{
	bool observed = addr_ip_eq(&f->src, &was->observed);

	if (policy == LEARN_STRICT)
		return addr_eq(&f->src, &was->sdp) ||
		       (!usable(was) && observed);
	if (policy == LEARN_OPEN || observed ||
	    addr_ip_eq(&f->src, &was->sdp) ||
	    (rtp && addr_ip_eq(&f->src, &rtp->source)))
		return true;
	if (addr_is_none(&was->observed) && !usable(was))
		return true;
	return same_stream(was, f) && slash24(&f->src, &was->source);
}

/* The side has another source than before. */
static void check_learned(const struct world *w, const struct part *p,
			  const struct learn *was, const struct learn_result *r,
			  const struct learn_facts *f, unsigned run)
{
	const struct learn_channel *from = &was->ch[r->from];
	const struct learn_channel *rtp =
		p == &w->part[1] ? &w->part[0].learn.ch[r->from] : NULL;
	const struct learn_channel *is = &p->learn.ch[r->from];
	uint64_t silence = w->now - p->heard[r->from];

	MUST((from->rank == LEARN_NONE) == (r->verdict == LEARN_LEARNED));
	MUST(was->ch[0].signalled && was->ch[1].signalled);
	MUST(addr_eq(&is->source, &f->src) && r->reason);
	MUST(run >= needed(from, rtp, is, f));
	MUST(permitted(was->policy, from, rtp, f));
	if (r->verdict == LEARN_LEARNED || p->signalled_since[r->from])
		return;
	MUST(was->policy != LEARN_STRICT);
	switch (r->cause) {
	case LEARN_BY_STREAM:
		MUST(silence >= LEARN_SILENCE_MS && same_stream(from, f));
		break;
	case LEARN_BY_RANK:
		MUST(is->rank > from->rank);
		break;
	case LEARN_BY_RTP:
		MUST(silence >= LEARN_QUIET_MS && f->is_rtp && !from->has_rtp);
		break;
	case LEARN_BY_RTCP:
		MUST(rtp && addr_ip_eq(&f->src, &rtp->source));
		break;
	default:
		MUST(false); /* there was no signalling */
	}
}

static void packet(struct world *w, unsigned part, unsigned addr,
		   struct learn_facts *f)
{
	struct part *p = &w->part[part];
	struct learn was = p->learn;
	struct learn_result r;

	f->src = w->addrs[addr];
	learn_packet(&r, &p->learn, part ? &w->part[0].learn : NULL, f, w->now);
	if (r.verdict == LEARN_PROBATION || r.verdict == LEARN_LEARNED ||
	    r.verdict == LEARN_RELEARNED)
		count(&p->runs[addr][f->is_rtp], f);
	switch (r.verdict) {
	case LEARN_FORWARD:
		MUST(was.ch[r.from].signalled);
		MUST(was.ch[r.from].rank != LEARN_NONE);
		MUST(addr_eq(&was.ch[r.from].source, &f->src));
		break;
	case LEARN_LEARNED:
	case LEARN_RELEARNED:
		check_learned(w, p, &was, &r, f,
			      p->runs[addr][f->is_rtp].count);
		p->signalled_since[r.from] = false;
		break;
	default:
		MUST(!memcmp(was.ch, p->learn.ch, sizeof(was.ch)));
		return;
	}
	MUST(!memcmp(&was.ch[!r.from], &p->learn.ch[!r.from],
		     sizeof(was.ch[0])));
	p->heard[r.from] = w->now;
}

static void signal_side(struct world *w, enum learn_side side, unsigned sdp,
			unsigned observed)
{
	struct addr none = {0};
	const struct addr *s = sdp ? &w->addrs[sdp - 1] : &none;
	const struct addr *o = observed ? &w->addrs[observed - 1] : &none;

	for (unsigned i = 0; i < 2; i++) {
		struct part *p = &w->part[i];
		const struct learn_channel *ch = &p->learn.ch[side];

		if (!ch->signalled || !addr_eq(s, &ch->sdp) ||
		    !addr_ip_eq(o, &ch->observed))
			memset(p->runs, 0, sizeof(p->runs));
		learn_signal(&p->learn, side, s, o, w->now);
		p->signalled_since[0] = p->signalled_since[1] = true;
	}
}

static void rtp(struct world *w, unsigned part, const uint8_t *e)
{
	unsigned which = e[2] >> 6, step = e[2] & 63;
	struct learn_facts f = {.is_rtp = true, .ssrc = which};

	if (step > STEP_MAX)
		f.seq = (uint16_t)(e[3] * 257);
	else
		f.seq = (uint16_t)(w->seq[which] + step);
	w->seq[which] = f.seq;
	packet(w, part, e[1] % ADDRS, &f);
}

static void event(struct world *w, const uint8_t *e)
{
	struct learn_facts f = {.ssrc = e[2] % SSRCS, .is_rtcp = true};

	switch (e[0] % 8) {
	case 0:
		signal_side(w, e[3] & 1, e[1] % (ADDRS + 1),
			    e[2] % (ADDRS + 1));
		break;
	case 1:
		learn_close(&w->part[0].learn, e[1] & 1);
		learn_close(&w->part[1].learn, e[1] & 1);
		break;
	case 2:
		w->now += (uint64_t)e[1] * 256 + e[2];
		break;
	case 3:
		packet(w, !(e[3] & 1), e[1] % ADDRS, &f);
		break;
	case 4:
		f = (struct learn_facts){0};
		packet(w, e[3] & 1, e[1] % ADDRS, &f);
		break;
	case 5:
		rtp(w, 1, e);
		break;
	default:
		rtp(w, 0, e);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;

	if (size == 0)
		return 0;
	memset(&w, 0, sizeof(w));
	w.now = 1000000;
	for (unsigned i = 0; i < ADDRS; i++)
		MUST(addr_parse(&w.addrs[i], texts[i], 0) == 0);
	for (unsigned i = 0; i < 2; i++)
		learn_init(&w.part[i].learn, (enum learn_policy)(data[0] % 3));
	for (size_t at = 1; at + EVENT <= size; at += EVENT) {
		event(&w, data + at);
		check_channels(&w.part[0]);
		check_channels(&w.part[1]);
	}
	return 0;
}
