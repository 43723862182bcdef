#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "relayd/figures.h"
#include "relayd/journal.h"
#include "relayd/session.h"
#include "relayd/stream.h"

enum {
	NOTE_MAX = 512,
	LIST_MAX = 128,
	QUALITY_MAX = 96,
	OUTSIDER_QUIET_MS = 10000,
};

struct journal {
	struct trace *trace;
	uint64_t outsider_told; /* when one was last logged; 0: never */
};

/* What a session's streams add up to, for one log line. */
struct summary {
	uint64_t packets[LEARN_SIDES]; /* from that side, forwarded */
	uint64_t dropped;
	uint64_t strangers;
};

static uint64_t wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void note(struct journal *j, const struct session *s,
		 const struct addr *local, const struct addr *peer,
		 const char *text)
{
	trace_add(j->trace, session_call_id(s), wall_us(), TRACE_NOTE, local,
		  peer, text, strlen(text));
}

/* "audio 30412, video 31800" */
static const char *port_list(char buf[LIST_MAX], const struct session *s)
{
	struct strbuf sb;

	strbuf_init(&sb, buf, LIST_MAX);
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++) {
		const struct stream *st = session_stream(s, i);

		if (st)
			strbuf_printf(&sb, "%s%s %u", sb.len ? ", " : "",
				      stream_type(st), stream_port(st));
	}
	return buf;
}

/* The SDP address of a side's first line. */
static const struct addr *channel(const struct session *s, enum learn_side side)
{
	static const struct addr none;

	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++) {
		const struct stream *st = session_stream(s, i);

		if (st)
			return &stream_learn(st, STREAM_RTP)->ch[side].sdp;
	}
	return &none;
}

static void add_part(struct summary *sum, const struct stream *st,
		     enum stream_part part)
{
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		const struct stream_flow *f =
			stream_flow(st, part, (enum learn_side)i);

		sum->packets[i] += f->packets;
		sum->dropped += f->dropped;
	}
	sum->strangers += stream_strangers(st, part);
}

static struct summary summarize(const struct session *s)
{
	struct summary sum = {0};

	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++) {
		const struct stream *st = session_stream(s, i);

		if (!st)
			continue;
		add_part(&sum, st, STREAM_RTP);
		add_part(&sum, st, STREAM_RTCP);
	}
	return sum;
}

/* "lost 3 of 1500, jitter 1.2 ms, MOS 4.3" of the RTP of one side: lost in all
 * its streams, the worst jitter and MOS. "-" where there is nothing to tell. */
static const char *quality_text(char buf[QUALITY_MAX], const struct session *s,
				enum learn_side side)
{
	uint64_t lost = 0, expected = 0, jitter = 0;
	char mos[8] = "-", ms[16] = "-";
	bool timed = false;
	double worst = 0;

	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++) {
		const struct stream *st = session_stream(s, i);
		struct figures_line l;

		if (!st)
			continue;
		figures_read(&l, stream_figures(st), side);
		lost += l.heard.lost;
		expected += l.heard.expected;
		timed |= l.heard.timed;
		if (l.heard.jitter_mean_us > jitter)
			jitter = l.heard.jitter_mean_us;
		if (l.mos > 0 && (worst <= 0 || l.mos < worst))
			worst = l.mos;
	}
	if (expected == 0)
		return NULL;
	if (worst > 0)
		snprintf(mos, sizeof(mos), "%.1f", worst);
	if (timed)
		snprintf(ms, sizeof(ms), "%.1f ms", (double)jitter / 1000);
	snprintf(buf, QUALITY_MAX, "lost %llu of %llu, jitter %s, MOS %s",
		 (unsigned long long)lost, (unsigned long long)expected, ms,
		 mos);
	return buf;
}

static void ended(struct journal *j, const struct session *s, uint64_t now,
		  const char *how)
{
	struct summary sum = summarize(s);
	uint64_t ms = now - session_opened(s);
	char text[NOTE_MAX], first[QUALITY_MAX], second[QUALITY_MAX];
	struct strbuf sb;

	log_info(
		how, LOG_S("call_id", session_call_id(s)),
		LOG_I("duration_ms", ms),
		LOG_I("packets_first", sum.packets[LEARN_FIRST]),
		LOG_I("packets_second", sum.packets[LEARN_SECOND]),
		LOG_I("dropped", sum.dropped),
		LOG_I("strangers", sum.strangers),
		LOG_S("quality_first", quality_text(first, s, LEARN_FIRST)),
		LOG_S("quality_second", quality_text(second, s, LEARN_SECOND)));
	strbuf_init(&sb, text, sizeof(text));
	strbuf_printf(&sb,
		      "%s after %llu ms: %llu packets from first, %llu from "
		      "second, %llu from strangers",
		      how, (unsigned long long)ms,
		      (unsigned long long)sum.packets[LEARN_FIRST],
		      (unsigned long long)sum.packets[LEARN_SECOND],
		      (unsigned long long)sum.strangers);
	note(j, s, NULL, NULL, text);
}

int journal_alloc(struct journal **jp, struct trace *trace)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->trace = trace;
	*jp = j;
	return 0;
}

void journal_free(struct journal *j)
{
	free(j);
}

void journal_message(struct journal *j, const char *call_id, enum trace_dir dir,
		     const struct addr *local, const struct addr *peer,
		     const char *text, size_t len)
{
	trace_add(j->trace, call_id, wall_us(), dir, local, peer, text, len);
}

void journal_refused(struct journal *j, const sip_t *sip,
		     const struct addr *src, int status, const char *phrase)
{
	(void)j;
	log_warn("refused", LOG_S("call_id", sip->sip_call_id->i_id),
		 LOG_S("method", sipmsg_method(sip)), LOG_A("source", src),
		 LOG_I("status", status), LOG_S("reason", phrase));
}

void journal_outsider(struct journal *j, const sip_t *sip,
		      const struct addr *src, uint64_t now)
{
	if (j->outsider_told && now - j->outsider_told < OUTSIDER_QUIET_MS)
		return;
	j->outsider_told = now;
	log_warn("refused, not in trusted",
		 LOG_S("call_id", sip->sip_call_id->i_id),
		 LOG_S("method", sipmsg_method(sip)), LOG_A("source", src));
}

void journal_opened(struct journal *j, const struct session *s)
{
	char ports[LIST_MAX];

	(void)j;
	log_info("session opened", LOG_S("call_id", session_call_id(s)),
		 LOG_S("ports", port_list(ports, s)),
		 LOG_A("first", channel(s, LEARN_FIRST)),
		 LOG_A("observed", session_observed(s, LEARN_FIRST)));
}

void journal_answered(struct journal *j, const struct session *s)
{
	(void)j;
	log_info("session answered", LOG_S("call_id", session_call_id(s)),
		 LOG_A("second", channel(s, LEARN_SECOND)),
		 LOG_A("observed", session_observed(s, LEARN_SECOND)));
}

static void stranger(struct journal *j, const struct session *s,
		     const struct stream_event *ev)
{
	char text[NOTE_MAX], src[ADDR_STRLEN];
	struct strbuf sb;

	log_warn("stranger dropped", LOG_S("call_id", session_call_id(s)),
		 LOG_A("source", &ev->source),
		 LOG_I("port", stream_port(ev->stream) + ev->part),
		 LOG_S("component", stream_part_name(ev->part)),
		 LOG_S("evidence", ev->what.reason),
		 LOG_I("strangers", ev->strangers));
	strbuf_init(&sb, text, sizeof(text));
	strbuf_printf(&sb, "%s packet from %s dropped: %s",
		      stream_part_name(ev->part), addr_str(src, &ev->source),
		      ev->what.reason);
	note(j, s, NULL, &ev->source, text);
}

static void learned(struct journal *j, const struct session *s,
		    const struct stream_event *ev)
{
	const struct learn_channel *ch =
		&stream_learn(ev->stream, ev->part)->ch[ev->what.from];
	bool first = ev->what.verdict == LEARN_LEARNED;
	char text[NOTE_MAX], src[ADDR_STRLEN], dst[ADDR_STRLEN];
	struct strbuf sb;

	log_info(first ? "channel learned" : "channel relearned",
		 LOG_S("call_id", session_call_id(s)),
		 LOG_S("side", learn_side_name(ev->what.from)),
		 LOG_S("media", stream_type(ev->stream)),
		 LOG_S("component", stream_part_name(ev->part)),
		 LOG_A("source", &ch->source), LOG_A("sendto", &ch->sendto),
		 LOG_S("rank", learn_rank_name(ch->rank)),
		 LOG_S("evidence", ev->what.reason));
	strbuf_init(&sb, text, sizeof(text));
	strbuf_printf(&sb,
		      "%s %s packet from %s learned as %s channel (%s); its "
		      "packets go to %s",
		      first ? "first" : "moved:", stream_part_name(ev->part),
		      addr_str(src, &ch->source),
		      learn_side_name(ev->what.from), ev->what.reason,
		      addr_str(dst, &ch->sendto));
	note(j, s, NULL, &ch->source, text);
}

void journal_stream(struct journal *j, const struct session *s,
		    const struct stream_event *ev)
{
	if (ev->what.verdict == LEARN_STRANGER)
		stranger(j, s, ev);
	else
		learned(j, s, ev);
}

void journal_released(struct journal *j, const struct session *s, uint64_t now)
{
	ended(j, s, now, "session released");
}

void journal_expired(struct journal *j, const struct session *s, uint64_t now)
{
	ended(j, s, now, "session expired");
}

void journal_gone(struct journal *j, const struct session *s, const char *why,
		  int err)
{
	log_info("media gone", LOG_S("call_id", session_call_id(s)),
		 LOG_S("reason", why),
		 LOG_S("proxy", err ? strerror(-err) : "told"));
	note(j, s, NULL, NULL, why);
}

void journal_gone_answered(const char *call_id, int status)
{
	if (status == 200)
		log_debug("the proxy ends the call", LOG_S("call_id", call_id));
	else
		log_info(status ? "the proxy does not end the call"
				: "no proxy takes the notice",
			 LOG_S("call_id", call_id), LOG_I("status", status));
}
