#ifndef RELAYD_QUALITY_H
#define RELAYD_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How well one side's RTP reaches the relay: sequence numbers by RFC 3550 A.1,
 * loss by A.3, jitter by A.8. No socket and no clock: facts of one packet go
 * in, figures come out. All zero is a stream not heard yet.
 */
enum {
	/* a step forward of so many is still loss, not a restart (A.1) */
	QUALITY_MAX_DROPOUT = 3000,
	/* so late is still a packet of this sequence (A.1) */
	QUALITY_MAX_MISORDER = 100,
	/* transit time that leaps by more is another clock, not jitter */
	QUALITY_LEAP_S = 5,
	QUALITY_WINDOW_WORDS = 2,
};

/* One RTP packet, host order. */
struct quality_packet {
	uint64_t arrival_us; /* of a monotonic clock */
	uint32_t ssrc;
	uint32_t timestamp;
	/* Hz; 0 where the packet says nothing of the timing: clock unknown,
	 * telephone-event, comfort noise */
	uint32_t rate;
	uint16_t seq;
};

struct quality {
	/* which of the last 128 sequence numbers came; bit 0 is `max` */
	uint64_t window[QUALITY_WINDOW_WORDS];
	/* of sequences that ended by a restart or another SSRC */
	uint64_t past_expected, past_received;
	uint64_t duplicates, reordered, strays;
	uint64_t jitter_sum, jitter_samples; /* of `jitter` after each packet */
	uint32_t received;                   /* each number once */
	uint32_t base, max; /* extended, beginning in the second cycle */
	uint32_t ssrc;
	uint32_t restarts, sources;
	uint32_t candidate_ssrc;
	uint16_t candidate_seq;
	bool begun, candidate;
	/* timing, in clock units; jitter is scaled by 16 as in A.8 */
	bool timed;
	uint32_t rate, transit, timestamp, jitter, jitter_max;
};

/* What they add up to. */
struct quality_figures {
	uint64_t expected;   /* sequence numbers from first to highest */
	uint64_t received;   /* of these */
	uint64_t lost;       /* the others: on the way to the relay */
	uint64_t duplicates; /* came before */
	uint64_t reordered;  /* came behind a higher number; not lost */
	uint64_t strays;     /* out of every sequence: counted, else ignored */
	uint32_t restarts;   /* a sequence began anew under its SSRC */
	uint32_t sources;    /* SSRCs that took over, the first included */
	bool timed;          /* whether there is any jitter measured */
	uint64_t jitter_us;  /* at the last packet (RFC 3550 6.4.1) */
	uint64_t jitter_mean_us;
	uint64_t jitter_max_us;
};

/*
 * Another SSRC, or a number far from the last, takes over with the second
 * packet in sequence and nothing of the old in between; until then it is a
 * stray. Jitter is measured once per timestamp, as video has many packets of
 * one.
 */
void quality_packet(struct quality *q, const struct quality_packet *p);

/*
 * `n` packets went past, the last under this SSRC, with `seq` the highest
 * number: expected and lost are known from that, duplicates and order are not.
 * A duplicate among them hides a loss.
 */
void quality_passed(struct quality *q, uint32_t ssrc, uint16_t seq, uint32_t n);

/* Of the present sequence alone. */
uint32_t quality_expected(const struct quality *q);

void quality_figures(struct quality_figures *out, const struct quality *q);

#endif
