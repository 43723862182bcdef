#include "common/listing.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

enum { COLUMN_WIDTH = 30 };

static void print_row(const struct listing *l, const char *const *values)
{
	for (size_t i = 0; i + 1 < l->n; i++)
		printf("%-*s  ", COLUMN_WIDTH, values[i]);
	printf("%s\n", values[l->n - 1]);
}

static void print_heading(const struct listing *l)
{
	char text[LISTING_COLUMNS_MAX][COLUMN_WIDTH + 1] = {{0}};
	const char *values[LISTING_COLUMNS_MAX];

	for (size_t i = 0; i < l->n; i++) {
		const char *name = l->columns[i];

		for (size_t k = 0; k < COLUMN_WIDTH && name[k]; k++)
			text[i][k] = (char)toupper((unsigned char)name[k]);
		values[i] = text[i];
	}
	print_row(l, values);
}

void listing_begin(struct listing *l, const char *const *columns, size_t n,
		   bool json)
{
	*l = (struct listing){
		.columns = columns,
		.n = n < LISTING_COLUMNS_MAX ? n : LISTING_COLUMNS_MAX,
		.json = json,
	};
	if (json)
		printf("[");
	else
		print_heading(l);
}

static int print_object(const struct listing *l, const char *const *values)
{
	json_t *row = json_object();
	int err = row ? 0 : -ENOMEM;

	for (size_t i = 0; i < l->n && !err; i++)
		if (json_object_set_new(row, l->columns[i],
					json_string(values[i])))
			err = -EILSEQ;
	if (!err) {
		printf("%s\n", l->rows ? "," : "");
		err = json_dumpf(row, stdout, JSON_COMPACT) ? -EIO : 0;
	}
	json_decref(row);
	return err;
}

int listing_row(struct listing *l, const char *const *values)
{
	int err = 0;

	if (l->json)
		err = print_object(l, values);
	else
		print_row(l, values);
	l->rows += !err;
	return err;
}

void listing_end(const struct listing *l)
{
	if (l->json)
		printf("%s]\n", l->rows ? "\n" : "");
}
