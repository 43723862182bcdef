#ifndef PROXYD_LIMITS_H
#define PROXYD_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr;
struct limits;

/*
 * What one source may ask of this proxy: token buckets by IP address (IPv6: by
 * /64), in tables that are bounded and forget. A source is a NAT with any
 * number of phones behind it, so that a burst is allowed, and what ends
 * something is let through longer than what begins something. No clock and no
 * socket of its own; times are milliseconds of any monotonic clock.
 */
struct limits_config {
	uint32_t requests; /* a second and source; 0: any number */
	uint32_t burst;    /* at once, after a quiet time */
	uint32_t failures; /* failed authentications a minute; 0: any number */
	uint32_t ban_ms;   /* how long a source with more of them is refused */
};

enum { LIMITS_SOURCES_MAX = 65536 };

/* Tables for `sources` sources at most: the longest unheard are forgotten. 0 or
 * -ENOMEM. */
int limits_alloc(struct limits **lp, size_t sources,
		 const struct limits_config *cfg);
void limits_free(struct limits *l);

/* Other limits from now on; what was used up stays so. */
void limits_set(struct limits *l, const struct limits_config *cfg);

enum limits_kind {
	LIMITS_BEGIN,    /* a request that begins something */
	LIMITS_END,      /* one of what has begun: ACK, BYE, CANCEL, PRACK */
	LIMITS_RESPONSE, /* counted apart, four for a request */
};

enum limits_verdict {
	LIMITS_PASS,
	LIMITS_REFUSE, /* too many; it may be told, once a second and source */
	LIMITS_DROP,   /* too many, and told enough */
};

/* What a message is, by its first bytes, unparsed. */
enum limits_kind limits_kind_of(const char *data, size_t len);

/* One more message of this kind has come. */
enum limits_verdict limits_take(struct limits *l, uint64_t now,
				const struct addr *src, enum limits_kind kind);

/* An authentication of this source has failed. True: that was one too many, it
 * is refused from now on. */
bool limits_failed(struct limits *l, uint64_t now, const struct addr *src);

/* How many ms more the source is refused; 0: it is not. */
uint64_t limits_banned(struct limits *l, uint64_t now, const struct addr *src);

/* Sources in both tables. */
size_t limits_count(const struct limits *l);

#endif
