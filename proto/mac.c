#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "common/strbuf.h"
#include "proto/mac.h"

enum { MAC_BYTES = (PROTO_MAC_LEN - 1) / 2, TEXTS_MAX = 4096 };

int proto_mac(char mac[PROTO_MAC_LEN], const char *secret,
	      const char *const *texts, size_t n)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char data[TEXTS_MAX];
	struct strbuf sb;

	strbuf_init(&sb, data, sizeof(data));
	for (size_t i = 0; i < n; i++)
		strbuf_add(&sb, texts[i], strlen(texts[i]) + 1);
	if (strbuf_err(&sb) ||
	    !HMAC(EVP_sha256(), secret, (int)strlen(secret),
		  (const unsigned char *)data, sb.len, digest, NULL))
		return -EMSGSIZE;
	strbuf_init(&sb, mac, PROTO_MAC_LEN);
	strbuf_hex(&sb, digest, MAC_BYTES);
	return 0;
}

bool proto_mac_fits(const char *mac, const char *secret,
		    const char *const *texts, size_t n)
{
	char want[PROTO_MAC_LEN];

	return !proto_mac(want, secret, texts, n) &&
	       strlen(mac) == PROTO_MAC_LEN - 1 &&
	       CRYPTO_memcmp(want, mac, PROTO_MAC_LEN - 1) == 0;
}
