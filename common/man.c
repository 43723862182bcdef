#include "common/man.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/command.h"
#include "common/daemon.h"

/* What roff would read as its own: escapes, dashes that are typed, and the
 * quotes within an argument of a macro. */
static void put_text(const char *text, bool argument)
{
	char before = ' ';

	for (; *text; before = *text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-' && !isalnum((unsigned char)before))
			fputs("\\-", stdout);
		else if (*text == '"' && argument)
			fputs("\\(dq", stdout);
		else
			putchar(*text);
	}
}

/* A line of its own, which must not begin as a request does. */
static void put_line(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	put_text(text, false);
	putchar('\n');
}

static void put_argument(const char *text)
{
	putchar('"');
	put_text(text, true);
	putchar('"');
}

static void print_options(const struct daemon_class *c)
{
	for (size_t i = 0; i < c->nflags; i++) {
		printf(".It Fl -%s\n", c->flags[i].name);
		put_line(c->flags[i].help);
	}
}

static void print_commands(const struct daemon_class *c)
{
	for (size_t i = 0; i < c->ncommands; i++) {
		const struct command *one = &c->commands[i];

		fputs(".It Cm ", stdout);
		put_argument(one->name);
		if (*one->usage) {
			fputs(" No ", stdout);
			put_argument(one->usage);
		}
		putchar('\n');
		put_line(one->help);
	}
}

static void print_type(const struct conf_key *key)
{
	switch (key->type) {
	case CONF_STRING:
		fputs("A string", stdout);
		break;
	case CONF_STRINGS:
		fputs("A list of strings, or one", stdout);
		break;
	case CONF_BOOL:
		fputs("true or false", stdout);
		break;
	case CONF_INT:
		printf("A whole number within %" PRId64 " to %" PRId64,
		       key->min, key->max);
		break;
	case CONF_RANGE:
		printf("[low, high] within %" PRId64 " to %" PRId64, key->min,
		       key->max);
		break;
	}
	fputs(".\n", stdout);
}

static void print_key(const struct conf_key *key, const char *program)
{
	char variable[CONF_NAME_MAX];

	printf(".It Va %s\n", key->name);
	put_line(key->help);
	printf(".br\n");
	print_type(key);
	fputs("Default: ", stdout);
	put_text(key->def && *key->def ? key->def : "none", false);
	fputs(".\n", stdout);
	if (key->reload)
		fputs("Takes effect on\n.Dv SIGHUP .\n", stdout);
	conf_variable(variable, program, key->name);
	printf(".Ev %s\n", variable);
}

static void print_keys(const struct daemon_class *c)
{
	for (size_t i = 0; i < c->nkeys; i++)
		print_key(&c->keys[i], c->name);
}

int man_print(const struct daemon_class *c, const char *part)
{
	static const struct {
		const char *name;
		void (*print)(const struct daemon_class *c);
	} parts[] = {
		{"options", print_options},
		{"commands", print_commands},
		{"keys", print_keys},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(part, parts[i].name) != 0)
			continue;
		parts[i].print(c);
		return 0;
	}
	return -EINVAL;
}
