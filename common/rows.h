#ifndef COMMON_ROWS_H
#define COMMON_ROWS_H

#include <jansson.h>
#include <stddef.h>

#include "common/ask_list.h"
#include "common/command.h"

/*
 * The commands that list what a daemon has: what its admin server answers, as a
 * table (listing.h) in which each column is a member of the entries, or with
 * --json as it is.
 */
enum rows_kind {
	ROWS_TEXT,
	ROWS_NUMBER,
	ROWS_AGE_MS,  /* milliseconds: "3 min" */
	ROWS_LEFT_MS, /* likewise; none left is "-" */
	ROWS_LEFT_S,
	ROWS_IF, /* the heading where it is true, else nothing */
};

/* A member that is not there, or null, is "-". */
struct rows_column {
	const char *name; /* the heading */
	const char *member;
	enum rows_kind kind;
};

/* `rows` is an array of objects; ROWS_IF columns that stand next to each other
 * share one with the heading "state". */
void rows_print(const json_t *rows, const struct rows_column *columns,
		size_t n);

/* By a member, numbers and texts in ascending order. Releases *rows and puts
 * another in its place; without memory they stay as they are. */
void rows_sort(json_t **rows, const char *member);

/* On stderr, where there are more than these. */
void rows_tell_more(const json_t *rows, bool more);

struct rows_command {
	struct ask_list list;
	const char *sort; /* by this member */
	const struct rows_column *columns;
	size_t n;
};

/* All of it, as run() of struct command, for one with --json. */
int rows_command(const struct rows_command *c, const struct command_args *args,
		 char err[CONF_ERRLEN]);

#endif
