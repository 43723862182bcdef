#ifndef PROXYD_IDENTITY_H
#define PROXYD_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/channel.h"

struct identity;

/*
 * Who speaks in a dialog. The hash in our Route says that a request belongs to
 * a call of ours, and its From tag for which of the two sides it claims to
 * speak; that it knows both makes it no party of the call. So it is remembered
 * from where each side may speak: from where its phone was heard or reached,
 * and where its Contact and its next hop are. A phone that has moved is known
 * again by its registration. What is not known is not held against anybody:
 * a call of before a restart, or one forgotten among too many.
 */
enum identity_side { IDENTITY_CALLER, IDENTITY_CALLEE, IDENTITY_SIDES };

struct identity_config {
	size_t calls;   /* at one time; the longest unheard are forgotten */
	size_t clients; /* whose registrations are known */
	uint64_t call_ms, client_ms; /* kept so long after the last news */
};

/* 0 or -ENOMEM. */
int identity_alloc(struct identity **ip, const struct identity_config *cfg);
void identity_free(struct identity *i);

/* A client (user@domain) has been registered from here; where several phones
 * of it were last is known. */
void identity_registered(struct identity *i, uint64_t now, const char *id,
			 const struct addr *src);

/* Where the caller speaks from, by Call-ID and its tag (NULL: none), which are
 * what the Route's hash covers. `peer` tells that this is a proxy of the site,
 * which has looked itself. The first to say so is believed: nobody can add to a
 * call that is there. 0 or -ENOMEM. */
int identity_begin(struct identity *i, uint64_t now, const char *call_id,
		   const char *caller_tag, const struct addr *src, bool peer);

/* Which client a side is; the first to say so is believed. */
void identity_name(struct identity *i, uint64_t now, const char *call_id,
		   const char *caller_tag, enum identity_side side,
		   const char *id);

/* A further address from which a side may speak; none: it may be any. Nothing
 * where the call is not known. */
void identity_add(struct identity *i, uint64_t now, const char *call_id,
		  const char *caller_tag, enum identity_side side,
		  const struct addr *a, bool peer);

enum identity_verdict {
	IDENTITY_UNKNOWN, /* nothing is known of that side */
	IDENTITY_PARTY,   /* it speaks from where it is known to be */
	IDENTITY_MOVED,   /* it has registered from there, which is new */
	IDENTITY_STRANGER,
};

/* A request that claims to be of this side has come from `src`. Where a party
 * has moved to is a further place of its from then on. */
enum identity_verdict identity_judge(struct identity *i, uint64_t now,
				     const char *call_id,
				     const char *caller_tag,
				     enum identity_side side,
				     const struct addr *src, bool peer);

/* The call has ended. */
void identity_end(struct identity *i, const char *call_id,
		  const char *caller_tag);

size_t identity_count(const struct identity *i);

#endif
