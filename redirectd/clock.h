#ifndef REDIRECTD_CLOCK_H
#define REDIRECTD_CLOCK_H

#include <uv.h>

#include "redirectd/binding.h"

/* Where directory time (binding.h) comes from: the edge, for everybody. */
struct dir_clock {
	uv_loop_t *loop;
	uint64_t base;
};

/* Begin: from here on the wall clock may jump as it likes. */
void dir_clock_init(struct dir_clock *c, uv_loop_t *loop);
dir_time dir_clock_now(const struct dir_clock *c);

/* The wall clock as it is now, microseconds since 1970, for the trace. */
uint64_t dir_clock_wall_us(void);

#endif
