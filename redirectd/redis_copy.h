#ifndef REDIRECTD_REDIS_COPY_H
#define REDIRECTD_REDIS_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redirectd/binding.h"
#include "redirectd/redis_value.h"
#include "redirectd/store.h"
#include "redirectd/user.h"

/*
 * What was last read from the server, by client id, each with the turn (see
 * redis_conn_turn()) in which it was asked for. The one not looked at for the
 * longest makes room for another.
 */
struct redis_copy;

struct redis_copied {
	const char *id;
	uint64_t asked;
	enum {
		REDIS_NONE, /* no such record */
		REDIS_CLIENT,
		REDIS_ALIAS,
		REDIS_BROKEN, /* nothing that can be read */
	} kind;
	char rev[REDIS_REV_LEN + 1]; /* "": there is no record */
	struct binding *v;           /* as stored; those run out as well */
	size_t n;
	char *of; /* of an alias */
	bool user_broken;
	struct user *user; /* NULL: none */
};

int redis_copy_alloc(struct redis_copy **cp, size_t max); /* 0 or -ENOMEM */
void redis_copy_free(struct redis_copy *c);

/* What is known of an id, valid until it is next taken or forgotten, or NULL.
 */
struct redis_copied *redis_copy_get(struct redis_copy *c, const char *id);

/*
 * Take over what was read in answer to a question of turn `asked`; `user` NULL:
 * the record alone, of an id that is known already. What is no record of this
 * id is logged. 0 or -ENOMEM: then nothing is known of the id.
 */
int redis_copy_take(struct redis_copy *c, const char *id, uint64_t asked,
		    const struct redis_value *record,
		    const struct redis_value *user);
void redis_copy_forget(struct redis_copy *c, const char *id);

/* The client's live bindings. */
void redis_copy_client(struct client *out, struct redis_copied *e,
		       dir_time now);

int redis_copy_apply(struct redis_copy *c, dir_time now,
		     int (*fn)(const struct client *, void *), void *arg);

#endif
