#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "redirectd/store.h"

static const struct store_class *const classes[] = {
	&store_memory_class,
	&store_sqlite_class,
};

enum { CLASSES = sizeof(classes) / sizeof(classes[0]) };

static void say_expected(char *why, size_t len)
{
	size_t i, at = 0;

	for (i = 0; i < CLASSES && at < len; i++)
		at += (size_t)snprintf(why + at, len - at, "%s\"%s%s\" (%s)",
				       i ? " or " : "", classes[i]->name,
				       classes[i]->where ? ":PATH" : "",
				       classes[i]->about);
}

const struct store_class *store_find(const char **where, const char *spec,
				     char *why, size_t len)
{
	size_t i, n = strcspn(spec, ":");

	for (i = 0; i < CLASSES; i++) {
		if (strlen(classes[i]->name) != n ||
		    strncmp(classes[i]->name, spec, n))
			continue;
		if (classes[i]->where != (spec[n] == ':' && spec[n + 1]))
			break;
		*where = spec[n] ? spec + n + 1 : spec + n;
		return classes[i];
	}
	say_expected(why, len);
	return NULL;
}

int store_check(const char *spec, char *why, size_t len)
{
	const char *where;

	return store_find(&where, spec, why, len) ? 0 : -EINVAL;
}

int store_open(struct store **sp, const char *spec,
	       const struct store_config *cfg, char err[CONF_ERRLEN])
{
	const struct store_class *cls;
	const char *where;
	char why[CONF_ERRLEN / 2];

	*sp = NULL;
	cls = store_find(&where, spec, why, sizeof(why));
	if (!cls) {
		(void)snprintf(err, CONF_ERRLEN, "store: expected %s", why);
		return -EINVAL;
	}
	return cls->open(sp, where, cfg, err);
}

void store_close(struct store *s)
{
	if (s)
		s->cls->close(s);
}

int store_get(struct client *c, struct store *s, const char *id, dir_time now)
{
	return s->cls->get(c, s, id, now);
}

int store_put(struct store *s, const char *id, const struct binding *v,
	      size_t n, dir_time now)
{
	return s->cls->put(s, id, v, n, now);
}

int store_apply(struct store *s, int (*fn)(const struct client *, void *),
		void *arg)
{
	return s->cls->apply(s, fn, arg);
}

int store_after(struct client *c, struct store *s, const char *id)
{
	return s->cls->after(c, s, id);
}

dir_time store_next(const struct store *s)
{
	return s->cls->next(s);
}

void store_run(struct store *s, dir_time now)
{
	s->cls->run(s, now);
}

struct store_counts store_counts(const struct store *s)
{
	return s->cls->counts(s);
}
