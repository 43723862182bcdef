#include "common/listing.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { GAP = 2, USUAL_ROOM = 80, ROOM_MAX = 10000 };

size_t listing_room(void)
{
	const char *columns = getenv("COLUMNS");
	long n = columns ? strtol(columns, NULL, 10) : 0;
	struct winsize size = {0};

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return n > 0 && n <= ROOM_MAX ? (size_t)n : USUAL_ROOM;
}

/* The bytes of the character at `text`: those that go on in UTF-8 have no
 * column of their own. */
static size_t char_len(const char *text)
{
	size_t n = 1;

	while (((unsigned char)text[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static size_t char_count(const char *text)
{
	size_t n = 0;

	for (; *text; text += char_len(text))
		n++;
	return n;
}

/* Control characters of both sets (ISO 6429), and what is no character. */
static bool is_printable(const char *text, size_t len)
{
	unsigned char c = (unsigned char)text[0];

	if (len == 1)
		return c >= ' ' && c < 0x7f;
	return c >= 0xc2 && c <= 0xf4 &&
	       !(c == 0xc2 && (unsigned char)text[1] < 0xa0);
}

static void print_char(FILE *out, const char *text)
{
	size_t len = char_len(text);

	if (is_printable(text, len))
		(void)fwrite(text, 1, len, out);
	else
		(void)fputc('?', out);
}

size_t listing_text(FILE *out, const char *text, size_t room)
{
	size_t n = char_count(text);
	size_t whole = room && n > room ? room - 1 : n;

	for (size_t i = 0; i < whole; i++, text += char_len(text))
		print_char(out, text);
	if (whole < n)
		(void)fputc('~', out);
	return whole + (whole < n);
}

static void print_spaces(FILE *out, size_t n)
{
	(void)fprintf(out, "%*s", (int)n, "");
}

static void print_value(const struct listing *l, size_t i, const char *value)
{
	size_t n = char_count(value), width = l->width[i];
	bool last = i + 1 == l->n, right = l->right & 1U << i;

	if (right && n < width)
		print_spaces(l->out, width - n);
	n = listing_text(l->out, value, l->room ? width : 0);
	if (last)
		return;
	if (!right && n < width)
		print_spaces(l->out, width - n);
	print_spaces(l->out, GAP);
}

static void print_row(const struct listing *l, const char *const *values)
{
	for (size_t i = 0; i < l->n; i++)
		print_value(l, i, values[i] ? values[i] : "?");
	(void)fputc('\n', l->out);
}

/* In capitals; without memory as it is. */
static void print_heading(const struct listing *l)
{
	for (size_t i = 0; i < l->n; i++) {
		char *text = strdup(l->columns[i]);

		for (char *c = text; c && *c; c++)
			*c = *c == '_' ? ' ' : (char)toupper((unsigned char)*c);
		print_value(l, i, text ? text : l->columns[i]);
		free(text);
	}
	(void)fputc('\n', l->out);
}

/* The widest gives way first. */
static void fit(struct listing *l)
{
	size_t all = l->n ? GAP * (l->n - 1) : 0;

	for (size_t i = 0; i < l->n; i++)
		all += l->width[i];
	for (; l->room && all > l->room; all--) {
		size_t widest = 0;

		for (size_t i = 1; i < l->n; i++)
			if (l->width[i] > l->width[widest])
				widest = i;
		if (l->width[widest] <= 1)
			return;
		l->width[widest]--;
	}
}

/* Heading and the rows that have been looked at. */
static void let_go(struct listing *l)
{
	if (l->headed)
		return;
	l->headed = true;
	fit(l);
	print_heading(l);
	for (size_t k = 0; k < l->nheld; k += l->n) {
		print_row(l, (const char *const *)(l->held + k));
		for (size_t i = 0; i < l->n; i++)
			free(l->held[k + i]);
	}
	free(l->held);
	l->held = NULL;
}

void listing_begin(struct listing *l, const char *const *columns, size_t n,
		   bool json)
{
	*l = (struct listing){
		.columns = columns,
		.n = n < LISTING_COLUMNS_MAX ? n : LISTING_COLUMNS_MAX,
		.json = json,
		.room = listing_room(),
		.out = stdout,
	};
	for (size_t i = 0; i < l->n; i++)
		l->width[i] = char_count(columns[i]);
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
		(void)fputs(l->rows ? ",\n" : "[\n", l->out);
		err = json_dumpf(row, l->out, JSON_COMPACT) ? -EIO : 0;
	}
	json_decref(row);
	return err;
}

static int hold(struct listing *l, const char *const *values)
{
	size_t max = (size_t)LISTING_LOOK * l->n;

	if (!l->held)
		l->held = calloc(max, sizeof(*l->held));
	if (!l->held)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++) {
		size_t n = char_count(values[i]);

		l->held[l->nheld++] = strdup(values[i]);
		if (n > l->width[i])
			l->width[i] = n;
	}
	if (l->nheld == max)
		let_go(l);
	return 0;
}

int listing_row(struct listing *l, const char *const *values)
{
	int err = 0;

	if (l->json)
		err = print_object(l, values);
	else if (l->headed)
		print_row(l, values);
	else
		err = hold(l, values);
	l->rows += !err;
	return err;
}

void listing_end(struct listing *l)
{
	if (l->json)
		(void)fputs(l->rows ? "\n]\n" : "[]\n", l->out);
	else
		let_go(l);
}

void listing_json(FILE *out, const json_t *answer)
{
	(void)json_dumpf(answer, out,
			 JSON_INDENT(2) | JSON_ENCODE_ANY |
				 JSON_REAL_PRECISION(6));
	(void)fputc('\n', out);
}

const char *listing_age(char buf[LISTING_AGE_LEN], int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = {
		{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};
	size_t i = 0;

	/* two of a unit at least say enough of it */
	while (i < 3 && ms < 2 * units[i].ms)
		i++;
	(void)snprintf(buf, LISTING_AGE_LEN, "%lld %s",
		       (long long)(ms / units[i].ms), units[i].name);
	return buf;
}
