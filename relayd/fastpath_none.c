#ifndef FASTPATH_OBJECT /* else: fastpath.c */

#include <errno.h>
#include <stdio.h>

#include "relayd/fastpath.h"
#include "relayd/fastpath_user.h"

int fastpath_open(struct fastpath **fp, const struct fastpath_config *cfg,
		  char why[FASTPATH_WHY])
{
	(void)fp;
	(void)cfg;
	snprintf(why, FASTPATH_WHY, "built without libbpf");
	return -ENOTSUP;
}

/* There never is a fast path that these could be asked about. */
void fastpath_close(struct fastpath *fp, bool keep)
{
	(void)fp;
	(void)keep;
}

size_t fastpath_sweep(struct fastpath *fp)
{
	(void)fp;
	return 0;
}

void fastpath_yield(struct fastpath *fp)
{
	(void)fp;
}

int fastpath_resume(struct fastpath *fp)
{
	(void)fp;
	return -ENOTSUP;
}

void fastpath_beat(struct fastpath *fp)
{
	(void)fp;
}

size_t fastpath_flows(const struct fastpath *fp)
{
	(void)fp;
	return 0;
}

int fastpath_user_open(struct fastpath_user **up, struct fastpath *fp)
{
	(void)up;
	(void)fp;
	return -ENOTSUP;
}

void fastpath_user_close(struct fastpath_user *u)
{
	(void)u;
}

uint32_t fastpath_user_slot(const struct fastpath_user *u, uint16_t port,
			    enum learn_side from)
{
	(void)u;
	(void)port;
	return from;
}

int fastpath_user_put(struct fastpath_user *u, uint32_t slot,
		      const struct fastflow *f)
{
	(void)u;
	(void)slot;
	(void)f;
	return -ENOTSUP;
}

void fastpath_user_del(struct fastpath_user *u, uint32_t slot)
{
	(void)u;
	(void)slot;
}

bool fastpath_user_has(const struct fastpath_user *u, uint32_t slot)
{
	(void)u;
	(void)slot;
	return false;
}

bool fastpath_user_orphan(struct fastflow *out, const struct fastpath_user *u,
			  uint32_t slot)
{
	(void)out;
	(void)u;
	(void)slot;
	return false;
}

void fastpath_user_done(struct fastpath_user *u, uint32_t slot,
			const struct fastpath_done *d)
{
	(void)u;
	(void)slot;
	(void)d;
}

void fastpath_user_read(struct fastpath_count *out,
			const struct fastpath_user *u, uint32_t slot)
{
	(void)u;
	(void)slot;
	*out = (struct fastpath_count){0};
}

void fastpath_user_heard(struct quality *out, const struct fastpath_user *u,
			 uint32_t slot)
{
	(void)u;
	(void)slot;
	*out = (struct quality){0};
}

bool fastpath_user_tick(struct fastpath_user *u)
{
	(void)u;
	return false;
}

#endif
