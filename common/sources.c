#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/sources.h"
#include "common/table.h"

struct sources {
	struct table *table;
	size_t n, max, each;
};

struct source {
	size_t n;
};

int sources_alloc(struct sources **sp, size_t max, size_t each)
{
	struct sources *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->max = max;
	s->each = each;
	if (table_alloc(&s->table, max)) {
		free(s);
		return -ENOMEM;
	}
	*sp = s;
	return 0;
}

void sources_free(struct sources *s)
{
	if (!s)
		return;
	table_free_values(s->table, free);
	free(s);
}

int sources_enter(struct sources *s, const struct addr *from)
{
	struct addr_source k = addr_source(from);
	struct source *src = table_get(s->table, &k, sizeof(k));
	int err;

	if (s->n >= s->max)
		return -ENOSPC;
	if (src ? src->n >= s->each : s->each == 0)
		return -EUSERS;
	if (!src) {
		src = calloc(1, sizeof(*src));
		if (!src)
			return -ENOMEM;
		err = table_put(s->table, &k, sizeof(k), src);
		if (err) {
			free(src);
			return err;
		}
	}
	src->n++;
	s->n++;
	return 0;
}

void sources_leave(struct sources *s, const struct addr *from)
{
	struct addr_source k = addr_source(from);
	struct source *src = table_get(s->table, &k, sizeof(k));

	if (!src)
		return;
	s->n--;
	if (--src->n == 0)
		free(table_del(s->table, &k, sizeof(k)));
}

size_t sources_count(const struct sources *s)
{
	return table_count(s->table);
}
