#ifndef RELAYD_SNAPSHOT_H
#define RELAYD_SNAPSHOT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sdp.h"
#include "relayd/bypass.h"
#include "relayd/figures.h"
#include "relayd/learn.h"
#include "relayd/silence.h"
#include "relayd/stream.h"

/*
 * All that makes a session besides its sockets, so that another process can go
 * on with it, and the same as JSON: what calls depend on field by field, so
 * that versions understand each other (what is missing has its default, what
 * is unknown is left out), the figures as bytes with a tag, which another
 * layout does not read. Times are those of one host's monotonic clock; written
 * down they are ages.
 */
struct snapshot_part {
	/* where each side is served, the port included */
	struct addr local[LEARN_SIDES];
	struct learn learn;
	struct stream_flow flow[LEARN_SIDES];
	uint64_t strangers;
};

struct snapshot_line {
	unsigned line; /* index of the media line */
	uint16_t port; /* the even one */
	char type[SDP_TOKEN_MAX];
	struct snapshot_part part[STREAM_PARTS];
	struct bypass_taken fast;
	bool in_order; /* its RTP is resequenced, if that of the session is */
	bool has_figures;
	struct figures figures;
};

struct snapshot {
	const char *call_id;
	const char *tag[LEARN_SIDES]; /* NULL: not known yet */
	struct addr observed[LEARN_SIDES];
	struct addr at[LEARN_SIDES]; /* where each is served; no port */
	bool placed[LEARN_SIDES];
	const char *from, *to; /* for a notice to the proxy, or NULL */
	const char *dialog;    /* likewise */
	struct addr self;      /* the control socket for that */
	struct silence silence;
	enum learn_policy policy;
	struct addr proxy;
	uint32_t cseq;
	uint32_t resequence_ms;
	bool answered;
	uint32_t slot, stored; /* in fdstore.h; 0: none */
	uint64_t opened, signalled;
	size_t n;
	struct snapshot_line lines[SDP_MEDIA_MAX];
	char *text; /* what the strings are in, where it was read */
};

enum { SNAPSHOT_WHY = 96 };

/* New JSON; NULL: out of memory. */
json_t *snapshot_print(const struct snapshot *s, uint64_t now);

/*
 * Read it at `now`; nothing in it is trusted: lengths, ranges, one line or port
 * twice. 0, or -EBADMSG or -ENOMEM and the field in `why`. Release what it
 * holds in both cases.
 */
int snapshot_parse(struct snapshot *s, char why[SNAPSHOT_WHY], const json_t *in,
		   uint64_t now);
void snapshot_release(struct snapshot *s);

#endif
