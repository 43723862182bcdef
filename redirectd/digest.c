#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "common/strbuf.h"

#include "redirectd/digest.h"

enum { PIECES_MAX = 6 };

static const struct {
	const char *wire, *openssl;
	size_t len;
} algorithms[DIGEST_ALGORITHMS] = {
#define DIGEST_ROW(name, wire, openssl, len) {wire, openssl, len},
	DIGEST_LIST(DIGEST_ROW)
#undef DIGEST_ROW
};

/* Fetching an algorithm costs more than a hash: it is done once, and they and
 * the context stay until the process ends. */
static struct {
	EVP_MD *md[DIGEST_ALGORITHMS];
	EVP_MD_CTX *ctx;
} cache;

static bool has(enum digest_algorithm a)
{
	if (!cache.ctx)
		cache.ctx = EVP_MD_CTX_new();
	if (!cache.md[a])
		cache.md[a] = EVP_MD_fetch(NULL, algorithms[a].openssl, NULL);
	return cache.ctx && cache.md[a];
}

/* The texts up to the first that is NULL, with a colon between. */
static bool add_pieces(const char *const *pieces)
{
	for (size_t i = 0; i < PIECES_MAX && pieces[i]; i++)
		if ((i && !EVP_DigestUpdate(cache.ctx, ":", 1)) ||
		    !EVP_DigestUpdate(cache.ctx, pieces[i], strlen(pieces[i])))
			return false;
	return true;
}

static int hash(struct digest *d, enum digest_algorithm a,
		const char *const pieces[PIECES_MAX])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	struct strbuf sb;
	unsigned len = 0;

	if (!has(a) || !EVP_DigestInit_ex2(cache.ctx, cache.md[a], NULL) ||
	    !add_pieces(pieces) ||
	    !EVP_DigestFinal_ex(cache.ctx, bytes, &len) ||
	    len != algorithms[a].len)
		return -EIO;
	strbuf_init(&sb, d->hex, sizeof(d->hex));
	strbuf_hex(&sb, bytes, len);
	return 0;
}

const char *digest_name(enum digest_algorithm a)
{
	return algorithms[a].wire;
}

size_t digest_len(enum digest_algorithm a)
{
	return 2 * algorithms[a].len;
}

int digest_find(enum digest_algorithm *a, const char *name)
{
	if (!name || !*name) {
		*a = DIGEST_MD5;
		return 0;
	}
	for (unsigned i = 0; i < DIGEST_ALGORITHMS; i++) {
		if (strcasecmp(name, algorithms[i].wire) == 0) {
			*a = (enum digest_algorithm)i;
			return 0;
		}
	}
	return -ENOENT;
}

int digest_ha1(struct digest *d, enum digest_algorithm a, const char *name,
	       const char *realm, const char *password)
{
	const char *const pieces[PIECES_MAX] = {name, realm, password};

	return hash(d, a, pieces);
}

int digest_response(struct digest *d, enum digest_algorithm a,
		    const struct digest *ha1, const struct digest_parts *p)
{
	const char *const second[PIECES_MAX] = {p->method, p->uri};
	struct digest ha2;
	int err = hash(&ha2, a, second);

	if (err)
		return err;
	if (p->qop) {
		const char *const pieces[PIECES_MAX] = {
			ha1->hex, p->nonce, p->nc, p->cnonce, p->qop, ha2.hex,
		};

		return hash(d, a, pieces);
	} else {
		const char *const pieces[PIECES_MAX] = {ha1->hex, p->nonce,
							ha2.hex};

		return hash(d, a, pieces);
	}
}

bool digest_same(const char *a, const char *b)
{
	size_t len = strlen(a);

	return strlen(b) == len && CRYPTO_memcmp(a, b, len) == 0;
}
