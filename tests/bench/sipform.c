#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sipform.h"

enum { SPOTS_MAX = 32 };

static const struct field {
	const char *name;
	unsigned digits;
	unsigned base;
} fields[] = {
#define X(id, name, digits, base) {"{" name "}", digits, base},
	SIPFORM_FIELDS(X)
#undef X
};

struct spot {
	size_t at;
	enum sipform_field field;
};

struct sipform {
	char text[SIPFORM_MAX];
	size_t len;
	struct spot spots[SPOTS_MAX];
	size_t n;
};

static bool find_field(enum sipform_field *field, const char *text)
{
	for (size_t i = 0; i < SIPFORM_FIELDS_N; i++) {
		*field = (enum sipform_field)i;
		if (!strncmp(text, fields[i].name, strlen(fields[i].name)))
			return true;
	}
	return false;
}

static int add_spot(struct sipform *f, enum sipform_field field)
{
	if (f->n == SPOTS_MAX || f->len + fields[field].digits >= SIPFORM_MAX)
		return -EINVAL;
	f->spots[f->n++] = (struct spot){f->len, field};
	f->len += fields[field].digits;
	return 0;
}

static int add_char(struct sipform *f, char c)
{
	if (f->len + 2 >= SIPFORM_MAX)
		return -EINVAL;
	if (c == '\n')
		f->text[f->len++] = '\r';
	f->text[f->len++] = c;
	return 0;
}

static int parse(struct sipform *f, const char *text)
{
	enum sipform_field field;
	int err = 0;

	while (*text && !err) {
		if (*text == '\r') {
			text++;
		} else if (*text != '{') {
			err = add_char(f, *text++);
		} else if (find_field(&field, text)) {
			err = add_spot(f, field);
			text += strlen(fields[field].name);
		} else {
			err = -EINVAL;
		}
	}
	return err || f->len ? err : -EINVAL;
}

int sipform_load(struct sipform **fp, const char *path)
{
	char text[2 * SIPFORM_MAX];
	struct sipform *f;
	FILE *file = fopen(path, "re");
	size_t len;
	int err;

	if (!file)
		return -errno;
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	(void)fclose(file);
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	err = len == sizeof(text) - 1 ? -EINVAL : parse(f, text);
	if (err)
		free(f);
	else
		*fp = f;
	return err;
}

void sipform_free(struct sipform *f)
{
	free(f);
}

size_t sipform_len(const struct sipform *f)
{
	return f->len;
}

static void put_digits(char *out, const struct field *field, uint64_t value)
{
	for (unsigned i = field->digits; i-- > 0; value /= field->base)
		out[i] = "0123456789abcdef"[value % field->base];
}

void sipform_fill(char *out, const struct sipform *f,
		  const uint64_t values[SIPFORM_FIELDS_N])
{
	memcpy(out, f->text, f->len);
	for (size_t i = 0; i < f->n; i++)
		put_digits(out + f->spots[i].at, &fields[f->spots[i].field],
			   values[f->spots[i].field]);
}
