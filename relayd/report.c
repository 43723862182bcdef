#include "relayd/figures.h"
#include "relayd/iface.h"
#include "relayd/load.h"
#include "relayd/port.h"
#include "relayd/report.h"
#include "relayd/resequence.h"
#include "relayd/session.h"
#include "relayd/stream.h"

/* An address as text, null for none. */
static json_t *addr_json(const struct addr *a)
{
	char buf[ADDR_STRLEN];

	return addr_is_none(a) ? json_null() : json_string(addr_str(buf, a));
}

static json_t *ip_json(const struct addr *a)
{
	char buf[ADDR_STRLEN];

	return json_string(addr_ip_str(buf, a));
}

/* json_string() refuses what is not UTF-8; a Call-ID may be any bytes. */
static json_t *text_json(const char *text)
{
	json_t *v = json_string(text);

	return v ? v : json_string("(not UTF-8)");
}

/* Milliseconds from the session's begin, null where it never happened. */
static json_t *since(uint64_t t, uint64_t opened)
{
	return t ? json_integer((json_int_t)(t - opened)) : json_null();
}

static json_t *side_json(const struct stream *st, enum stream_part part,
			 enum learn_side side, uint64_t opened)
{
	const struct stream_flow *f = stream_flow(st, part, side);
	const struct learn_channel *ch = &stream_learn(st, part)->ch[side];

	return json_pack(
		"{s:o,s:I,s:I,s:b,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:s}", "address",
		ip_json(&stream_at(st, side)->bind), "packets",
		(json_int_t)f->packets, "fast_packets", (json_int_t)f->fast,
		"fast", part == STREAM_RTP && stream_is_fast(st, side), "bytes",
		(json_int_t)f->bytes, "dropped", (json_int_t)f->dropped,
		"first_ms", since(f->first, opened), "last_ms",
		since(f->last, opened), "signalled", addr_json(&ch->sdp),
		"learned", addr_json(&ch->source), "sendto",
		addr_json(&ch->sendto), "rank", learn_rank_name(ch->rank));
}

/* In thousandths, that floating point does not print more. */
static json_t *rounded(double v)
{
	return json_real((double)(int64_t)(v * 1000 + 0.5) / 1000);
}

static json_t *jitter_json(const struct quality_figures *q, uint64_t us)
{
	return q->timed ? rounded((double)us / 1000) : json_null();
}

/* What the other side reports by RTCP; null: nothing that can be believed. */
static json_t *reported_json(const struct figures_line *l)
{
	return l->reported ? json_pack("{s:i,s:o,s:o}", "lost",
				       (int)l->reported_lost, "loss_percent",
				       rounded(l->reported_fraction * 100),
				       "jitter_ms",
				       l->reported_jitter_ms < 0
					       ? json_null()
					       : rounded(l->reported_jitter_ms))
			   : json_null();
}

/* How the RTP of a side was heard; null: it never was. */
static json_t *quality_json(const struct stream *st, enum learn_side side)
{
	struct figures_line l;
	const struct quality_figures *q = &l.heard;

	figures_read(&l, stream_figures(st), side);
	if (q->expected == 0)
		return json_null();
	return json_pack(
		"{s:o,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o}",
		"codec", l.codec ? text_json(l.codec) : json_null(), "expected",
		(json_int_t)q->expected, "lost", (json_int_t)q->lost,
		"loss_percent",
		rounded((double)q->lost * 100 / (double)q->expected),
		"duplicates", (json_int_t)q->duplicates, "reordered",
		(json_int_t)q->reordered, "strays", (json_int_t)q->strays,
		"restarts", (json_int_t)q->restarts, "ssrcs",
		(json_int_t)q->sources, "jitter_ms",
		jitter_json(q, q->jitter_us), "jitter_mean_ms",
		jitter_json(q, q->jitter_mean_us), "jitter_max_ms",
		jitter_json(q, q->jitter_max_us), "reported", reported_json(&l),
		"round_trip_ms",
		l.has_round_trip ? rounded(l.round_trip_ms) : json_null(),
		"mos", l.mos > 0 ? rounded(l.mos) : json_null());
}

static json_t *part_json(const struct stream *st, enum stream_part part,
			 uint64_t opened)
{
	return json_pack("{s:o,s:o,s:I}", "first",
			 side_json(st, part, LEARN_FIRST, opened), "second",
			 side_json(st, part, LEARN_SECOND, opened), "strangers",
			 (json_int_t)stream_strangers(st, part));
}

/* What was done to put the RTP of a side in order; null: nothing is. */
static json_t *order_json(const struct stream *st, enum learn_side side)
{
	const struct resequence *r = stream_resequence(st);
	const struct reorder_counts *n;

	if (!r)
		return json_null();
	n = resequence_counts(r, side);
	return json_pack("{s:I,s:I,s:I,s:I}", "held", (json_int_t)n->held,
			 "given_up", (json_int_t)n->given_up, "late",
			 (json_int_t)n->late, "duplicates",
			 (json_int_t)n->duplicates);
}

static json_t *resequence_json(const struct stream *st)
{
	const struct resequence *r = stream_resequence(st);

	return json_pack("{s:I,s:o,s:o}", "wait_ms",
			 (json_int_t)(r ? resequence_wait(r) : 0), "first",
			 order_json(st, LEARN_FIRST), "second",
			 order_json(st, LEARN_SECOND));
}

static json_t *stream_json(const struct stream *st, uint64_t opened)
{
	return json_pack("{s:i,s:o,s:i,s:o,s:o,s:o,s:{s:o,s:o}}", "line",
			 (int)stream_line(st), "type",
			 text_json(stream_type(st)), "port",
			 (int)stream_port(st), "rtp",
			 part_json(st, STREAM_RTP, opened), "rtcp",
			 part_json(st, STREAM_RTCP, opened), "resequence",
			 resequence_json(st), "quality", "first",
			 quality_json(st, LEARN_FIRST), "second",
			 quality_json(st, LEARN_SECOND));
}

static json_t *streams_json(const struct session *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++) {
		const struct stream *st = session_stream(s, i);

		if (st)
			json_array_append_new(
				list, stream_json(st, session_opened(s)));
	}
	return list;
}

json_t *report_session(const struct session *s, uint64_t now)
{
	return json_pack("{s:o,s:I,s:b,s:s,s:o,s:o,s:o}", "call_id",
			 text_json(session_call_id(s)), "duration_ms",
			 (json_int_t)(now - session_opened(s)), "answered",
			 session_answered(s), "learn",
			 learn_policy_name(session_policy(s)), "observed_first",
			 addr_json(session_observed(s, LEARN_FIRST)),
			 "observed_second",
			 addr_json(session_observed(s, LEARN_SECOND)),
			 "streams", streams_json(s));
}

json_t *report_session_brief(const struct session *s, uint64_t now)
{
	uint64_t packets[LEARN_SIDES] = {0};
	int streams = 0;

	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++) {
		const struct stream *st = session_stream(s, i);

		if (!st)
			continue;
		streams++;
		for (unsigned k = 0; k < LEARN_SIDES; k++)
			packets[k] +=
				stream_flow(st, STREAM_RTP, (enum learn_side)k)
					->packets;
	}
	return json_pack("{s:o,s:I,s:b,s:i,s:I,s:I}", "call_id",
			 text_json(session_call_id(s)), "duration_ms",
			 (json_int_t)(now - session_opened(s)), "answered",
			 session_answered(s), "streams", streams,
			 "packets_first", (json_int_t)packets[LEARN_FIRST],
			 "packets_second", (json_int_t)packets[LEARN_SECOND]);
}

json_t *report_load(const struct load *load, struct ports *ports, uint64_t now)
{
	size_t pairs = ports_available(ports, now);

	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:b}", "sessions",
			 (json_int_t)atomic_load(&load->sessions), "room",
			 (json_int_t)load_room(load, pairs), "streams",
			 (json_int_t)atomic_load(&load->streams), "ports_free",
			 (json_int_t)pairs, "ports_total",
			 (json_int_t)ports_total(ports), "draining",
			 (int)atomic_load(&load->draining));
}
