#ifndef REDIRECTD_AUTH_H
#define REDIRECTD_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sipmsg.h"
#include "proto/redirect.h"
#include "redirectd/digest.h"

struct auth;
struct redirectd_counters;
struct store;
struct store_view;

/* Who has to authenticate, once: name in the code, in the configuration. */
#define AUTH_MODES(X)                                                          \
	X(AUTO, "auto")     /* all, as soon as there are users */              \
	X(ALWAYS, "always") /* all */                                          \
	X(NEVER, "never")   /* nobody */

enum auth_mode {
#define AUTH_ENUM(name, word) AUTH_##name,
	AUTH_MODES(AUTH_ENUM) AUTH_MODE_COUNT
#undef AUTH_ENUM
};

struct auth_config {
	const char *realm; /* "": the domain of the client id */
	enum auth_mode mode;
	enum digest_algorithm algorithms[DIGEST_ALGORITHMS]; /* best first */
	size_t nalgorithms;
	const char *secret; /* of the nonces; "": one of this process */
	uint64_t nonce_ms;  /* how long one is good */
	uint32_t failures;  /* a minute, source and client; 0: any number */
	const char *const *domains; /* of our users; none: all are ours */
	size_t ndomains;
};

/* "auto" -> AUTH_AUTO. 0 or -ENOENT. */
int auth_mode_find(enum auth_mode *m, const char *word);

/* The authenticator (DESIGN.md section 1). The configuration is copied; `n`
 * outlives it. 0, -ENOMEM, -EIO (OpenSSL), -EMSGSIZE (a domain too long). */
int auth_alloc(struct auth **ap, const struct auth_config *cfg,
	       struct redirectd_counters *n);
void auth_free(struct auth *a);
enum auth_mode auth_mode(const struct auth *a);

/* At a reload: all but the secret. 0; -ENOMEM, -EMSGSIZE, and nothing has
 * changed. */
int auth_set(struct auth *a, const struct auth_config *cfg);

enum { AUTH_EXTRA_MAX = 2048 };

/* What is to be answered to a request that is not let through. */
struct auth_result {
	const char *phrase;         /* NULL: the standard one */
	char extra[AUTH_EXTRA_MAX]; /* header lines, "" or more */
	char id[REDIRECT_ID_MAX];   /* of -EAGAIN: whom to store_await() */
	bool stranger; /* let through, but nobody of ours: from a carrier, or of
			  another domain */
};

/*
 * Whether a request that a trusted proxy has sent may be served. 0: yes; a
 * status (400, 401, 403, 407, 503), with the rest of the answer in *res; or
 * -EAGAIN: the user cannot be read now, and the request is to be begun anew
 * when store_await() says so. It may be asked any number of times about one
 * request, and says the same. Steps and sections: auth_check.c.
 */
int auth_check(struct auth_result *res, struct auth *a, struct store *s,
	       const sip_t *sip, const struct store_view *w);

#endif
