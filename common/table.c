#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/siphash.h"
#include "common/table.h"

enum { BUCKETS_MIN = 16 };

struct entry {
	struct entry *next;
	uint64_t hash;
	void *value;
	size_t len;
	unsigned char key[];
};

/* Chains hang in a power of two of buckets, one entry a bucket on average. */
struct table {
	struct entry **buckets;
	size_t nbuckets;
	size_t count;
	size_t max;
};

/* Where the pointer to the entry stands, or the end of the chain. */
static struct entry **find(const struct table *t, uint64_t hash,
			   const void *key, size_t len)
{
	struct entry **ep = &t->buckets[hash & (t->nbuckets - 1)];

	for (; *ep; ep = &(*ep)->next) {
		const struct entry *e = *ep;

		if (e->hash == hash && e->len == len &&
		    memcmp(e->key, key, len) == 0)
			break;
	}
	return ep;
}

/* Without memory the chains get longer, which is no reason to fail. */
static void grow(struct table *t)
{
	size_t n = 2 * t->nbuckets;
	struct entry **buckets = calloc(n, sizeof(struct entry *));
	struct entry *e, *next;

	if (!buckets)
		return;
	for (size_t i = 0; i < t->nbuckets; i++) {
		for (e = t->buckets[i]; e; e = next) {
			struct entry **head = &buckets[e->hash & (n - 1)];

			next = e->next;
			e->next = *head;
			*head = e;
		}
	}
	free(t->buckets);
	t->buckets = buckets;
	t->nbuckets = n;
}

int table_alloc(struct table **tp, size_t max)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->max = max;
	t->nbuckets = BUCKETS_MIN;
	t->buckets = calloc(t->nbuckets, sizeof(struct entry *));
	if (!t->buckets) {
		free(t);
		return -ENOMEM;
	}
	*tp = t;
	return 0;
}

void table_free(struct table *t)
{
	struct entry *e, *next;

	if (!t)
		return;
	for (size_t i = 0; i < t->nbuckets; i++) {
		for (e = t->buckets[i]; e; e = next) {
			next = e->next;
			free(e);
		}
	}
	free(t->buckets);
	free(t);
}

void table_free_values(struct table *t, table_value_h *fn)
{
	for (size_t i = 0; t && i < t->nbuckets; i++)
		for (struct entry *e = t->buckets[i]; e; e = e->next)
			fn(e->value);
	table_free(t);
}

void *table_get(const struct table *t, const void *key, size_t len)
{
	struct entry *e = *find(t, siphash_secret(key, len), key, len);

	return e ? e->value : NULL;
}

int table_put(struct table *t, const void *key, size_t len, void *value)
{
	uint64_t hash = siphash_secret(key, len);
	struct entry **ep = find(t, hash, key, len);
	struct entry *e;

	if (*ep)
		return -EEXIST;
	if (t->count >= t->max)
		return -ENOSPC;
	e = malloc(sizeof(*e) + len);
	if (!e)
		return -ENOMEM;
	e->next = NULL;
	e->hash = hash;
	e->value = value;
	e->len = len;
	memcpy(e->key, key, len);
	*ep = e;
	if (++t->count > t->nbuckets)
		grow(t);
	return 0;
}

void *table_del(struct table *t, const void *key, size_t len)
{
	struct entry **ep = find(t, siphash_secret(key, len), key, len);
	struct entry *e = *ep;
	void *value;

	if (!e)
		return NULL;
	*ep = e->next;
	value = e->value;
	free(e);
	t->count--;
	return value;
}

size_t table_count(const struct table *t)
{
	return t->count;
}

int table_apply(struct table *t, table_apply_h *fn, void *arg)
{
	struct entry *e, *next;
	int ret;

	for (size_t i = 0; i < t->nbuckets; i++) {
		for (e = t->buckets[i]; e; e = next) {
			next = e->next;
			ret = fn(e->key, e->len, e->value, arg);
			if (ret)
				return ret;
		}
	}
	return 0;
}
