#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/deadlines.h"
#include "relayd/counters.h"
#include "relayd/gone.h"
#include "relayd/journal.h"
#include "relayd/stream.h"

#include "relayd/session_internal.h"

enum {
	WHY_MAX = 64,
	HEADER_MAX = 1024, /* of a From or To that is kept */
};

bool session_is_nameless(const struct session *s)
{
	return !s->from;
}

bool session_has_dialog(const struct session *s)
{
	return s->dialog != NULL;
}

void session_note_dialog(struct session *s, const char *dialog)
{
	char *copy;

	if (!dialog || (s->dialog && !strcmp(s->dialog, dialog)))
		return;
	copy = strdup(dialog);
	if (!copy)
		return;
	free(s->dialog);
	s->dialog = copy;
}

void vigil_names(struct session *s, const struct session_party *party)
{
	session_note_dialog(s, party->dialog);
	if (!session_is_nameless(s) || !party->from || !party->to ||
	    strlen(party->from) > HEADER_MAX || strlen(party->to) > HEADER_MAX)
		return;
	s->from = strdup(party->from);
	s->to = strdup(party->to);
	s->self = *party->self;
	s->door = party->door;
}

static void last_heard(uint64_t last[LEARN_SIDES], const struct session *s)
{
	last[LEARN_FIRST] = last[LEARN_SECOND] = 0;
	for (unsigned i = 0; i < SDP_MEDIA_MAX * STREAM_PARTS; i++) {
		const struct stream *st = s->streams[i / STREAM_PARTS];
		enum stream_part part = (enum stream_part)(i % STREAM_PARTS);

		for (unsigned k = 0; st && k < LEARN_SIDES; k++) {
			enum learn_side side = (enum learn_side)k;
			uint64_t heard = stream_flow(st, part, side)->last;

			if (heard > last[side])
				last[side] = heard;
		}
	}
}

/* When silence ends the session if nothing happens until then. */
static uint64_t idle_ends(const struct session *s,
			  const uint64_t last[LEARN_SIDES])
{
	const struct session_limits *lim = &s->owner->cfg.limits;
	uint64_t heard = s->signalled;

	if (!s->answered)
		return heard + lim->setup_ms;
	for (unsigned side = 0; side < LEARN_SIDES; side++)
		if (last[side] > heard)
			heard = last[side];
	return heard + lim->idle_ms;
}

/* Whoever is not told goes by session.idle. */
static void tell(struct session *s, const char *whose, uint32_t ms,
		 uint64_t now)
{
	struct sessions *ss = s->owner;
	char why[WHY_MAX];
	int err;

	s->silence.told = true;
	if (!ss->cfg.gone || !s->from || !s->to)
		return;
	snprintf(why, sizeof(why), "no media%s for %u s", whose, ms / 1000);
	err = gone_tell(ss->cfg.gone,
			&(struct gone_call){
				.call_id = s->call_id,
				.from = s->from,
				.to = s->to,
				.dialog = s->dialog,
				.cseq = s->cseq,
				.proxy = &s->proxy,
				.self = &s->self,
				.door = s->door,
			},
			why, now);
	ss->cfg.counters->media_gone += err == 0;
	journal_gone(ss->cfg.journal, s, why, err);
}

static void judge_silence(struct session *s, const uint64_t last[LEARN_SIDES],
			  uint64_t now)
{
	const struct silence_limits *lim = &s->owner->cfg.limits.silence;

	switch (silence_judge(&s->silence, last, lim, now)) {
	case SILENCE_NONE:
		break;
	case SILENCE_BOTH:
		tell(s, "", lim->both_ms, now);
		break;
	case SILENCE_FIRST:
		tell(s, " from the caller", lim->side_ms, now);
		break;
	case SILENCE_SECOND:
		tell(s, " from the callee", lim->side_ms, now);
		break;
	}
}

/* The resource goes. A call on hold may be resumed, with another; nobody will
 * resume one that is not. */
static void expire(struct session *s, uint64_t now)
{
	struct sessions *ss = s->owner;
	const struct session_limits *lim = &ss->cfg.limits;

	if (s->answered && lim->silence.both_ms && !s->silence.told &&
	    silence_is_open(&s->silence))
		tell(s, "", lim->idle_ms, now);
	ss->cfg.counters->sessions_expired++;
	journal_expired(ss->cfg.journal, s, now);
	session_end(s, now);
}

static void on_deadline(void *arg)
{
	struct session *s = arg;
	uint64_t now = uv_now(s->owner->cfg.env->loop);
	uint64_t last[LEARN_SIDES];

	s->deadline = 0;
	session_sync(s);
	last_heard(last, s);
	if (idle_ends(s, last) <= now) {
		expire(s, now);
		return;
	}
	if (s->answered)
		judge_silence(s, last, now);
	if (vigil_begin(s))
		expire(s, now);
}

int vigil_begin(struct session *s)
{
	const struct session_limits *lim = &s->owner->cfg.limits;
	uint64_t last[LEARN_SIDES], next, due = UINT64_MAX;

	last_heard(last, s);
	next = idle_ends(s, last);
	if (s->answered)
		due = silence_due(&s->silence, last, &lim->silence);
	return deadlines_add(&s->deadline, s->owner->cfg.deadlines,
			     due < next ? due : next, on_deadline, s);
}

int vigil_anew(struct session *s)
{
	deadlines_cancel(s->owner->cfg.deadlines, s->deadline);
	s->deadline = 0;
	return vigil_begin(s);
}
