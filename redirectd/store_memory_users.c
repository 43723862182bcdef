#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/table.h"

#include "redirectd/store_memory_internal.h"

int store_memory_user(struct user *u, struct store *s, const char *id,
		      const struct store_view *w)
{
	const struct store_memory *m = store_memory_of(s);
	const struct entry *e = entry_find(m, id);
	const struct user *known;

	(void)w;
	if (e && e->of)
		id = e->of;
	known = table_get(m->users, id, strlen(id));
	if (!known)
		return -ENOENT;
	*u = *known;
	return 0;
}

static int remove_user(struct store_memory *m, const char *id)
{
	struct user *old = table_del(m->users, id, strlen(id));

	if (!old)
		return -ENOENT;
	m->counts.users--;
	free(old);
	return 0;
}

static int put_user(struct store_memory *m, const char *id,
		    const struct user *u)
{
	struct user *old = table_get(m->users, id, strlen(id));
	struct user *copy;
	int err;

	if (old) {
		*old = *u;
		return 0;
	}
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *u;
	err = table_put(m->users, id, strlen(id), copy);
	if (err)
		free(copy);
	else
		m->counts.users++;
	return err;
}

static int remove_alias(struct store_memory *m, struct entry *e)
{
	if (!e || !e->of)
		return -ENOENT;
	m->aliases--;
	entry_drop(e);
	return 0;
}

/* An alias is neither a client's id nor of another alias. */
int store_memory_alias(struct store *s, const char *id, const char *of)
{
	struct store_memory *m = store_memory_of(s);
	struct entry *e = entry_find(m, id);
	const struct entry *whose = of ? entry_find(m, of) : NULL;
	char *copy;
	int err = 0;

	if (!of)
		return remove_alias(m, e);
	if ((e && !e->of) || (whose && whose->of) || !strcmp(id, of))
		return -EEXIST;
	if (!e && entry_is_full(m))
		return -ENOSPC;
	copy = strdup(of);
	if (!copy)
		return -ENOMEM;
	if (!e) {
		err = entry_add(&e, m, id);
		m->aliases += !err;
	}
	if (err) {
		free(copy);
		return err;
	}
	free(e->of);
	e->of = copy;
	return 0;
}

struct drop {
	bool (*kept)(const char *id, void *arg);
	void *arg;
};

static int drop_alias(const void *key, size_t len, void *value, void *arg)
{
	struct entry *e = value;
	const struct drop *d = arg;

	(void)key;
	(void)len;
	if (e->of && !d->kept(e->id, d->arg))
		(void)remove_alias(e->store, e);
	return 0;
}

void store_memory_drop_aliases(struct store *s,
			       bool (*kept)(const char *id, void *arg),
			       void *arg)
{
	struct drop d = {kept, arg};

	(void)table_apply(store_memory_of(s)->table, drop_alias, &d);
}

int store_memory_edit(struct store *s, const struct store_edit *e,
		      store_done_h *fn, void *arg)
{
	struct store_memory *m = store_memory_of(s);

	(void)fn;
	(void)arg;
	if (e->kind == STORE_ALIAS)
		return store_memory_alias(s, e->id, e->alias_of);
	return e->user ? put_user(m, e->id, e->user) : remove_user(m, e->id);
}

static int walk_alias(const void *key, size_t len, void *value, void *arg)
{
	const struct store_visit *visit = arg;
	const struct entry *e = value;

	(void)key;
	(void)len;
	return e->of ? visit->alias(e->id, e->of, visit->arg) : 0;
}

static int walk_user(const void *key, size_t len, void *value, void *arg)
{
	const struct store_visit *visit = arg;
	char id[REDIRECT_ID_MAX];

	if (len >= sizeof(id))
		return 0;
	memcpy(id, key, len);
	id[len] = '\0';
	return visit->user(id, value, visit->arg);
}

int store_memory_walk(struct store *s, const struct store_visit *visit,
		      store_done_h *fn, void *arg)
{
	const struct store_memory *m = store_memory_of(s);
	struct store_visit v = *visit;
	int err = 0;

	(void)fn;
	(void)arg;
	if (visit->user)
		err = table_apply(m->users, walk_user, &v);
	if (!err && visit->client)
		err = store_apply(s, visit->client, visit->arg);
	if (!err && visit->alias)
		err = table_apply(m->table, walk_alias, &v);
	return err;
}
