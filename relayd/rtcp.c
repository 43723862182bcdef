#include <errno.h>
#include <string.h>

#include "relayd/rtcp.h"

enum {
	/* RFC 5761 4 */
	TYPE_MIN = 192,
	TYPE_MAX = 223,
	TYPE_SR = 200,
	TYPE_RR = 201,
	VERSION = 2,
	HEADER = 4,
	RR_FIXED = 8,
	SR_FIXED = 28,
	SR_NTP_MIDDLE = 10,
	BLOCK = 24,
	/* what a phone's coarse clock may make a round trip too short */
	SLACK_US = 1000,
	ROUND_TRIP_MAX_US = 10000000,
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void read_block(struct rtcp_block *b, const uint8_t *p)
{
	uint32_t lost = get32(p + 4) & 0xffffff;

	b->ssrc = get32(p);
	b->fraction = p[4];
	b->lost = (int32_t)lost - (lost & 0x800000 ? 0x1000000 : 0);
	b->highest = get32(p + 8);
	b->jitter = get32(p + 12);
	b->lsr = get32(p + 16);
	b->dlsr = get32(p + 20);
}

/* One packet of `len` bytes, which its header vouches for. */
static int read_packet(struct rtcp_compound *out, const uint8_t *p, size_t len)
{
	size_t fixed = p[1] == TYPE_SR ? SR_FIXED : RR_FIXED, n = p[0] & 0x1f;

	if (p[1] != TYPE_SR && p[1] != TYPE_RR)
		return 0;
	if (len < fixed + n * BLOCK)
		return -EBADMSG;
	if (p[1] == TYPE_SR && !out->has_sr) {
		out->has_sr = true;
		out->sr_time = get32(p + SR_NTP_MIDDLE);
	}
	for (size_t i = 0; i < n && out->n < RTCP_BLOCKS_MAX; i++)
		read_block(&out->blocks[out->n++], p + fixed + i * BLOCK);
	return 0;
}

int rtcp_parse(struct rtcp_compound *out, const uint8_t *data, size_t len)
{
	size_t at = 0, size;

	memset(out, 0, sizeof(*out));
	if (len < RR_FIXED || (data[1] != TYPE_SR && data[1] != TYPE_RR))
		return -EBADMSG;
	for (; at < len; at += size) {
		const uint8_t *p = data + at;

		if (len - at < HEADER || p[0] >> 6 != VERSION ||
		    p[1] < TYPE_MIN || p[1] > TYPE_MAX)
			return -EBADMSG;
		size = ((size_t)(p[2] << 8 | p[3]) + 1) * 4;
		/* only the last may be padded */
		if (size > len - at || (p[0] & 0x20 && size != len - at) ||
		    read_packet(out, p, size))
			return -EBADMSG;
	}
	return 0;
}

void rtcp_sent(struct rtcp_sent *s, uint32_t sr_time, uint64_t now_us)
{
	s->last[s->next].time = sr_time;
	s->last[s->next].at_us = now_us;
	s->next = (s->next + 1) % RTCP_SENT_MAX;
}

int rtcp_round_trip(uint32_t *us, const struct rtcp_sent *s,
		    const struct rtcp_block *b, uint64_t now_us)
{
	uint64_t delay = (uint64_t)b->dlsr * 1000000 >> 16, passed;

	for (unsigned i = 1; b->lsr && i <= RTCP_SENT_MAX; i++) {
		unsigned k = (s->next + RTCP_SENT_MAX - i) % RTCP_SENT_MAX;

		if (s->last[k].time != b->lsr)
			continue;
		passed = now_us - s->last[k].at_us;
		if (delay > passed + SLACK_US ||
		    passed > delay + ROUND_TRIP_MAX_US)
			return -ERANGE;
		*us = (uint32_t)(passed > delay ? passed - delay : 0);
		return 0;
	}
	return -ENOENT;
}
