#ifndef RELAYD_SESSION_H
#define RELAYD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sdp.h"
#include "proto/relay_options.h"
#include "relayd/learn.h"
#include "relayd/silence.h"

struct deadlines;
struct engine_door;
struct fdbag;
struct fdstore;
struct gone;
struct iface;
struct journal;
struct load;
struct ports;
struct quota;
struct relayd_counters;
struct snapshot;
struct stream;
struct stream_env;

/*
 * The session table (Fig. 9, 46): session id -> the relay ports of each media
 * line, the parties' tags, first and second channel. A session ends by a
 * release or by silence. Times are milliseconds of the loop's clock.
 */
struct sessions;
struct session;

enum { SESSION_TAG_MAX = 256 };

struct session_limits {
	/* Neither packet nor signalling for so long ends an answered one. A
	 * held call may be silent, so this is minutes. */
	uint32_t idle_ms;
	/* The same before the answer, counted from the last signalling: longer
	 * than a phone may ring (Timer C, RFC 3261 16.6: 3 minutes). */
	uint32_t setup_ms;
	/* How long RTP may wait to be put in order, for who does not say; 0:
	 * it does not. Of sessions that begin from here on. */
	uint32_t resequence_ms;
	/* Where media may come from, likewise. */
	enum learn_policy policy;
	/* When the proxy is told that the call is dead. */
	struct silence_limits silence;
};

struct sessions_config {
	const struct stream_env *env;
	struct ports *ports;
	struct deadlines *deadlines; /* run by the owner */
	struct journal *journal;
	struct fdstore *fdstore; /* NULL: a crash ends all sessions */
	struct gone *gone;       /* NULL: nobody is told of silence */
	/* the control sockets */
	const struct engine_door *const *doors;
	size_t ndoors;
	struct relayd_counters *counters;
	struct load *load; /* of all tables together */
	struct quota *quota;
	struct session_limits limits;
};

/* The parts of `cfg` outlive the table. 0 or -ENOMEM. */
int sessions_alloc(struct sessions **sp, const struct sessions_config *cfg);
void sessions_free(struct sessions *ss); /* closes every session */
void sessions_limit(struct sessions *ss, const struct session_limits *limits);
size_t sessions_count(const struct sessions *ss);

struct session *sessions_find(const struct sessions *ss, const char *call_id);

/* Bring all counters up to date with what the kernel has forwarded. */
void sessions_sync(const struct sessions *ss);

/* Visit each, in no order; a non-zero return stops. `fn` must not end one. */
typedef int sessions_apply_h(const struct session *s, void *arg);
int sessions_apply(const struct sessions *ss, sessions_apply_h *fn, void *arg);

/* A new, empty session whose first party has this tag, and which is to be as
 * `options` say. 0, -ESHUTDOWN
 * (draining), what quota_take() says, -EMSGSIZE (tag), -ENOMEM. */
int session_open(struct session **out, struct sessions *ss, const char *call_id,
		 const char *tag, const struct relay_options *options,
		 uint64_t now);

/*
 * Which side speaks, by the tags of the message (step 64). An offer is of the
 * party in From, an answer of the party in To. The second party is known from
 * its answer only, or anybody could offer in its place; an answer of another
 * branch (a forked call) takes its place. -EACCES: the tag of neither.
 */
int session_offerer(enum learn_side *side, const struct session *s,
		    const char *from_tag);
int session_answerer(enum learn_side *side, const struct session *s,
		     const char *from_tag, const char *to_tag);

/* Step 62: a port pair for every line in use that has none yet: all of them, or
 * none and -ENOSPC (no ports), -EMFILE, -ENOMEM … */
int session_reserve(struct session *s, const struct sdp *sdp, uint64_t now);

/* What signalling said of one party. */
struct session_party {
	enum learn_side side;
	const char *tag;
	const char *peer_tag; /* of the other one, may be NULL */
	struct addr observed; /* where its signalling came from; or none */
	struct addr toward;   /* where the other party is; or none */
	struct addr proxy;    /* who told us */
	uint32_t cseq;        /* of the message */
	/* From and To of it, kept of the one that opens the session; NULL: they
	 * are known, or nobody will ask. And where it came in. */
	const char *from, *to;
	const char *dialog; /* the proxy's record of it (proto/record.h) */
	const struct addr *self;
	const struct engine_door *door;
};

/* place.c: which of the relay's addresses each side is served at, by an offer:
 * its own party where that signals from, the other one where it is said to be,
 * or as until now. 0; -EADDRINUSE where a port of a stream is taken at the new
 * address, or what else refused a socket: then nothing has changed. */
int session_place(struct session *s, const struct session_party *party,
		  const struct sdp *sdp);

/* Step 64: write the party's channel of every line. 0, -EMSGSIZE, -ENOMEM. */
int session_record(struct session *s, const struct session_party *party,
		   const struct sdp *sdp, uint64_t now);

/* Whether an offer may change the session: of a party that is where it was, or
 * through the proxy that opened the session. Another proxy has only the word
 * of somebody who knows Call-ID and tag. */
bool session_continues(const struct session *s,
		       const struct session_party *party);

/* Whether a release with this tag in From is of an earlier attempt: a call that
 * was refused and tried again has the same Call-ID and tag and a higher CSeq,
 * and the release of the first may be the later one to arrive. */
bool session_outlives(const struct session *s, const char *from_tag,
		      uint32_t cseq);

/* A description for who asks about a session without one: every line there can
 * be, with port 0 where the session has no stream. */
void session_lines(struct sdp *out, const struct session *s);

/* Step 66: `sdp` of one side, with the port in every line the relay serves and
 * port 0 in the others, and the address at which it serves the other side. */
void session_resource(struct sdp *out, const struct session *s,
		      const struct sdp *sdp, enum learn_side of);

/* place.c: as advertised; NULL where it could be no other than the other
 * side's, as both are of one address family and the relay has one address of
 * that. */
const struct addr *session_address(const struct session *s,
				   enum learn_side side);

/* vigil.c: keep the proxy's record of the dialog, in place of the one before;
 * NULL: there is no new one. It is given back with a notice. */
void session_note_dialog(struct session *s, const char *dialog);
/* Whether there is one: the call has been answered, and is known by more than
 * Call-ID and tag. */
bool session_has_dialog(const struct session *s);

/* Whether From and To are still to be given to session_record(). */
bool session_is_nameless(const struct session *s);

/* The proxy is not done with setting up this call: silence counts anew. */
void session_was_early(struct session *s, uint64_t now);

/*
 * Go on with a session that another process had, with those of its sockets that
 * belong to it; nothing is received before the loop runs. Limits are for new
 * ones. 0, -EEXIST (Call-ID or port), -ENOENT (a socket is not there), -ENOMEM.
 */
int session_restore(struct session **out, struct sessions *ss,
		    const struct snapshot *was, struct fdbag *sockets);

/* What is needed for that, the strings as long as the session lives. Its
 * sockets are written to `fds`, at most SESSION_FDS; how many they are is
 * returned. */
enum { SESSION_FDS = 128 };
size_t session_snapshot(struct snapshot *out, int *fds,
			const struct session *s);

/* Let go of packets that wait for others: nobody will be here to do it. */
void session_flush(const struct session *s);

/* Have it survive a crash, as it is now; where there is no store for that,
 * nothing happens. */
void session_keep(struct session *s, uint64_t now);
/* The same for all, which forward nothing after it. */
void sessions_keep_all(struct sessions *ss, uint64_t now);
/* The same for some of those that were kept longest ago. */
void sessions_keep(struct sessions *ss, uint64_t now);

/* End it: ports into quarantine, memory freed. */
void session_release(struct session *s, uint64_t now);
/* The same for one that never came to be (no journal entry). */
void session_abandon(struct session *s, uint64_t now);

const char *session_call_id(const struct session *s);
const char *session_tag(const struct session *s, enum learn_side side);
bool session_answered(const struct session *s);
enum learn_policy session_policy(const struct session *s);
uint64_t session_opened(const struct session *s);
const struct addr *session_observed(const struct session *s,
				    enum learn_side side);
/* The stream of a media line, NULL where it has none. */
const struct stream *session_stream(const struct session *s, unsigned line);

#endif
