#ifndef COMMON_LISTING_H
#define COMMON_LISTING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What a command lists, on stdout and row by row: columns under a heading for
 * people, or with --json one array, an object a line. The columns are as wide
 * as the first rows need, and where stdout is a terminal they are made to fit:
 * what is too long is cut, which a "~" at its end shows, and never wrapped.
 */
enum {
	LISTING_COLUMNS_MAX = 10,
	LISTING_LOOK = 1000, /* the rows that say how wide */
};

struct listing {
	const char *const *columns; /* "username"; also the members' names */
	size_t n;
	bool json;
	size_t rows;
	/* May be changed before the first row: */
	unsigned right; /* 1 << i: this one is a number */
	size_t room;    /* columns of the terminal; 0: no end */
	FILE *out;
	/* Its own: */
	size_t width[LISTING_COLUMNS_MAX];
	char **held; /* values of the first rows; NULL: printed */
	size_t nheld;
	bool headed;
};

/* `columns` is borrowed, `n` of them. */
void listing_begin(struct listing *l, const char *const *columns, size_t n,
		   bool json);

/* One value for each column, copied. 0; -ENOMEM, or -EILSEQ: not UTF-8, which
 * JSON cannot say. */
int listing_row(struct listing *l, const char *const *values);

/* What is still held is printed; also where a row has failed. */
void listing_end(struct listing *l);

/* How wide the terminal is that stdout leads to: as it says itself, else
 * $COLUMNS, else 80. 0: it is none. */
size_t listing_room(void);

/* Print one text of unknown origin, cut to `room` characters (0: no end): what
 * would move the cursor is a "?". Returns how many it took. */
size_t listing_text(FILE *out, const char *text, size_t room);

/* --json of an answer: as it is, indented, for programs and people. */
void listing_json(FILE *out, const json_t *answer);

/* How long something has lasted or will, as short as it gets: "12 s", "3 min",
 * "5 h", "2 d". Returns buf. */
enum { LISTING_AGE_LEN = 32 };
const char *listing_age(char buf[LISTING_AGE_LEN], int64_t ms);

#endif
