#include <stdint.h>

#include "common/addr.h"
#include "common/siphash.h"
#include "common/sipmsg.h"
#include "common/strbuf.h"

#include "proxyd/choice.h"

/* The key is public: it must be the same on every proxy, and whoever chooses
 * Call-IDs to hit one relay could as well call often. */
static uint64_t weight(const char *call_id, const struct addr *member)
{
	static const uint8_t key[SIPHASH_KEY_LEN] = "pinhole-choice";
	char text[SIPMSG_CALLID_MAX + ADDR_STRLEN + 2], where[ADDR_STRLEN];
	struct strbuf sb;

	strbuf_init(&sb, text, sizeof(text));
	strbuf_printf(&sb, "%s %s", addr_str(where, member), call_id);
	return siphash13(key, text, sb.len);
}

bool choice_nth(struct addr *out, const struct addr *pool, size_t n,
		const char *call_id, size_t nth)
{
	uint64_t limit = UINT64_MAX;

	if (nth >= n)
		return false;
	for (size_t round = 0; round <= nth; round++) {
		uint64_t best = 0;

		for (size_t i = 0; i < n; i++) {
			uint64_t w = weight(call_id, &pool[i]);

			if (w < limit && w >= best) {
				best = w;
				*out = pool[i];
			}
		}
		limit = best;
	}
	return true;
}
