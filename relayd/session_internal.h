#ifndef RELAYD_SESSION_INTERNAL_H
#define RELAYD_SESSION_INTERNAL_H

#include "common/addr.h"
#include "common/deadlines.h"
#include "relayd/session.h"

/* What the files of a session (place, session_restore, session_keep, vigil)
 * share. */
struct session {
	struct sessions *owner;
	char *call_id;
	char *tag[LEARN_SIDES];
	struct addr observed[LEARN_SIDES];
	const struct iface *at[LEARN_SIDES]; /* where each is served */
	bool placed[LEARN_SIDES];            /* by where it is */
	struct addr proxy;                   /* that opened it */
	uint32_t cseq;    /* of the first party's last offer */
	char *from, *to;  /* as the proxy has them; NULL: not kept */
	char *dialog;     /* the proxy's record; NULL: none */
	struct addr self; /* the control socket it came in by */
	const struct engine_door *door;
	struct silence silence;
	struct stream *streams[SDP_MEDIA_MAX];
	uint64_t opened;
	uint64_t signalled; /* last */
	deadline_id deadline;
	uint32_t resequence_ms;
	enum learn_policy policy;
	uint32_t slot;   /* fdstore.h; 0: none */
	uint32_t stored; /* doors that are in the store */
	uint64_t kept;   /* when it was written there */
	bool answered;
};

struct sessions {
	struct sessions_config cfg;
	struct table *table;
};

/* Take it out of the table and free everything. */
void session_end(struct session *s, uint64_t now);

/* Count what the kernel has forwarded of it. */
void session_sync(const struct session *s);

/* vigil.c: look after a session until it ends: one that is silent is reported
 * to its proxy, one that nobody is heard of any more is ended. Packets do not
 * touch the deadline; it looks at them when it is due. 0 or -ENOMEM. */
int vigil_begin(struct session *s);
/* The same after something that may bring the next look forward. */
int vigil_anew(struct session *s);

/* What a notice will need; one that is too long gets none. */
void vigil_names(struct session *s, const struct session_party *party);

/* Free all but the table entry. */
void session_dispose(struct session *s, uint64_t now);

struct stream_event;
void session_on_stream(const struct stream_event *ev, void *arg);

#endif
