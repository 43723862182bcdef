#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/recent.h"

#include "proxyd/limits.h"

enum {
	SECOND_MS = 1000,
	MINUTE_MS = 60 * SECOND_MS,
	QUIET_MS = 10 * MINUTE_MS, /* a source unheard so long is forgotten */
	ANSWERS = 1,               /* a second: who is over is told so */
	ANSWERS_BURST = 5,
	RESPONSES = 4, /* for one request */
};

/* What has been used up and leaks away; zero is a source's first sight. */
struct bucket {
	uint64_t used;
	uint64_t at;
};

struct source {
	struct bucket requests, responses, answers;
};

struct failing {
	struct bucket failures;
	uint64_t banned_until;
};

struct limits {
	struct limits_config cfg;
	struct recent *sources;
	struct recent *failing;
};

static void leak(struct bucket *b, uint64_t now, uint64_t per_ms)
{
	uint64_t gone = (now - b->at) * per_ms;

	b->used = b->used > gone ? b->used - gone : 0;
	b->at = now;
}

/*
 * One of `rate` in `interval` ms, `burst` of them at once, the last `reserve`
 * of which are not for this one. In units that leak `rate` a millisecond, one
 * is worth the interval.
 */
static bool take(struct bucket *b, uint64_t now, uint64_t rate,
		 uint64_t interval, uint64_t burst, uint64_t reserve)
{
	leak(b, now, rate);
	if (b->used + interval > (burst - reserve) * interval)
		return false;
	b->used += interval;
	return true;
}

int limits_alloc(struct limits **lp, size_t sources,
		 const struct limits_config *cfg)
{
	struct limits *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	err = recent_alloc(&l->sources, sources, sizeof(struct source),
			   QUIET_MS);
	if (!err)
		err = recent_alloc(&l->failing, sources, sizeof(struct failing),
				   QUIET_MS);
	if (err) {
		limits_free(l);
		return err;
	}
	limits_set(l, cfg);
	*lp = l;
	return 0;
}

void limits_free(struct limits *l)
{
	if (!l)
		return;
	recent_free(l->sources);
	recent_free(l->failing);
	free(l);
}

void limits_set(struct limits *l, const struct limits_config *cfg)
{
	l->cfg = *cfg;
	recent_keep(l->failing, QUIET_MS + (uint64_t)cfg->ban_ms);
}

static bool is_method(const char *data, size_t len, const char *method)
{
	size_t n = strlen(method);

	return len > n && !memcmp(data, method, n) && data[n] == ' ';
}

enum limits_kind limits_kind_of(const char *data, size_t len)
{
	static const char *const ends[] = {"ACK", "BYE", "CANCEL", "PRACK"};

	if (len >= 4 && !memcmp(data, "SIP/", 4))
		return LIMITS_RESPONSE;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (is_method(data, len, ends[i]))
			return LIMITS_END;
	return LIMITS_BEGIN;
}

static bool has_room(struct source *s, const struct limits_config *cfg,
		     uint64_t now, enum limits_kind kind)
{
	uint64_t rate = cfg->requests;
	uint64_t burst = cfg->burst > 4 ? cfg->burst : 4;

	if (kind == LIMITS_RESPONSE)
		return take(&s->responses, now, RESPONSES * rate, SECOND_MS,
			    RESPONSES * burst, 0);
	return take(&s->requests, now, rate, SECOND_MS, burst,
		    kind == LIMITS_BEGIN ? burst / 4 : 0);
}

enum limits_verdict limits_take(struct limits *l, uint64_t now,
				const struct addr *src, enum limits_kind kind)
{
	struct addr_source key = addr_source(src);
	struct source *s;

	if (!l->cfg.requests)
		return LIMITS_PASS;
	s = recent_put(l->sources, now, &key, sizeof(key));
	if (!s || has_room(s, &l->cfg, now, kind))
		return LIMITS_PASS;
	if (take(&s->answers, now, ANSWERS, SECOND_MS, ANSWERS_BURST, 0))
		return LIMITS_REFUSE;
	return LIMITS_DROP;
}

bool limits_failed(struct limits *l, uint64_t now, const struct addr *src)
{
	struct addr_source key = addr_source(src);
	struct failing *f;

	if (!l->cfg.failures)
		return false;
	f = recent_put(l->failing, now, &key, sizeof(key));
	if (!f || f->banned_until > now ||
	    take(&f->failures, now, l->cfg.failures, MINUTE_MS, l->cfg.failures,
		 0))
		return false;
	f->banned_until = now + l->cfg.ban_ms;
	return true;
}

uint64_t limits_banned(struct limits *l, uint64_t now, const struct addr *src)
{
	struct addr_source key = addr_source(src);
	const struct failing *f;

	if (!l->cfg.failures || !recent_count(l->failing))
		return 0;
	f = recent_get(l->failing, now, &key, sizeof(key));
	return f && f->banned_until > now ? f->banned_until - now : 0;
}

size_t limits_count(const struct limits *l)
{
	return recent_count(l->sources) + recent_count(l->failing);
}
