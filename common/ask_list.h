#ifndef COMMON_ASK_LIST_H
#define COMMON_ASK_LIST_H

#include "common/ask.h"

/*
 * A long list of a daemon's, asked for page by page (paging.h), so that the
 * daemon goes on with its work in between.
 */
enum { ASK_LIST_MAX = 100000 }; /* entries; there may be more */

struct ask_list {
	struct ask ask;
	const char *rows; /* the member that is the list; NULL: it is all */
	const char *key;  /* of an entry that two pages may have; NULL: none */
	size_t max;       /* entries that are wanted; 0: ASK_LIST_MAX */
};

/* All entries, as an array to be released by the caller. *more: there are more
 * than that. 0, or as ask(). */
int ask_list(json_t **out, bool *more, const struct ask_list *q,
	     char err[CONF_ERRLEN]);

#endif
