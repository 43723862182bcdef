#ifndef RELAYD_FIGURES_H
#define RELAYD_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sdp.h"
#include "relayd/learn.h"
#include "relayd/payload.h"
#include "relayd/quality.h"
#include "relayd/rtcp.h"

struct relayd_counters;

/*
 * The figures of one media line: what the relay measures of the RTP of each
 * side, and what the sides report by RTCP. Both are kept apart. No socket and
 * no clock. All zero is a line not heard yet.
 */
enum {
	FIGURES_MOS_MIN = 50, /* packets, below which there is no MOS */
	/* how far a report may be behind the packets relayed */
	FIGURES_REPORT_BEHIND = 16384,
};

struct figures_side {
	struct payload_table said;  /* by its SDP: what it wants to receive */
	struct payload last, codec; /* of its last packet, last media packet */
	bool known;                 /* `last` is up to date */
	bool has_codec;
	struct quality heard; /* its RTP as it reaches the relay */
	/* What the other side reports of it. */
	bool reported;
	struct rtcp_block report;
	/* Between the relay and this side. */
	struct rtcp_sent sent;
	bool has_round_trip;
	uint32_t round_trip_us;
};

struct figures {
	bool secure; /* SRTP: its RTCP cannot be read */
	struct figures_side side[LEARN_SIDES];
};

/* One packet of a known source. */
struct figures_packet {
	enum learn_side from;
	const uint8_t *data;
	size_t len;
	bool sent;        /* and not dropped */
	uint64_t time_us; /* of its arrival, monotonic */
};

/* What the SDP of one side says. */
void figures_signal(struct figures *f, enum learn_side side,
		    const struct sdp_media *m);

void figures_rtp(struct figures *f, const struct figures_packet *p);

/* What the kernel made of what it went on from (figures_heard). */
void figures_passed(struct figures *f, enum learn_side from,
		    const struct quality *heard);

const struct quality *figures_heard(const struct figures *f,
				    enum learn_side from);

/* Hz, of packets of this type from this side; 0: they are not timed. */
uint32_t figures_rate(struct figures *f, enum learn_side from, uint8_t type);

/* Anything else, on either port: is read where it is RTCP. A report counts
 * only where it fits the packets that the relay saw, so that garbage and
 * SRTCP give none. */
void figures_rtcp(struct figures *f, const struct figures_packet *p);

/* What was heard of one side. */
struct figures_line {
	struct quality_figures heard;
	const char *codec; /* NULL: unknown */
	bool reported;
	int32_t reported_lost;
	double reported_fraction;  /* 0 to 1, of the last interval */
	double reported_jitter_ms; /* negative: in units of an unknown clock */
	bool has_round_trip;
	double round_trip_ms;
	/*
	 * 0: none. As the other side hears it: loss is the worse of what was
	 * measured and reported, delay half the round trips known, jitter the
	 * mean one.
	 */
	double mos;
};

void figures_read(struct figures_line *out, const struct figures *f,
		  enum learn_side side);

/* A line has ended: add it to the sums. */
void figures_count(struct relayd_counters *c, const struct figures *f);

#endif
