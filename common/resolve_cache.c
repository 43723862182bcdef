#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/table.h"

#include "common/resolve_cache.h"

enum { KEY_LEN = DNS_NAME_LEN + 1 };

struct entry {
	TAILQ_ENTRY(entry) age;
	uint64_t expires;
	struct dns_answer answer; /* its records follow the key */
	size_t key_len;
	char key[KEY_LEN];
	struct dns_record rr[];
};

TAILQ_HEAD(entries, entry);

struct resolve_cache {
	struct table *table;
	struct entries oldest_first;
	size_t max;
};

/* Type and name. Its length, or 0: too long for a name. */
static size_t make_key(char key[KEY_LEN], enum dns_type type, const char *name)
{
	size_t len = strlen(name);

	if (len >= DNS_NAME_LEN)
		return 0;
	key[0] = (char)type;
	memcpy(key + 1, name, len);
	return len + 1;
}

static void forget(struct resolve_cache *c, struct entry *e)
{
	TAILQ_REMOVE(&c->oldest_first, e, age);
	(void)table_del(c->table, e->key, e->key_len);
	free(e);
}

/* How long an answer counts. */
static uint64_t lifetime(const struct dns_answer *a)
{
	uint64_t ms = (uint64_t)a->ttl * 1000;
	uint64_t max = a->n ? RESOLVE_TTL_MAX_MS : RESOLVE_TTL_LACK_MAX_MS;

	if (a->err && a->err != -ENOENT)
		return RESOLVE_TTL_FAILED_MS;
	if (ms < RESOLVE_TTL_MIN_MS)
		return RESOLVE_TTL_MIN_MS;
	return ms < max ? ms : max;
}

int resolve_cache_alloc(struct resolve_cache **cp, size_t max)
{
	struct resolve_cache *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->max = max;
	TAILQ_INIT(&c->oldest_first);
	err = table_alloc(&c->table, max);
	if (err) {
		free(c);
		return err;
	}
	*cp = c;
	return 0;
}

void resolve_cache_free(struct resolve_cache *c)
{
	if (!c)
		return;
	resolve_cache_clear(c);
	table_free(c->table);
	free(c);
}

int resolve_cache_put(struct resolve_cache *c, enum dns_type type,
		      const char *name, const struct dns_answer *a,
		      uint64_t now)
{
	struct entry *e = malloc(sizeof(*e) + a->n * sizeof(e->rr[0])), *old;

	if (!e)
		return -ENOMEM;
	e->key_len = make_key(e->key, type, name);
	e->expires = now + lifetime(a);
	e->answer = *a;
	e->answer.rr = e->rr;
	if (a->n)
		memcpy(e->rr, a->rr, a->n * sizeof(e->rr[0]));
	old = table_get(c->table, e->key, e->key_len);
	if (!old && table_count(c->table) >= c->max)
		old = TAILQ_FIRST(&c->oldest_first);
	if (old)
		forget(c, old);
	if (!e->key_len || table_put(c->table, e->key, e->key_len, e)) {
		free(e);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&c->oldest_first, e, age);
	return 0;
}

const struct dns_answer *resolve_cache_get(const struct resolve_cache *c,
					   enum dns_type type, const char *name,
					   uint64_t now)
{
	char key[KEY_LEN];
	size_t len = make_key(key, type, name);
	const struct entry *e = len ? table_get(c->table, key, len) : NULL;

	return e && e->expires > now ? &e->answer : NULL;
}

void resolve_cache_clear(struct resolve_cache *c)
{
	while (!TAILQ_EMPTY(&c->oldest_first))
		forget(c, TAILQ_FIRST(&c->oldest_first));
}

size_t resolve_cache_count(const struct resolve_cache *c)
{
	return table_count(c->table);
}
