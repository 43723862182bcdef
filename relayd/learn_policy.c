#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "relayd/learn_policy.h"

static const char *const words[] = {
#define POLICY_ROW(name, word, help) [LEARN_##name] = (word),
	LEARN_POLICIES(POLICY_ROW)
#undef POLICY_ROW
};

int learn_policy_parse(enum learn_policy *out, const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]))
			continue;
		*out = (enum learn_policy)i;
		return 0;
	}
	return -EINVAL;
}

const char *learn_policy_name(enum learn_policy policy)
{
	return words[policy];
}
