#ifndef REDIRECTD_REDIS_SCRIPT_H
#define REDIRECTD_REDIS_SCRIPT_H

#include <hiredis/hiredis.h>

struct redis_args;
struct redis_conn;

/* What the server does in one piece, once; the texts are in redis_script.c. */
#define REDIS_SCRIPTS(X)                                                       \
	X(SCHEMA)                                                              \
	X(PUT)                                                                 \
	X(EXPIRE)                                                              \
	X(POLL)                                                                \
	X(SERVED)                                                              \
	X(USER)                                                                \
	X(ALIAS)

enum redis_script {
#define SCRIPT_ENUM(name) REDIS_SCRIPT_##name,
	REDIS_SCRIPTS(SCRIPT_ENUM) REDIS_SCRIPT_COUNT
#undef SCRIPT_ENUM
};

/* What the server calls them. */
struct redis_scripts {
	char sha[REDIS_SCRIPT_COUNT][41];
	unsigned loaded; /* the first so many */
};

const char *redis_script_text(enum redis_script script);

/* The words that load one; the answer is its name. */
void redis_script_load(struct redis_args *a, enum redis_script script);

/* Which word of a call is the number of keys. */
enum { REDIS_SCRIPT_NKEYS = 2 };

/* Begin the words of a call with `nkeys` keys, which come next, and then the
 * arguments. */
void redis_script_init(struct redis_args *a, struct redis_conn *c,
		       enum redis_script script, unsigned nkeys);

/* Make the call; a server that has forgotten the scripts is told them again.
 * `fn` gets the reply (NULL: the connection was lost), which may be an error.
 * 0; -ENOTCONN, -ENOBUFS, -ENOMEM, -EMSGSIZE: it is not called. */
int redis_script_call(struct redis_conn *c, const struct redis_args *a,
		      void (*fn)(const redisReply *reply, void *arg),
		      void *arg);

#endif
