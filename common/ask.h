#ifndef COMMON_ASK_H
#define COMMON_ASK_H

#include <jansson.h>
#include <stdbool.h>

#include "common/conf.h"

/*
 * What a command asks the daemon that runs with the same configuration, over
 * its admin HTTP (admin.h). It waits for the answer, seconds at most.
 */
struct ask {
	const char *http; /* the key "http"; a wildcard is asked at loopback */
	const char *path; /* "/api/sessions" */
	const char *arg, *value; /* "?call=..."; arg NULL: none */
	/* A page of a list (paging.h); limit 0: no word of it. */
	unsigned offset, limit;
	bool post; /* it changes something there */
};

/*
 * The answer, which the caller releases with json_decref(). 0; -ENOENT where
 * the daemon knows no such thing, -EAGAIN where it cannot say just now (503),
 * -ECONNREFUSED where none is there, or another negative errno; with a line in
 * err.
 */
int ask(json_t **out, const struct ask *q, char err[CONF_ERRLEN]);

/* Whether it is ready (/readyz): 0; -EAGAIN with its reason in err, or as
 * ask(). */
int ask_ready(const char *http, char err[CONF_ERRLEN]);

#endif
