#include <errno.h>
#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/recent.h"
#include "common/strbuf.h"

#include "redirectd/nonce.h"

enum {
	KEY_LEN = 32,
	AHEAD_MS = 60 * 1000, /* how far clocks of a site may be apart */
	HEX = 16,
};

/* What a nonce says of itself; nonces in use are known by it. */
struct stamp {
	dir_time made;
	uint64_t unique;
};

struct used_by {
	uint32_t count;
	uint64_t request;
};

struct use {
	dir_time made;
	uint32_t highest; /* 0: not used yet */
	uint64_t window;  /* bit i: highest - i has been used */
	struct used_by last[NONCE_REQUESTS];
	unsigned next; /* of these to be written over */
};

struct nonces {
	EVP_MAC *mac;
	EVP_MAC_CTX *ctx; /* with the key in it */
	uint32_t process, running;
	uint64_t life;
	struct recent *used;
	dir_time now;   /* when last looked at */
	dir_time floor; /* one made up to here that is not known is stale */
};

static int take_key(struct nonces *n, const char *secret)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
						 (char[]){"SHA256"}, 0),
		OSSL_PARAM_construct_end(),
	};
	unsigned char random[KEY_LEN];
	const void *key = *secret ? secret : (const char *)random;
	size_t len = *secret ? strlen(secret) : sizeof(random);
	bool ok;

	ok = RAND_bytes(random, sizeof(random)) == 1 &&
	     RAND_bytes((unsigned char *)&n->process, sizeof(n->process)) == 1;
	n->mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	n->ctx = n->mac ? EVP_MAC_CTX_new(n->mac) : NULL;
	ok = ok && n->ctx && EVP_MAC_init(n->ctx, key, len, params);
	OPENSSL_cleanse(random, sizeof(random));
	return ok ? 0 : -EIO;
}

int nonces_alloc(struct nonces **np, const char *secret, uint64_t life,
		 size_t max)
{
	struct nonces *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	n->life = life;
	err = take_key(n, secret);
	if (!err)
		err = recent_alloc(&n->used, max, sizeof(struct use),
				   life + AHEAD_MS);
	if (err) {
		nonces_free(n);
		return err;
	}
	*np = n;
	return 0;
}

void nonces_free(struct nonces *n)
{
	if (!n)
		return;
	recent_free(n->used);
	EVP_MAC_CTX_free(n->ctx);
	EVP_MAC_free(n->mac);
	free(n);
}

/* Of those that would be young again some may have been used and forgotten. */
void nonces_set(struct nonces *n, uint64_t life)
{
	if (life > n->life)
		n->floor = n->now;
	n->life = life;
	recent_keep(n->used, life + AHEAD_MS);
}

/* Over the stamp, which is as long always, and the realm. */
static int seal(char mac[NONCE_MAC + 1], struct nonces *n, const char *stamp,
		const char *realm)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	struct strbuf sb;
	size_t len = 0;

	if (!EVP_MAC_init(n->ctx, NULL, 0, NULL) ||
	    !EVP_MAC_update(n->ctx, (const unsigned char *)stamp,
			    NONCE_TIME + NONCE_UNIQUE) ||
	    !EVP_MAC_update(n->ctx, (const unsigned char *)realm,
			    strlen(realm)) ||
	    !EVP_MAC_final(n->ctx, bytes, &len, sizeof(bytes)) ||
	    len < NONCE_MAC / 2)
		return -EIO;
	strbuf_init(&sb, mac, NONCE_MAC + 1);
	strbuf_hex(&sb, bytes, NONCE_MAC / 2);
	return 0;
}

int nonces_make(char nonce[NONCE_LEN], struct nonces *n, const char *realm,
		dir_time now)
{
	n->now = now;
	(void)snprintf(nonce, NONCE_LEN, "%0*" PRIx64 "%08" PRIx32 "%08" PRIx32,
		       NONCE_TIME,
		       now & ((UINT64_C(1) << (4 * NONCE_TIME)) - 1),
		       n->process, ++n->running);
	return seal(nonce + NONCE_TIME + NONCE_UNIQUE, n, nonce, realm);
}

static uint64_t number(const char *hex, size_t len)
{
	char text[HEX + 1];

	memcpy(text, hex, len);
	text[len] = '\0';
	return strtoull(text, NULL, HEX);
}

/* Of a nonce that nonces_fresh() has found good. */
static struct stamp stamp_of(const char *nonce)
{
	return (struct stamp){number(nonce, NONCE_TIME),
			      number(nonce + NONCE_TIME, NONCE_UNIQUE)};
}

bool nonces_fresh(struct nonces *n, const char *nonce, const char *realm,
		  dir_time now)
{
	char mac[NONCE_MAC + 1];
	dir_time made;

	n->now = now;
	if (strlen(nonce) != NONCE_LEN - 1 || seal(mac, n, nonce, realm) ||
	    CRYPTO_memcmp(mac, nonce + NONCE_TIME + NONCE_UNIQUE, NONCE_MAC))
		return false;
	made = stamp_of(nonce).made;
	return made <= now ? now - made < n->life : made - now < AHEAD_MS;
}

/* Where the table is full, one that may still be good is forgotten. */
static struct use *begin(struct nonces *n, const struct stamp *s, dir_time now)
{
	const struct use *out = recent_next_out(n->used);
	struct use *u;

	if (out && out->made > n->floor)
		n->floor = out->made;
	u = recent_put(n->used, now, s, sizeof(*s));
	if (u)
		u->made = s->made;
	return u;
}

static bool is_again(const struct use *u, uint32_t count, uint64_t request)
{
	for (size_t i = 0; i < NONCE_REQUESTS; i++)
		if (u->highest && u->last[i].count == count &&
		    u->last[i].request == request)
			return true;
	return false;
}

/* A window as that of RFC 4303 3.4.3: UDP changes the order of requests. */
static bool take(struct use *u, uint32_t count)
{
	uint32_t ahead, behind;

	if (count > u->highest) {
		ahead = count - u->highest;
		u->window = ahead < NONCE_WINDOW ? u->window << ahead : 0;
		u->window |= 1;
		u->highest = count;
		return true;
	}
	behind = u->highest - count;
	if (behind >= NONCE_WINDOW || u->window & UINT64_C(1) << behind)
		return false;
	u->window |= UINT64_C(1) << behind;
	return true;
}

int nonces_use(struct nonces *n, const char *nonce, uint32_t count,
	       uint64_t request, dir_time now)
{
	struct stamp s = stamp_of(nonce);
	struct use *u = recent_get(n->used, now, &s, sizeof(s));

	n->now = now;
	if (!u && s.made <= n->floor)
		return -ESTALE;
	if (!u)
		u = begin(n, &s, now);
	if (!u)
		return -ENOMEM;
	if (is_again(u, count, request))
		return 0;
	if (!take(u, count))
		return -ESTALE;
	u->last[u->next] = (struct used_by){count, request};
	u->next = (u->next + 1) % NONCE_REQUESTS;
	return 0;
}
