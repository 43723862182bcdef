#include <string.h>

#include "redirectd/record.h"

#include "redirectd/store_redis.h"

enum {
	EXPIRED_PER_POLL = 1000,
	POLL_COUNTS = 4, /* elements of the reply before the bindings */
};

/* A binding's name in REDIS_ENDS: tag, space, client. */
struct end {
	struct store_redis *r;
	char tag[STORE_REDIS_TAG + 1];
	char id[REDIRECT_ID_MAX];
};

static void tell(const struct end *e, const struct record_client *c)
{
	const struct store_config *cfg = &e->r->cfg;
	char tag[STORE_REDIS_TAG + 1];
	size_t i;

	for (i = 0; i < c->n && cfg->expired; i++) {
		store_redis_tag(tag, &c->v[i]);
		if (!strcmp(tag, e->tag))
			cfg->expired(e->id, &c->v[i], cfg->arg);
	}
}

/* The record where this was the one to take the binding off. */
static void on_expired(const redisReply *reply, void *arg)
{
	struct record_client c;
	struct end *e = arg;
	struct redis_value v;
	json_t *j;

	if (reply && reply->type == REDIS_REPLY_STRING && !e->r->closing) {
		v = redis_value_of(reply);
		if (!redis_value_client(&c, &j, e->id, &v)) {
			tell(e, &c);
			json_decref(j);
		}
	}
	free(e);
}

static void expire(struct store_redis *r, const redisReply *name)
{
	struct redis_args a;
	struct end *e;

	if (name->type != REDIS_REPLY_STRING ||
	    name->len <= STORE_REDIS_TAG + 1 ||
	    name->len - STORE_REDIS_TAG - 1 >= sizeof(e->id))
		return;
	e = calloc(1, sizeof(*e));
	if (!e)
		return;
	e->r = r;
	memcpy(e->tag, name->str, STORE_REDIS_TAG);
	memcpy(e->id, name->str + STORE_REDIS_TAG + 1,
	       name->len - STORE_REDIS_TAG - 1);
	redis_script_init(&a, r->conn, REDIS_SCRIPT_EXPIRE, 2);
	redis_args_add(&a, REDIS_ENDS);
	redis_args_printf(&a, REDIS_RECORD "%s", e->id);
	redis_args_bytes(&a, name->str, name->len);
	redis_args_num(&a, store_redis_now(r));
	if (redis_script_call(r->conn, &a, on_expired, e))
		free(e);
}

static bool is_counted(const redisReply *reply)
{
	size_t i;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < POLL_COUNTS)
		return false;
	for (i = 0; i < POLL_COUNTS; i++)
		if (reply->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
	return true;
}

static void on_poll(const redisReply *reply, void *arg)
{
	struct store_redis *r = arg;
	size_t i;

	r->polling = false;
	if (!reply || r->closing)
		return;
	if (!is_counted(reply)) {
		redis_conn_refuse(r->conn, reply->type == REDIS_REPLY_ERROR
						   ? reply->str
						   : "not understood");
		return;
	}
	r->counts.known = (size_t)reply->element[0]->integer;
	r->counts.clients = (size_t)reply->element[1]->integer;
	r->counts.contacts = (size_t)reply->element[2]->integer;
	r->counts.users = (size_t)reply->element[3]->integer;
	for (i = POLL_COUNTS; i < reply->elements; i++)
		expire(r, reply->element[i]);
	store_redis_counted(r);
}

void store_redis_poll(struct store_redis *r)
{
	const dir_time now = store_redis_now(r);
	const dir_time forgotten = now > STORE_REDIS_REMEMBERED_MS
					   ? now - STORE_REDIS_REMEMBERED_MS
					   : 0;
	struct redis_args a;

	if (r->polling || !redis_conn_is_up(r->conn))
		return;
	redis_script_init(&a, r->conn, REDIS_SCRIPT_POLL, 3);
	redis_args_add(&a, REDIS_SEEN);
	redis_args_add(&a, REDIS_ENDS);
	redis_args_add(&a, REDIS_USERS);
	redis_args_num(&a, now);
	redis_args_num(&a, forgotten);
	redis_args_num(&a, r->cfg.beside ? 0 : EXPIRED_PER_POLL);
	r->polling = !redis_script_call(r->conn, &a, on_poll, r);
}
