#ifndef REDIRECTD_DIGEST_H
#define REDIRECTD_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

/* Algorithms of digest authentication, once: name in the code, on the wire, in
 * OpenSSL, bytes of a hash (RFC 7616, 8760). */
#define DIGEST_LIST(X)                                                         \
	X(MD5, "MD5", "MD5", 16)                                               \
	X(SHA256, "SHA-256", "SHA256", 32)                                     \
	X(SHA512_256, "SHA-512-256", "SHA512-256", 32)

enum digest_algorithm {
#define DIGEST_ENUM(name, wire, openssl, len) DIGEST_##name,
	DIGEST_LIST(DIGEST_ENUM) DIGEST_ALGORITHMS
#undef DIGEST_ENUM
};

enum { DIGEST_BYTES_MAX = 32, DIGEST_HEX_MAX = 2 * DIGEST_BYTES_MAX + 1 };

/* A hash as it is written: lower-case hex. */
struct digest {
	char hex[DIGEST_HEX_MAX];
};

const char *digest_name(enum digest_algorithm a); /* "SHA-256" */
size_t digest_len(enum digest_algorithm a);       /* of its hex */

/* By its name on the wire, in any case; NULL or "" is MD5 (RFC 7616 3.3). 0 or
 * -ENOENT. */
int digest_find(enum digest_algorithm *a, const char *name);

/* H(name ":" realm ":" password). 0 or -EIO (OpenSSL has it not). What hashes
 * here keeps its context: it is for one thread. */
int digest_ha1(struct digest *d, enum digest_algorithm a, const char *name,
	       const char *realm, const char *password);

/* What a response is made of, as the credentials say it, unquoted. */
struct digest_parts {
	const char *method;
	const char *uri;
	const char *nonce;
	const char *qop; /* NULL: the form without (RFC 2069) */
	const char *nc;
	const char *cnonce;
};

/* The response that proves H(A1) (RFC 7616 3.4.1; qop auth or none). 0, -EIO.
 */
int digest_response(struct digest *d, enum digest_algorithm a,
		    const struct digest *ha1, const struct digest_parts *p);

/* Whether two texts are the same, in a time that does not tell where two of one
 * length differ. */
bool digest_same(const char *a, const char *b);

#endif
