#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

#include <stddef.h>

/* A run of bytes that grows as it is appended to. Zero-initialised it is
 * empty and holds no memory. */
struct bytes {
	char *data;
	size_t len, cap;
};

/* 0 or -ENOMEM, and then nothing was appended. */
int bytes_add(struct bytes *b, const void *data, size_t len);

/* Remove the first `len` of them. */
void bytes_drop(struct bytes *b, size_t len);

/* Empty it and free its memory. */
void bytes_reset(struct bytes *b);

#endif
