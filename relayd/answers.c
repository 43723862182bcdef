#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/table.h"
#include "relayd/answers.h"

/* All are kept equally long, so the list is in order of time. */
struct answer {
	TAILQ_ENTRY(answer) le;
	uint64_t until;
	char *text;
	char call_id[];
};

struct answers {
	struct table *table;
	TAILQ_HEAD(, answer) list; /* oldest first */
	size_t max;
};

static void forget(struct answers *a, struct answer *one)
{
	table_del(a->table, one->call_id, strlen(one->call_id));
	TAILQ_REMOVE(&a->list, one, le);
	free(one->text);
	free(one);
}

static void expire(struct answers *a, uint64_t now)
{
	struct answer *one;

	while ((one = TAILQ_FIRST(&a->list)) && one->until <= now)
		forget(a, one);
}

int answers_alloc(struct answers **ap, size_t max)
{
	struct answers *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	TAILQ_INIT(&a->list);
	a->max = max;
	if (table_alloc(&a->table, max)) {
		free(a);
		return -ENOMEM;
	}
	*ap = a;
	return 0;
}

void answers_free(struct answers *a)
{
	if (!a)
		return;
	expire(a, UINT64_MAX);
	table_free(a->table);
	free(a);
}

int answers_put(struct answers *a, const char *call_id, char *text,
		uint64_t now)
{
	size_t len = strlen(call_id);
	struct answer *one;

	expire(a, now);
	one = table_get(a->table, call_id, len);
	if (one)
		forget(a, one);
	if (table_count(a->table) >= a->max)
		forget(a, TAILQ_FIRST(&a->list));
	one = calloc(1, sizeof(*one) + len + 1);
	if (!one || table_put(a->table, call_id, len, one)) {
		free(one);
		free(text);
		return -ENOMEM;
	}
	memcpy(one->call_id, call_id, len + 1);
	one->text = text;
	one->until = now + ANSWERS_KEEP_MS;
	TAILQ_INSERT_TAIL(&a->list, one, le);
	return 0;
}

const char *answers_get(struct answers *a, const char *call_id, uint64_t now)
{
	const struct answer *one;

	expire(a, now);
	one = table_get(a->table, call_id, strlen(call_id));
	return one ? one->text : NULL;
}

size_t answers_count(const struct answers *a)
{
	return table_count(a->table);
}
