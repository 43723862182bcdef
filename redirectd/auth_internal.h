#ifndef REDIRECTD_AUTH_INTERNAL_H
#define REDIRECTD_AUTH_INTERNAL_H

#include <stdbool.h>

#include "redirectd/attempts.h"
#include "redirectd/auth.h"
#include "redirectd/counters.h"
#include "redirectd/nonce.h"
#include "redirectd/user.h"

struct strbuf;
struct table;

/* What auth.c makes of the configuration, for auth_check.c. */
struct auth {
	char realm[USER_REALM_MAX]; /* "": the domain of the client id */
	enum auth_mode mode;
	enum digest_algorithm algorithms[DIGEST_ALGORITHMS];
	size_t nalgorithms;
	struct table *domains; /* NULL: all */
	struct nonces *nonces;
	struct attempts *attempts;
	struct redirectd_counters *n;
};

/* Whether callers from this domain (lower case) are among our users. */
bool auth_is_ours(const struct auth *a, const char *domain);

/* Algorithms that are taken, a bit each. */
unsigned auth_algorithms(const struct auth *a);

/* Append a challenge for each algorithm, in order (RFC 8760 2.3), all with one
 * new nonce; `proxy` tells Proxy-Authenticate from WWW-Authenticate. 0, -EIO,
 * -EMSGSIZE. */
int auth_challenge(struct strbuf *out, struct auth *a, bool proxy,
		   const char *realm, bool stale, dir_time now);

#endif
