#ifndef PROXYD_CONDUCT_H
#define PROXYD_CONDUCT_H

#include "proxyd/loops.h"

/*
 * What RFC 3261 16.3 has a proxy look at before it does anything for a request.
 * Pure: a decision about the message as it came.
 */
enum { CONDUCT_VIAS_MAX = 70, CONDUCT_ROUTES_MAX = 30 };

struct conduct {
	int status;         /* what to answer; 0: go on */
	const char *phrase; /* NULL: the standard one */
	unsigned breadth;   /* Max-Breadth of what is sent on */
	uint32_t print;     /* for the branch of what is sent on (loops.h) */
	bool spiral;        /* it has been here before, another then */
};

/* `ours` tells this proxy's ends. 400 for more Vias or Routes than any path
 * has, 483 at Max-Forwards 0 (200 to an OPTIONS, which asks who is there: 11),
 * 482 for a loop or our own Via on top that is seen at an address of ours, 440
 * at Max-Breadth 0 (RFC 5393). */
void conduct_judge(struct conduct *c, const sip_t *req, loops_ours_h *ours,
		   const void *arg);

/* A hop less (16.6 step 3), or 70 where none was said. 0 or -ENOMEM. */
int conduct_count_hop(msg_t *msg);

#endif
