#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns.h"
#include "common/log.h"
#include "common/resolve.h"
#include "common/resolve_cache.h"
#include "common/table.h"

#include "common/resolve_asking.h"

enum { KEY_LEN = DNS_NAME_LEN + 1, WAITERS_MIN = 4 };

struct resolve_asking {
	struct resolve_asking_config cfg;
	struct dns *dns;
	struct resolve_cache *cache;
	struct table *questions; /* type and name -> struct question */
};

/* One that name servers have been asked, and who waits for it. */
struct question {
	struct resolve_question q;
	size_t nwaiters, cap;
	uint64_t *waiters;
};

static uint64_t now_of(const struct resolve_asking *a)
{
	return uv_now(a->cfg.loop);
}

static size_t make_key(char key[KEY_LEN], const struct resolve_question *q)
{
	size_t len = strlen(q->name);

	key[0] = (char)q->type;
	memcpy(key + 1, q->name, len);
	return len + 1;
}

static void question_free(void *value)
{
	struct question *q = value;

	if (q)
		free(q->waiters);
	free(q);
}

static int question_add(struct question **qp, struct resolve_asking *a,
			const struct resolve_question *text)
{
	struct question *q = calloc(1, sizeof(*q));
	char key[KEY_LEN];
	size_t len = make_key(key, text);
	int err;

	if (!q)
		return -ENOMEM;
	q->q = *text;
	err = table_put(a->questions, key, len, q);
	if (err) {
		free(q);
		return err;
	}
	*qp = q;
	return 0;
}

/* Out of the table; whoever takes it frees it. */
static struct question *question_take(struct resolve_asking *a,
				      const struct resolve_question *text)
{
	char key[KEY_LEN];
	size_t len = make_key(key, text);

	return table_del(a->questions, key, len);
}

static struct question *question_find(const struct resolve_asking *a,
				      const struct resolve_question *text)
{
	char key[KEY_LEN];
	size_t len = make_key(key, text);

	return table_get(a->questions, key, len);
}

static int question_wait(struct question *q, uint64_t waiter)
{
	size_t cap = q->cap ? 2 * q->cap : WAITERS_MIN;
	uint64_t *waiters;

	for (size_t i = 0; i < q->nwaiters; i++)
		if (q->waiters[i] == waiter)
			return 0;
	if (q->nwaiters == q->cap) {
		waiters = realloc(q->waiters, cap * sizeof(*waiters));
		if (!waiters)
			return -ENOMEM;
		q->waiters = waiters;
		q->cap = cap;
	}
	q->waiters[q->nwaiters++] = waiter;
	return 0;
}

static void keep(struct resolve_asking *a, const struct resolve_question *q,
		 const struct dns_answer *answer)
{
	(void)resolve_cache_put(a->cache, q->type, q->name, answer, now_of(a));
	if (!answer->err || answer->err == -ENOENT)
		return;
	a->cfg.counts->unanswered++;
	log_warn("name servers have not answered",
		 LOG_S("type", dnsmsg_type_name(q->type)),
		 LOG_S("name", q->name),
		 LOG_S("error", strerror(-answer->err)));
}

static void on_answer(enum dns_type type, const char *name,
		      const struct dns_answer *answer, void *arg)
{
	struct resolve_asking *a = arg;
	struct resolve_question text = {.type = type};
	struct question *q;

	(void)strncpy(text.name, name, sizeof(text.name) - 1);
	q = question_take(a, &text);
	keep(a, &text, answer);
	for (size_t i = 0; q && i < q->nwaiters; i++)
		a->cfg.fn(q->waiters[i], a->cfg.arg);
	question_free(q);
}

int resolve_asking_alloc(struct resolve_asking **ap,
			 const struct resolve_asking_config *cfg)
{
	struct resolve_asking *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->cfg = *cfg;
	err = table_alloc(&a->questions, cfg->max);
	if (!err)
		err = resolve_cache_alloc(&a->cache, cfg->cache_max);
	if (!err)
		err = dns_alloc(&a->dns, cfg->loop, cfg->servers, on_answer, a);
	if (err) {
		resolve_asking_free(a);
		return err;
	}
	*ap = a;
	return 0;
}

const struct dns_answer *resolve_asking_known(const struct resolve_asking *a,
					      enum dns_type type,
					      const char *name)
{
	return resolve_cache_get(a->cache, type, name, now_of(a));
}

static int begin(struct question **qp, struct resolve_asking *a,
		 const struct resolve_question *text)
{
	int err = question_add(qp, a, text);

	if (err)
		return err;
	err = dns_ask(a->dns, text->type, text->name);
	if (err)
		question_free(question_take(a, text));
	else
		a->cfg.counts->questions++;
	return err;
}

bool resolve_asking_ask(struct resolve_asking *a,
			const struct resolve_question *text, uint64_t waiter)
{
	static struct dns_record rr[DNS_RECORDS_MAX];
	struct question *q = question_find(a, text);
	struct dns_answer answer;
	int err = 0;

	if (!q) {
		if (dns_hosts(&answer, rr, a->dns, text->type, text->name)) {
			keep(a, text, &answer);
			return true;
		}
		err = begin(&q, a, text);
	}
	if (!err)
		err = question_wait(q, waiter);
	if (!err)
		return false;
	answer = (struct dns_answer){.err = err == -ENOSPC ? -EBUSY : -EIO};
	keep(a, text, &answer);
	return true;
}

/* One that cannot be asked again is one that its look-ups time out of. */
static int ask_again(const void *key, size_t len, void *value, void *arg)
{
	const struct question *q = value;
	struct resolve_asking *a = arg;

	(void)key;
	(void)len;
	(void)dns_ask(a->dns, q->q.type, q->q.name);
	return 0;
}

int resolve_asking_reload(struct resolve_asking *a, const char *servers)
{
	struct dns *next;
	int err = dns_alloc(&next, a->cfg.loop, servers, on_answer, a);

	if (err)
		return err;
	dns_free(a->dns);
	a->dns = next;
	resolve_cache_clear(a->cache);
	(void)table_apply(a->questions, ask_again, a);
	return 0;
}

size_t resolve_asking_kept(const struct resolve_asking *a)
{
	return resolve_cache_count(a->cache);
}

void resolve_asking_free(struct resolve_asking *a)
{
	if (!a)
		return;
	dns_free(a->dns);
	table_free_values(a->questions, question_free);
	resolve_cache_free(a->cache);
	free(a);
}
