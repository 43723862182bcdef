#ifndef COMMON_DOCTOR_HOST_H
#define COMMON_DOCTOR_HOST_H

#include <stdbool.h>

#include "common/channel.h"
#include "common/conf.h"
#include "common/findings.h"

/*
 * What doctors look at on this host, whichever daemon it is for.
 */
struct doctor_host {
	struct findings *f;
	const char *daemon; /* "proxyd" */
	const char *http;   /* where it is asked, if it runs */
	bool running;       /* it answers there */
	bool draining;      /* and takes no new calls, as it was told */
};

/* Begin: whether the daemon runs here, and is ready. */
void doctor_host_begin(struct doctor_host *h, struct findings *f,
		       const char *daemon, const char *http);

/* An address that the daemon listens at, as the key `listen` has it: it is one
 * of this host's, and the port is the daemon's or free. */
void doctor_host_listen(const struct doctor_host *h, const struct channel *at);

/* Whether it is an address of this host, whatever the port. */
bool doctor_host_has(const struct addr *a);

/* Whether the clock is kept in time by anything. */
void doctor_host_clock(const struct doctor_host *h);

/* Whether the admin HTTP, which tells who calls whom, can be asked from
 * elsewhere. */
void doctor_host_http(const struct doctor_host *h);

/* What a doctor finds; 0, or a negative errno where `listen` leads nowhere. */
typedef int doctor_examine_h(struct findings *f, const void *conf);

/* The whole command: examines, and prints the findings as JSON or for people.
 * 0, or -EINVAL with a line in err that says how many things would break
 * calls. */
int doctor_host_command(doctor_examine_h *examine, const void *conf, bool json,
			char err[CONF_ERRLEN]);

#endif
