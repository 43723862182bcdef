#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

enum { CAP_MIN = 1024 };

int bytes_add(struct bytes *b, const void *data, size_t len)
{
	size_t cap = b->cap ? b->cap : CAP_MIN;
	char *grown;

	while (cap - b->len < len)
		cap *= 2;
	if (cap != b->cap) {
		grown = realloc(b->data, cap);
		if (!grown)
			return -ENOMEM;
		b->data = grown;
		b->cap = cap;
	}
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

void bytes_drop(struct bytes *b, size_t len)
{
	b->len -= len;
	if (b->len > 0)
		memmove(b->data, b->data + len, b->len);
}

void bytes_reset(struct bytes *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}
