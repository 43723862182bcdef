#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/snapshot.h"
#include "relayd/snapshot_field.h"

enum { NOW = 1000000, LATER = 2500 };

static struct snapshot *was, *is;
static char why[SNAPSHOT_WHY];

static struct addr addr(const char *text)
{
	struct addr a = {0};

	ck_assert_int_eq(addr_parse(&a, text, 0), 0);
	return a;
}

static void fill_channel(struct learn_channel *ch, const char *ip)
{
	ch->signalled = true;
	ch->sdp = ch->source = ch->sendto = addr(ip);
	ch->observed = addr("203.0.113.1:5060");
	ch->rank = LEARN_EXACT;
	ch->fresh = LEARN_REPEATED;
	ch->fresh_at = NOW - 3000;
	ch->last = NOW - 20;
	ch->has_rtp = true;
	ch->ssrc = 0xfeedface;
	ch->seq = 65535;
}

static void fill_part(struct snapshot_part *p, const char *local)
{
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		p->local[i] = addr(local);
		p->flow[i] = (struct stream_flow){.packets = 100 + i,
						  .bytes = 17200,
						  .fast = 50,
						  .dropped = 1,
						  .first = NOW - 5000,
						  .last = NOW - 20};
	}
	p->strangers = 3;
	p->learn.policy = LEARN_STRICT;
	fill_channel(&p->learn.ch[LEARN_FIRST], "198.51.100.7:4000");
	fill_channel(&p->learn.ch[LEARN_SECOND], "[2001:db8::7]:4000");
}

static void fill_line(struct snapshot_line *l, unsigned line, uint16_t port)
{
	l->line = line;
	l->port = port;
	strcpy(l->type, "audio");
	fill_part(&l->part[STREAM_RTP], "203.0.113.4:30000");
	fill_part(&l->part[STREAM_RTCP], "203.0.113.4:30001");
	l->fast.packets[LEARN_FIRST] = 7;
	l->fast.bytes[LEARN_SECOND] = 8;
	l->in_order = true;
	l->has_figures = true;
	l->figures.side[LEARN_FIRST].heard.begun = true;
	l->figures.side[LEARN_FIRST].heard.received = 99;
	strcpy(l->figures.side[LEARN_FIRST].codec.name, "PCMU");
}

static void setup(void)
{
	was = calloc(1, sizeof(*was));
	is = calloc(1, sizeof(*is));
	was->call_id = "call@example.com";
	was->tag[LEARN_FIRST] = "one";
	was->tag[LEARN_SECOND] = "two";
	was->observed[LEARN_FIRST] = addr("198.51.100.7:5060");
	was->at[LEARN_FIRST] = was->at[LEARN_SECOND] = addr("203.0.113.4:0");
	was->placed[LEARN_SECOND] = true;
	was->from = "<sip:a@example.com>;tag=one";
	was->dialog = "mac|0|<sip:a@example.com>|%20|";
	was->to = "<sip:b@example.com>;tag=two";
	was->self = addr("203.0.113.4:5060");
	was->silence = (struct silence){{1, 1}, {0, 2}, NOW - 9, true};
	was->policy = LEARN_OPEN;
	was->proxy = addr("203.0.113.1:5060");
	was->cseq = UINT32_MAX;
	was->resequence_ms = 60;
	was->answered = true;
	was->slot = 17;
	was->stored = 4;
	was->opened = NOW - 60000;
	was->signalled = NOW - 59000;
	was->n = 2;
	fill_line(&was->lines[0], 0, 30000);
	fill_line(&was->lines[1], 3, 30002);
}

static void teardown(void)
{
	snapshot_release(is);
	free(was);
	free(is);
}

/* Through text, as it goes from one process to another. */
static json_t *written(void)
{
	json_t *j = snapshot_print(was, NOW), *again;
	char *text = json_dumps(j, 0);

	again = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(again);
	free(text);
	json_decref(j);
	return again;
}

static int parse(json_t *j)
{
	snapshot_release(is);
	return snapshot_parse(is, why, j, NOW + LATER);
}

static void parse_good(void)
{
	json_t *j = written();

	ck_assert_msg(parse(j) == 0, "%s", why);
	json_decref(j);
}

static void same_channel(const struct learn_channel *a,
			 const struct learn_channel *b)
{
	ck_assert(addr_eq(&a->source, &b->source));
	ck_assert(addr_eq(&a->sendto, &b->sendto));
	ck_assert(addr_eq(&a->sdp, &b->sdp));
	ck_assert(addr_eq(&a->observed, &b->observed));
	ck_assert_int_eq(a->rank, b->rank);
	ck_assert_int_eq(a->fresh, b->fresh);
	ck_assert_uint_eq(a->fresh_at, b->fresh_at);
	ck_assert_uint_eq(a->ssrc, b->ssrc);
	ck_assert_uint_eq(a->seq, b->seq);
	ck_assert(a->has_rtp == b->has_rtp && a->signalled == b->signalled);
}

static void same_part(const struct snapshot_part *a,
		      const struct snapshot_part *b)
{
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		ck_assert(addr_eq(&a->local[i], &b->local[i]));
		ck_assert_int_eq(
			memcmp(&a->flow[i], &b->flow[i], sizeof(a->flow[i])),
			0);
		same_channel(&a->learn.ch[i], &b->learn.ch[i]);
	}
	ck_assert_uint_eq(a->strangers, b->strangers);
	ck_assert_int_eq(a->learn.policy, b->learn.policy);
}

START_TEST(round_trip)
{
	parse_good();
	ck_assert_str_eq(is->call_id, was->call_id);
	ck_assert_str_eq(is->from, was->from);
	ck_assert_str_eq(is->dialog, was->dialog);
	ck_assert_str_eq(is->to, was->to);
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		ck_assert_str_eq(is->tag[i], was->tag[i]);
		ck_assert(addr_eq(&is->observed[i], &was->observed[i]));
		ck_assert(addr_eq(&is->at[i], &was->at[i]));
		ck_assert(is->placed[i] == was->placed[i]);
	}
	ck_assert(addr_eq(&is->self, &was->self));
	ck_assert(addr_eq(&is->proxy, &was->proxy));
	ck_assert_int_eq(
		memcmp(&is->silence, &was->silence, sizeof(is->silence)), 0);
	ck_assert_int_eq(is->policy, was->policy);
	ck_assert_uint_eq(is->cseq, was->cseq);
	ck_assert_uint_eq(is->resequence_ms, was->resequence_ms);
	ck_assert(is->answered);
	ck_assert_uint_eq(is->slot, 17);
	ck_assert_uint_eq(is->stored, 4);
	ck_assert_uint_eq(is->opened, was->opened);
	ck_assert_uint_eq(is->signalled, was->signalled);
}
END_TEST

START_TEST(round_trip_of_lines)
{
	parse_good();
	ck_assert_uint_eq(is->n, 2);
	for (size_t i = 0; i < is->n; i++) {
		const struct snapshot_line *a = &was->lines[i];
		const struct snapshot_line *b = &is->lines[i];

		ck_assert_uint_eq(a->line, b->line);
		ck_assert_uint_eq(a->port, b->port);
		ck_assert_str_eq(a->type, b->type);
		ck_assert(b->in_order && b->has_figures);
		ck_assert_int_eq(memcmp(&a->fast, &b->fast, sizeof(a->fast)),
				 0);
		ck_assert_int_eq(
			memcmp(&a->figures, &b->figures, sizeof(a->figures)),
			0);
		for (unsigned p = 0; p < STREAM_PARTS; p++)
			same_part(&a->part[p], &b->part[p]);
	}
}
END_TEST

/* A source that was heard when it was written down is not silent for the time
 * that nobody listened; one that was silent then is. */
START_TEST(known_source_is_not_silent)
{
	struct learn *l = &was->lines[0].part[STREAM_RTP].learn;

	l->ch[LEARN_SECOND].last = NOW - LEARN_SILENCE_MS;
	parse_good();
	l = &is->lines[0].part[STREAM_RTP].learn;
	ck_assert_uint_eq(l->ch[LEARN_FIRST].last, NOW + LATER);
	ck_assert_uint_eq(l->ch[LEARN_SECOND].last, NOW - LEARN_SILENCE_MS);
}
END_TEST

/* The kernel may have forwarded a packet behind the time of the snapshot. */
START_TEST(times_behind_now)
{
	was->lines[0].part[STREAM_RTP].flow[LEARN_FIRST].last = NOW + 5;
	parse_good();
	ck_assert_uint_eq(is->lines[0].part[STREAM_RTP].flow[LEARN_FIRST].last,
			  NOW);
}
END_TEST

/* A Call-ID may be any bytes. */
START_TEST(any_bytes)
{
	was->call_id = "\xff\x80\xc3(\x7f\"\\";
	was->tag[LEARN_SECOND] = NULL;
	was->from = was->to = NULL;
	parse_good();
	ck_assert_str_eq(is->call_id, was->call_id);
	ck_assert_ptr_null(is->tag[LEARN_SECOND]);
	ck_assert_ptr_null(is->from);
}
END_TEST

/* Another version: fields that are unknown, missing, or have other words. */
START_TEST(other_versions)
{
	json_t *j = written(), *line, *part, *ch;

	line = json_array_get(json_object_get(j, "lines"), 0);
	part = json_object_get(line, "rtp");
	ch = json_object_get(json_object_get(part, "learn"), "first");
	json_object_set_new(j, "more", json_true());
	json_object_set_new(ch, "rank", json_string("telepathy"));
	json_object_set_new(j, "policy", json_string("clairvoyant"));
	json_object_set_new(json_object_get(line, "figures"), "layout",
			    json_string("9.9.9/1/2/3"));
	json_object_del(j, "silence");
	json_object_del(part, "strangers");
	ck_assert_msg(parse(j) == 0, "%s", why);
	ck_assert_int_eq(is->policy, LEARN_SIGNALLED);
	ck_assert_uint_eq(is->silence.since, 0);
	ck_assert_uint_eq(is->lines[0].part[STREAM_RTP].strangers, 0);
	ck_assert(!is->lines[0].has_figures);
	ck_assert(is->lines[1].has_figures);
	ck_assert_int_eq(
		is->lines[0].part[STREAM_RTP].learn.ch[LEARN_FIRST].rank,
		LEARN_OBSERVED);
	json_decref(j);
}
END_TEST

/* One thing wrong each: a path and a value in place of what is there. */
static const struct {
	const char *path; /* keys and, of lists, indices */
	const char *value;
	const char *field;
} broken[] = {
	{"call_id", "null", "call_id"},
	{"call_id", "\"a\\u0000b\"", "call_id"},
	{"call_id", "\"\\u0100\"", "call_id"},
	{"first tag", "null", "tag"},
	{"first tag", "7", "tag"},
	{"first observed", "\"198.51.100.7:99999\"", "observed"},
	{"cseq", "4294967296", "cseq"},
	{"cseq", "-1", "cseq"},
	{"resequence_ms", "100000", "resequence_ms"},
	{"answered", "1", "answered"},
	{"slot", "8193", "slot"},
	{"opened_ms", "-5", "opened_ms"},
	{"silence first talks", "65536", "talks"},
	{"lines 0 line", "16", "line"},
	{"lines 0 line", "3", "lines"}, /* twice */
	{"lines 0 port", "30001", "port"},
	{"lines 0 port", "0", "port"},
	{"lines 0 port", "30002", "lines"}, /* twice */
	{"lines 0 type",
	 "\""
	 "0123456789012345678901234567890123"
	 "\"",
	 "type"},
	{"lines 0 type", "null", "type"},
	{"lines 0 rtp local first", "null", "local"},
	{"lines 0 rtp learn first seq", "65536", "seq"},
	{"lines 0 rtp learn first fresh", "3", "fresh"},
	{"lines 0 rtp learn first source", "null", "rank"},
	{"lines 0 rtp learn first sdp", "\"example.com\"", "sdp"},
	{"lines 0 rtp flow second packets", "-1", "packets"},
	{"lines 0 fast first packets", "\"7\"", "packets"},
};

static void spoil(json_t *at, const char *path, const char *value)
{
	char copy[64], *rest = copy, *key;
	json_t *new = json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	ck_assert_ptr_nonnull(new);
	snprintf(copy, sizeof(copy), "%s", path);
	key = strsep(&rest, " ");
	for (; rest; key = strsep(&rest, " "))
		at = json_is_array(at)
			     ? json_array_get(at, strtoul(key, NULL, 10))
			     : json_object_get(at, key);
	ck_assert_ptr_nonnull(at);
	if (json_is_null(new)) {
		json_decref(new);
		ck_assert_int_eq(json_object_del(at, key), 0);
	} else {
		json_object_set_new(at, key, new);
	}
}

START_TEST(hostile)
{
	json_t *j = written();

	spoil(j, broken[_i].path, broken[_i].value);
	ck_assert_msg(parse(j) == -EBADMSG, "%s %s", broken[_i].path,
		      broken[_i].value);
	ck_assert_str_eq(why, broken[_i].field);
	json_decref(j);
}
END_TEST

START_TEST(too_many_lines)
{
	json_t *j = written(), *lines = json_object_get(j, "lines");

	while (json_array_size(lines) <= SDP_MEDIA_MAX)
		json_array_append(lines, json_array_get(lines, 0));
	ck_assert_int_eq(parse(j), -EBADMSG);
	json_decref(j);
	j = json_array();
	ck_assert_int_eq(parse(j), -EBADMSG);
	json_decref(j);
}
END_TEST

/* Figures are bytes: none that no figures could have get through. */
START_TEST(figures_that_are_none)
{
	struct figures_side *s = &was->lines[0].figures.side[LEARN_SECOND];
	const unsigned char two = 2;

	switch (_i) {
	case 0:
		s->said.n = SDP_RTPMAP_MAX + 1;
		break;
	case 1:
		memset(s->codec.name, 'x', sizeof(s->codec.name));
		break;
	case 2:
		s->sent.next = RTCP_SENT_MAX;
		break;
	case 3:
		memcpy(&s->reported, &two, 1);
		break;
	case 4:
		memcpy(&s->heard.begun, &two, 1);
		break;
	case 5:
		s->last.kind = PAYLOAD_NOISE + 1;
		break;
	default:
		memcpy(&was->lines[0].figures.secure, &two, 1);
	}
	parse_good();
	ck_assert(!is->lines[0].has_figures);
	ck_assert(is->lines[1].has_figures);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_snapshot");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, round_trip_of_lines);
	tcase_add_test(tc, known_source_is_not_silent);
	tcase_add_test(tc, times_behind_now);
	tcase_add_test(tc, any_bytes);
	tcase_add_test(tc, other_versions);
	tcase_add_loop_test(tc, hostile, 0,
			    (int)(sizeof(broken) / sizeof(broken[0])));
	tcase_add_test(tc, too_many_lines);
	tcase_add_loop_test(tc, figures_that_are_none, 0, 7);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
