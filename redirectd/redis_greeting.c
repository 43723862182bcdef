#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "redirectd/redis_conn.h"

#include "redirectd/redis_greeting.h"

#define SCHEMA "1"

enum { WHY_MAX = 200 };

static void refuse(struct redis_conn *c, const redisReply *r)
{
	redis_conn_refuse(c, r->type == REDIS_REPLY_ERROR ? r->str
							  : "not a Redis");
}

/* AUTH and SELECT. */
static void on_ok(const redisReply *r, void *arg)
{
	if (r && r->type != REDIS_REPLY_STATUS)
		refuse(arg, r);
}

/* Who may not tell its role is taken for one that can be written to. */
static void on_role(const redisReply *r, void *arg)
{
	if (r && r->type == REDIS_REPLY_ARRAY && r->elements &&
	    r->element[0]->type == REDIS_REPLY_STRING &&
	    strcmp(r->element[0]->str, "master"))
		redis_conn_refuse(arg, "it is a replica: name the one that is "
				       "written to");
}

static void on_schema(const redisReply *r, void *arg)
{
	char why[WHY_MAX];

	if (!r)
		return;
	if (r->type != REDIS_REPLY_STRING) {
		refuse(arg, r);
		return;
	}
	if (!strcmp(r->str, SCHEMA))
		return;
	(void)snprintf(why, sizeof(why),
		       "made by another redirectd (" REDIS_SCHEMA
		       " is %.20s, this one knows " SCHEMA
		       "): use that version, or another DB",
		       r->str);
	redis_conn_refuse(arg, why);
}

/* The answer names the script; the last one ends the greeting. */
static void on_loaded(const redisReply *r, void *arg)
{
	struct redis_conn *c = arg;
	struct redis_scripts *s = redis_conn_scripts(c);

	if (!r)
		return;
	if (r->type != REDIS_REPLY_STRING || r->len + 1 != sizeof(s->sha[0])) {
		refuse(c, r);
		return;
	}
	memcpy(s->sha[s->loaded++], r->str, sizeof(s->sha[0]));
	if (s->loaded == REDIS_SCRIPT_COUNT)
		redis_conn_greeted(c);
}

static int ask_login(struct redis_conn *c, struct redis_args *a)
{
	const struct redis_url *u = redis_conn_url(c);

	if (!*u->password)
		return 0;
	redis_args_init(a);
	redis_args_add(a, "AUTH");
	if (*u->user)
		redis_args_add(a, u->user);
	redis_args_add(a, u->password);
	return redis_conn_ask(c, a, on_ok, c);
}

static int ask_db(struct redis_conn *c, struct redis_args *a)
{
	if (!redis_conn_url(c)->db)
		return 0;
	redis_args_init(a);
	redis_args_add(a, "SELECT");
	redis_args_num(a, redis_conn_url(c)->db);
	return redis_conn_ask(c, a, on_ok, c);
}

static int ask_role(struct redis_conn *c, struct redis_args *a)
{
	redis_args_init(a);
	redis_args_add(a, "ROLE");
	return redis_conn_ask(c, a, on_role, c);
}

static int ask_schema(struct redis_conn *c, struct redis_args *a)
{
	redis_args_init(a);
	redis_args_add(a, "EVAL");
	redis_args_add(a, redis_script_text(REDIS_SCRIPT_SCHEMA));
	redis_args_add(a, "1");
	redis_args_add(a, REDIS_SCHEMA);
	redis_args_add(a, SCHEMA);
	return redis_conn_ask(c, a, on_schema, c);
}

static int ask_load(struct redis_conn *c, struct redis_args *a)
{
	int i, err = 0;

	redis_conn_scripts(c)->loaded = 0;
	for (i = 0; i < REDIS_SCRIPT_COUNT && !err; i++) {
		redis_script_load(a, (enum redis_script)i);
		err = redis_conn_ask(c, a, on_loaded, c);
	}
	return err;
}

int redis_greeting_begin(struct redis_conn *c)
{
	struct redis_args a;
	int err = ask_login(c, &a);

	if (!err)
		err = ask_db(c, &a);
	if (!err)
		err = ask_role(c, &a);
	if (!err)
		err = ask_schema(c, &a);
	if (!err)
		err = ask_load(c, &a);
	return err;
}
