#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/siphash.h"

struct siphash {
	uint64_t v0, v1, v2, v3;
};

static uint8_t secret[SIPHASH_KEY_LEN];
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

static inline uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

/* Little-endian, from memory of any alignment; `n` of at most 8 bytes. */
static inline uint64_t load_le(const uint8_t *p, size_t n)
{
	uint64_t x = 0;

	for (size_t i = 0; i < n; i++)
		x |= (uint64_t)p[i] << (8 * i);
	return x;
}

/* The same of 8 bytes in one load. */
static inline uint64_t load_le64(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return le64toh(x);
}

static inline void round1(struct siphash *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 = rotl(s->v2, 32);
}

static inline void absorb(struct siphash *s, uint64_t word)
{
	s->v3 ^= word;
	round1(s);
	s->v0 ^= word;
}

/* The tables are worth nothing without a secret, so no daemon runs without. */
static void draw_secret(void)
{
	ssize_t n;

	do {
		n = getrandom(secret, sizeof(secret), 0);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(secret))
		abort();
}

uint64_t siphash13(const uint8_t key[SIPHASH_KEY_LEN], const void *data,
		   size_t len)
{
	const uint64_t k0 = load_le(key, 8), k1 = load_le(key + 8, 8);
	const uint8_t *p = data;
	size_t left = len;
	struct siphash s = {
		.v0 = k0 ^ 0x736f6d6570736575,
		.v1 = k1 ^ 0x646f72616e646f6d,
		.v2 = k0 ^ 0x6c7967656e657261,
		.v3 = k1 ^ 0x7465646279746573,
	};

	for (; left >= 8; left -= 8, p += 8)
		absorb(&s, load_le64(p));
	absorb(&s, (uint64_t)len << 56 | load_le(p, left));
	s.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		round1(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash_secret(const void *data, size_t len)
{
	pthread_once(&secret_once, draw_secret);
	return siphash13(secret, data, len);
}
