#ifndef FASTPATH_OBJECT /* else: fastpath.c */

#include <errno.h>
#include <stdio.h>

#include "relayd/fastpath.h"

int fastpath_open(struct fastpath **fp, const struct fastpath_config *cfg,
		  char why[FASTPATH_WHY])
{
	(void)fp;
	(void)cfg;
	snprintf(why, FASTPATH_WHY, "built without libbpf");
	return -ENOTSUP;
}

/* There never is a fast path that these could be asked about. */
void fastpath_close(struct fastpath *fp)
{
	(void)fp;
}

uint32_t fastpath_slot(const struct fastpath *fp, uint16_t port,
		       enum learn_side from)
{
	(void)fp;
	(void)port;
	return from;
}

int fastpath_put(struct fastpath *fp, uint32_t slot, const struct fastflow *f,
		 uint32_t ssrc, uint16_t seq)
{
	(void)fp;
	(void)slot;
	(void)f;
	(void)ssrc;
	(void)seq;
	return -ENOTSUP;
}

void fastpath_del(struct fastpath *fp, uint32_t slot)
{
	(void)fp;
	(void)slot;
}

bool fastpath_has(const struct fastpath *fp, uint32_t slot)
{
	(void)fp;
	(void)slot;
	return false;
}

void fastpath_done(struct fastpath *fp, uint32_t slot, uint64_t mark)
{
	(void)fp;
	(void)slot;
	(void)mark;
}

void fastpath_read(struct fastpath_count *out, const struct fastpath *fp,
		   uint32_t slot)
{
	(void)fp;
	(void)slot;
	*out = (struct fastpath_count){0};
}

bool fastpath_tick(struct fastpath *fp)
{
	(void)fp;
	return false;
}

size_t fastpath_flows(const struct fastpath *fp)
{
	(void)fp;
	return 0;
}

#endif
