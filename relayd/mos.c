#include <stddef.h>
#include <strings.h>

#include "relayd/mos.h"

struct codec {
	const char *name;
	double ie, bpl, delay_ms;
};

static const struct codec codecs[] = {
#define CODEC_ROW(name, ie, bpl, delay) {name, ie, bpl, delay},
	MOS_CODECS(CODEC_ROW)
#undef CODEC_ROW
};

static const double r_best = 93.2, knee_ms = 177.3;

static const struct codec *find(const char *name)
{
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
		if (!strcasecmp(codecs[i].name, name))
			return &codecs[i];
	return NULL;
}

static double delay_impairment(double ms)
{
	double id = 0.024 * ms;

	return ms > knee_ms ? id + 0.11 * (ms - knee_ms) : id;
}

static double loss_impairment(const struct codec *c, double loss)
{
	double percent = loss * 100;

	return c->ie + (95 - c->ie) * percent / (percent + c->bpl);
}

/* G.107 Annex B; the cubic dips below 1 for the smallest R. */
static double from_r(double r)
{
	double mos;

	if (r <= 0)
		return 1;
	if (r >= 100)
		return 4.5;
	mos = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
	return mos < 1 ? 1 : mos;
}

double mos_estimate(const struct mos_input *in)
{
	const struct codec *c = find(in->codec);

	if (!c)
		return 0;
	return from_r(r_best -
		      delay_impairment(c->delay_ms + in->delay_ms +
				       2 * in->jitter_ms) -
		      loss_impairment(c, in->loss));
}
