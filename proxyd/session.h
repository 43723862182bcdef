#ifndef PROXYD_SESSION_H
#define PROXYD_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

struct deadlines;
struct paging;
struct sdp;
struct sessions;

/*
 * The session table: calls for which this proxy holds a relay resource, by
 * session id (Call-ID). It is what step 222 looks into; a restarted proxy fills
 * it again from the Record-Route parameters of the first request it sees.
 */
struct session {
	struct addr relay;
	const struct sdp *resource; /* what relayd answered last */
	struct addr near; /* in place of its address for the party that asked
			     for it; none: the same for both */
	const char *near_tag; /* of that party */
	bool confirmed;       /* a 2xx to the INVITE went through */
	/* One of the parties has offered in a response, and waits for the
	 * answer in an ACK or PRACK; which one says `late_by`. */
	bool late;
	unsigned late_by; /* enum party */
	uint64_t since;   /* milliseconds of the deadlines' clock */
};

int sessions_alloc(struct sessions **sp, struct deadlines *deadlines,
		   size_t max);
void sessions_free(struct sessions *s);

/* Write or refresh one; it is forgotten after SESSION_HOURS without news (the
 * relay's own idle expiry has freed the resource long before). 0, -ENOSPC,
 * -ENOMEM. */
enum { SESSION_HOURS = 12 };
int sessions_put(struct sessions *s, const char *call_id, uint64_t now,
		 const struct addr *relay, const struct sdp *resource);

/* `near` and the tag (may be NULL) of the session's resource. 0 or -ENOMEM. */
int sessions_place(struct sessions *s, const char *call_id,
		   const struct addr *near, const char *tag);

/* The resource as the party of this tag (may be NULL) is to be told it; it may
 * be in `room`. */
const struct sdp *session_resource_for(const struct session *s, const char *tag,
				       struct sdp *room);

/* NULL where there is none. The pointer is valid until the next put or del. */
const struct session *sessions_get(const struct sessions *s,
				   const char *call_id);
void sessions_confirm(struct sessions *s, const char *call_id);

/* An offer was made in a response, by this party (enum party). */
void sessions_offered(struct sessions *s, const char *call_id, unsigned by);
/* And has been answered. */
void sessions_answered(struct sessions *s, const char *call_id);

void sessions_del(struct sessions *s, const char *call_id);
size_t sessions_count(const struct sessions *s);

/* {"call_id", "relay", "confirmed", "since_ms", "ports": […]} each. */
void sessions_page(struct paging *page, const struct sessions *s);

#endif
