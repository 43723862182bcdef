#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/table.h"
#include "relayd/fdstore.h"
#include "relayd/engine.h"
#include "relayd/iface.h"
#include "relayd/load.h"
#include "relayd/port.h"
#include "relayd/quota.h"
#include "relayd/session_internal.h"
#include "relayd/snapshot.h"
#include "relayd/stream.h"

_Static_assert(SESSION_FDS == STREAM_FDS * SDP_MEDIA_MAX, "fds of a session");

/* NULL stays NULL; false: out of memory. */
static bool copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

static int copy_names(struct session *s, const struct snapshot *was)
{
	bool good = copy(&s->call_id, was->call_id) &&
		    copy(&s->from, was->from) && copy(&s->to, was->to) &&
		    copy(&s->dialog, was->dialog);

	for (unsigned i = 0; i < LEARN_SIDES; i++)
		good = good && copy(&s->tag[i], was->tag[i]);
	return good ? 0 : -ENOMEM;
}

/* The addresses of then, which the configuration may no longer have. */
static int find_places(const struct iface *at[LEARN_SIDES],
		       const struct ifaces *l,
		       const struct addr where[LEARN_SIDES])
{
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		at[i] = iface_at(l, &where[i]);
		if (!at[i])
			return -EADDRNOTAVAIL;
	}
	return 0;
}

/* The control socket that it came in by, or another one. */
static void find_door(struct session *s, const struct snapshot *was)
{
	const struct sessions_config *cfg = &s->owner->cfg;

	s->self = was->self;
	for (size_t i = 0; i < cfg->ndoors && !s->door; i++)
		if (addr_eq(&cfg->doors[i]->self, &was->self))
			s->door = cfg->doors[i];
	if (!s->door && cfg->ndoors > 0) {
		s->door = cfg->doors[0];
		s->self = s->door->self;
	}
}

static int adopt_lines(struct session *s, const struct snapshot *was,
		       struct fdbag *sockets, uint64_t now)
{
	const struct sessions_config *cfg = &s->owner->cfg;

	for (size_t i = 0; i < was->n; i++) {
		const struct snapshot_line *l = &was->lines[i];
		struct stream_want want = {.line = l->line,
					   .type = l->type,
					   .resequence_ms = s->resequence_ms,
					   .policy = s->policy};
		int err = find_places(want.at, cfg->env->ifaces,
				      l->part[STREAM_RTP].local);

		if (!err)
			err = ports_claim(cfg->ports, l->port);

		if (err)
			return err;
		err = stream_adopt(&s->streams[l->line], cfg->env, &want, l,
				   sockets, session_on_stream, s);
		if (err) {
			ports_give(cfg->ports, l->port, now);
			return err;
		}
		atomic_fetch_add(&cfg->load->streams, 1);
	}
	return 0;
}

int session_restore(struct session **out, struct sessions *ss,
		    const struct snapshot *was, struct fdbag *sockets)
{
	uint64_t now = uv_now(ss->cfg.env->loop);
	struct session *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	quota_claim(ss->cfg.quota);
	atomic_fetch_add(&ss->cfg.load->sessions, 1);
	s->owner = ss;
	memcpy(s->observed, was->observed, sizeof(s->observed));
	s->proxy = was->proxy;
	s->cseq = was->cseq;
	s->resequence_ms = was->resequence_ms;
	s->answered = was->answered;
	if (fdstore_claim(ss->cfg.fdstore, was->slot)) {
		s->slot = was->slot;
		s->stored = was->stored;
	}
	s->opened = was->opened ? was->opened : now;
	s->signalled = was->signalled ? was->signalled : now;
	memcpy(s->placed, was->placed, sizeof(s->placed));
	s->silence = was->silence;
	s->policy = was->policy;
	find_door(s, was);
	err = copy_names(s, was);
	if (!err)
		err = find_places(s->at, ss->cfg.env->ifaces, was->at);
	if (!err)
		err = adopt_lines(s, was, sockets, now);
	if (!err)
		err = vigil_begin(s);
	if (!err)
		err = table_put(ss->table, s->call_id, strlen(s->call_id), s);
	if (err)
		session_dispose(s, now);
	else
		*out = s;
	return err;
}

void session_flush(const struct session *s)
{
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++)
		if (s->streams[i])
			stream_flush(s->streams[i]);
}

size_t session_snapshot(struct snapshot *out, int *fds, const struct session *s)
{
	size_t nfds = 0;

	memset(out, 0, offsetof(struct snapshot, lines));
	out->text = NULL;
	out->call_id = s->call_id;
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		out->tag[i] = s->tag[i];
		out->observed[i] = s->observed[i];
		out->at[i] = s->at[i]->bind;
		out->placed[i] = s->placed[i];
	}
	out->from = s->from;
	out->to = s->to;
	out->dialog = s->dialog;
	out->self = s->self;
	out->silence = s->silence;
	out->policy = s->policy;
	out->proxy = s->proxy;
	out->cseq = s->cseq;
	out->resequence_ms = s->resequence_ms;
	out->answered = s->answered;
	out->slot = s->slot;
	out->stored = s->stored;
	out->opened = s->opened;
	out->signalled = s->signalled;
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++)
		if (s->streams[i])
			nfds += stream_snapshot(&out->lines[out->n++],
						fds + nfds, s->streams[i]);
	return nfds;
}
