#include <string.h>
#include <strings.h>

#include "relayd/counters.h"
#include "relayd/figures.h"
#include "relayd/mos.h"

enum { RTP_HEADER = 12, NS_PER_US = 1000 };

static const double mos_fair = 3.6; /* below it many users are dissatisfied */

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/* A side sends what the other one named (RFC 3264 5.1); many use their own
 * numbers all the same, which matters where only these are known. */
static const struct payload *payload_of(const struct figures *f,
					enum learn_side from, uint8_t type)
{
	const struct payload *p = payload_find(&f->side[!from].said, type);

	if (!p)
		p = payload_find(&f->side[from].said, type);
	return p ? p : payload_static(type);
}

/* Looked up again only where the type changes. */
static const struct payload *payload_now(struct figures *f,
					 enum learn_side from, uint8_t type)
{
	struct figures_side *s = &f->side[from];
	const struct payload *p;

	if (s->known && s->last.type == type)
		return &s->last;
	p = payload_of(f, from, type);
	s->last = p ? *p : (struct payload){.type = type};
	s->known = true;
	if (p && p->kind == PAYLOAD_MEDIA) {
		s->codec = *p;
		s->has_codec = true;
	}
	return &s->last;
}

void figures_signal(struct figures *f, enum learn_side side,
		    const struct sdp_media *m)
{
	f->secure = strstr(m->proto, "SAVP") != NULL;
	payload_read(&f->side[side].said, m);
	for (unsigned i = 0; i < LEARN_SIDES; i++)
		f->side[i].known = false;
}

uint32_t figures_rate(struct figures *f, enum learn_side from, uint8_t type)
{
	const struct payload *p = payload_now(f, from, type);

	return p->kind == PAYLOAD_MEDIA ? p->rate : 0;
}

void figures_rtp(struct figures *f, const struct figures_packet *p)
{
	const uint8_t *d = p->data;
	struct quality_packet q;

	if (p->len < RTP_HEADER)
		return;
	q.arrival_ns = p->time_us * NS_PER_US;
	q.seq = (uint16_t)(d[2] << 8 | d[3]);
	q.timestamp = get32(d + 4);
	q.ssrc = get32(d + 8);
	q.rate = figures_rate(f, p->from, d[1] & 0x7f);
	quality_packet(&f->side[p->from].heard, &q);
}

const struct quality *figures_heard(const struct figures *f,
				    enum learn_side from)
{
	return &f->side[from].heard;
}

void figures_passed(struct figures *f, enum learn_side from,
		    const struct quality *heard)
{
	f->side[from].heard = *heard;
}

/* Whether a block can be about what this side sent. */
static bool fits(const struct quality *q, const struct rtcp_block *b)
{
	return q->begun && b->ssrc == q->ssrc &&
	       (uint16_t)(q->max - b->highest) <= FIGURES_REPORT_BEHIND &&
	       b->lost <= (int64_t)quality_expected(q);
}

void figures_rtcp(struct figures *f, const struct figures_packet *p)
{
	struct figures_side *from = &f->side[p->from];
	struct figures_side *about = &f->side[!p->from];
	struct rtcp_compound c;

	if (f->secure || rtcp_parse(&c, p->data, p->len))
		return;
	for (size_t i = 0; i < c.n; i++) {
		if (!fits(&about->heard, &c.blocks[i]))
			continue;
		about->reported = true;
		about->report = c.blocks[i];
		if (!rtcp_round_trip(&from->round_trip_us, &from->sent,
				     &c.blocks[i], p->time_us))
			from->has_round_trip = true;
	}
	if (c.has_sr && p->sent)
		rtcp_sent(&about->sent, c.sr_time, p->time_us);
}

static double loss_of(const struct figures_side *s,
		      const struct quality_figures *q)
{
	uint32_t expected = quality_expected(&s->heard);
	double loss = (double)q->lost / (double)q->expected, said = 0;

	if (s->reported && s->report.ssrc == s->heard.ssrc && expected)
		said = (double)s->report.lost / expected;
	if (said > 1)
		said = 1;
	return said > loss ? said : loss;
}

static double delay_ms(const struct figures *f)
{
	double ms = 0;

	for (unsigned i = 0; i < LEARN_SIDES; i++)
		if (f->side[i].has_round_trip)
			ms += f->side[i].round_trip_us / 2000.0;
	return ms;
}

static double mos_of(const struct figures *f, enum learn_side side,
		     const struct quality_figures *q)
{
	const struct figures_side *s = &f->side[side];
	struct mos_input in = {.codec = s->codec.name};

	if (!s->has_codec || q->received < FIGURES_MOS_MIN)
		return 0;
	in.loss = loss_of(s, q);
	in.delay_ms = delay_ms(f);
	in.jitter_ms = (double)q->jitter_mean_us / 1000;
	return mos_estimate(&in);
}

void figures_read(struct figures_line *out, const struct figures *f,
		  enum learn_side side)
{
	const struct figures_side *s = &f->side[side];

	memset(out, 0, sizeof(*out));
	quality_figures(&out->heard, &s->heard);
	out->codec = s->has_codec ? s->codec.name : NULL;
	out->reported = s->reported;
	if (s->reported) {
		out->reported_lost = s->report.lost;
		out->reported_fraction = s->report.fraction / 256.0;
		out->reported_jitter_ms =
			s->heard.rate
				? s->report.jitter * 1000.0 / s->heard.rate
				: -1;
	}
	out->has_round_trip = s->has_round_trip;
	out->round_trip_ms = s->round_trip_us / 1000.0;
	out->mos = mos_of(f, side, &out->heard);
}

void figures_count(struct relayd_counters *c, const struct figures *f)
{
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		struct figures_line l;

		figures_read(&l, f, (enum learn_side)i);
		c->rtp_expected += l.heard.expected;
		c->rtp_lost += l.heard.lost;
		c->rtp_duplicates += l.heard.duplicates;
		c->rtp_reordered += l.heard.reordered;
		c->rtp_restarts += l.heard.restarts;
		if (l.mos <= 0)
			continue;
		c->mos_streams++;
		c->mos_centi += (uint64_t)(l.mos * 100 + 0.5);
		if (l.mos < mos_fair)
			c->mos_below_3_6++;
	}
}
