#ifndef RELAYD_LOAD_H
#define RELAYD_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* What all workers together carry; any thread may look at it. */
struct load {
	atomic_size_t sessions;
	atomic_size_t streams;
	atomic_bool draining; /* no new sessions from here on */
};

#endif
