#include <time.h>

#include "redirectd/clock.h"

uint64_t dir_clock_wall_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void dir_clock_init(struct dir_clock *c, uv_loop_t *loop)
{
	uv_update_time(loop);
	c->loop = loop;
	c->base = dir_clock_wall_us() / 1000 - uv_now(loop);
}

dir_time dir_clock_now(const struct dir_clock *c)
{
	return c->base + uv_now(c->loop);
}
