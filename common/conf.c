#include "common/conf.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf_near.h"
#include "common/conf_text.h"
#include "common/conf_value.h"
#include "common/log.h"

enum {
	CONF_FILE_MAX = 1 << 20,
	CONF_DEPTH_MAX = 8,
};

extern char **environ;

struct load {
	void *out;
	const struct conf_key *keys;
	size_t nkeys;
	const char *program;
	const char *path;
	char *text;
	size_t len;
	const char *names[CONF_DEPTH_MAX]; /* of the member being read */
	size_t depth;
	char *err;
};

/* One line, whatever the names and values in it were. */
static int fail(struct load *l, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct load *l, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->err, CONF_ERRLEN, fmt, ap);
	va_end(ap);
	for (char *p = l->err; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	return err;
}

static int fail_at(struct load *l, size_t item, const char *name,
		   const char *why)
{
	unsigned line =
		conf_text_line(l->text, l->len, l->names, l->depth, item);

	return fail(l, -EINVAL, "%s:%u: %s: %s", l->path, line ? line : 1, name,
		    why);
}

static const struct conf_key *find_key(const struct load *l, const char *name)
{
	for (size_t i = 0; i < l->nkeys; i++)
		if (strcmp(l->keys[i].name, name) == 0)
			return &l->keys[i];
	return NULL;
}

/* Whether `name` holds nested keys, as "media" does "media.ports". */
static bool is_section(const struct load *l, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < l->nkeys; i++)
		if (strncmp(l->keys[i].name, name, len) == 0 &&
		    l->keys[i].name[len] == '.')
			return true;
	return false;
}

static int set_default(struct load *l, const struct conf_key *key)
{
	struct conf_fault fault = {0};

	if (!key->def)
		return 0;
	json_t *v = json_loads(key->def, JSON_DECODE_ANY, NULL);

	if (!v)
		return fail(l, -EINVAL, "%s: the default is not JSON: %s",
			    key->name, key->def);
	int err = conf_value_set(l->out, key, v, &fault);

	json_decref(v);
	if (err == -EINVAL)
		return fail(l, err, "%s: the default: %s", key->name,
			    fault.why);
	return err;
}

static int load_defaults(struct load *l)
{
	int err = 0;

	for (size_t i = 0; !err && i < l->nkeys; i++)
		err = set_default(l, &l->keys[i]);
	return err;
}

static int read_value(struct load *l, const struct conf_key *key,
		      const json_t *v)
{
	struct conf_fault fault = {0};
	int err = conf_value_set(l->out, key, v, &fault);

	return err == -EINVAL ? fail_at(l, fault.item, key->name, fault.why)
			      : err;
}

static int unknown_key(struct load *l, const char *name)
{
	char why[CONF_NAME_MAX + 64];

	snprintf(why, sizeof(why), "unknown key, the nearest known one is %s",
		 conf_near(name, l->keys, l->nkeys));
	return fail_at(l, 0, name, why);
}

static int read_object(struct load *l, const char *prefix, json_t *obj);

static int read_member(struct load *l, const char *name, json_t *v)
{
	const struct conf_key *key = find_key(l, name);

	if (key && !strchr(l->names[l->depth - 1], '.'))
		return read_value(l, key, v);
	if (key)
		return fail_at(l, 0, name,
			       "expected { } inside { }, not a dot");
	if (!is_section(l, name))
		return unknown_key(l, name);
	if (!json_is_object(v))
		return fail_at(l, 0, name, "expected { } with keys in it");
	return read_object(l, name, v);
}

static int read_object(struct load *l, const char *prefix, json_t *obj)
{
	const char *member;
	json_t *v;
	int err = 0;

	if (l->depth == CONF_DEPTH_MAX)
		return fail_at(l, 0, prefix, "nested too deep");
	json_object_foreach(obj, member, v)
	{
		char name[CONF_NAME_MAX];

		snprintf(name, sizeof(name), "%s%s%s", prefix,
			 *prefix ? "." : "", member);
		l->names[l->depth++] = member;
		err = read_member(l, name, v);
		l->depth--;
		if (err)
			break;
	}
	return err;
}

static int read_text(struct load *l)
{
	FILE *f = fopen(l->path, "re");
	int err = 0;

	if (!f)
		return fail(l, -errno, "%s: %m", l->path);
	l->text = malloc(CONF_FILE_MAX);
	if (l->text)
		l->len = fread(l->text, 1, CONF_FILE_MAX, f);
	if (!l->text)
		err = -ENOMEM;
	else if (ferror(f))
		err = fail(l, -errno, "%s: %m", l->path);
	else if (l->len == CONF_FILE_MAX)
		err = fail(l, -EFBIG, "%s: longer than 1 MiB", l->path);
	fclose(f);
	return err;
}

static int load_file(struct load *l)
{
	json_error_t bad;
	int err = read_text(l);

	if (err)
		return err;
	json_t *root =
		json_loadb(l->text, l->len, JSON_REJECT_DUPLICATES, &bad);

	if (!root)
		return fail(l, -EINVAL, "%s:%d: %s", l->path,
			    bad.line > 0 ? bad.line : 1, bad.text);
	if (json_is_object(root))
		err = read_object(l, "", root);
	else
		err = fail(l, -EINVAL, "%s:1: expected { } with keys in it",
			   l->path);
	json_decref(root);
	return err;
}

void conf_variable(char buf[CONF_NAME_MAX], const char *program,
		   const char *name)
{
	int n = snprintf(buf, CONF_NAME_MAX, "%s_%s", program, name);

	for (int i = 0; i < n && i < CONF_NAME_MAX - 1; i++)
		buf[i] = isalnum((unsigned char)buf[i])
				 ? (char)toupper((unsigned char)buf[i])
				 : '_';
}

static int load_variable(struct load *l, const struct conf_key *key)
{
	struct conf_fault fault = {.env = true};
	char name[CONF_NAME_MAX];

	conf_variable(name, l->program, key->name);
	const char *text = getenv(name);

	if (!text)
		return 0;
	json_t *v = conf_value_parse(key, text);

	if (!v)
		return fail(l, -EINVAL, "%s: expected UTF-8 text", name);
	int err = conf_value_set(l->out, key, v, &fault);

	json_decref(v);
	if (err != -EINVAL)
		return err;
	if (fault.item)
		return fail(l, err, "%s: item %zu: %s", name, fault.item,
			    fault.why);
	return fail(l, err, "%s: %s", name, fault.why);
}

/* Others may set such names (container links do), so it is no error. */
static void warn_unknown(const struct load *l, const char *entry)
{
	char name[CONF_NAME_MAX];
	size_t len = strcspn(entry, "=");

	conf_variable(name, l->program, "");
	if (strncmp(entry, name, strlen(name)) != 0)
		return;
	for (size_t i = 0; i < l->nkeys; i++) {
		conf_variable(name, l->program, l->keys[i].name);
		if (strlen(name) == len && memcmp(entry, name, len) == 0)
			return;
	}
	log_warn("unknown environment variable", LOG_N("variable", entry, len));
}

static int load_environment(struct load *l)
{
	int err = 0;

	for (size_t i = 0; !err && i < l->nkeys; i++)
		err = load_variable(l, &l->keys[i]);
	for (char **e = environ; !err && e && *e; e++)
		warn_unknown(l, *e);
	return err;
}

int conf_load(void *out, const struct conf_key *keys, size_t nkeys,
	      const char *program, const char *path, char err[CONF_ERRLEN])
{
	struct load l = {.out = out,
			 .keys = keys,
			 .nkeys = nkeys,
			 .program = program,
			 .path = path,
			 .err = err};
	int ret;

	snprintf(err, CONF_ERRLEN, "out of memory");
	ret = load_defaults(&l);
	if (!ret && path)
		ret = load_file(&l);
	if (!ret)
		ret = load_environment(&l);
	if (!ret)
		*err = '\0';
	free(l.text);
	return ret;
}

void conf_free(void *out, const struct conf_key *keys, size_t nkeys)
{
	for (size_t i = 0; i < nkeys; i++)
		conf_value_free(out, &keys[i]);
}

int conf_keep(void *next, const void *running, const struct conf_key *keys,
	      size_t nkeys)
{
	int err = 0;

	for (size_t i = 0; !err && i < nkeys; i++) {
		if (keys[i].reload || conf_value_eq(next, running, &keys[i]))
			continue;
		log_warn("changed key needs a restart",
			 LOG_S("key", keys[i].name));
		err = conf_value_copy(next, running, &keys[i]);
	}
	return err;
}

void conf_print(const struct conf_key *keys, size_t nkeys, const char *program)
{
	char name[CONF_NAME_MAX];
	int width = 0;

	for (size_t i = 0; i < nkeys; i++) {
		int len = (int)strlen(keys[i].name);

		width = len > width ? len : width;
	}
	conf_variable(name, program, nkeys ? keys[0].name : "");
	printf("Configuration keys, their defaults, and what they are (* takes "
	       "effect on SIGHUP).\nEach is also an environment variable: %s "
	       "is %s.\n",
	       nkeys ? keys[0].name : "", name);
	for (size_t i = 0; i < nkeys; i++)
		printf("  %-*s %c %-20s  %s\n", width, keys[i].name,
		       keys[i].reload ? '*' : ' ',
		       keys[i].def ? keys[i].def : "-", keys[i].help);
}
