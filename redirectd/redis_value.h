#ifndef REDIRECTD_REDIS_VALUE_H
#define REDIRECTD_REDIS_VALUE_H

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stddef.h>

#include "redirectd/record.h"

/*
 * What is stored under a key. At REDIS_RECORD it is the revision (another one
 * at each change), a space, and the record; at REDIS_USER the record alone.
 */
enum { REDIS_REV_LEN = 16, REDIS_VALUE_HEAD = REDIS_REV_LEN + 1 };

struct redis_value {
	const char *p; /* NULL: nothing is stored */
	size_t len;
};

/* Borrowed from the reply. */
struct redis_value redis_value_of(const redisReply *reply);

/* The record behind the revision: a new reference, or NULL. */
json_t *redis_value_record(const struct redis_value *v);

/* The same where it has to be the client `id`: 0 and *jp, in which the strings
 * live; -EBADMSG. */
int redis_value_client(struct record_client *c, json_t **jp, const char *id,
		       const struct redis_value *v);

#endif
