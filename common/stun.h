#ifndef COMMON_STUN_H
#define COMMON_STUN_H

#include <stddef.h>
#include <stdint.h>

struct addr;

/* Room for the longest answer. */
enum { STUN_ANSWER_MAX = 128 };

/*
 * The keepalive of clients on UDP (RFC 5626 4.4.2): answer a STUN binding
 * request with the address it came from (RFC 5389 10, XOR-MAPPED-ADDRESS), or
 * with 420 where it has attributes that must be understood and are not. The
 * length of the answer; 0 where it is STUN that calls for none; -EBADMSG where
 * it is not STUN, but may be SIP. Pure.
 */
int stun_answer(uint8_t out[STUN_ANSWER_MAX], const void *data, size_t len,
		const struct addr *src);

#endif
