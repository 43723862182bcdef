#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/relay_options.h"
#include "relayd/fdstore.h"
#include "relayd/session.h"
#include "relayd/snapshot.h"
#include "relayd/snapshot_field.h"

static const char *const parts[STREAM_PARTS] = {"rtp", "rtcp"};
static const char *const sides[LEARN_SIDES] = {"first", "second"};

static json_t *flow_json(const struct stream_flow *f, uint64_t now)
{
	json_t *j = json_object();

	field_put_count(j, "packets", f->packets);
	field_put_count(j, "bytes", f->bytes);
	field_put_count(j, "fast", f->fast);
	field_put_count(j, "dropped", f->dropped);
	field_put_age(j, "first_ms", f->first, now);
	field_put_age(j, "last_ms", f->last, now);
	return j;
}

static json_t *part_json(const struct snapshot_part *p, uint64_t now)
{
	json_t *j = json_object(), *local = json_object(),
	       *flow = json_object();

	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		field_put_addr(local, sides[i], &p->local[i]);
		json_object_set_new(flow, sides[i],
				    flow_json(&p->flow[i], now));
	}
	json_object_set_new(j, "local", local);
	json_object_set_new(j, "flow", flow);
	field_put_count(j, "strangers", p->strangers);
	snapshot_put_learn(j, &p->learn, now);
	return j;
}

static json_t *line_json(const struct snapshot_line *l, uint64_t now)
{
	json_t *j = json_object(), *fast = json_object();

	field_put_count(j, "line", l->line);
	field_put_text(j, "type", l->type);
	field_put_count(j, "port", l->port);
	for (unsigned i = 0; i < STREAM_PARTS; i++)
		json_object_set_new(j, parts[i], part_json(&l->part[i], now));
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		json_t *one = json_object();

		field_put_count(one, "packets", l->fast.packets[i]);
		field_put_count(one, "bytes", l->fast.bytes[i]);
		json_object_set_new(fast, sides[i], one);
	}
	json_object_set_new(j, "fast", fast);
	field_put_flag(j, "in_order", l->in_order);
	if (l->has_figures)
		snapshot_put_figures(j, &l->figures);
	return j;
}

static json_t *party_json(const struct snapshot *s, unsigned side)
{
	json_t *j = json_object();

	field_put_text(j, "tag", s->tag[side]);
	field_put_addr(j, "observed", &s->observed[side]);
	field_put_addr(j, "at", &s->at[side]);
	field_put_flag(j, "placed", s->placed[side]);
	return j;
}

static json_t *silence_json(const struct silence *q, uint64_t now)
{
	json_t *j = json_object();

	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		json_t *one = json_object();

		field_put_count(one, "talks", q->talks[i]);
		field_put_count(one, "open", q->open[i]);
		json_object_set_new(j, sides[i], one);
	}
	field_put_age(j, "since_ms", q->since, now);
	field_put_flag(j, "told", q->told);
	return j;
}

json_t *snapshot_print(const struct snapshot *s, uint64_t now)
{
	json_t *j = json_object(), *lines = json_array();

	field_put_count(j, "at_ms", now);
	field_put_text(j, "call_id", s->call_id);
	for (unsigned i = 0; i < LEARN_SIDES; i++)
		json_object_set_new(j, sides[i], party_json(s, i));
	field_put_text(j, "from", s->from);
	field_put_text(j, "to", s->to);
	field_put_text(j, "dialog", s->dialog);
	field_put_addr(j, "self", &s->self);
	json_object_set_new(j, "silence", silence_json(&s->silence, now));
	field_put_text(j, "policy", learn_policy_name(s->policy));
	field_put_addr(j, "proxy", &s->proxy);
	field_put_count(j, "cseq", s->cseq);
	field_put_count(j, "resequence_ms", s->resequence_ms);
	field_put_flag(j, "answered", s->answered);
	field_put_count(j, "slot", s->slot);
	field_put_count(j, "stored", s->stored);
	field_put_age(j, "opened_ms", s->opened, now);
	field_put_age(j, "signalled_ms", s->signalled, now);
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(lines, line_json(&s->lines[i], now));
	/* fails where memory is out, for any of them */
	if (json_object_set_new(j, "lines", lines) ||
	    json_array_size(lines) != s->n) {
		json_decref(j);
		return NULL;
	}
	return j;
}

static void read_flow(struct stream_flow *f, struct snapshot_reader *r)
{
	f->packets = field_count(r, "packets", INT64_MAX);
	f->bytes = field_count(r, "bytes", INT64_MAX);
	f->fast = field_count(r, "fast", INT64_MAX);
	f->dropped = field_count(r, "dropped", INT64_MAX);
	f->first = field_age(r, "first_ms");
	f->last = field_age(r, "last_ms");
}

static void read_part(struct snapshot_part *p, struct snapshot_reader *r)
{
	struct snapshot_reader local = field_object(r, "local");
	struct snapshot_reader flow = field_object(r, "flow");

	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		struct snapshot_reader one = field_object(&flow, sides[i]);

		p->local[i] = field_addr(&local, sides[i]);
		if (addr_is_none(&p->local[i]) && !r->bad)
			r->bad = "local";
		read_flow(&p->flow[i], &one);
		field_close(r, &one);
	}
	field_close(r, &local);
	p->strangers = field_count(r, "strangers", INT64_MAX);
	snapshot_read_learn(&p->learn, r);
}

static void read_fast(struct snapshot_line *l, struct snapshot_reader *r)
{
	struct snapshot_reader fast = field_object(r, "fast");

	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		struct snapshot_reader one = field_object(&fast, sides[i]);

		l->fast.packets[i] = field_count(&one, "packets", INT64_MAX);
		l->fast.bytes[i] = field_count(&one, "bytes", INT64_MAX);
		field_close(r, &one);
	}
}

static void read_type(struct snapshot_line *l, struct snapshot_reader *r)
{
	char *room;

	if (field_room(r, "type") > sizeof(l->type)) {
		r->bad = "type";
		return;
	}
	room = l->type;
	if (!field_text(r, "type", &room))
		r->bad = "type";
}

static void read_line(struct snapshot_line *l, struct snapshot_reader *r)
{
	l->line = (unsigned)field_count(r, "line", SDP_MEDIA_MAX - 1);
	l->port = (uint16_t)field_count(r, "port", UINT16_MAX - 1);
	if ((l->port == 0 || l->port % 2) && !r->bad)
		r->bad = "port";
	read_type(l, r);
	for (unsigned i = 0; i < STREAM_PARTS; i++) {
		struct snapshot_reader part = field_object(r, parts[i]);

		read_part(&l->part[i], &part);
		field_close(r, &part);
	}
	read_fast(l, r);
	l->in_order = field_flag(r, "in_order");
	l->has_figures = snapshot_read_figures(&l->figures, r);
}

static void read_lines(struct snapshot *s, struct snapshot_reader *r)
{
	const json_t *list = json_object_get(r->at, "lines");

	if (json_array_size(list) > SDP_MEDIA_MAX) {
		r->bad = "lines";
		return;
	}
	s->n = json_array_size(list);
	for (size_t i = 0; i < s->n; i++) {
		struct snapshot_line *l = &s->lines[i];
		struct snapshot_reader one = {.at = json_array_get(list, i),
					      .now = r->now,
					      .present = r->present};

		read_line(l, &one);
		field_close(r, &one);
		for (size_t k = 0; k < i; k++)
			if (s->lines[k].line == l->line ||
			    s->lines[k].port == l->port)
				r->bad = "lines";
	}
}

static int read_names(struct snapshot *s, struct snapshot_reader *r)
{
	struct snapshot_reader party[LEARN_SIDES];
	size_t need = field_room(r, "call_id") + field_room(r, "from") +
		      field_room(r, "to") + field_room(r, "dialog");
	char *room;

	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		party[i] = field_object(r, sides[i]);
		need += field_room(&party[i], "tag");
	}
	room = s->text = malloc(need);
	if (!room)
		return -ENOMEM;
	s->call_id = field_text(r, "call_id", &room);
	if (!s->call_id && !r->bad)
		r->bad = "call_id";
	s->from = field_text(r, "from", &room);
	s->to = field_text(r, "to", &room);
	s->dialog = field_text(r, "dialog", &room);
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		s->tag[i] = field_text(&party[i], "tag", &room);
		if (s->tag[i] && strlen(s->tag[i]) > SESSION_TAG_MAX)
			party[i].bad = "tag";
		s->observed[i] = field_addr(&party[i], "observed");
		s->at[i] = field_addr(&party[i], "at");
		s->placed[i] = field_flag(&party[i], "placed");
		field_close(r, &party[i]);
	}
	if (!s->tag[LEARN_FIRST] && !r->bad)
		r->bad = "tag";
	return 0;
}

static void read_silence(struct silence *q, struct snapshot_reader *r)
{
	struct snapshot_reader in = field_object(r, "silence");

	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		struct snapshot_reader one = field_object(&in, sides[i]);

		q->talks[i] = (uint16_t)field_count(&one, "talks", UINT16_MAX);
		q->open[i] = (uint16_t)field_count(&one, "open", UINT16_MAX);
		field_close(&in, &one);
	}
	q->since = field_age(&in, "since_ms");
	q->told = field_flag(&in, "told");
	field_close(r, &in);
}

int snapshot_parse(struct snapshot *s, char why[SNAPSHOT_WHY], const json_t *in,
		   uint64_t now)
{
	struct snapshot_reader r = {.at = in, .now = now, .present = now};
	uint64_t at = field_count(&r, "at_ms", INT64_MAX);
	int err;

	memset(s, 0, sizeof(*s));
	/* ages are of then */
	if (at && at < now)
		r.now = at;
	err = read_names(s, &r);
	if (err) {
		snprintf(why, SNAPSHOT_WHY, "out of memory");
		return err;
	}
	s->self = field_addr(&r, "self");
	read_silence(&s->silence, &r);
	s->policy = snapshot_read_policy(&r);
	s->proxy = field_addr(&r, "proxy");
	s->cseq = (uint32_t)field_count(&r, "cseq", UINT32_MAX);
	s->resequence_ms = (uint32_t)field_count(&r, "resequence_ms",
						 RELAY_RESEQUENCE_MAX_MS);
	s->answered = field_flag(&r, "answered");
	s->slot = (uint32_t)field_count(&r, "slot", FDSTORE_SLOTS);
	s->stored = (uint32_t)field_count(&r, "stored", FDSTORE_SOCKETS);
	s->opened = field_age(&r, "opened_ms");
	s->signalled = field_age(&r, "signalled_ms");
	read_lines(s, &r);
	if (!r.bad)
		return 0;
	snprintf(why, SNAPSHOT_WHY, "%s", r.bad);
	return -EBADMSG;
}

void snapshot_release(struct snapshot *s)
{
	free(s->text);
	s->text = NULL;
}
