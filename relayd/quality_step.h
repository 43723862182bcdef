#ifndef RELAYD_QUALITY_STEP_H
#define RELAYD_QUALITY_STEP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What one RTP packet does to the quality of its stream. In a header, because
 * the kernel's part of the fast path (fastpath.bpf.c) goes through the very
 * same steps: the figures do not tell who forwarded. Hence no floating point
 * and no division per packet.
 */
enum {
	/* a step forward of so many is still loss, not a restart (A.1) */
	QUALITY_MAX_DROPOUT = 3000,
	/* so late is still a packet of this sequence (A.1) */
	QUALITY_MAX_MISORDER = 100,
	/* transit time that leaps by more is another clock, not jitter */
	QUALITY_LEAP_S = 5,
	/* after such a silence timing begins anew */
	QUALITY_GAP_S = 60,
	/* Hz; a clock that is said to be faster is not believed */
	QUALITY_RATE_MAX = 1000000,
	QUALITY_WINDOW_WORDS = 2,
	QUALITY_WORD = 64,
	QUALITY_CYCLE = 1 << 16,
	QUALITY_JITTER_SHIFT = 4,
	QUALITY_JITTER_HALF = 1 << (QUALITY_JITTER_SHIFT - 1),
	QUALITY_SCALE_SHIFT = 36,
};

#define QUALITY_NS_PER_S UINT64_C(1000000000)

/* One RTP packet, host order. */
struct quality_packet {
	uint64_t arrival_ns; /* of a monotonic clock */
	uint32_t ssrc;
	uint32_t timestamp;
	/* Hz; 0 where the packet says nothing of the timing: clock unknown,
	 * telephone-event, comfort noise */
	uint32_t rate;
	uint16_t seq;
};

/* What a packet in sequence reads and writes comes first: a cache line, and the
 * kernel program's share of another (struct fastpath_slot). */
struct quality {
	/* which of the last 128 sequence numbers came; bit 0 is `max` */
	uint64_t window[QUALITY_WINDOW_WORDS];
	uint32_t received; /* each number once */
	uint32_t max;      /* extended, beginning in the second cycle */
	uint32_t ssrc;
	/* timing, in clock units; jitter is scaled by 16 as in A.8 */
	uint32_t scale;      /* clock units per ns, shifted */
	uint64_t arrival_ns; /* of the packet with `timestamp` */
	uint32_t timestamp, rate, jitter, jitter_max;
	uint64_t jitter_sum; /* of `jitter` after each packet */
	uint32_t jitter_samples;
	bool begun, candidate, timed;
	uint32_t base; /* extended, as `max` */
	uint32_t restarts, sources;
	uint32_t candidate_ssrc;
	uint16_t candidate_seq;
	uint64_t duplicates, reordered, strays;
	/* of sequences that ended by a restart or another SSRC */
	uint64_t past_expected, past_received;
};

/* The first cycle stays free for packets that come late at the very start. */
static inline void quality_begin(struct quality *q, uint32_t ssrc, uint16_t seq)
{
	q->ssrc = ssrc;
	q->base = q->max = QUALITY_CYCLE + (uint32_t)seq;
	q->received = 1;
	q->window[0] = 1;
	q->window[1] = 0;
	q->begun = true;
	q->candidate = false;
	q->timed = false;
}

static inline void quality_ahead(struct quality *q, uint32_t n)
{
	uint64_t *w = q->window;

	if (n >= 2 * QUALITY_WORD) {
		w[0] = w[1] = 0;
	} else if (n >= QUALITY_WORD) {
		w[1] = w[0] << (n - QUALITY_WORD);
		w[0] = 0;
	} else if (n > 0) {
		w[1] = w[1] << n | w[0] >> (QUALITY_WORD - n);
		w[0] <<= n;
	}
	w[0] |= 1;
	q->max += n;
	q->received++;
	q->candidate = false;
}

/* False: a duplicate. */
static inline bool quality_behind(struct quality *q, uint32_t n)
{
	uint64_t *w = n < QUALITY_WORD ? &q->window[0] : &q->window[1];
	uint64_t bit = (uint64_t)1 << n % QUALITY_WORD;

	if (*w & bit) {
		q->duplicates++;
		return false;
	}
	*w |= bit;
	q->reordered++;
	q->received++;
	if (n > q->max - q->base)
		q->base = q->max - n;
	return true;
}

/* Of the present sequence alone. */
static inline uint32_t quality_expected(const struct quality *q)
{
	return q->begun ? q->max - q->base + 1 : 0;
}

/* Another sequence takes over. */
static inline void quality_succeed(struct quality *q, uint32_t ssrc,
				   uint16_t seq)
{
	q->past_expected += quality_expected(q);
	q->past_received += q->received;
	if (!q->begun || ssrc != q->ssrc)
		q->sources++;
	else
		q->restarts++;
	quality_begin(q, ssrc, seq);
}

/* False: a stray. */
static inline bool quality_elsewhere(struct quality *q,
				     const struct quality_packet *p)
{
	uint16_t first = q->candidate_seq;

	if (!q->candidate || q->candidate_ssrc != p->ssrc ||
	    (uint16_t)(first + 1) != p->seq) {
		q->candidate = true;
		q->candidate_ssrc = p->ssrc;
		q->candidate_seq = p->seq;
		q->strays++;
		return false;
	}
	q->strays--;
	quality_succeed(q, p->ssrc, first);
	quality_ahead(q, 1);
	return true;
}

/* A.1; whether the packet is new and of the stream. */
static inline bool quality_place(struct quality *q,
				 const struct quality_packet *p)
{
	uint16_t step = (uint16_t)(p->seq - q->max);
	uint16_t back = (uint16_t)(q->max - p->seq);

	if (!q->begun) {
		quality_succeed(q, p->ssrc, p->seq);
		return true;
	}
	if (p->ssrc != q->ssrc)
		return quality_elsewhere(q, p);
	if (back <= QUALITY_MAX_MISORDER)
		return quality_behind(q, back);
	if (step >= QUALITY_MAX_DROPOUT)
		return quality_elsewhere(q, p);
	quality_ahead(q, step);
	return true;
}

/* Another codec with another clock goes on with the same jitter. */
static inline void quality_change_rate(struct quality *q, uint32_t rate)
{
	uint64_t old = q->rate;

	if (old) {
		q->jitter = (uint32_t)((uint64_t)q->jitter * rate / old);
		q->jitter_max =
			(uint32_t)((uint64_t)q->jitter_max * rate / old);
		q->jitter_sum = q->jitter_sum / old * rate +
				q->jitter_sum % old * rate / old;
	}
	q->rate = rate;
	q->scale = (uint32_t)(((uint64_t)rate << QUALITY_SCALE_SHIFT) /
			      QUALITY_NS_PER_S);
	q->timed = false;
}

/* How much longer than the last one this packet was under way, A.8's D. */
static inline uint32_t quality_later(const struct quality *q,
				     const struct quality_packet *p,
				     uint64_t passed_ns)
{
	uint64_t half = (uint64_t)1 << (QUALITY_SCALE_SHIFT - 1);
	uint32_t passed = (uint32_t)((passed_ns * q->scale + half) >>
				     QUALITY_SCALE_SHIFT);
	uint32_t d = passed - (p->timestamp - q->timestamp);

	return d > INT32_MAX ? 0 - d : d;
}

/* A.8 */
static inline void quality_time(struct quality *q,
				const struct quality_packet *p)
{
	uint64_t passed_ns = p->arrival_ns - q->arrival_ns;
	uint32_t d;

	if (p->rate != q->rate)
		quality_change_rate(q, p->rate);
	if (q->timed && p->timestamp == q->timestamp)
		return;
	if (q->timed && passed_ns <= QUALITY_GAP_S * QUALITY_NS_PER_S) {
		d = quality_later(q, p, passed_ns);
		if (d <= (uint64_t)QUALITY_LEAP_S * p->rate) {
			q->jitter += d - ((q->jitter + QUALITY_JITTER_HALF) >>
					  QUALITY_JITTER_SHIFT);
			if (q->jitter > q->jitter_max)
				q->jitter_max = q->jitter;
			q->jitter_sum += q->jitter;
			q->jitter_samples++;
		}
	}
	q->arrival_ns = p->arrival_ns;
	q->timestamp = p->timestamp;
	q->timed = true;
}

static inline void quality_step(struct quality *q,
				const struct quality_packet *p)
{
	if (quality_place(q, p) && p->rate && p->rate <= QUALITY_RATE_MAX)
		quality_time(q, p);
}

#endif
