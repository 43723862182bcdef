#include <math.h>
#include <stdint.h>
#include <string.h>

#include "common/siphash.h"
#include "common/sipmsg.h"
#include "common/strbuf.h"

#include "proxyd/choice.h"

enum { FRACTION_BITS = 53 };

/* The key is public: it must be the same on every proxy, and whoever chooses
 * Call-IDs to hit one relay could as well call often. */
static uint64_t hash(const char *call_id, const struct addr *member)
{
	static const uint8_t key[SIPHASH_KEY_LEN] = "pinhole-choice";
	char text[SIPMSG_CALLID_MAX + ADDR_STRLEN + 2], where[ADDR_STRLEN];
	struct strbuf sb;

	strbuf_init(&sb, text, sizeof(text));
	strbuf_printf(&sb, "%s %s", addr_str(where, member), call_id);
	return siphash13(key, text, sb.len);
}

/* -weight / ln(u) with u evenly spread over (0, 1): the highest of several is
 * each with a probability in proportion to its weight. */
static double score(const struct choice *c, const char *call_id)
{
	double u = ((double)(hash(call_id, &c->at) >> (64 - FRACTION_BITS)) +
		    0.5) /
		   (double)((uint64_t)1 << FRACTION_BITS);

	return -(c->weight ? c->weight : 0.5) / log(u);
}

/* A total order, so that every proxy comes to the same: the address decides
 * where the scores do not. */
static bool goes_before(const struct choice *a, double sa,
			const struct choice *b, double sb)
{
	char ta[ADDR_STRLEN], tb[ADDR_STRLEN];

	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (sa > sb || sa < sb)
		return sa > sb;
	return strcmp(addr_str(ta, &a->at), addr_str(tb, &b->at)) < 0;
}

bool choice_nth(struct addr *out, const struct choice *v, size_t n,
		const char *call_id, size_t nth)
{
	for (size_t i = 0; nth < n && i < n; i++) {
		double mine = score(&v[i], call_id);
		size_t before = 0;

		for (size_t k = 0; k < n; k++)
			before += k != i &&
				  goes_before(&v[k], score(&v[k], call_id),
					      &v[i], mine);
		if (before == nth) {
			*out = v[i].at;
			return true;
		}
	}
	return false;
}
