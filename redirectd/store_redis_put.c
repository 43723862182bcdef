#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/log.h"
#include "common/siphash.h"
#include "common/table.h"
#include "redirectd/record.h"

#include "redirectd/store_redis.h"

/* A change under way. */
struct put {
	struct store_redis *r;
	store_done_h *fn;
	void *arg;
	struct binding *late; /* of the old ones, those that had run out */
	size_t nlate;
	size_t len; /* of the value */
	char id[REDIRECT_ID_MAX];
	char value[]; /* as it will be stored */
};

/* What it is worked out from. */
struct old {
	const char *rev;
	const struct binding *v;
	size_t n;
};

bool store_redis_is_changing(const struct store_redis *r, const char *id)
{
	return table_get(r->puts, id, strlen(id)) != NULL;
}

/* A counter that began anywhere in 64 bits. */
void store_redis_rev(char rev[REDIS_REV_LEN + 1], struct store_redis *r)
{
	(void)snprintf(rev, REDIS_REV_LEN + 1, "%016" PRIx64, ++r->revs);
}

/* By what tells bindings of one client apart; the same for every redirectd, so
 * the key is no secret. */
void store_redis_tag(char tag[STORE_REDIS_TAG + 1], const struct binding *b)
{
	static const uint8_t key[SIPHASH_KEY_LEN];
	char text[REDIRECT_URL_MAX + BINDING_INSTANCE_MAX + 16];
	int n = snprintf(text, sizeof(text), "%s %s %" PRIu32, b->url,
			 b->instance, b->reg_id);
	size_t len = n > 0 && (size_t)n < sizeof(text) ? (size_t)n
						       : sizeof(text) - 1;

	(void)snprintf(tag, STORE_REDIS_TAG + 1, "%016" PRIx64,
		       siphash13(key, text, len));
}

static void add_end(struct redis_args *a, const char *id,
		    const struct binding *b)
{
	char tag[STORE_REDIS_TAG + 1];

	store_redis_tag(tag, b);
	redis_args_printf(a, "%s %s", tag, id);
}

static bool serves(const struct binding *v, size_t n, const struct addr *proxy)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (addr_eq(&v[i].serving, proxy))
			return true;
	return false;
}

/* The lists of the proxies that serve one of `v` and none of `not`. Returns how
 * many. */
static unsigned add_proxies(struct redis_args *a, const struct binding *v,
			    size_t n, const struct binding * not, size_t nnot)
{
	char text[ADDR_STRLEN];
	unsigned count = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (serves(v, i, &v[i].serving) ||
		    serves(not, nnot, &v[i].serving))
			continue;
		redis_args_printf(a, REDIS_SERVED "%s",
				  addr_str(text, &v[i].serving));
		count++;
	}
	return count;
}

static bool has_tag(const struct binding *v, size_t n, const struct binding *b)
{
	char want[STORE_REDIS_TAG + 1], tag[STORE_REDIS_TAG + 1];
	size_t i;

	store_redis_tag(want, b);
	for (i = 0; i < n; i++) {
		store_redis_tag(tag, &v[i]);
		if (!strcmp(tag, want))
			return true;
	}
	return false;
}

/* The bindings that end with this change; the late ones come first. */
static unsigned add_gone(struct redis_args *a, const struct put *p,
			 const struct old *old, const struct binding *v,
			 size_t n, dir_time now)
{
	unsigned count = 0;
	size_t i;

	for (i = 0; i < p->nlate; i++, count++)
		add_end(a, p->id, &p->late[i]);
	for (i = 0; i < old->n; i++) {
		if (old->v[i].expires <= now || has_tag(v, n, &old->v[i]))
			continue;
		add_end(a, p->id, &old->v[i]);
		count++;
	}
	return count;
}

static dir_time last_end(const struct binding *v, size_t n, dir_time now)
{
	dir_time last = now;
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].expires > last)
			last = v[i].expires;
	return last;
}

/* The words of the change, in the order that the script wants them. */
static void print(struct redis_args *a, const struct put *p,
		  const struct old *old, const struct binding *v, size_t n,
		  dir_time now)
{
	const dir_time end = last_end(v, n, now);
	unsigned served, left;
	int at;

	redis_script_init(a, p->r->conn, REDIS_SCRIPT_PUT, 0);
	redis_args_printf(a, REDIS_RECORD "%s", p->id);
	redis_args_add(a, REDIS_SEEN);
	redis_args_add(a, REDIS_ENDS);
	redis_args_add(a, REDIS_ALIASES);
	served = add_proxies(a, v, n, NULL, 0);
	left = add_proxies(a, old->v, old->n, v, n);
	redis_args_set(a, REDIS_SCRIPT_NKEYS, 4 + served + left);
	redis_args_add(a, p->id);
	redis_args_add(a, old->rev);
	redis_args_bytes(a, p->value, p->len);
	redis_args_num(a, end - now + STORE_REDIS_REMEMBERED_MS);
	redis_args_num(a, now);
	redis_args_num(a, end);
	redis_args_num(a, p->r->cfg.max);
	redis_args_add(a, REDIS_RECORD);
	redis_args_num(a, served);
	at = a->n;
	redis_args_add(a, "");
	redis_args_set(a, at, add_gone(a, p, old, v, n, now));
	for (size_t i = 0; i < n; i++) {
		redis_args_num(a, v[i].expires);
		add_end(a, p->id, &v[i]);
	}
}

static void put_free(struct put *p)
{
	free(p->late);
	free(p);
}

/* What had run out and was still there is told by whoever took it off. */
static void tell_expired(const struct put *p, const redisReply *reply)
{
	const struct store_config *cfg = &p->r->cfg;
	size_t i;

	for (i = 0; i < p->nlate && i + 1 < reply->elements; i++)
		if (reply->element[i + 1]->integer == 1 && cfg->expired)
			cfg->expired(p->id, &p->late[i], cfg->arg);
}

/* What is stored now is what is known here. */
static void take(const struct put *p, const struct redis_value *v)
{
	(void)redis_copy_take(p->r->copy, p->id, 0, v, NULL);
}

static int read_answer(const struct put *p, const redisReply *reply)
{
	const struct redis_value mine = {p->value, p->len};
	struct redis_value theirs;
	int err = reply ? store_redis_word(p->r, reply) : -EIO;

	if (!err) {
		take(p, &mine);
		tell_expired(p, reply);
	} else if (err == -EAGAIN && reply->elements == 2) {
		theirs = redis_value_of(reply->element[1]);
		take(p, &theirs);
	}
	return err;
}

static void on_put(const redisReply *reply, void *arg)
{
	struct put *p = arg;
	struct store_redis *r = p->r;
	int err;

	(void)table_del(r->puts, p->id, strlen(p->id));
	if (!r->closing) {
		err = read_answer(p, reply);
		p->fn(err, p->arg);
	}
	if (!r->closing)
		waiters_tell(r->waiters, p->id, 0);
	put_free(p);
}

/* The value: a new revision, and the record. */
static struct put *put_of(struct store_redis *r, const char *id,
			  const json_t *record)
{
	size_t len = json_dumpb(record, NULL, 0, JSON_COMPACT);
	struct put *p = calloc(1, sizeof(*p) + REDIS_VALUE_HEAD + len);

	if (!p)
		return NULL;
	store_redis_rev(p->value, r);
	p->value[REDIS_REV_LEN] = ' ';
	(void)json_dumpb(record, p->value + REDIS_VALUE_HEAD, len,
			 JSON_COMPACT);
	p->len = REDIS_VALUE_HEAD + len;
	memcpy(p->id, id, strlen(id) + 1);
	p->r = r;
	return p;
}

/* What is written has to be what is read again. */
static int put_new(struct put **pp, struct store_redis *r, const char *id,
		   const struct binding *v, size_t n)
{
	json_t *j = record_of_client(id, v, n);
	struct record_client same;
	int err = 0;

	if (record_client(&same, j)) {
		err = -EINVAL;
	} else {
		*pp = put_of(r, id, j);
		err = *pp ? 0 : -ENOMEM;
	}
	json_decref(j);
	return err;
}

static int keep_late(struct put *p, const struct old *old, dir_time now)
{
	struct binding late[BINDINGS_MAX];
	size_t i, n = 0;

	for (i = 0; i < old->n; i++)
		if (old->v[i].expires <= now)
			late[n++] = old->v[i];
	if (!n)
		return 0;
	p->late = binding_copy(late, n);
	p->nlate = n;
	return p->late ? 0 : -ENOMEM;
}

static int begin(struct put *p, const struct old *old, const struct binding *v,
		 size_t n, dir_time now)
{
	struct store_redis *r = p->r;
	struct redis_args a;
	int err = keep_late(p, old, now);

	if (!err)
		err = table_put(r->puts, p->id, strlen(p->id), p);
	if (err)
		return err;
	print(&a, p, old, v, n, now);
	err = redis_script_call(r->conn, &a, on_put, p);
	if (err)
		(void)table_del(r->puts, p->id, strlen(p->id));
	return err;
}

/* What the caller has seen of the client has to be here still. */
static int look_at_old(struct old *old, struct store_redis *r, const char *id)
{
	const struct redis_copied *e = redis_copy_get(r->copy, id);

	if (!e || store_redis_is_changing(r, id))
		return -EAGAIN;
	if (e->kind == REDIS_ALIAS)
		return -EINVAL;
	if (e->kind == REDIS_BROKEN)
		return -EIO;
	*old = (struct old){e->rev, e->v, e->n};
	return 0;
}

int store_redis_put(struct store *s, const char *id, const struct binding *v,
		    size_t n, dir_time now, store_done_h *fn, void *arg)
{
	struct store_redis *r = store_redis_of(s);
	struct old old;
	struct put *p;
	int err;

	store_redis_note_now(r, now);
	if (r->cfg.beside)
		return -EROFS;
	if (!store_redis_is_up(r))
		return -EIO;
	if (n > BINDINGS_MAX)
		return -EINVAL;
	err = look_at_old(&old, r, id);
	if (err)
		return err;
	err = put_new(&p, r, id, v, n);
	if (err)
		return err;
	p->fn = fn;
	p->arg = arg;
	err = begin(p, &old, v, n, now);
	if (err) {
		put_free(p);
		return err == -ENOTCONN ? -EIO : -ENOMEM;
	}
	return -EINPROGRESS;
}
