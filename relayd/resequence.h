#ifndef RELAYD_RESEQUENCE_H
#define RELAYD_RESEQUENCE_H

#include <stdint.h>
#include <uv.h>

#include "relayd/learn.h"
#include "relayd/reorder.h"

struct relayd_counters;

/*
 * The RTP of one stream, put in order (004 steps 178-198): a buffer for each
 * direction (reorder.h), and the timer that gives up what is missing.
 */
struct resequence;

/* Before anything is given up: what has come, but was not looked at yet, is
 * handed to resequence_packet(). */
typedef void resequence_look_h(void *arg);

/* A packet of this side leaves. */
typedef void resequence_out_h(enum learn_side from, const uint8_t *data,
			      size_t len, void *arg);

struct resequence_config {
	uv_loop_t *loop;
	uint32_t wait_ms; /* how long a missing packet is waited for */
	struct relayd_counters *counters;
	resequence_look_h *look;
	resequence_out_h *out;
	void *arg;
};

/* 0 or -ENOMEM. */
int resequence_open(struct resequence **rp,
		    const struct resequence_config *cfg);

/* What is held is dropped; `out` is not called any more. NULL is fine. */
void resequence_close(struct resequence *r);

/* A packet of this side came. */
void resequence_packet(struct resequence *r, enum learn_side from,
		       const struct reorder_packet *p);

/* All that is held leaves, in order: nobody will be here to let it go. */
void resequence_flush(struct resequence *r);

uint32_t resequence_wait(const struct resequence *r); /* ms */
const struct reorder_counts *resequence_counts(const struct resequence *r,
					       enum learn_side from);

#endif
