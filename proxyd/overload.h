#ifndef PROXYD_OVERLOAD_H
#define PROXYD_OVERLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sipmsg.h"

/*
 * What is let in when there is more than this proxy can do (RFC 3261 21.5.4):
 * new calls are refused first, then whatever else is outside a dialog, then
 * requests within one, and never what ends something. Pure: load and clock are
 * passed in.
 */
enum overload_class {
	OVERLOAD_CALL,    /* an initial INVITE */
	OVERLOAD_OUTSIDE, /* any other request outside a dialog */
	OVERLOAD_DIALOG,  /* a request within one */
	OVERLOAD_END,     /* ACK, BYE, CANCEL, PRACK; and all responses */
};

struct overload_load {
	uint32_t lag_ms;   /* how long what is served now has waited here */
	unsigned busy;     /* 0-1000: share of the time the loop did not wait */
	unsigned fullness; /* 0-1000: of the fullest table, or of the memory */
};

/* All zero is a proxy at rest. */
struct overload {
	uint64_t at;        /* of the last look */
	unsigned refused;   /* 0-1000: share of new calls not let in */
	unsigned carried;   /* what rounding has left, 0-999 */
	unsigned saturated; /* looks in a row that found the loop busy */
	unsigned fullness;
};

enum {
	OVERLOAD_LOOK_MS = 100,
	OVERLOAD_LAG_MS = 200, /* from here on there is too much */
	OVERLOAD_BUSY = 990,
	OVERLOAD_BUSY_LOOKS = 10, /* for so many looks */
};

/* Whether it is time for another look. */
bool overload_due(const struct overload *o, uint64_t now);

/* The load as found at `now`: refuse more, or fewer. */
void overload_look(struct overload *o, uint64_t now,
		   const struct overload_load *load);

/* Which class a message is of. */
enum overload_class overload_class_of(const sip_t *sip);

/* Whether the next message of a class is let in. Of those of a class that is
 * refused in part every so many-th is, and no chance is in it. */
bool overload_admits(struct overload *o, enum overload_class c);

/* 0-1000; a `max` of 0 is never full. */
unsigned overload_fullness(uint64_t used, uint64_t max);

#endif
