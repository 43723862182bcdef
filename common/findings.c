#include "common/findings.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEVELS = FINDING_FAIL + 1, LEVEL_WIDTH = 4, CHECK_WIDTH = 16 };

struct finding {
	enum finding_level level;
	const char *check, *advice;
	char text[FINDING_TEXT_MAX];
};

struct findings {
	size_t n;
	size_t counts[LEVELS];
	struct finding v[FINDINGS_MAX];
};

int findings_alloc(struct findings **fp)
{
	*fp = calloc(1, sizeof(**fp));
	return *fp ? 0 : -ENOMEM;
}

void findings_free(struct findings *f)
{
	free(f);
}

void findings_add(struct findings *f, enum finding_level level,
		  const char *check, const char *advice, const char *fmt, ...)
{
	struct finding *one;
	va_list ap;

	f->counts[level]++;
	if (f->n == FINDINGS_MAX)
		return;
	one = &f->v[f->n++];
	one->level = level;
	one->check = check;
	one->advice = advice ? advice : "";
	va_start(ap, fmt);
	(void)vsnprintf(one->text, sizeof(one->text), fmt, ap);
	va_end(ap);
	/* Much of it has come from the network: it may be no text, and a
	 * terminal may obey it. */
	for (char *p = one->text; *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			*p = '?';
}

size_t findings_count(const struct findings *f, enum finding_level level)
{
	return f->counts[level];
}

const char *finding_level_name(enum finding_level level)
{
	static const char *const names[LEVELS] = {"ok", "warn", "fail"};

	return names[level];
}

static void print_line(const struct finding *one)
{
	printf("%-*s  %-*s  %s\n", LEVEL_WIDTH, finding_level_name(one->level),
	       CHECK_WIDTH, one->check, one->text);
	if (*one->advice && one->level != FINDING_OK)
		printf("%*s  -> %s\n", LEVEL_WIDTH + 2 + CHECK_WIDTH, "",
		       one->advice);
}

static int print_json(const struct findings *f, enum finding_level least)
{
	json_t *list = json_array();
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < f->n; i++) {
		const struct finding *one = &f->v[i];

		if (one->level < least)
			continue;
		if (json_array_append_new(
			    list,
			    json_pack("{s:s,s:s,s:s,s:s}", "check", one->check,
				      "level", finding_level_name(one->level),
				      "text", one->text, "advice",
				      one->advice)))
			err = -EILSEQ;
	}
	if (!err) {
		json_dumpf(list, stdout, JSON_INDENT(1));
		printf("\n");
	}
	json_decref(list);
	return err;
}

int findings_print(const struct findings *f, enum finding_level least,
		   bool json)
{
	if (json)
		return print_json(f, least);
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].level >= least)
			print_line(&f->v[i]);
	return 0;
}
