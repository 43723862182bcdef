#ifndef BENCH_SIPFORM_H
#define BENCH_SIPFORM_H

#include <stddef.h>
#include <stdint.h>

/*
 * A SIP message of which only some fields change: a text with {NAME} where
 * they stand. Each has a fixed width, so that the message is made once and a
 * copy differs from it in a few digits.
 */
struct sipform;

/* Every field, once: name in the text, digits, base. */
#define SIPFORM_FIELDS(X)                                                      \
	X(USER, "user", 8, 16)     /* the client asked for */                  \
	X(NUMBER, "number", 8, 16) /* of the message: what answers it says */  \
	X(CSEQ, "cseq", 10, 10)                                                \
	X(NET, "net", 3, 10)   /* the NAT's address that the client is at, */  \
	X(PORT, "port", 5, 10) /* and the port there */

enum sipform_field {
#define X(id, name, digits, base) SIPFORM_##id,
	SIPFORM_FIELDS(X)
#undef X
		SIPFORM_FIELDS_N
};

enum { SIPFORM_MAX = 4096 };

/* Read a form from a file; lines may end in LF alone. 0, -EINVAL (unknown
 * field, too long, empty), or another negative errno. */
int sipform_load(struct sipform **fp, const char *path);
void sipform_free(struct sipform *f); /* NULL is fine */

size_t sipform_len(const struct sipform *f);

/* One message to out[sipform_len()], with these values in its fields. */
void sipform_fill(char *out, const struct sipform *f,
		  const uint64_t values[SIPFORM_FIELDS_N]);

#endif
