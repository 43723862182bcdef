#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "common/recent.h"
#include "common/table.h"

enum { SWEEP = 2 }; /* old entries dropped a call: more than can be added */

struct entry {
	struct entry *older, *newer;
	uint64_t used;
	size_t len;
	char *key; /* behind the value */
	alignas(max_align_t) char value[];
};

struct recent {
	struct table *table;
	struct entry *newest, *oldest;
	size_t max, size;
	uint64_t keep_ms;
};

int recent_alloc(struct recent **rp, size_t max, size_t size, uint64_t keep_ms)
{
	struct recent *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->max = max;
	r->size = size;
	r->keep_ms = keep_ms;
	err = table_alloc(&r->table, max);
	if (err) {
		free(r);
		return err;
	}
	*rp = r;
	return 0;
}

void recent_free(struct recent *r)
{
	if (!r)
		return;
	table_free_values(r->table, free);
	free(r);
}

void recent_keep(struct recent *r, uint64_t keep_ms)
{
	r->keep_ms = keep_ms;
}

static void unlink_entry(struct recent *r, struct entry *e)
{
	if (e->older)
		e->older->newer = e->newer;
	else
		r->oldest = e->newer;
	if (e->newer)
		e->newer->older = e->older;
	else
		r->newest = e->older;
}

static void link_newest(struct recent *r, struct entry *e)
{
	e->newer = NULL;
	e->older = r->newest;
	if (r->newest)
		r->newest->newer = e;
	else
		r->oldest = e;
	r->newest = e;
}

static void drop(struct recent *r, struct entry *e)
{
	unlink_entry(r, e);
	(void)table_del(r->table, e->key, e->len);
	free(e);
}

static void sweep(struct recent *r, uint64_t now)
{
	for (int i = 0; i < SWEEP && r->oldest; i++) {
		if (r->oldest->used + r->keep_ms > now)
			return;
		drop(r, r->oldest);
	}
}

static struct entry *make(struct recent *r, const void *key, size_t len)
{
	struct entry *e = calloc(1, sizeof(*e) + r->size + len);

	if (!e)
		return NULL;
	e->key = e->value + r->size;
	e->len = len;
	memcpy(e->key, key, len);
	while (table_count(r->table) >= r->max && r->oldest)
		drop(r, r->oldest);
	if (table_put(r->table, e->key, len, e)) {
		free(e);
		return NULL;
	}
	link_newest(r, e);
	return e;
}

void *recent_get(struct recent *r, uint64_t now, const void *key, size_t len)
{
	struct entry *e;

	sweep(r, now);
	e = table_get(r->table, key, len);
	if (!e)
		return NULL;
	if (e->used + r->keep_ms <= now) {
		drop(r, e);
		return NULL;
	}
	e->used = now;
	unlink_entry(r, e);
	link_newest(r, e);
	return e->value;
}

void *recent_put(struct recent *r, uint64_t now, const void *key, size_t len)
{
	void *value = recent_get(r, now, key, len);
	struct entry *e;

	if (value)
		return value;
	e = make(r, key, len);
	if (!e)
		return NULL;
	e->used = now;
	return e->value;
}

void recent_del(struct recent *r, const void *key, size_t len)
{
	struct entry *e = table_get(r->table, key, len);

	if (e)
		drop(r, e);
}

size_t recent_count(const struct recent *r)
{
	return table_count(r->table);
}

const void *recent_next_out(const struct recent *r)
{
	return r->oldest && table_count(r->table) >= r->max ? r->oldest->value
							    : NULL;
}
