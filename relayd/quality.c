#include <string.h>

#include "relayd/quality.h"

enum { US_PER_S = 1000000 };

void quality_packet(struct quality *q, const struct quality_packet *p)
{
	quality_step(q, p);
}

static uint64_t in_us(double jitter, uint32_t rate)
{
	return (uint64_t)(jitter * US_PER_S / (1 << QUALITY_JITTER_SHIFT) /
			  rate);
}

void quality_figures(struct quality_figures *out, const struct quality *q)
{
	memset(out, 0, sizeof(*out));
	out->expected = q->past_expected + quality_expected(q);
	out->received = q->past_received + q->received;
	/* two CPUs at one flow may have counted a number twice */
	if (out->received > out->expected)
		out->received = out->expected;
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
