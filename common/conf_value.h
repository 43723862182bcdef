#ifndef COMMON_CONF_VALUE_H
#define COMMON_CONF_VALUE_H

#include <jansson.h>

#include "common/conf.h"

/*
 * One configuration value: JSON or environment text <-> the field that
 * `key->offset` names in the struct `out`.
 */
struct conf_fault {
	bool env;    /* in: describe the environment's spelling, not JSON's */
	size_t item; /* out: the item of a list, from 1; 0: the value itself */
	char why[CONF_ERRLEN]; /* out: "expected ..., found ..." */
};

/*
 * Check `v` and store a copy of it, freeing what the field held. On error the
 * field is as it was: -EINVAL with *fault filled, or -ENOMEM. An empty string
 * is not checked where the key's default is empty or absent: it means "none".
 */
int conf_value_set(void *out, const struct conf_key *key, const json_t *v,
		   struct conf_fault *fault);

/*
 * The environment's text as JSON of the key's type; as a JSON string where it
 * does not read as one, for conf_value_set() to complain about. New reference;
 * NULL: not UTF-8, or out of memory.
 */
json_t *conf_value_parse(const struct conf_key *key, const char *text);

bool conf_value_eq(const void *a, const void *b, const struct conf_key *key);

/* Replace the field in `to` by a copy of the one in `from`. 0 or -ENOMEM. */
int conf_value_copy(void *to, const void *from, const struct conf_key *key);

void conf_value_free(void *out, const struct conf_key *key);

#endif
