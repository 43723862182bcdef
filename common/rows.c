#include "common/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/listing.h"

enum { NUMBER_LEN = 32, STATES_LEN = 96, MS_PER_S = 1000 };

static void spell_number(char buf[NUMBER_LEN], const json_t *v)
{
	if (json_is_integer(v))
		(void)snprintf(buf, NUMBER_LEN, "%lld",
			       (long long)json_integer_value(v));
	else
		(void)snprintf(buf, NUMBER_LEN, "%.2f", json_number_value(v));
}

static const char *spell_left(char buf[NUMBER_LEN], json_int_t left,
			      enum rows_kind kind)
{
	if (left <= 0)
		return "-";
	return listing_age(buf, kind == ROWS_LEFT_S ? left * MS_PER_S : left);
}

/* Returns the text: in buf, or the member's own. */
static const char *spell(char buf[NUMBER_LEN], const struct rows_column *c,
			 const json_t *row)
{
	const json_t *v = json_object_get(row, c->member);
	const char *text = json_string_value(v);

	if (text)
		return *text ? text : "-";
	if (!json_is_number(v))
		return json_is_true(v) ? "yes" : "-";
	switch (c->kind) {
	case ROWS_AGE_MS:
		return listing_age(buf, json_integer_value(v));
	case ROWS_LEFT_MS:
	case ROWS_LEFT_S:
		return spell_left(buf, json_integer_value(v), c->kind);
	default:
		spell_number(buf, v);
		return buf;
	}
}

/* One column after another of those that are states; returns how many. */
static size_t spell_states(char buf[STATES_LEN], const struct rows_column *c,
			   size_t n, const json_t *row)
{
	size_t i, len = 0;

	buf[0] = '\0';
	for (i = 0; i < n && c[i].kind == ROWS_IF; i++) {
		if (!json_is_true(json_object_get(row, c[i].member)))
			continue;
		len += (size_t)snprintf(buf + len, STATES_LEN - len, "%s%s",
					len ? ", " : "", c[i].name);
		if (len >= STATES_LEN)
			len = STATES_LEN - 1;
	}
	if (!len)
		(void)snprintf(buf, STATES_LEN, "-");
	return i;
}

static int print_row(struct listing *l, const json_t *row,
		     const struct rows_column *columns, size_t n)
{
	char numbers[LISTING_COLUMNS_MAX][NUMBER_LEN], states[STATES_LEN];
	const char *values[LISTING_COLUMNS_MAX];
	size_t k = 0;

	for (size_t i = 0; i < n && k < LISTING_COLUMNS_MAX; k++) {
		if (columns[i].kind == ROWS_IF) {
			i += spell_states(states, columns + i, n - i, row);
			values[k] = states;
		} else {
			values[k] = spell(numbers[k], &columns[i++], row);
		}
	}
	return listing_row(l, values);
}

/* The headings, states in one; returns how many, and which are numbers. */
static size_t head(const char *names[LISTING_COLUMNS_MAX], unsigned *right,
		   const struct rows_column *columns, size_t n)
{
	size_t k = 0;

	*right = 0;
	for (size_t i = 0; i < n && k < LISTING_COLUMNS_MAX; k++) {
		enum rows_kind kind = columns[i].kind;

		names[k] = kind == ROWS_IF ? "state" : columns[i].name;
		if (kind != ROWS_IF && kind != ROWS_TEXT)
			*right |= 1U << k;
		for (i++;
		     kind == ROWS_IF && i < n && columns[i].kind == ROWS_IF;)
			i++;
	}
	return k;
}

void rows_print(const json_t *rows, const struct rows_column *columns, size_t n)
{
	const char *names[LISTING_COLUMNS_MAX];
	struct listing l;
	unsigned right;
	json_t *row;
	size_t i, k = head(names, &right, columns, n);

	listing_begin(&l, names, k, false);
	l.right = right;
	json_array_foreach(rows, i, row)
	{
		if (print_row(&l, row, columns, n))
			break;
	}
	listing_end(&l);
}

struct ranked {
	json_t *row;
	const json_t *by;
};

static int compare(const void *one, const void *other)
{
	const json_t *a = ((const struct ranked *)one)->by;
	const json_t *b = ((const struct ranked *)other)->by;
	double x = json_number_value(a), y = json_number_value(b);

	if (json_is_string(a) && json_is_string(b))
		return strcmp(json_string_value(a), json_string_value(b));
	return (x > y) - (x < y);
}

void rows_sort(json_t **rows, const char *member)
{
	size_t i, n = json_array_size(*rows);
	struct ranked *v = calloc(n ? n : 1, sizeof(*v));
	json_t *sorted = json_array(), *row;
	int failed = !v || !sorted;

	json_array_foreach(*rows, i, row)
	{
		if (!failed)
			v[i] = (struct ranked){row,
					       json_object_get(row, member)};
	}
	if (!failed)
		qsort(v, n, sizeof(*v), compare);
	for (i = 0; i < n && !failed; i++)
		failed = json_array_append(sorted, v[i].row);
	free(v);
	json_decref(failed ? sorted : *rows);
	if (!failed)
		*rows = sorted;
}

void rows_tell_more(const json_t *rows, bool more)
{
	if (more)
		(void)fprintf(stderr, "%zu are shown, there are more\n",
			      json_array_size(rows));
}

int rows_command(const struct rows_command *c, const struct command_args *args,
		 char err[CONF_ERRLEN])
{
	json_t *rows;
	bool more;
	int ret = ask_list(&rows, &more, &c->list, err);

	if (ret)
		return ret;
	rows_sort(&rows, c->sort);
	if (command_value(args, "--json"))
		listing_json(stdout, rows);
	else
		rows_print(rows, c->columns, c->n);
	rows_tell_more(rows, more);
	json_decref(rows);
	return 0;
}
