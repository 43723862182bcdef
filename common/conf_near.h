#ifndef COMMON_CONF_NEAR_H
#define COMMON_CONF_NEAR_H

#include "common/conf.h"

/* The key whose name is nearest to `name` by edit distance, the whole name or
 * its last part alone ("ports" is near "media.ports"); "" if there are none. */
const char *conf_near(const char *name, const struct conf_key *keys,
		      size_t nkeys);

/* Levenshtein's edit distance; of `b` the first 64 characters. */
size_t conf_near_distance(const char *a, const char *b);

#endif
