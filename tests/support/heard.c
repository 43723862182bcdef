/*
 * heard SAID.wav HEARD.wav [THRESHOLD]: was this heard at the other end?
 *
 * The recording of what was heard is compared with what was said by
 * normalized cross-correlation: first the lag of the whole is searched over
 * all lags up to LAG_MAX on both signals at a quarter of the rate, then each
 * window of half a second may slip around it (a jitter buffer inserts and
 * leaves out packets) and is compared at the full rate. The result is the
 * mean of the windows, weighted by the energy said in them; silence, ahead or
 * between, has no say. What was said before the recording begins or after it
 * ends is left out, but at least half of the energy has to be within it.
 *
 * Prints "correlation 0.97 at 0.34 s"; exit status 0 from THRESHOLD (0.8) on,
 * else 1; 2 after an error.
 */

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RATE = 8000,
	LAG_MAX = 10 * RATE,
	WINDOW = RATE / 2,
	SLIP = RATE / 5, /* of one window, either way */
	COARSE = 4,
	LENGTH_MAX = 600 * RATE,
};

static const double LOUD = 30.0; /* RMS below which a signal is silence */
static const double SHARE_MIN = 0.5;

struct sound {
	float *v;
	long n;
};

struct match {
	double correlation;
	long lag; /* of what was heard behind what was said, in samples */
};

static uint32_t le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static int sound_alloc(struct sound *s, long n)
{
	s->v = calloc(n > 0 ? (size_t)n : 1, sizeof(*s->v));
	s->n = s->v ? n : 0;
	return s->v ? 0 : -ENOMEM;
}

/* The samples of a data chunk; a recording cut short (or not closed yet) has
 * fewer than its header says. */
static int read_samples(struct sound *s, FILE *f, uint32_t bytes)
{
	uint8_t b[2];
	long max = bytes / 2 < LENGTH_MAX ? (long)(bytes / 2) : LENGTH_MAX;
	int err = sound_alloc(s, max);

	if (err)
		return err;
	for (s->n = 0; s->n < max && fread(b, 2, 1, f) == 1; s->n++)
		s->v[s->n] = (int16_t)le16(b);
	return 0;
}

/* -EINVAL where the file is not WAV, 16 bit, 8 kHz, mono. */
static int read_wav(struct sound *s, FILE *f)
{
	uint8_t head[12], chunk[8], fmt[16];
	bool known = false;

	if (fread(head, sizeof(head), 1, f) != 1 || memcmp(head, "RIFF", 4) ||
	    memcmp(head + 8, "WAVE", 4))
		return -EINVAL;
	while (fread(chunk, sizeof(chunk), 1, f) == 1) {
		uint32_t len = le32(chunk + 4);

		if (!memcmp(chunk, "data", 4))
			return known ? read_samples(s, f, len) : -EINVAL;
		if (!memcmp(chunk, "fmt ", 4)) {
			if (len < sizeof(fmt) ||
			    fread(fmt, sizeof(fmt), 1, f) != 1)
				return -EINVAL;
			if (le16(fmt + 2) != 1 || le32(fmt + 4) != RATE ||
			    le16(fmt + 14) != 16)
				return -EINVAL;
			known = true;
			len -= sizeof(fmt);
		}
		if (fseek(f, (long)len + (len & 1), SEEK_CUR))
			return -EINVAL;
	}
	return -EINVAL;
}

static int sound_load(struct sound *s, const char *path)
{
	FILE *f = fopen(path, "rb");
	int err;

	if (!f) {
		fprintf(stderr, "heard: %s: %s\n", path, strerror(errno));
		return -errno;
	}
	err = read_wav(s, f);
	fclose(f);
	if (err)
		fprintf(stderr,
			"heard: %s: not a WAV file of 16 bit, 8 kHz, mono: "
			"convert it with sox\n",
			path);
	return err;
}

/* A quarter of the rate, by the mean of each four samples. */
static int sound_coarse(struct sound *out, const struct sound *s)
{
	int err = sound_alloc(out, s->n / COARSE);

	for (long i = 0; i < out->n; i++)
		for (int k = 0; k < COARSE; k++)
			out->v[i] += s->v[i * COARSE + k] / COARSE;
	return err;
}

static double dot(const float *a, const float *b, long n)
{
	float sum[8] = {0};
	double total = 0;
	long i;

	for (i = 0; i + 8 <= n; i += 8)
		for (int k = 0; k < 8; k++)
			sum[k] += a[i + k] * b[i + k];
	for (int k = 0; k < 8; k++)
		total += sum[k];
	for (; i < n; i++)
		total += a[i] * b[i];
	return total;
}

static double energy(const float *v, long n)
{
	return dot(v, v, n);
}

/* Of said[from, from + n) with what was heard `lag` later; 0 where either is
 * silence or the window is not wholly within what was heard. */
static double correlation(const struct sound *said, const struct sound *heard,
			  long from, long n, long lag)
{
	const float *a = said->v + from;
	const float *b = heard->v + from + lag;
	double silence = LOUD * LOUD * (double)n;
	double ea, eb;

	if (from + lag < 0 || from + lag + n > heard->n)
		return 0;
	ea = energy(a, n);
	eb = energy(b, n);
	if (ea < silence || eb < silence)
		return 0;
	return dot(a, b, n) / sqrt(ea * eb);
}

/* The lag at which the two, as a whole, have most in common. */
static long coarse_lag(const struct sound *said, const struct sound *heard)
{
	double best = 0;
	long found = 0;

	for (long lag = -LAG_MAX / COARSE; lag <= LAG_MAX / COARSE; lag++) {
		long from = lag < 0 ? -lag : 0;
		long end = heard->n - lag < said->n ? heard->n - lag : said->n;
		double c;

		if (end <= from)
			continue;
		c = dot(said->v + from, heard->v + from + lag, end - from);
		if (c > best) {
			best = c;
			found = lag;
		}
	}
	return found * COARSE;
}

/* One window: at the quarter rate where it fits best near `lag`, then there
 * at the full rate. */
static struct match best_window(const struct sound said[2],
				const struct sound heard[2], long from,
				long lag)
{
	struct match best = {0, lag};
	double rough = 0;
	long near = lag;

	for (long l = lag - SLIP; l <= lag + SLIP; l += COARSE) {
		double c = correlation(&said[1], &heard[1], from / COARSE,
				       WINDOW / COARSE, l / COARSE);

		if (c > rough) {
			rough = c;
			near = l;
		}
	}
	for (long l = near - 2 * COARSE; l <= near + 2 * COARSE; l++) {
		double c = correlation(&said[0], &heard[0], from, WINDOW, l);

		if (c > best.correlation)
			best = (struct match){c, l};
	}
	return best;
}

/* [0] is at the full rate, [1] at a quarter of it. */
static struct match compare(const struct sound said[2],
			    const struct sound heard[2])
{
	long lag = coarse_lag(&said[1], &heard[1]);
	struct match all = {0, lag};
	double sum = 0, within = 0, loudest = 0;
	double total = energy(said[0].v, said[0].n);

	for (long from = 0; from + WINDOW <= said[0].n; from += WINDOW) {
		double e = energy(said[0].v + from, WINDOW);
		struct match m;

		if (e < LOUD * LOUD * WINDOW || from + lag < 0 ||
		    from + lag + WINDOW > heard[0].n)
			continue;
		m = best_window(said, heard, from, lag);
		sum += m.correlation * e;
		within += e;
		if (m.correlation * e > loudest) {
			loudest = m.correlation * e;
			all.lag = m.lag;
		}
	}
	if (within > 0 && within >= SHARE_MIN * total)
		all.correlation = sum / within;
	return all;
}

static int load_both(struct sound s[2], const char *path)
{
	int err = sound_load(&s[0], path);

	if (!err)
		err = sound_coarse(&s[1], &s[0]);
	return err;
}

int main(int argc, char **argv)
{
	struct sound said[2] = {{0}}, heard[2] = {{0}};
	double threshold = argc == 4 ? strtod(argv[3], NULL) : 0.8;
	struct match m;
	int status = 2;

	if (argc < 3 || argc > 4 || !(threshold > 0 && threshold <= 1)) {
		fprintf(stderr,
			"usage: heard SAID.wav HEARD.wav [THRESHOLD 0-1]\n");
		return status;
	}
	if (load_both(said, argv[1]) || load_both(heard, argv[2]))
		goto out;
	m = compare(said, heard);
	printf("correlation %.2f at %.2f s\n", m.correlation,
	       (double)m.lag / RATE);
	status = m.correlation >= threshold ? 0 : 1;
out:
	for (int i = 0; i < 2; i++) {
		free(said[i].v);
		free(heard[i].v);
	}
	return status;
}
