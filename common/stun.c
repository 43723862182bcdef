#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/addr.h"
#include "common/stun.h"

enum {
	HEADER = 20,
	ATTR_HEADER = 4,
	COOKIE_AT = 4,
	LENGTH_AT = 2,
	MESSAGE_MAX = 548, /* RFC 5389 7.1: fits any path */
	UNKNOWN_MAX = 8,
};

enum {
	BINDING_REQUEST = 0x0001,
	BINDING_RESPONSE = 0x0101,
	BINDING_ERROR = 0x0111,
};

enum {
	ERROR_CODE = 0x0009,
	UNKNOWN_ATTRIBUTES = 0x000a,
	XOR_MAPPED_ADDRESS = 0x0020,
	OPTIONAL = 0x8000, /* and above: may be ignored */
};

static const uint8_t cookie[] = {0x21, 0x12, 0xa4, 0x42};

/* Those of RFC 5389 18.2 that have to be understood; a server that asks for no
 * credentials may ignore them. */
static const uint16_t known[] = {0x0001, 0x0006, 0x0008, 0x0009,
				 0x000a, 0x0014, 0x0015, 0x0020};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool is_known(uint16_t type)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == type)
			return true;
	return type >= OPTIONAL;
}

static bool is_stun(const uint8_t *p, size_t len)
{
	return len >= HEADER && len <= MESSAGE_MAX && !(p[0] & 0xc0) &&
	       !memcmp(p + COOKIE_AT, cookie, sizeof(cookie)) && len % 4 == 0 &&
	       get16(p + LENGTH_AT) == len - HEADER;
}

/* What it says that we do not understand: how many, the first ones in types;
 * -EBADMSG where the attributes are cut. */
static int find_unknown(uint16_t types[UNKNOWN_MAX], const uint8_t *p,
			size_t len)
{
	int n = 0;

	for (size_t at = HEADER, size; at < len; at += size) {
		size = ATTR_HEADER + (get16(p + at + 2) + 3u) / 4 * 4;
		if (size > len - at)
			return -EBADMSG;
		if (!is_known(get16(p + at)) && n < UNKNOWN_MAX)
			types[n++] = get16(p + at);
	}
	return n;
}

/* Family, port and address, masked with the cookie and what follows it (RFC
 * 5389 15.2). */
static size_t mapped_address(uint8_t *out, const uint8_t *request,
			     const struct addr *src)
{
	bool six = addr_family(src) == AF_INET6;
	size_t n = six ? 16 : 4;
	const void *ip = six ? (const void *)&src->u.in6.sin6_addr
			     : (const void *)&src->u.in.sin_addr;
	uint8_t *value = out + ATTR_HEADER;

	put16(out, XOR_MAPPED_ADDRESS);
	put16(out + 2, (unsigned)n + 4);
	value[0] = 0;
	value[1] = six ? 2 : 1;
	put16(value + 2, addr_port(src) ^ get16(cookie));
	memcpy(value + 4, ip, n);
	for (size_t i = 0; i < n; i++)
		value[4 + i] ^= request[COOKIE_AT + i];
	return ATTR_HEADER + 4 + n;
}

/* 420 and its list (RFC 5389 7.3.1); padded with nothing but zeros. */
static size_t refusal(uint8_t *out, const uint16_t *types, size_t n)
{
	size_t size = 2 * n, at = ATTR_HEADER + 4;

	put16(out, ERROR_CODE);
	put16(out + 2, 4);
	out[ATTR_HEADER + 2] = 4;
	out[ATTR_HEADER + 3] = 20;
	put16(out + at, UNKNOWN_ATTRIBUTES);
	put16(out + at + 2, (unsigned)size);
	for (size_t i = 0; i < n; i++)
		put16(out + at + ATTR_HEADER + 2 * i, types[i]);
	return at + ATTR_HEADER + (size + 3) / 4 * 4;
}

int stun_answer(uint8_t out[STUN_ANSWER_MAX], const void *data, size_t len,
		const struct addr *src)
{
	uint16_t types[UNKNOWN_MAX];
	const uint8_t *p = data;
	size_t n;
	int unknown;

	if (!is_stun(p, len))
		return -EBADMSG;
	unknown = find_unknown(types, p, len);
	if (get16(p) != BINDING_REQUEST || unknown < 0)
		return 0;
	memset(out, 0, STUN_ANSWER_MAX);
	n = unknown ? refusal(out + HEADER, types, (size_t)unknown)
		    : mapped_address(out + HEADER, p, src);
	put16(out, unknown ? BINDING_ERROR : BINDING_RESPONSE);
	put16(out + LENGTH_AT, (unsigned)n);
	memcpy(out + COOKIE_AT, p + COOKIE_AT, HEADER - COOKIE_AT);
	return (int)(HEADER + n);
}
