#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/record.h"

#include "redirectd/store_redis.h"

/* How redirectd/record.h begins an alias. */
#define ALIAS_BEGINS "{\"alias\":"

/* A change of a user or an alias under way. */
struct edit {
	struct store_redis *r;
	store_done_h *fn;
	void *arg;
	bool is_alias;
	char id[REDIRECT_ID_MAX];
	char of[REDIRECT_ID_MAX];
	size_t len;
	char value[]; /* as it will be stored; none: remove */
};

static void end(struct edit *e, int err)
{
	struct store_redis *r = e->r;

	if (!r->closing) {
		redis_copy_forget(r->copy, e->id);
		e->fn(err, e->arg);
		store_redis_poll(r);
	}
	free(e);
}

static void on_edited(const redisReply *reply, void *arg)
{
	struct edit *e = arg;

	end(e, reply && !e->r->closing ? store_redis_word(e->r, reply) : -EIO);
}

static void print_user(struct redis_args *a, const struct edit *e)
{
	redis_script_init(a, e->r->conn, REDIS_SCRIPT_USER, 2);
	redis_args_printf(a, REDIS_USER "%s", e->id);
	redis_args_add(a, REDIS_USERS);
	redis_args_add(a, e->id);
	redis_args_bytes(a, e->value, e->len);
}

static void print_alias(struct redis_args *a, const struct edit *e)
{
	redis_script_init(a, e->r->conn, REDIS_SCRIPT_ALIAS, 4);
	redis_args_printf(a, REDIS_RECORD "%s", e->id);
	redis_args_printf(a, REDIS_RECORD "%s", *e->of ? e->of : e->id);
	redis_args_add(a, REDIS_ALIASES);
	redis_args_add(a, REDIS_SEEN);
	redis_args_add(a, e->id);
	redis_args_bytes(a, e->value, e->len);
	redis_args_add(a, ALIAS_BEGINS);
	redis_args_num(a, e->r->cfg.max);
}

static int ask(struct edit *e)
{
	struct redis_args a;

	if (e->is_alias)
		print_alias(&a, e);
	else
		print_user(&a, e);
	return redis_script_call(e->r->conn, &a, on_edited, e);
}

/* The server has been found, or not. */
static void go(void *arg)
{
	struct edit *e = arg;

	if (e->r->closing || ask(e))
		end(e, -EIO);
}

/* The record, which must be one that is read again; NULL: it would not be. */
static json_t *record_of(const struct store_edit *e)
{
	json_t *j = e->kind == STORE_USER ? record_of_user(e->id, e->user)
					  : record_of_alias(e->id, e->alias_of);
	const char *id, *of;
	struct user u;
	int err = e->kind == STORE_USER ? record_user(&id, &u, j)
					: record_alias(&id, &of, j);

	if (!err)
		return j;
	json_decref(j);
	return NULL;
}

/* A revision stands in front of an alias, as of all that clients are looked up
 * by, and of no user. */
static struct edit *edit_new(struct store_redis *r, const struct store_edit *e)
{
	bool is_alias = e->kind == STORE_ALIAS;
	bool removes = is_alias ? !e->alias_of : !e->user;
	size_t head = is_alias && !removes ? REDIS_VALUE_HEAD : 0;
	json_t *j = removes ? NULL : record_of(e);
	size_t len = j ? json_dumpb(j, NULL, 0, JSON_COMPACT) : 0;
	struct edit *n = NULL;

	if (removes || len)
		n = calloc(1, sizeof(*n) + head + len + 1);
	if (n) {
		n->r = r;
		n->is_alias = is_alias;
		n->len = head + len;
		if (head) {
			store_redis_rev(n->value, r);
			n->value[REDIS_REV_LEN] = ' ';
		}
		(void)json_dumpb(j, n->value + head, len, JSON_COMPACT);
		memcpy(n->id, e->id, strlen(e->id) + 1);
		if (is_alias && !removes)
			memcpy(n->of, e->alias_of, strlen(e->alias_of) + 1);
	}
	json_decref(j);
	return n;
}

int store_redis_edit(struct store *s, const struct store_edit *e,
		     store_done_h *fn, void *arg)
{
	struct store_redis *r = store_redis_of(s);
	const char *of = e->kind == STORE_ALIAS ? e->alias_of : NULL;
	struct edit *n;
	int err;

	if (!record_id_ok(e->id) || (of && !record_id_ok(of)))
		return -EINVAL;
	if (of && !strcmp(e->id, of))
		return -EEXIST;
	if (store_redis_reach(r) == -EIO)
		return -EIO;
	n = edit_new(r, e);
	if (!n)
		return -EINVAL;
	n->fn = fn;
	n->arg = arg;
	err = store_redis_is_begun(r) ? store_redis_park(r, go, n) : ask(n);
	if (!err)
		return -EINPROGRESS;
	free(n);
	return err == -ENOTCONN ? -EIO : -ENOMEM;
}
