#ifndef COMMON_SIPHASH_H
#define COMMON_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_LEN = 16 };

/*
 * SipHash-1-3 (Aumasson, Bernstein): one round a word, three at the end. Fast
 * enough for every packet and, without the key, nobody can find collisions.
 */
uint64_t siphash13(const uint8_t key[SIPHASH_KEY_LEN], const void *data,
		   size_t len);

/* The same with the secret of this process, drawn once from the kernel. */
uint64_t siphash_secret(const void *data, size_t len);

#endif
