#include <string.h>

#include "relayd/quality.h"

enum {
	CYCLE = 1 << 16,
	WORD = 64,
	JITTER_SHIFT = 4,
	JITTER_HALF = 1 << (JITTER_SHIFT - 1),
	US_PER_S = 1000000,
};

/* The first cycle stays free for packets that come late at the very start. */
static void begin(struct quality *q, uint32_t ssrc, uint16_t seq)
{
	q->ssrc = ssrc;
	q->base = q->max = CYCLE + seq;
	q->received = 1;
	q->window[0] = 1;
	q->window[1] = 0;
	q->begun = true;
	q->candidate = false;
	q->timed = false;
}

static void slide(uint64_t w[QUALITY_WINDOW_WORDS], uint32_t n)
{
	if (n >= 2 * WORD) {
		w[0] = w[1] = 0;
	} else if (n >= WORD) {
		w[1] = w[0] << (n - WORD);
		w[0] = 0;
	} else if (n > 0) {
		w[1] = w[1] << n | w[0] >> (WORD - n);
		w[0] <<= n;
	}
}

static void ahead(struct quality *q, uint32_t n)
{
	slide(q->window, n);
	q->window[0] |= 1;
	q->max += n;
	q->received++;
	q->candidate = false;
}

/* False: a duplicate. */
static bool behind(struct quality *q, uint32_t n)
{
	uint64_t bit = (uint64_t)1 << n % WORD;

	if (q->window[n / WORD] & bit) {
		q->duplicates++;
		return false;
	}
	q->window[n / WORD] |= bit;
	q->reordered++;
	q->received++;
	if (n > q->max - q->base)
		q->base = q->max - n;
	return true;
}

/* Another sequence takes over. */
static void succeed(struct quality *q, uint32_t ssrc, uint16_t seq)
{
	q->past_expected += quality_expected(q);
	q->past_received += q->received;
	if (!q->begun || ssrc != q->ssrc)
		q->sources++;
	else
		q->restarts++;
	begin(q, ssrc, seq);
}

/* False: a stray. */
static bool elsewhere(struct quality *q, const struct quality_packet *p)
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
	succeed(q, p->ssrc, first);
	ahead(q, 1);
	return true;
}

/* A.1; whether the packet is new and of the stream. */
static bool place(struct quality *q, const struct quality_packet *p)
{
	uint16_t step = (uint16_t)(p->seq - q->max);
	uint16_t back = (uint16_t)(q->max - p->seq);

	if (!q->begun) {
		succeed(q, p->ssrc, p->seq);
		return true;
	}
	if (p->ssrc != q->ssrc)
		return elsewhere(q, p);
	if (back <= QUALITY_MAX_MISORDER)
		return behind(q, back);
	if (step >= QUALITY_MAX_DROPOUT)
		return elsewhere(q, p);
	ahead(q, step);
	return true;
}

/* Another codec with another clock goes on with the same jitter. */
static void change_rate(struct quality *q, uint32_t rate)
{
	if (q->rate) {
		q->jitter = (uint32_t)((uint64_t)q->jitter * rate / q->rate);
		q->jitter_max =
			(uint32_t)((uint64_t)q->jitter_max * rate / q->rate);
		q->jitter_sum =
			(uint64_t)((double)q->jitter_sum * rate / q->rate);
	}
	q->rate = rate;
	q->timed = false;
}

/* The arrival in units of the stream's clock; only differences count. */
static uint32_t in_units(uint64_t us, uint32_t rate)
{
	return (uint32_t)(us / US_PER_S * rate +
			  us % US_PER_S * rate / US_PER_S);
}

/* A.8 */
static void time_packet(struct quality *q, const struct quality_packet *p)
{
	uint32_t transit, d;

	if (p->rate != q->rate)
		change_rate(q, p->rate);
	if (q->timed && p->timestamp == q->timestamp)
		return;
	transit = in_units(p->arrival_us, p->rate) - p->timestamp;
	d = transit - q->transit;
	if (d > INT32_MAX)
		d = 0 - d;
	if (q->timed && d <= (uint64_t)QUALITY_LEAP_S * p->rate) {
		q->jitter += d - ((q->jitter + JITTER_HALF) >> JITTER_SHIFT);
		if (q->jitter > q->jitter_max)
			q->jitter_max = q->jitter;
		q->jitter_sum += q->jitter;
		q->jitter_samples++;
	}
	q->transit = transit;
	q->timestamp = p->timestamp;
	q->timed = true;
}

void quality_packet(struct quality *q, const struct quality_packet *p)
{
	if (place(q, p) && p->rate)
		time_packet(q, p);
}

/* How far `seq` is ahead, given that about `n` packets came: there may have
 * been whole cycles. */
static uint32_t advance(const struct quality *q, uint16_t seq, uint32_t n)
{
	uint32_t step = (uint16_t)(seq - q->max);

	if ((uint16_t)(q->max - seq) <= QUALITY_MAX_MISORDER && n < CYCLE / 2)
		return 0;
	while (step + CYCLE / 2 < n)
		step += CYCLE;
	return step;
}

void quality_passed(struct quality *q, uint32_t ssrc, uint16_t seq, uint32_t n)
{
	uint32_t step, expected;

	if (n == 0)
		return;
	step = advance(q, seq, n);
	if (!q->begun || ssrc != q->ssrc ||
	    step > 2 * (uint64_t)n + QUALITY_MAX_DROPOUT) {
		/* who knows where it began: nothing is called lost */
		succeed(q, ssrc, seq);
		q->base -= n - 1;
	} else {
		q->max += step;
	}
	expected = quality_expected(q);
	q->received = n < expected - q->received ? q->received + n : expected;
	q->window[0] = q->window[1] = UINT64_MAX;
	q->candidate = false;
	q->timed = false;
}

uint32_t quality_expected(const struct quality *q)
{
	return q->begun ? q->max - q->base + 1 : 0;
}

static uint64_t in_us(double jitter, uint32_t rate)
{
	return (uint64_t)(jitter * US_PER_S / (1 << JITTER_SHIFT) / rate);
}

void quality_figures(struct quality_figures *out, const struct quality *q)
{
	memset(out, 0, sizeof(*out));
	out->expected = q->past_expected + quality_expected(q);
	out->received = q->past_received + q->received;
	out->lost = out->expected - out->received;
	out->duplicates = q->duplicates;
	out->reordered = q->reordered;
	out->strays = q->strays;
	out->restarts = q->restarts;
	out->sources = q->sources;
	if (q->jitter_samples == 0)
		return;
	out->timed = true;
	out->jitter_us = in_us(q->jitter, q->rate);
	out->jitter_max_us = in_us(q->jitter_max, q->rate);
	out->jitter_mean_us = in_us(
		(double)q->jitter_sum / (double)q->jitter_samples, q->rate);
}
