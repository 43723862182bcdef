#ifndef COMMON_LISTING_H
#define COMMON_LISTING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What a command lists, on stdout and row by row: columns under a heading for
 * people, or with --json one array, an object a line.
 */
struct listing {
	const char *const *columns; /* "username"; also the members' names */
	size_t n;
	bool json;
	size_t rows;
};

enum { LISTING_COLUMNS_MAX = 8 };

/* `columns` is borrowed, `n` of them. */
void listing_begin(struct listing *l, const char *const *columns, size_t n,
		   bool json);

/* 0; -ENOMEM, or -EILSEQ: not UTF-8, which JSON cannot say. */
int listing_row(struct listing *l, const char *const *values);
void listing_end(const struct listing *l);

#endif
