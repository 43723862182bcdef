#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/table.h"
#include "relayd/counters.h"
#include "relayd/fdstore.h"
#include "relayd/gone.h"
#include "relayd/iface.h"
#include "relayd/journal.h"
#include "relayd/load.h"
#include "relayd/port.h"
#include "relayd/quota.h"
#include "relayd/stream.h"

#include "relayd/session_internal.h"

enum { TABLE_MAX = 1 << 20 }; /* the configured limit may grow by SIGHUP */

void session_on_stream(const struct stream_event *ev, void *arg)
{
	struct session *s = arg;

	journal_stream(s->owner->cfg.journal, s, ev);
	if (ev->what.verdict != LEARN_STRANGER)
		session_keep(s, uv_now(s->owner->cfg.env->loop));
}

static void close_stream(struct session *s, unsigned line, uint64_t now)
{
	struct stream *st = s->streams[line];

	if (!st)
		return;
	ports_give(s->owner->cfg.ports, stream_port(st), now);
	stream_close(st);
	s->streams[line] = NULL;
	atomic_fetch_sub(&s->owner->cfg.load->streams, 1);
}

void session_dispose(struct session *s, uint64_t now)
{
	deadlines_cancel(s->owner->cfg.deadlines, s->deadline);
	fdstore_give(s->owner->cfg.fdstore, s->slot);
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++)
		close_stream(s, i, now);
	for (unsigned i = 0; i < LEARN_SIDES; i++)
		free(s->tag[i]);
	free(s->from);
	free(s->to);
	free(s->dialog);
	free(s->call_id);
	atomic_fetch_sub(&s->owner->cfg.load->sessions, 1);
	quota_give(s->owner->cfg.quota);
	free(s);
}

void session_end(struct session *s, uint64_t now)
{
	struct sessions *ss = s->owner;

	table_del(ss->table, s->call_id, strlen(s->call_id));
	session_dispose(s, now);
}

void session_sync(const struct session *s)
{
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++)
		if (s->streams[i])
			stream_sync(s->streams[i]);
}

static int set_tag(struct session *s, enum learn_side side, const char *tag)
{
	char *copy;

	if (s->tag[side] && !strcmp(s->tag[side], tag))
		return 0;
	if (strlen(tag) > SESSION_TAG_MAX)
		return -EMSGSIZE;
	copy = strdup(tag);
	if (!copy)
		return -ENOMEM;
	free(s->tag[side]);
	s->tag[side] = copy;
	return 0;
}

static bool has_tag(const struct session *s, enum learn_side side,
		    const char *tag)
{
	return s->tag[side] && !strcmp(s->tag[side], tag);
}

struct attempt {
	struct session *s;
	struct stream_want want;
};

static int try_port(uint16_t port, void *arg)
{
	const struct attempt *a = arg;
	struct sessions *ss = a->s->owner;
	int err = stream_open(&a->s->streams[a->want.line], ss->cfg.env, port,
			      &a->want, session_on_stream, a->s);

	if (err == -EADDRINUSE || err == -EACCES)
		ss->cfg.counters->port_busy++;
	return err;
}

int sessions_alloc(struct sessions **sp, const struct sessions_config *cfg)
{
	struct sessions *ss = calloc(1, sizeof(*ss));

	if (!ss)
		return -ENOMEM;
	ss->cfg = *cfg;
	if (table_alloc(&ss->table, TABLE_MAX)) {
		free(ss);
		return -ENOMEM;
	}
	*sp = ss;
	return 0;
}

static int drop(const void *key, size_t len, void *value, void *arg)
{
	struct sessions *ss = arg;

	table_del(ss->table, key, len);
	session_dispose(value, uv_now(ss->cfg.env->loop));
	return 0;
}

void sessions_free(struct sessions *ss)
{
	if (!ss)
		return;
	table_apply(ss->table, drop, ss);
	table_free(ss->table);
	free(ss);
}

void sessions_limit(struct sessions *ss, const struct session_limits *limits)
{
	ss->cfg.limits = *limits;
}

size_t sessions_count(const struct sessions *ss)
{
	return table_count(ss->table);
}

struct session *sessions_find(const struct sessions *ss, const char *call_id)
{
	return table_get(ss->table, call_id, strlen(call_id));
}

static int sync_one(const struct session *s, void *arg)
{
	(void)arg;
	session_sync(s);
	return 0;
}

void sessions_sync(const struct sessions *ss)
{
	sessions_apply(ss, sync_one, NULL);
}

struct visit {
	sessions_apply_h *fn;
	void *arg;
};

static int visit_one(const void *key, size_t len, void *value, void *arg)
{
	const struct visit *v = arg;

	(void)key;
	(void)len;
	return v->fn(value, v->arg);
}

int sessions_apply(const struct sessions *ss, sessions_apply_h *fn, void *arg)
{
	struct visit v = {fn, arg};

	return table_apply(ss->table, visit_one, &v);
}

int session_open(struct session **out, struct sessions *ss, const char *call_id,
		 const char *tag, const struct relay_options *options,
		 uint64_t now)
{
	struct load *load = ss->cfg.load;
	struct session *s;
	int err;

	if (atomic_load(&load->draining))
		return -ESHUTDOWN;
	err = quota_take(ss->cfg.quota, now);
	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s) {
		quota_give(ss->cfg.quota);
		return -ENOMEM;
	}
	atomic_fetch_add(&load->sessions, 1);
	s->owner = ss;
	s->opened = s->signalled = now;
	s->at[LEARN_FIRST] = s->at[LEARN_SECOND] = &ss->cfg.env->ifaces->v[0];
	s->resequence_ms = options->has_resequence
				   ? options->resequence_ms
				   : ss->cfg.limits.resequence_ms;
	s->policy = ss->cfg.limits.policy;
	if (*options->learn)
		(void)learn_policy_parse(&s->policy, options->learn);
	s->call_id = strdup(call_id);
	err = s->call_id ? set_tag(s, LEARN_FIRST, tag) : -ENOMEM;
	if (!err)
		err = vigil_begin(s);
	if (!err)
		err = table_put(ss->table, call_id, strlen(call_id), s);
	if (err)
		session_dispose(s, now);
	else
		*out = s;
	return err;
}

int session_offerer(enum learn_side *side, const struct session *s,
		    const char *from_tag)
{
	if (has_tag(s, LEARN_FIRST, from_tag))
		*side = LEARN_FIRST;
	else if (has_tag(s, LEARN_SECOND, from_tag))
		*side = LEARN_SECOND;
	else
		return -EACCES;
	return 0;
}

int session_answerer(enum learn_side *side, const struct session *s,
		     const char *from_tag, const char *to_tag)
{
	enum learn_side asker;

	if (session_offerer(&asker, s, from_tag))
		return -EACCES;
	if (asker == LEARN_FIRST && !has_tag(s, LEARN_FIRST, to_tag))
		*side = LEARN_SECOND;
	else if (asker == LEARN_SECOND && has_tag(s, LEARN_FIRST, to_tag))
		*side = LEARN_FIRST;
	else
		return -EACCES;
	return 0;
}

int session_reserve(struct session *s, const struct sdp *sdp, uint64_t now)
{
	struct sessions *ss = s->owner;
	uint32_t added = 0;

	for (unsigned i = 0; i < sdp->n; i++) {
		struct attempt a = {
			s,
			{i,
			 sdp->media[i].type,
			 s->resequence_ms,
			 s->policy,
			 {s->at[LEARN_FIRST], s->at[LEARN_SECOND]}}};
		uint16_t port;
		int err;

		if (!sdp_needs_port(&sdp->media[i]) || s->streams[i])
			continue;
		err = ports_take(&port, ss->cfg.ports, now, try_port, &a);
		if (err) {
			for (unsigned k = 0; k < i; k++)
				if (added & 1U << k)
					close_stream(s, k, now);
			return err;
		}
		added |= 1U << i;
		atomic_fetch_add(&ss->cfg.load->streams, 1);
	}
	return 0;
}

bool session_continues(const struct session *s,
		       const struct session_party *party)
{
	return addr_is_none(&s->proxy) ||
	       addr_ip_eq(&party->proxy, &s->proxy) ||
	       addr_ip_eq(&party->observed, &s->observed[party->side]);
}

bool session_outlives(const struct session *s, const char *from_tag,
		      uint32_t cseq)
{
	const char *first = s->tag[LEARN_FIRST];

	return first && !strcmp(first, from_tag) && cseq < s->cseq;
}

int session_record(struct session *s, const struct session_party *party,
		   const struct sdp *sdp, uint64_t now)
{
	enum learn_side other = !party->side;
	int err = set_tag(s, party->side, party->tag);

	if (!err && party->peer_tag && !s->tag[other])
		err = set_tag(s, other, party->peer_tag);
	if (err)
		return err;
	if (addr_is_none(&s->proxy))
		s->proxy = party->proxy;
	/* an ACK or PRACK has no Contact, and a party that moves has one */
	if (!addr_is_none(&party->observed))
		s->observed[party->side] = party->observed;
	s->signalled = now;
	if (party->side == LEARN_FIRST && !party->peer_tag &&
	    party->cseq > s->cseq)
		s->cseq = party->cseq;
	if (party->side == LEARN_SECOND)
		s->answered = true;
	for (unsigned i = 0; i < sdp->n; i++) {
		if (s->streams[i])
			stream_signal(s->streams[i], party->side,
				      &sdp->media[i], &s->observed[party->side],
				      &party->proxy);
	}
	vigil_names(s, party);
	silence_signal(&s->silence, party->side, sdp, now);
	session_keep(s, now);
	return vigil_anew(s);
}

void session_lines(struct sdp *out, const struct session *s)
{
	memset(out, 0, sizeof(*out));
	out->n = SDP_MEDIA_MAX;
	for (unsigned i = 0; i < out->n; i++) {
		struct sdp_media *m = &out->media[i];
		const struct stream *st = s->streams[i];

		snprintf(m->type, sizeof(m->type), "%s",
			 st ? stream_type(st) : "audio");
		snprintf(m->proto, sizeof(m->proto), "RTP/AVP");
		snprintf(m->fmt, sizeof(m->fmt), "0");
		m->port = st ? stream_port(st) : 0;
	}
}

void session_resource(struct sdp *out, const struct session *s,
		      const struct sdp *sdp, enum learn_side of)
{
	*out = *sdp;
	for (unsigned i = 0; i < out->n; i++) {
		struct sdp_media *m = &out->media[i];

		m->rtp = m->rtcp = s->at[!of]->advertise;
		if (m->port != 0)
			m->port =
				s->streams[i] ? stream_port(s->streams[i]) : 0;
		addr_set_port(&m->rtp, m->port);
		addr_set_port(&m->rtcp, m->port ? m->port + 1U : 0);
	}
}

void session_was_early(struct session *s, uint64_t now)
{
	silence_again(&s->silence, now);
	(void)vigil_anew(s);
}

void session_release(struct session *s, uint64_t now)
{
	if (s->owner->cfg.gone)
		gone_cancel(s->owner->cfg.gone, s->call_id);
	s->owner->cfg.counters->sessions_released++;
	journal_released(s->owner->cfg.journal, s, now);
	session_end(s, now);
}

void session_abandon(struct session *s, uint64_t now)
{
	session_end(s, now);
}

const char *session_call_id(const struct session *s)
{
	return s->call_id;
}

const char *session_tag(const struct session *s, enum learn_side side)
{
	return s->tag[side];
}

enum learn_policy session_policy(const struct session *s)
{
	return s->policy;
}

bool session_answered(const struct session *s)
{
	return s->answered;
}

uint64_t session_opened(const struct session *s)
{
	return s->opened;
}

const struct addr *session_observed(const struct session *s,
				    enum learn_side side)
{
	return &s->observed[side];
}

const struct stream *session_stream(const struct session *s, unsigned line)
{
	if (s->streams[line])
		stream_sync(s->streams[line]);
	return s->streams[line];
}
