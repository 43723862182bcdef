#ifndef REDIRECTD_NONCE_H
#define REDIRECTD_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redirectd/binding.h"

/*
 * Nonces (RFC 7616 3.3, 5.4) that nothing has to be remembered of when they are
 * given away: time, a number that is never the same again, and a keyed hash
 * over both and the realm. Only what has proved a password is remembered, in a
 * table that is bounded: which nonce counts have been used, and by which
 * requests. Where that table has to forget early, what it cannot answer for is
 * stale.
 *
 * Several redirectd with one secret take each other's nonces, but do not know
 * what has been used at another, nor does one know it after a restart: within
 * the lifetime of the nonce it could be used there once more.
 */
struct nonces;

enum {
	NONCE_TIME = 12,   /* hex digits of milliseconds */
	NONCE_UNIQUE = 16, /* of the process and a running number */
	NONCE_MAC = 32,
	NONCE_LEN = NONCE_TIME + NONCE_UNIQUE + NONCE_MAC + 1, /* and NUL */
	NONCES_USED_MAX = 262144,
	NONCE_WINDOW = 64,  /* counts below the highest that may come late */
	NONCE_REQUESTS = 4, /* the last so many may come again */
};

/* `secret` "": one that dies with the process. Nonces live `life` ms, and of
 * those used `max` are remembered. 0, -ENOMEM, -EIO (OpenSSL). */
int nonces_alloc(struct nonces **np, const char *secret, uint64_t life,
		 size_t max);
void nonces_free(struct nonces *n);

/* From now on they live so long. */
void nonces_set(struct nonces *n, uint64_t life);

/* A new one for a realm. 0 or -EIO. */
int nonces_make(char nonce[NONCE_LEN], struct nonces *n, const char *realm,
		dir_time now);

/* Whether it is one of ours for the realm and young enough. One that is too
 * old, of another secret or made up are all the same. */
bool nonces_fresh(struct nonces *n, const char *nonce, const char *realm,
		  dir_time now);

/*
 * A fresh nonce has proved a password: `count` (1 where there is none) has been
 * used now, by a request with this hash. 0; -ESTALE where the count has been
 * used by another request, is too far below the highest, or the nonce has been
 * forgotten; -ENOMEM.
 */
int nonces_use(struct nonces *n, const char *nonce, uint32_t count,
	       uint64_t request, dir_time now);

#endif
