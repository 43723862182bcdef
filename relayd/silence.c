#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "relayd/silence.h"

enum { CN_TYPE = 13, CN_TYPE_OLD = 19, PAYLOAD_TYPES = 128 }; /* RFC 3551 6 */

/* The number at *p, and past it; any that is too long is none of these. */
static unsigned read_type(const char **p)
{
	unsigned type = 0;

	for (; isdigit((unsigned char)**p); ++*p)
		if (type < PAYLOAD_TYPES)
			type = type * 10 + (unsigned)(**p - '0');
	return type;
}

static bool has_comfort_noise(const struct sdp_media *m)
{
	const char *p = m->fmt;

	for (size_t i = 0; i < m->nrtpmap; i++)
		if (!strcasecmp(m->rtpmap[i].name, "CN"))
			return true;
	while (*p) {
		unsigned type = read_type(&p);

		if (type == CN_TYPE || type == CN_TYPE_OLD)
			return true;
		while (*p && !isdigit((unsigned char)*p))
			p++;
	}
	return false;
}

static bool is_open(const struct sdp_media *m)
{
	return m->port && !m->sendonly && !m->recvonly && !m->inactive &&
	       strstr(m->proto, "RTP/") && !sdp_is_held(m);
}

void silence_signal(struct silence *s, enum learn_side side,
		    const struct sdp *sdp, uint64_t now)
{
	s->talks[side] = s->open[side] = 0;
	for (size_t i = 0; i < sdp->n; i++) {
		const struct sdp_media *m = &sdp->media[i];
		uint16_t bit = is_open(m) ? (uint16_t)(1U << i) : 0;

		s->open[side] |= bit;
		s->talks[side] |= has_comfort_noise(m) ? 0 : bit;
	}
	silence_again(s, now);
}

void silence_again(struct silence *s, uint64_t now)
{
	s->since = now;
	s->told = false;
}

static bool counts(const struct silence *s)
{
	return !s->told && (s->talks[LEARN_FIRST] & s->talks[LEARN_SECOND]);
}

bool silence_is_open(const struct silence *s)
{
	return (s->open[LEARN_FIRST] & s->open[LEARN_SECOND]) != 0;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t silence_due(const struct silence *s, const uint64_t last[LEARN_SIDES],
		     const struct silence_limits *lim)
{
	uint64_t first = later(s->since, last[LEARN_FIRST]);
	uint64_t second = later(s->since, last[LEARN_SECOND]);
	uint64_t due = UINT64_MAX;

	if (!counts(s))
		return due;
	if (lim->both_ms)
		due = later(first, second) + lim->both_ms;
	if (lim->side_ms)
		due = earlier(due, earlier(first, second) + lim->side_ms);
	return due;
}

enum silence_verdict silence_judge(const struct silence *s,
				   const uint64_t last[LEARN_SIDES],
				   const struct silence_limits *lim,
				   uint64_t now)
{
	uint64_t first = later(s->since, last[LEARN_FIRST]);
	uint64_t second = later(s->since, last[LEARN_SECOND]);

	if (!counts(s))
		return SILENCE_NONE;
	if (lim->both_ms && now >= later(first, second) + lim->both_ms)
		return SILENCE_BOTH;
	if (!lim->side_ms)
		return SILENCE_NONE;
	if (now >= first + lim->side_ms)
		return SILENCE_FIRST;
	return now >= second + lim->side_ms ? SILENCE_SECOND : SILENCE_NONE;
}
