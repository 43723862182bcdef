#include "common/conf_near.h"

#include <stdint.h>
#include <string.h>

enum { NEAR_MAX = 64 };

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Insertions, deletions and substitutions from a to b. */
size_t conf_near_distance(const char *a, const char *b)
{
	size_t row[NEAR_MAX + 1];
	size_t alen = strlen(a), blen = strnlen(b, NEAR_MAX);

	for (size_t j = 0; j <= blen; j++)
		row[j] = j;
	for (size_t i = 0; i < alen; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < blen; j++) {
			size_t swap = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = min3(swap, diagonal + 1, row[j] + 1);
		}
	}
	return row[blen];
}

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

const char *conf_near(const char *name, const struct conf_key *keys,
		      size_t nkeys)
{
	const char *best = "";
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < nkeys; i++) {
		size_t whole = conf_near_distance(name, keys[i].name);
		size_t part = 1 + conf_near_distance(last_part(name),
						     last_part(keys[i].name));
		size_t d = whole < part ? whole : part;

		if (d < least) {
			least = d;
			best = keys[i].name;
		}
	}
	return best;
}
