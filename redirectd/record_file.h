#ifndef REDIRECTD_RECORD_FILE_H
#define REDIRECTD_RECORD_FILE_H

#include <jansson.h>
#include <stdio.h>

#include "common/conf.h"

/*
 * A file of records (record.h), one a line, that moves a directory from store
 * to store. Its first line names format and version, its last is {"end":true},
 * so that one that was cut off is not taken for a whole one:
 *
 *   {"format":"pinhole-directory","version":1}
 *   {"user":"alice@a",…}
 *   {"end":true}
 */
int record_file_begin(FILE *f); /* 0 or -errno, as the next two */
int record_file_end(FILE *f);   /* flushes */

/* Takes over the reference; NULL is -ENOMEM. */
int record_file_add(FILE *f, json_t *record);

/* One record of a file. Non-zero stops, with a line in err. */
typedef int record_file_h(json_t *record, unsigned long line, void *arg,
			  char err[CONF_ERRLEN]);

/*
 * Call fn for each record of a file, which is read line by line. 0; -EBADMSG,
 * -errno with a line in err that says where, or what fn returned.
 */
int record_file_read(FILE *f, record_file_h *fn, void *arg,
		     char err[CONF_ERRLEN]);

#endif
