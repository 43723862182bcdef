#include <math.h>
#include <string.h>

#include "common/sdp.h"
#include "relayd/figures.h"
#include "relayd/learn.h"
#include "tests/fuzz/fuzz.h"

/*
 * What a media packet is taken for, and what the figures make of it: as the
 * relay does, learn_read() and then figures of RTP, of RTCP, or none. The input
 * is a session description up to the first NUL, said by both sides, and then
 * datagrams, each behind a byte of flags (1: from the second side, 2: on the
 * RTCP port, 4: 32 s later, else 20 ms) and a byte of its length.
 */
enum { HEAD = 2, RTP_HEADER = 12, RTCP_HEADER = 8, LATER_US = 32000000 };

static void check_facts(const struct learn_facts *f, const uint8_t *data,
			size_t len)
{
	bool v2 = len > 0 && data[0] >> 6 == 2;

	MUST(!(f->is_rtp && f->is_rtcp));
	MUST(!f->is_rtp || (v2 && len >= RTP_HEADER));
	MUST(!f->is_rtcp || (v2 && len >= RTCP_HEADER));
	MUST(f->is_rtp || f->seq == 0);
	MUST(f->is_rtp || f->is_rtcp || f->ssrc == 0);
	/* STUN, DTLS, ZRTP, TURN (RFC 7983) are neither */
	MUST(v2 || (!f->is_rtp && !f->is_rtcp));
}

static void check_figures(const struct figures *f)
{
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		struct figures_line l;

		figures_read(&l, f, (enum learn_side)i);
		MUST(l.heard.received <= l.heard.expected);
		MUST(l.heard.lost == l.heard.expected - l.heard.received);
		MUST(isfinite(l.mos) && l.mos >= 0 && l.mos <= 5);
		MUST(l.reported_fraction >= 0 && l.reported_fraction <= 1);
		MUST(!l.has_round_trip ||
		     (isfinite(l.round_trip_ms) && l.round_trip_ms >= 0));
	}
}

/* The description, and where the datagrams begin. */
static size_t describe(struct figures *f, const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, 0, size);
	size_t len = nul ? (size_t)(nul - data) : size;
	static struct sdp sdp;

	if (!sdp_parse(&sdp, (const char *)data, len)) {
		for (unsigned i = 0; sdp.n && i < LEARN_SIDES; i++)
			figures_signal(f, (enum learn_side)i, &sdp.media[0]);
	}
	return len + (nul != NULL);
}

/* In a block of its own size, for a checker to guard its end. */
static void packet(struct figures *f, const uint8_t *data, size_t len,
		   unsigned flags, uint64_t now_us)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct learn_facts facts = {0};
	const struct figures_packet p = {
		.from = (enum learn_side)(flags & 1),
		.data = copy,
		.len = len,
		.sent = true,
		.time_us = now_us,
	};

	MUST(copy);
	memcpy(copy, data, len);
	learn_read(&facts, copy, len);
	check_facts(&facts, copy, len);
	if (facts.is_rtp && !(flags & 2))
		figures_rtp(f, &p);
	else if (!facts.is_rtp)
		figures_rtcp(f, &p);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct figures f;
	uint64_t now_us = 1000000;
	size_t at;

	memset(&f, 0, sizeof(f));
	at = describe(&f, data, size);
	while (at + HEAD <= size) {
		unsigned flags = data[at];
		size_t len = data[at + 1];

		at += HEAD;
		if (len > size - at)
			len = size - at;
		now_us += flags & 4 ? LATER_US : 20000;
		packet(&f, data + at, len, flags, now_us);
		at += len;
	}
	check_figures(&f);
	return 0;
}
