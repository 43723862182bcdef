#ifndef PROTO_MAC_H
#define PROTO_MAC_H

#include <stdbool.h>
#include <stddef.h>

enum { PROTO_MAC_LEN = 33 }; /* 128 bits in hex, and NUL */

/*
 * The first 128 bits of HMAC-SHA-256 over some texts, in lower-case hex. Each
 * text goes in with its NUL, which none can contain: two different lists of
 * texts never make the same bytes. 0, or -EMSGSIZE where they are too long.
 */
int proto_mac(char mac[PROTO_MAC_LEN], const char *secret,
	      const char *const *texts, size_t n);

/* Whether `mac`, which came from outside, is that of the texts; takes as long
 * for any that is not. */
bool proto_mac_fits(const char *mac, const char *secret,
		    const char *const *texts, size_t n);

#endif
