#ifndef RELAYD_RTCP_H
#define RELAYD_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Sender and receiver reports (RFC 3550 6.4), and the round trip between the
 * relay and a phone. The relay writes no RTCP of its own: a sender report of
 * one side that it passed on is what the other side's DLSR counts from.
 */
enum { RTCP_BLOCKS_MAX = 31, RTCP_SENT_MAX = 4 };

/* A report block; host order. */
struct rtcp_block {
	uint32_t ssrc;    /* whose packets it is about */
	uint8_t fraction; /* lost since the last report, of 256 */
	int32_t lost;     /* in all; negative where there were duplicates */
	uint32_t highest; /* extended sequence number */
	uint32_t jitter;  /* clock units */
	uint32_t lsr;     /* middle 32 bits of the NTP time of the last SR */
	uint32_t dlsr;    /* delay since that, 1/65536 s */
};

struct rtcp_compound {
	bool has_sr;
	uint32_t sr_time; /* middle 32 bits of its NTP time */
	size_t n;
	struct rtcp_block blocks[RTCP_BLOCKS_MAX];
};

/*
 * Read a datagram. Every packet in it must be RTCP and their lengths must add
 * up; the first must be a report (A.2): 0, else -EBADMSG. Further blocks than
 * RTCP_BLOCKS_MAX and sender reports than one are left out.
 */
int rtcp_parse(struct rtcp_compound *out, const uint8_t *data, size_t len);

/* The last sender reports that were passed on to one side. */
struct rtcp_sent {
	unsigned next;
	struct {
		uint32_t time; /* as sr_time; 0: none */
		uint64_t at_us;
	} last[RTCP_SENT_MAX];
};

void rtcp_sent(struct rtcp_sent *s, uint32_t sr_time, uint64_t now_us);

/* The round trip that a block from that side tells. 0, -ENOENT (its LSR is
 * none of the last), -ERANGE (negative, or over 10 s: a clock is wrong). */
int rtcp_round_trip(uint32_t *us, const struct rtcp_sent *s,
		    const struct rtcp_block *b, uint64_t now_us);

#endif
