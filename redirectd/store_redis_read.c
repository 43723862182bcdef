#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/table.h"

#include "redirectd/store_redis.h"

/* A question for an id under way; of what it is an alias of, as far as is
 * known, too. */
struct read {
	struct store_redis *r;
	uint64_t asked;
	char id[REDIRECT_ID_MAX];
	char of[REDIRECT_ID_MAX]; /* "": none */
};

/* Those who wait for this very question; one of an earlier turn may be too old
 * for them. */
enum { WAIT_KEY_MAX = REDIRECT_ID_MAX + 24 };

static void wait_key(char key[WAIT_KEY_MAX], const char *id, uint64_t asked)
{
	(void)snprintf(key, WAIT_KEY_MAX, "%" PRIu64 " %s", asked, id);
}

/* What is known of an id, fresh enough for the view: 0, -EAGAIN; -EIO where it
 * is out of reach and not known, and *stale where it is known all the same. */
static int look(struct redis_copied **ep, bool *stale, struct store_redis *r,
		const char *id, const struct store_view *w)
{
	int err = store_redis_reach(r);

	*ep = redis_copy_get(r->copy, id);
	if (err == -EAGAIN)
		return *ep && (*ep)->asked >= w->since ? 0 : -EAGAIN;
	*stale = *ep && ((*ep)->kind != REDIS_NONE || (*ep)->user);
	return *stale ? 0 : err;
}

/* The same, of what it is an alias of. *idp is the id asked for, and then the
 * client's own. */
static int look_through(struct redis_copied **ep, bool *stale,
			struct store_redis *r, const char **idp,
			const struct store_view *w)
{
	int err = look(ep, stale, r, *idp, w);

	if (err || (*ep)->kind != REDIS_ALIAS)
		return err;
	*idp = (*ep)->of;
	err = look(ep, stale, r, *idp, w);
	if (!err && (*ep)->kind == REDIS_ALIAS)
		err = -ENOENT;
	return err;
}

int store_redis_get(struct client *c, struct store *s, const char *id,
		    const struct store_view *w)
{
	struct store_redis *r = store_redis_of(s);
	struct redis_copied *e;
	bool stale = false;
	int err;

	store_redis_note_now(r, w->now);
	err = look_through(&e, &stale, r, &id, w);
	*c = (struct client){.id = id, .stale = stale};
	if (err)
		return err;
	if (w->change && store_redis_is_changing(r, id))
		return -EAGAIN;
	if (e->kind == REDIS_BROKEN)
		return -EIO;
	if (e->kind == REDIS_NONE)
		return -ENOENT;
	redis_copy_client(c, e, w->now);
	c->stale = stale;
	return 0;
}

int store_redis_user(struct user *u, struct store *s, const char *id,
		     const struct store_view *w)
{
	struct store_redis *r = store_redis_of(s);
	struct redis_copied *e;
	bool stale = false;
	int err = look_through(&e, &stale, r, &id, w);

	if (err)
		return err;
	if (e->user_broken)
		return -EIO;
	if (!e->user)
		return -ENOENT;
	*u = *e->user;
	return 0;
}

static bool is_read(const struct read *d, const redisReply *reply)
{
	size_t i, n = *d->of ? 4 : 2;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != n)
		return false;
	for (i = 0; i < n; i++)
		if (reply->element[i]->type != REDIS_REPLY_STRING &&
		    reply->element[i]->type != REDIS_REPLY_NIL)
			return false;
	return true;
}

static void take(const struct read *d, const char *id, redisReply **v)
{
	const struct redis_value record = redis_value_of(v[0]);
	const struct redis_value user = redis_value_of(v[1]);

	(void)redis_copy_take(d->r->copy, id, d->asked, &record, &user);
}

static void on_read(const redisReply *reply, void *arg)
{
	struct read *d = arg;
	struct store_redis *r = d->r;
	char key[WAIT_KEY_MAX];

	if (table_get(r->reads, d->id, strlen(d->id)) == d)
		(void)table_del(r->reads, d->id, strlen(d->id));
	if (reply && is_read(d, reply)) {
		take(d, d->id, reply->element);
		if (*d->of)
			take(d, d->of, reply->element + 2);
	} else if (reply) {
		redis_conn_refuse(r->conn, reply->type == REDIS_REPLY_ERROR
						   ? reply->str
						   : "not understood");
	}
	wait_key(key, d->id, d->asked);
	free(d);
	if (!r->closing)
		waiters_tell(r->waiters, key, 0);
}

static void add_keys(struct redis_args *a, const char *id)
{
	redis_args_printf(a, REDIS_RECORD "%s", id);
	redis_args_printf(a, REDIS_USER "%s", id);
}

static int ask(struct store_redis *r, struct read *d)
{
	const struct redis_copied *e = redis_copy_get(r->copy, d->id);
	struct redis_args a;

	redis_args_init(&a);
	redis_args_add(&a, "MGET");
	add_keys(&a, d->id);
	if (e && e->kind == REDIS_ALIAS) {
		(void)snprintf(d->of, sizeof(d->of), "%s", e->of);
		add_keys(&a, d->of);
	}
	return redis_conn_ask(r->conn, &a, on_read, d);
}

/* An id's question of this turn has not left yet: one is enough. */
static int begin_read(struct store_redis *r, const char *id)
{
	struct read *d = table_get(r->reads, id, strlen(id));
	uint64_t turn = redis_conn_turn(r->conn);
	int err;

	if (d && d->asked == turn)
		return 0;
	if (strlen(id) >= REDIRECT_ID_MAX)
		return -EMSGSIZE;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->r = r;
	d->asked = turn;
	memcpy(d->id, id, strlen(id) + 1);
	err = ask(r, d);
	if (err) {
		free(d);
		return err;
	}
	/* Without room for it the next one asks anew. */
	(void)table_del(r->reads, id, strlen(id));
	(void)table_put(r->reads, id, strlen(id), d);
	return 0;
}

/* Somebody who waits for the server to be found. */
struct early {
	struct store_redis *r;
	store_done_h *fn;
	void *arg;
};

static void tell_early(void *arg)
{
	struct early *e = arg;

	if (!e->r->closing)
		e->fn(0, e->arg);
	free(e);
}

static int await_server(struct store_redis *r, store_done_h *fn, void *arg)
{
	struct early *e = malloc(sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	*e = (struct early){r, fn, arg};
	err = store_redis_park(r, tell_early, e);
	if (err)
		free(e);
	return err;
}

int store_redis_await(struct store *s, const char *id, store_done_h *fn,
		      void *arg)
{
	struct store_redis *r = store_redis_of(s);
	const struct redis_copied *e = redis_copy_get(r->copy, id);
	const char *own = e && e->kind == REDIS_ALIAS ? e->of : id;
	char key[WAIT_KEY_MAX];
	int err;

	if (store_redis_is_changing(r, own))
		return waiters_add(r->waiters, own, fn, arg);
	if (store_redis_is_begun(r))
		return await_server(r, fn, arg);
	err = begin_read(r, id);
	if (err)
		return err;
	wait_key(key, id, redis_conn_turn(r->conn));
	return waiters_add(r->waiters, key, fn, arg);
}
