#ifndef REDIRECTD_IMPORT_H
#define REDIRECTD_IMPORT_H

#include <jansson.h>

#include "common/conf.h"

struct errand;
struct import;

/*
 * Records on their way into a store, many at a time. Each comes from a line of
 * a file; the first that fails has its line in err, and nothing more is begun.
 */
struct import_counts {
	size_t clients, bindings, users, aliases;
	size_t expired; /* bindings that had run out, left out */
};

/* `e` outlives it. 0 or -ENOMEM. */
int import_open(struct import **imp, struct errand *e);
void import_close(struct import *im); /* after errand_end(); NULL is fine */

/*
 * Take one record, that of `line`. The reference is kept where it has to be. A
 * user or an alias replaces that of the same id, a client all its bindings. 0;
 * or -EBADMSG (no record), or as store_put() and store_edit() give, with what
 * it was in err.
 */
int import_take(struct import *im, json_t *record, unsigned long line,
		char err[CONF_ERRLEN]);

/* Whether it could be taken: 0 or -EBADMSG, likewise. */
int import_check(json_t *record, unsigned long line, char err[CONF_ERRLEN]);

/* Wait until all are in. The same. */
int import_finish(struct import *im, char err[CONF_ERRLEN]);

struct import_counts import_counts(const struct import *im);

#endif
