#include "relayd/port.h"
#include "relayd/report.h"
#include "relayd/session.h"
#include "relayd/stream.h"

/* An address as text, null for none. */
static json_t *addr_json(const struct addr *a)
{
	char buf[ADDR_STRLEN];

	return addr_is_none(a) ? json_null() : json_string(addr_str(buf, a));
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

	return json_pack("{s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:s}", "packets",
			 (json_int_t)f->packets, "bytes", (json_int_t)f->bytes,
			 "dropped", (json_int_t)f->dropped, "first_ms",
			 since(f->first, opened), "last_ms",
			 since(f->last, opened), "signalled",
			 addr_json(&ch->sdp), "learned", addr_json(&ch->source),
			 "sendto", addr_json(&ch->sendto), "rank",
			 learn_rank_name(ch->rank));
}

static json_t *part_json(const struct stream *st, enum stream_part part,
			 uint64_t opened)
{
	return json_pack("{s:o,s:o,s:I}", "first",
			 side_json(st, part, LEARN_FIRST, opened), "second",
			 side_json(st, part, LEARN_SECOND, opened), "strangers",
			 (json_int_t)stream_strangers(st, part));
}

static json_t *stream_json(const struct stream *st, uint64_t opened)
{
	return json_pack("{s:i,s:o,s:i,s:o,s:o}", "line", (int)stream_line(st),
			 "type", text_json(stream_type(st)), "port",
			 (int)stream_port(st), "rtp",
			 part_json(st, STREAM_RTP, opened), "rtcp",
			 part_json(st, STREAM_RTCP, opened));
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
	return json_pack("{s:o,s:I,s:b,s:o,s:o,s:o}", "call_id",
			 text_json(session_call_id(s)), "duration_ms",
			 (json_int_t)(now - session_opened(s)), "answered",
			 session_answered(s), "observed_first",
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

json_t *report_load(const struct sessions *ss, struct ports *ports,
		    uint64_t now)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:b}", "sessions",
			 (json_int_t)sessions_count(ss), "streams",
			 (json_int_t)sessions_streams(ss), "ports_free",
			 (json_int_t)ports_available(ports, now), "ports_total",
			 (json_int_t)ports_total(ports), "draining",
			 sessions_draining(ss));
}
