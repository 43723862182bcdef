#ifndef PROXYD_DOCTOR_CALL_H
#define PROXYD_DOCTOR_CALL_H

#include "common/addr.h"
#include "common/findings.h"

/* What became of a call that a doctor has led through a relay, from one socket
 * of its own to another. */
enum { DOCTOR_SIDES = 2 };

struct doctor_call {
	struct addr self;  /* the sockets' address */
	struct addr relay; /* as asked */
	struct addr named; /* where the media is to be sent to, by its SDP */
	/* By the other socket: from where it heard what, and how much. */
	struct addr from[DOCTOR_SIDES];
	unsigned heard[DOCTOR_SIDES];
	/* What the relay says has reached it of each; -1: it did not say. */
	long arrived[DOCTOR_SIDES];
};

/*
 * What is wrong with it: pure. Where both ends of the call are on the inside of
 * the address that the relay names, what does not come through is a warning.
 */
void doctor_call_judge(struct findings *f, const struct doctor_call *c);

/* Whether phones on the internet can send to what it names, where `self`, as
 * which this proxy is known, says that there are some: pure. */
void doctor_call_judge_name(struct findings *f, const struct addr *relay,
			    const struct addr *named, const struct addr *self);

#endif
