#ifndef REDIRECTD_CREDENTIALS_H
#define REDIRECTD_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sipmsg.h"
#include "redirectd/digest.h"
#include "redirectd/user.h"

/*
 * The parameters of digest credentials that are read (RFC 3261 25.1, 7616 3.4),
 * once: name, room for the value with its NUL, whether it must be there. The
 * texts are unquoted.
 */
#define CREDENTIALS_LIST(X)                                                    \
	X(realm, USER_REALM_MAX, true)                                         \
	X(username, USER_NAME_MAX, true)                                       \
	X(nonce, 256, true)                                                    \
	X(uri, 512, true)                                                      \
	X(response, DIGEST_HEX_MAX, true)                                      \
	X(algorithm, 32, false)                                                \
	X(qop, 16, false)                                                      \
	X(nc, 9, false)                                                        \
	X(cnonce, 256, false)

struct credentials {
#define CREDENTIALS_FIELD(name, cap, must) char name[cap];
	CREDENTIALS_LIST(CREDENTIALS_FIELD)
#undef CREDENTIALS_FIELD
	enum digest_algorithm with;
	bool counted;   /* qop is auth: nc and cnonce are there */
	uint32_t count; /* nc; 1 without qop, which is good for one request */
};

/*
 * Of the credentials of a request the first for this realm that can be checked:
 * of the scheme Digest, of an algorithm of which bit 1 << a is set in
 * `algorithms`, with the name in plain (no userhash, no username*). 0; -ENOENT:
 * there are none; -EBADMSG: malformed, *why is a phrase that says what.
 */
int credentials_find(struct credentials *c, const msg_auth_t *list,
		     const char *realm, unsigned algorithms, const char **why);

/* The pieces that the response was made of; they point into `c`. */
struct digest_parts credentials_parts(const struct credentials *c,
				      const char *method);

#endif
