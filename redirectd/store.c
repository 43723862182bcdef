#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "redirectd/store.h"

static const struct store_class *const classes[] = {
	&store_memory_class,
	&store_sqlite_class,
	&store_redis_class,
	&store_redis_unix_class,
};

enum { CLASSES = sizeof(classes) / sizeof(classes[0]) };

static void say_expected(char *why, size_t len)
{
	size_t i, at = 0;

	for (i = 0; i < CLASSES && at < len; i++)
		at += (size_t)snprintf(why + at, len - at, "%s\"%s\" (%s)",
				       i ? " or " : "", classes[i]->form,
				       classes[i]->about);
}

static bool is_good(const struct store_class *cls, const char *rest)
{
	if (cls->where != (*rest == ':' && rest[1]))
		return false;
	return !cls->check || !cls->check(rest + 1);
}

const struct store_class *store_find(const char **where, const char *spec,
				     char *why, size_t len)
{
	size_t i, n = strcspn(spec, ":");

	for (i = 0; i < CLASSES; i++) {
		if (strlen(classes[i]->name) != n ||
		    strncmp(classes[i]->name, spec, n))
			continue;
		if (!is_good(classes[i], spec + n))
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

const char *store_name(const struct store *s)
{
	return s->cls->name;
}

uint64_t store_since(struct store *s)
{
	return s->cls->since ? s->cls->since(s) : 0;
}

int store_get(struct client *c, struct store *s, const char *id,
	      const struct store_view *w)
{
	return s->cls->get(c, s, id, w);
}

int store_user(struct user *u, struct store *s, const char *id,
	       const struct store_view *w)
{
	return s->cls->user(u, s, id, w);
}

int store_await(struct store *s, const char *id, store_done_h *fn, void *arg)
{
	return s->cls->await(s, id, fn, arg);
}

int store_put(struct store *s, const char *id, const struct binding *v,
	      size_t n, dir_time now, store_done_h *fn, void *arg)
{
	return s->cls->put(s, id, v, n, now, fn, arg);
}

int store_edit(struct store *s, const struct store_edit *e, store_done_h *fn,
	       void *arg)
{
	return s->cls->edit(s, e, fn, arg);
}

int store_apply(struct store *s, int (*fn)(const struct client *, void *),
		void *arg)
{
	return s->cls->apply(s, fn, arg);
}

int store_walk(struct store *s, const struct store_visit *visit,
	       store_done_h *fn, void *arg)
{
	return s->cls->walk(s, visit, fn, arg);
}

int store_served(struct store *s, const struct store_served *q,
		 const struct store_view *w)
{
	return s->cls->served(s, q, w);
}

int store_await_served(struct store *s, const struct store_served *q,
		       store_done_h *fn, void *arg)
{
	return s->cls->await_served ? s->cls->await_served(s, q, fn, arg)
				    : -ENOTSUP;
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
