#ifndef PROTO_RECORD_H
#define PROTO_RECORD_H

#include <stdint.h>

#include "common/channel.h"
#include "common/sipmsg.h"

/*
 * The dialog record: what a proxy needs to end a call on both sides in the
 * other's name (RFC 3261 12.2.1.1). The relay that holds the call's resource
 * keeps it, as a text that means nothing to it, and hands it back in its
 * media-gone notice: so a proxy that was restarted ends a call it never saw. It
 * is good for that session only, and only under the proxy's secret.
 */
struct record_side {
	const char *name;   /* From or To, with the tag */
	const char *target; /* Request-URI of what goes there */
	const char *routes; /* Route header lines, or "" */
	struct channel dst;
	uint32_t cseq; /* highest heard of */
};

struct record {
	const char *call_id; /* of the dialog */
	uint32_t fork;       /* its branch (proto/route.h) */
	struct addr relay;
	struct record_side side[2]; /* caller, callee */
};

enum {
	RECORD_LEN = 1536, /* sealed, NUL included: printable, no blanks */
	RECORD_ROOM = RECORD_LEN + SIPMSG_CALLID_MAX + 8,
};

/* 0, or -EMSGSIZE where it is longer than that. */
int record_seal(char text[RECORD_LEN], const struct record *r,
		const char *secret);

/* Read one that was kept for a session; its strings are in `room`. 0, or
 * -EBADMSG: not one of ours, or of another session. */
int record_open(struct record *r, char room[RECORD_ROOM], const char *text,
		const char *session, const char *secret);

#endif
