#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "proto/flow_token.h"

enum {
	MAC_LEN = 16, /* 128 of the 256 bits */
	IP_MAX = 16,
	HEAD_LEN = 1 + 1 + 8 + 1 + 2, /* in front of the IP address */
	TOKEN_MAX = HEAD_LEN + IP_MAX + MAC_LEN,
};

static size_t ip_len(int family)
{
	return family == AF_INET ? 4 : IP_MAX;
}

static void *ip_of(struct addr *a)
{
	return addr_family(a) == AF_INET ? (void *)&a->u.in.sin_addr
					 : (void *)&a->u.in6.sin6_addr;
}

static size_t pack(uint8_t out[TOKEN_MAX], const struct channel *flow)
{
	struct addr a = flow->addr;
	uint16_t port = addr_port(&a);
	size_t n = 0;

	out[n++] = (uint8_t)flow->transport;
	out[n++] = (uint8_t)flow->local;
	for (int shift = 56; shift >= 0; shift -= 8)
		out[n++] = (uint8_t)(flow->conn >> shift);
	out[n++] = addr_family(&a) == AF_INET ? 4 : 6;
	out[n++] = (uint8_t)(port >> 8);
	out[n++] = (uint8_t)port;
	memcpy(out + n, ip_of(&a), ip_len(addr_family(&a)));
	return n + ip_len(addr_family(&a));
}

static int unpack(struct channel *flow, const uint8_t *in, size_t len)
{
	int family = in[10] == 4 ? AF_INET : AF_INET6;

	if (in[0] >= TRANSPORT_COUNT || (in[10] != 4 && in[10] != 6) ||
	    len != HEAD_LEN + ip_len(family))
		return -EBADMSG;
	memset(flow, 0, sizeof(*flow));
	flow->transport = (enum transport)in[0];
	flow->local = in[1];
	for (size_t i = 2; i < 10; i++)
		flow->conn = flow->conn << 8 | in[i];
	flow->addr.u.sa.sa_family = (sa_family_t)family;
	addr_set_port(&flow->addr, (uint16_t)(in[11] << 8 | in[12]));
	memcpy(ip_of(&flow->addr), in + HEAD_LEN, ip_len(family));
	return 0;
}

static void sign(uint8_t mac[MAC_LEN], const uint8_t *data, size_t len,
		 const char *secret)
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};

	(void)HMAC(EVP_sha256(), secret, (int)strlen(secret), data, len, digest,
		   NULL);
	memcpy(mac, digest, MAC_LEN);
}

const char *flow_token_print(char buf[FLOW_TOKEN_LEN],
			     const struct channel *flow, const char *secret)
{
	uint8_t bytes[TOKEN_MAX];
	size_t len = pack(bytes, flow);

	sign(bytes + len, bytes, len, secret);
	len += MAC_LEN;
	for (size_t i = 0; i < len; i++)
		(void)snprintf(buf + 2 * i, 3, "%02x", bytes[i]);
	return buf;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t read_hex(uint8_t out[TOKEN_MAX], const char *text)
{
	size_t len = strlen(text);

	if (len % 2 || len / 2 > TOKEN_MAX)
		return 0;
	for (size_t i = 0; i < len / 2; i++) {
		int high = hex(text[2 * i]), low = hex(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return 0;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return len / 2;
}

int flow_token_parse(struct channel *flow, const char *text, const char *secret)
{
	uint8_t bytes[TOKEN_MAX], mac[MAC_LEN];
	size_t len = read_hex(bytes, text);

	if (len < HEAD_LEN + 4 + MAC_LEN)
		return -ENOENT;
	len -= MAC_LEN;
	sign(mac, bytes, len, secret);
	if (CRYPTO_memcmp(mac, bytes + len, MAC_LEN) != 0)
		return -EBADMSG;
	return unpack(flow, bytes, len);
}
