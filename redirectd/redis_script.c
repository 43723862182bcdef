#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/redis_conn.h"

#include "redirectd/redis_script.h"

/*
 * A value at REDIS_RECORD is its revision (16 characters, another one at each
 * change), a space, and the record. Within a script what can fail for want of
 * memory comes before all other writing, so that it is done wholly or not at
 * all. Keys that are made up here are on the same node as the others by their
 * prefix.
 */
static const char *const texts[REDIS_SCRIPT_COUNT] = {
	/* What the database holds is said by whoever comes first. */
	[REDIS_SCRIPT_SCHEMA] = "local v = redis.call('GET', KEYS[1])\n"
				"if not v then\n"
				"  redis.call('SET', KEYS[1], ARGV[1])\n"
				"  v = ARGV[1]\n"
				"end\n"
				"return v\n",

	/*
	 * Exchange a client's record if nobody else has since. A newcomer to a
	 * full directory takes the place of who has been unregistered longest.
	 * KEYS: record, seen, ends, aliases, then the proxies' lists.
	 * ARGV: id, old revision, value, milliseconds to keep it, now, last
	 * end, max, prefix of records, how many of the lists are of proxies
	 * that serve it, how many bindings end here, these, then end and name
	 * of each there is.
	 */
	[REDIS_SCRIPT_PUT] =
		"local id, now = ARGV[1], ARGV[5]\n"
		"local old = redis.call('GET', KEYS[1])\n"
		"if (old and string.sub(old, 1, 16) or '') ~= ARGV[2] then\n"
		"  return {'changed', old}\n"
		"end\n"
		"local victim\n"
		"if not old and not redis.call('ZSCORE', KEYS[2], id) and\n"
		"    redis.call('ZCARD', KEYS[2]) +\n"
		"    redis.call('SCARD', KEYS[4]) >= tonumber(ARGV[7]) then\n"
		"  victim = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now,\n"
		"                      'LIMIT', 0, 1)[1]\n"
		"  if not victim then return {'full'} end\n"
		"end\n"
		"redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])\n"
		"if victim then\n"
		"  redis.call('DEL', ARGV[8] .. victim)\n"
		"  redis.call('ZREM', KEYS[2], victim)\n"
		"end\n"
		"redis.call('ZADD', KEYS[2], ARGV[6], id)\n"
		"local out, at = {'done'}, 11\n"
		"for i = 1, tonumber(ARGV[10]) do\n"
		"  out[i + 1] = redis.call('ZREM', KEYS[3], ARGV[at])\n"
		"  at = at + 1\n"
		"end\n"
		"for i = at, #ARGV, 2 do\n"
		"  redis.call('ZADD', KEYS[3], ARGV[i], ARGV[i + 1])\n"
		"end\n"
		"for i = 5, #KEYS do\n"
		"  if i < 5 + tonumber(ARGV[9]) then\n"
		"    redis.call('ZADD', KEYS[i], 0, id)\n"
		"  else\n"
		"    redis.call('ZREM', KEYS[i], id)\n"
		"  end\n"
		"end\n"
		"return out\n",

	/*
	 * Take a binding off that has run out: who succeeds is the one to tell,
	 * and is given the record. KEYS: ends, record. ARGV: binding, now.
	 */
	[REDIS_SCRIPT_EXPIRE] =
		"local at = redis.call('ZSCORE', KEYS[1], ARGV[1])\n"
		"if not at or tonumber(at) > tonumber(ARGV[2]) then\n"
		"  return false\n"
		"end\n"
		"redis.call('ZREM', KEYS[1], ARGV[1])\n"
		"return redis.call('GET', KEYS[2])\n",

	/*
	 * Counts, and some bindings that have run out; clients whose records
	 * are gone are taken off the list. KEYS: seen, ends, users. ARGV: now,
	 * when records ended that are gone now, how many bindings.
	 */
	[REDIS_SCRIPT_POLL] =
		"local after = '(' .. ARGV[1]\n"
		"redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2])\n"
		"local out = {redis.call('ZCARD', KEYS[1]),\n"
		"             redis.call('ZCOUNT', KEYS[1], after, '+inf'),\n"
		"             redis.call('ZCOUNT', KEYS[2], after, '+inf'),\n"
		"             redis.call('SCARD', KEYS[3])}\n"
		"local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf',\n"
		"                        ARGV[1], 'LIMIT', 0, ARGV[3])\n"
		"for i = 1, #gone do out[4 + i] = gone[i] end\n"
		"return out\n",

	/*
	 * A page of a proxy's clients, and their records; those that are not
	 * registered any more are taken off. KEYS: its list, seen. ARGV: behind
	 * whom, now, how many, prefix of records.
	 */
	[REDIS_SCRIPT_SERVED] =
		"local out = {}\n"
		"local ids = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+',\n"
		"                       'LIMIT', 0, ARGV[3])\n"
		"for i, id in ipairs(ids) do\n"
		"  local at = redis.call('ZSCORE', KEYS[2], id)\n"
		"  local v = at and tonumber(at) > tonumber(ARGV[2]) and\n"
		"            redis.call('GET', ARGV[4] .. id)\n"
		"  if not v then redis.pcall('ZREM', KEYS[1], id) end\n"
		"  out[2 * i - 1] = id\n"
		"  out[2 * i] = v or ''\n"
		"end\n"
		"return out\n",

	/* Put or (with nothing to put) remove a user. KEYS: user, users. ARGV:
	 * id, value. */
	[REDIS_SCRIPT_USER] =
		"if ARGV[2] ~= '' then\n"
		"  redis.call('SET', KEYS[1], ARGV[2])\n"
		"  redis.call('SADD', KEYS[2], ARGV[1])\n"
		"  return 'done'\n"
		"end\n"
		"redis.call('SREM', KEYS[2], ARGV[1])\n"
		"return redis.call('DEL', KEYS[1]) == 0 and 'none' or 'done'\n",

	/*
	 * Put or remove an alias: neither is a client called so, nor is it one
	 * of another alias. KEYS: its record, that of whom it stands for,
	 * aliases, seen. ARGV: id, value, how the record of an alias begins,
	 * max.
	 */
	[REDIS_SCRIPT_ALIAS] =
		"local function alias(v)\n"
		"  return v and string.find(v, ARGV[3], 18, true) == 18\n"
		"end\n"
		"local old = redis.call('GET', KEYS[1])\n"
		"if ARGV[2] == '' then\n"
		"  if not alias(old) then return 'none' end\n"
		"  redis.call('DEL', KEYS[1])\n"
		"  redis.call('SREM', KEYS[3], ARGV[1])\n"
		"  return 'done'\n"
		"end\n"
		"if old and not alias(old) or\n"
		"    alias(redis.call('GET', KEYS[2])) then\n"
		"  return 'exists'\n"
		"end\n"
		"if not old and redis.call('ZCARD', KEYS[4]) +\n"
		"    redis.call('SCARD', KEYS[3]) >= tonumber(ARGV[4]) then\n"
		"  return 'full'\n"
		"end\n"
		"redis.call('SET', KEYS[1], ARGV[2])\n"
		"redis.call('SADD', KEYS[3], ARGV[1])\n"
		"return 'done'\n",
};

/* A call under way; its bytes are kept in case they have to be sent again. */
struct call {
	struct redis_conn *c;
	redis_reply_h *fn;
	void *arg;
	bool again;
	sds cmd;
	size_t len;
};

const char *redis_script_text(enum redis_script script)
{
	return texts[script];
}

void redis_script_load(struct redis_args *a, enum redis_script script)
{
	redis_args_init(a);
	redis_args_add(a, "SCRIPT");
	redis_args_add(a, "LOAD");
	redis_args_add(a, texts[script]);
}

void redis_script_init(struct redis_args *a, struct redis_conn *c,
		       enum redis_script script, unsigned nkeys)
{
	redis_args_init(a);
	redis_args_add(a, "EVALSHA");
	redis_args_add(a, redis_conn_scripts(c)->sha[script]);
	redis_args_num(a, nkeys);
}

static void on_loaded(const redisReply *r, void *arg)
{
	(void)r;
	(void)arg;
}

static void on_reply(const redisReply *r, void *arg);

/* The scripts were flushed: load them, and call again right behind. */
static int call_again(struct call *call)
{
	struct redis_args a;
	int i, err = 0;

	call->again = true;
	for (i = 0; i < REDIS_SCRIPT_COUNT && !err; i++) {
		redis_script_load(&a, (enum redis_script)i);
		err = redis_conn_ask(call->c, &a, on_loaded, NULL);
	}
	if (!err)
		err = redis_conn_ask_bytes(call->c, call->cmd, call->len,
					   on_reply, call);
	return err;
}

static void call_free(struct call *call)
{
	redisFreeSdsCommand(call->cmd);
	free(call);
}

static void on_reply(const redisReply *r, void *arg)
{
	struct call *call = arg;

	if (r && r->type == REDIS_REPLY_ERROR && !call->again &&
	    !strncmp(r->str, "NOSCRIPT", 8) && !call_again(call))
		return;
	call->fn(r, call->arg);
	call_free(call);
}

int redis_script_call(struct redis_conn *c, const struct redis_args *a,
		      redis_reply_h *fn, void *arg)
{
	struct call *call;
	const char **v = (const char **)(uintptr_t)a->v;
	int len, err = redis_args_err(a);

	if (err)
		return err;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	*call = (struct call){.c = c, .fn = fn, .arg = arg};
	len = redisFormatSdsCommandArgv(&call->cmd, a->n, v, a->len);
	if (len < 0) {
		free(call);
		return -ENOMEM;
	}
	call->len = (size_t)len;
	err = redis_conn_ask_bytes(c, call->cmd, call->len, on_reply, call);
	if (err)
		call_free(call);
	return err;
}
