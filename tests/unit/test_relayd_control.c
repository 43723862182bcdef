#include <check.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "common/deadlines.h"
#include "common/log.h"
#include "common/netset.h"
#include "common/strbuf.h"
#include "common/trace.h"
#include "proto/relay.h"
#include "relayd/answers.h"
#include "relayd/control.h"
#include "relayd/counters.h"
#include "relayd/journal.h"
#include "relayd/port.h"
#include "relayd/session.h"
#include "relayd/stream.h"

/*
 * The whole relay but for main: control messages go in as text, media over
 * loopback sockets. The clock of sessions is moved by hand.
 */
enum { PAIRS = 50, TEXT_MAX = 4096, SDP_TEXT = 512, WAIT_MS = 2000 };

static uv_loop_t loop;
static struct relayd_counters counters;
static struct netset *trusted;
static struct deadlines *deadlines;
static struct ports *ports;
static struct trace *trace;
static struct journal *journal;
static struct stream_env env;
static uint8_t packet_buf[STREAM_BUF];
static struct sessions *sessions;
static struct control *control;
static struct addr self, proxy;
static unsigned emptied;
static char answer[SIPMSG_MAX];
static size_t answer_len;

static void on_emptied(void *arg)
{
	(void)arg;
	emptied++;
}

static void setup(void)
{
	uint16_t lo;

	log_init("relayd", LOG_LEVEL_ERROR);
	memset(&counters, 0, sizeof(counters));
	emptied = 0;
	addr_parse(&self, "127.0.0.1:5060", 0);
	addr_parse(&proxy, "127.0.0.1:5070", 0);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	netset_alloc(&trusted);
	netset_add(trusted, "127.0.0.1");
	deadlines_alloc(&deadlines);
	/* below the ephemeral ports, and apart from a second run of this */
	lo = (uint16_t)(10000 + getpid() % 200 * 2 * PAIRS);
	ports_alloc(&ports, lo, (uint16_t)(lo + 2 * PAIRS - 1), 30000);
	trace_alloc(&trace, 100, 1 << 20);
	journal_alloc(&journal, trace);
	env = (struct stream_env){.loop = &loop,
				  .own = &self,
				  .nown = 1,
				  .trusted = trusted,
				  .counters = &counters,
				  .buf = packet_buf};
	addr_parse(&env.address, "127.0.0.1", 0);
	addr_parse(&env.advertise, "203.0.113.4", 0);
	sessions_alloc(&sessions,
		       &(struct sessions_config){.env = &env,
						 .ports = ports,
						 .deadlines = deadlines,
						 .journal = journal,
						 .counters = &counters,
						 .limits = {10, 300000, 200000},
						 .emptied = on_emptied});
	control_alloc(&control, &(struct control_config){.sessions = sessions,
							 .ports = ports,
							 .journal = journal,
							 .counters = &counters,
							 .trusted = trusted});
}

static void teardown(void)
{
	control_free(control);
	sessions_free(sessions);
	journal_free(journal);
	trace_free(trace);
	ports_free(ports);
	deadlines_free(deadlines);
	netset_free(trusted);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0); /* no handle is left */
}

/* Status of the answer; 0 where there is none. */
static int ask_from(const struct addr *src, const char *text)
{
	const struct control_input in = {
		.data = text,
		.len = strlen(text),
		.src = src,
		.self = &self,
		.now = uv_now(&loop),
	};
	struct strbuf out;
	struct addr dst;

	strbuf_init(&out, answer, sizeof(answer));
	answer_len = 0;
	if (!control_handle(control, &out, &dst, &in))
		return 0;
	ck_assert_int_eq(strbuf_err(&out), 0);
	ck_assert(addr_ip_eq(&dst, src));
	answer_len = out.len;
	ck_assert(!strncmp(answer, "SIP/2.0 ", 8));
	return atoi(answer + 8);
}

static const char *request(char *buf, const char *method, const char *call,
			   const char *from_tag, const char *to_tag,
			   const char *body)
{
	snprintf(buf, TEXT_MAX,
		 "%s sip:relay@127.0.0.1 SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport\r\n"
		 "Max-Forwards: 70\r\n"
		 "From: <sip:a@example.com>;tag=%s\r\n"
		 "To: <sip:b@example.com>%s%s\r\n"
		 "Call-ID: %s\r\n"
		 "CSeq: 1 %s\r\n"
		 "Contact: <sip:a@127.0.0.1:5080>\r\n"
		 "%s"
		 "Content-Length: %zu\r\n\r\n%s",
		 method, from_tag, to_tag ? ";tag=" : "", to_tag ? to_tag : "",
		 call, method, *body ? "Content-Type: application/sdp\r\n" : "",
		 strlen(body), body);
	return buf;
}

static int ask(const char *method, const char *call, const char *from_tag,
	       const char *to_tag, const char *body)
{
	char text[TEXT_MAX];

	return ask_from(&proxy,
			request(text, method, call, from_tag, to_tag, body));
}

/* An SDP of audio and video lines, at most two. */
static const char *sdp(char *buf, unsigned audio, int video)
{
	int n = snprintf(buf, SDP_TEXT,
			 "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
			 "c=IN IP4 127.0.0.1\r\nt=0 0\r\n"
			 "m=audio %u RTP/AVP 0\r\n",
			 audio);

	if (video >= 0)
		snprintf(buf + n, SDP_TEXT - (size_t)n,
			 "m=video %d RTP/AVP 34\r\n", video);
	return buf;
}

static int offer(const char *call, const char *tag, unsigned audio, int video)
{
	char body[SDP_TEXT];

	return ask("INVITE", call, tag, NULL, sdp(body, audio, video));
}

static int reply(const char *call, const char *from, const char *to,
		 unsigned audio, int video)
{
	char body[SDP_TEXT];

	return ask("INVITE", call, from, to, sdp(body, audio, video));
}

static msg_t *parsed(void)
{
	msg_t *msg = NULL;

	ck_assert_int_eq(sipmsg_parse(&msg, answer, answer_len, NULL), 0);
	return msg;
}

/* The port of a line in the last answer. */
static uint16_t port_of(unsigned line)
{
	struct sdp res;
	msg_t *msg = parsed();

	ck_assert_int_eq(relay_answer_parse(&res, sip_object(msg)), 0);
	msg_destroy(msg);
	ck_assert_uint_lt(line, res.n);
	if (res.media[line].port) {
		char ip[ADDR_STRLEN];

		ck_assert_str_eq(addr_ip_str(ip, &res.media[line].rtp),
				 "203.0.113.4");
	}
	return res.media[line].port;
}

static json_t *json_body(void)
{
	msg_t *msg = parsed();
	json_t *body = relay_json_answer_parse(sip_object(msg));

	msg_destroy(msg);
	ck_assert_ptr_nonnull(body);
	return body;
}

static int phone(uint16_t *port)
{
	struct addr a;
	socklen_t len = sizeof(a.u);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	addr_parse(&a, "127.0.0.1", 0);
	ck_assert_int_eq(bind(fd, &a.u.sa, addr_len(&a)), 0);
	getsockname(fd, &a.u.sa, &len);
	*port = addr_port(&a);
	return fd;
}

static void send_rtp(int fd, uint16_t to, uint8_t mark)
{
	uint8_t rtp[20] = {0x80, 0, 0, 1, [8] = 1, [19] = mark};
	struct addr a;

	addr_parse(&a, "127.0.0.1", to);
	ck_assert_int_eq(sendto(fd, rtp, sizeof(rtp), 0, &a.u.sa, addr_len(&a)),
			 sizeof(rtp));
}

/* Run the relay until a packet is there; its mark, or -1 after WAIT_MS. */
static int heard(int fd)
{
	uint8_t rtp[64];
	uint64_t end = uv_hrtime() + (uint64_t)WAIT_MS * 1000000;

	while (uv_hrtime() < end) {
		struct pollfd p = {fd, POLLIN, 0};

		uv_run(&loop, UV_RUN_NOWAIT);
		if (poll(&p, 1, 1) == 1)
			return recv(fd, rtp, sizeof(rtp), 0) == 20 ? rtp[19]
								   : -2;
	}
	return -1;
}

START_TEST(resource_is_the_same_when_asked_again)
{
	char first[TEXT_MAX];
	uint16_t a, v;

	ck_assert_int_eq(offer("c1", "a", 4000, 5000), 302);
	memcpy(first, answer, answer_len + 1);
	a = port_of(0);
	v = port_of(1);
	ck_assert_uint_eq(a % 2, 0);
	ck_assert_uint_ne(a, v);
	ck_assert_int_eq(offer("c1", "a", 4000, 5000), 302);
	ck_assert_str_eq(answer, first);
	ck_assert_int_eq(reply("c1", "a", "b", 6000, 7000), 302);
	ck_assert_uint_eq(port_of(0), a);
	ck_assert_uint_eq(port_of(1), v);
	ck_assert_uint_eq(sessions_count(sessions), 1);
	ck_assert_uint_eq(sessions_streams(sessions), 2);
	ck_assert_uint_eq(ports_available(ports, 0), PAIRS - 2);
}
END_TEST

START_TEST(reoffer_adds_and_stops_lines)
{
	uint16_t a, v;

	ck_assert_int_eq(offer("c1", "a", 4000, 0), 302);
	a = port_of(0);
	ck_assert_uint_eq(port_of(1), 0);
	ck_assert_int_eq(reply("c1", "a", "b", 6000, 0), 302);
	ck_assert_int_eq(offer("c1", "b", 6000, 7000), 302);
	ck_assert_uint_eq(port_of(0), a);
	v = port_of(1);
	ck_assert_uint_ne(v, 0);
	ck_assert_int_eq(offer("c1", "a", 4000, 0), 302);
	ck_assert_uint_eq(port_of(1), 0);
	ck_assert_uint_eq(sessions_streams(sessions), 2);
	ck_assert_int_eq(offer("c1", "a", 4000, 5000), 302);
	ck_assert_uint_eq(port_of(1), v);
}
END_TEST

START_TEST(tags_of_strangers_are_refused)
{
	ck_assert_int_eq(offer("c1", "a", 4000, -1), 302);
	ck_assert_int_eq(reply("c1", "x", "b", 6000, -1), 403);
	ck_assert_int_eq(reply("c1", "a", "b", 6000, -1), 302);
	ck_assert_int_eq(offer("c1", "x", 6000, -1), 403);
	ck_assert_int_eq(reply("c1", "a", "a", 6000, -1), 403);
	ck_assert_int_eq(reply("c1", "b", "x", 6000, -1), 403);
	ck_assert_int_eq(reply("c1", "b", "a", 4000, -1), 302);
	ck_assert_int_eq(reply("c1", "a", "b2", 6002, -1), 302); /* forked */
	ck_assert_int_eq(offer("c1", "b2", 6002, -1), 302);
	ck_assert_uint_eq(counters.foreign_tag, 4);
}
END_TEST

START_TEST(errors_have_their_status)
{
	char text[TEXT_MAX], body[SDP_TEXT];
	struct addr outsider;

	ck_assert_int_eq(reply("none", "a", "b", 4000, -1), 481);
	ck_assert_int_eq(ask("BYE", "none", "a", "b", ""), 481);
	ck_assert_int_eq(ask("INVITE", "c1", "a", NULL, ""), 488);
	ck_assert_int_eq(ask("INVITE", "c1", "a", NULL, "no sdp"), 488);
	ck_assert_int_eq(offer("c1", "a", 0, 0), 488);
	ck_assert_int_eq(ask("SUBSCRIBE", "c1", "a", NULL, ""), 405);
	ck_assert_ptr_nonnull(strstr(answer, "Allow: INVITE, ACK, BYE"));
	ck_assert_int_eq(ask("ACK", "c1", "a", "b", ""), 0);
	addr_parse(&outsider, "127.0.0.2:5070", 0);
	request(text, "INVITE", "c1", "a", NULL, sdp(body, 4000, -1));
	ck_assert_int_eq(ask_from(&outsider, text), 403);
	ck_assert_int_eq(ask_from(&proxy, "not SIP at all"), 0);
	ck_assert_int_eq(ask_from(&proxy, ""), 0);
	ck_assert_uint_eq(counters.untrusted, 1);
	ck_assert_uint_eq(counters.malformed, 2);
	ck_assert_uint_eq(counters.unusable_sdp, 3);
	ck_assert_uint_eq(sessions_count(sessions), 0);
	ck_assert_uint_eq(ports_available(ports, 0), PAIRS);
}
END_TEST

START_TEST(no_ports_is_all_or_nothing)
{
	char call[32];

	sessions_limit(sessions,
		       &(struct session_limits){1000, 300000, 200000});
	for (unsigned i = 0; i < PAIRS - 1; i++) {
		snprintf(call, sizeof(call), "call%u", i);
		ck_assert_int_eq(offer(call, "a", 4000, -1), 302);
	}
	ck_assert_int_eq(offer("two", "a", 4000, 5000), 486);
	ck_assert_ptr_nonnull(strstr(answer, "\r\nRetry-After: "));
	ck_assert_ptr_null(sessions_find(sessions, "two"));
	ck_assert_uint_eq(sessions_streams(sessions), PAIRS - 1);
	/* a re-offer that cannot be served leaves the session as it was;
	 * the pair that was tried and given back rests */
	ck_assert_int_eq(offer("call0", "a", 4000, 5000), 486);
	ck_assert_int_eq(offer("call0", "a", 4000, -1), 302);
	ck_assert_uint_eq(sessions_streams(sessions), PAIRS - 1);
	ck_assert_uint_eq(counters.no_ports, 2);
}
END_TEST

START_TEST(limit_and_drain)
{
	char call[32];

	for (unsigned i = 0; i < 10; i++) {
		snprintf(call, sizeof(call), "call%u", i);
		ck_assert_int_eq(offer(call, "a", 4000, -1), 302);
	}
	ck_assert_int_eq(offer("more", "a", 4000, -1), 503);
	for (unsigned i = 1; i < 10; i++) {
		snprintf(call, sizeof(call), "call%u", i);
		ck_assert_int_eq(ask("BYE", call, "a", NULL, ""), 200);
	}
	sessions_drain(sessions);
	ck_assert_uint_eq(emptied, 0);
	ck_assert_int_eq(offer("new", "a", 4000, -1), 503);
	ck_assert_ptr_nonnull(strstr(answer, "\r\nRetry-After: "));
	ck_assert_int_eq(reply("call0", "a", "b", 6000, -1), 302);
	ck_assert_int_eq(ask("BYE", "call0", "a", "b", ""), 200);
	ck_assert_uint_eq(emptied, 1);
}
END_TEST

START_TEST(health)
{
	json_t *body;

	offer("c1", "a", 4000, 5000);
	ck_assert_int_eq(ask("OPTIONS", "h", "h", NULL, ""), 200);
	body = json_body();
	ck_assert_int_eq(json_integer_value(json_object_get(body, "sessions")),
			 1);
	ck_assert_int_eq(json_integer_value(json_object_get(body, "streams")),
			 2);
	ck_assert_int_eq(
		json_integer_value(json_object_get(body, "ports_free")),
		PAIRS - 2);
	ck_assert_int_eq(
		json_integer_value(json_object_get(body, "ports_total")),
		PAIRS);
	ck_assert(json_is_false(json_object_get(body, "draining")));
	json_decref(body);
}
END_TEST

static json_int_t packets(const json_t *body, const char *side)
{
	const json_t *st = json_array_get(json_object_get(body, "streams"), 0);
	const json_t *part = json_object_get(
		json_object_get(json_object_get(st, "rtp"), side), "packets");

	ck_assert(json_is_integer(part));
	return json_integer_value(part);
}

START_TEST(media_flows_and_is_counted)
{
	uint16_t pa, pb, px, relay;
	int a = phone(&pa), b = phone(&pb), x = phone(&px);
	json_t *body;

	ck_assert_int_eq(offer("c1", "a", pa, -1), 302);
	relay = port_of(0);
	ck_assert_int_eq(reply("c1", "a", "b", pb, -1), 302);
	send_rtp(a, relay, 1);
	ck_assert_int_eq(heard(b), 1);
	send_rtp(b, relay, 2);
	ck_assert_int_eq(heard(a), 2);
	send_rtp(x, relay, 3); /* in front of the next: would be heard first */
	send_rtp(a, relay, 4);
	ck_assert_int_eq(heard(b), 4);
	ck_assert_uint_eq(counters.stranger_packets, 1);
	ck_assert_int_eq(ask("BYE", "c1", "a", "b", ""), 200);
	body = json_body();
	ck_assert_int_eq(packets(body, "first"), 2);
	ck_assert_int_eq(packets(body, "second"), 1);
	json_decref(body);
	close(a);
	close(b);
	close(x);
}
END_TEST

/* The patent's own form: the 200 OK itself names the second channel. */
START_TEST(ok_with_sdp_records_the_second_channel)
{
	char text[TEXT_MAX], body[SDP_TEXT];
	uint16_t pa, pb, relay;
	int a = phone(&pa), b = phone(&pb);
	struct addr outsider;

	ck_assert_int_eq(offer("c1", "a", pa, -1), 302);
	relay = port_of(0);
	sdp(body, pb, -1);
	snprintf(text, sizeof(text),
		 "SIP/2.0 200 OK\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK2\r\n"
		 "From: <sip:a@example.com>;tag=a\r\n"
		 "To: <sip:b@example.com>;tag=b\r\n"
		 "Call-ID: c1\r\nCSeq: 1 INVITE\r\n"
		 "Contact: <sip:b@127.0.0.1:5090>\r\n"
		 "Content-Type: application/sdp\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	addr_parse(&outsider, "127.0.0.2:5070", 0);
	ck_assert_int_eq(ask_from(&outsider, text), 0);
	ck_assert(!session_answered(sessions_find(sessions, "c1")));
	ck_assert_int_eq(ask_from(&proxy, text), 0);
	ck_assert(session_answered(sessions_find(sessions, "c1")));
	ck_assert_uint_eq(counters.responses_in, 1);
	send_rtp(a, relay, 7);
	ck_assert_int_eq(heard(b), 7);
	close(a);
	close(b);
}
END_TEST

START_TEST(release_is_answered_alike_when_repeated)
{
	char first[TEXT_MAX];

	offer("c1", "a", 4000, -1);
	ck_assert_int_eq(ask("BYE", "c1", "a", NULL, ""), 200);
	memcpy(first, answer, answer_len + 1);
	ck_assert_uint_eq(sessions_count(sessions), 0);
	ck_assert_uint_eq(ports_quarantined(ports), 1);
	ck_assert_int_eq(ask("BYE", "c1", "a", NULL, ""), 200);
	ck_assert_str_eq(answer, first);
	ck_assert_uint_eq(counters.sessions_released, 1);
	ck_assert_uint_eq(counters.release_repeats, 1);
}
END_TEST

START_TEST(answers_are_kept_for_their_time)
{
	struct answers *a;

	ck_assert_int_eq(answers_alloc(&a, 2), 0);
	ck_assert_int_eq(answers_put(a, "one", strdup("1"), 0), 0);
	ck_assert_str_eq(answers_get(a, "one", ANSWERS_KEEP_MS - 1), "1");
	ck_assert_ptr_null(answers_get(a, "one", ANSWERS_KEEP_MS));
	answers_put(a, "one", strdup("1"), 0);
	answers_put(a, "two", strdup("2"), 1);
	answers_put(a, "one", strdup("1b"), 2);
	ck_assert_uint_eq(answers_count(a), 2);
	answers_put(a, "three", strdup("3"), 3);
	ck_assert_uint_eq(answers_count(a), 2);
	ck_assert_ptr_null(answers_get(a, "two", 3));
	ck_assert_str_eq(answers_get(a, "one", 3), "1b");
	answers_free(a);
}
END_TEST

START_TEST(silence_ends_a_session)
{
	uint64_t t = uv_now(&loop);

	offer("ringing", "a", 4000, -1);
	offer("talking", "a", 4000, -1);
	reply("talking", "a", "b", 6000, -1);
	ck_assert_uint_eq(deadlines_count(deadlines), 2);
	/* the clock of the loop stands still: due, but not silent for so
	 * long, is looked at again later */
	deadlines_run(deadlines, t + 200000);
	ck_assert_uint_eq(sessions_count(sessions), 2);
	ck_assert_uint_eq(deadlines_count(deadlines), 2);
	sessions_limit(sessions, &(struct session_limits){10, 300000, 0});
	deadlines_run(deadlines, t + 200000);
	ck_assert_ptr_null(sessions_find(sessions, "ringing"));
	ck_assert_ptr_nonnull(sessions_find(sessions, "talking"));
	sessions_limit(sessions, &(struct session_limits){10, 0, 0});
	deadlines_run(deadlines, t + 300000);
	ck_assert_uint_eq(sessions_count(sessions), 0);
	ck_assert_uint_eq(counters.sessions_expired, 2);
	ck_assert_uint_eq(deadlines_count(deadlines), 0);
}
END_TEST

/* An SDP that names the relay, or a proxy's SIP port, is not sent to. */
START_TEST(media_never_goes_to_signalling_or_itself)
{
	const struct stream *st;
	const struct learn *l;
	uint16_t relay;

	ck_assert_int_eq(offer("c1", "a", 4000, -1), 302);
	relay = port_of(0);
	st = session_stream(sessions_find(sessions, "c1"), 0);
	l = stream_learn(st, STREAM_RTP);
	ck_assert_uint_eq(addr_port(&l->ch[LEARN_FIRST].sendto), 4000);
	for (unsigned i = 0; i < 4; i++) {
		const unsigned bad[] = {5060, 5061, 5070, relay};

		ck_assert_int_eq(reply("c1", "a", "b", bad[i], -1), 302);
		ck_assert(addr_is_none(&l->ch[LEARN_SECOND].sendto));
	}
}
END_TEST

START_TEST(call_is_traced)
{
	json_t *list;

	offer("c1", "a", 4000, -1);
	ask("BYE", "c1", "a", NULL, "");
	list = trace_json(trace, "c1");
	ck_assert_uint_eq(json_array_size(list), 5); /* and a note: released */
	json_decref(list);
}
END_TEST

/* Bytes changed at random: an answer or none, and nothing is lost. */
START_TEST(garbage_does_no_harm)
{
	static const char *const method[] = {"INVITE", "BYE", "OPTIONS"};
	char text[TEXT_MAX], body[SDP_TEXT];

	srandom((unsigned)_i);
	for (unsigned i = 0; i < 2000; i++) {
		request(text, method[random() % 3], random() % 2 ? "c1" : "c2",
			"a", random() % 2 ? "b" : NULL,
			sdp(body, (unsigned)random() % 70000,
			    (int)(random() % 70000)));
		for (long n = random() % 6; n > 0; n--)
			text[(size_t)random() % strlen(text)] =
				(char)(random() % 255 + 1);
		ask_from(&proxy, text);
	}
	ck_assert_uint_eq(ports_available(ports, 0) + ports_quarantined(ports) +
				  sessions_streams(sessions),
			  PAIRS);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("control");
	Suite *s = suite_create("relayd control");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, resource_is_the_same_when_asked_again);
	tcase_add_test(tc, reoffer_adds_and_stops_lines);
	tcase_add_test(tc, tags_of_strangers_are_refused);
	tcase_add_test(tc, errors_have_their_status);
	tcase_add_test(tc, no_ports_is_all_or_nothing);
	tcase_add_test(tc, limit_and_drain);
	tcase_add_test(tc, health);
	tcase_add_test(tc, media_flows_and_is_counted);
	tcase_add_test(tc, ok_with_sdp_records_the_second_channel);
	tcase_add_test(tc, release_is_answered_alike_when_repeated);
	tcase_add_test(tc, answers_are_kept_for_their_time);
	tcase_add_test(tc, silence_ends_a_session);
	tcase_add_test(tc, media_never_goes_to_signalling_or_itself);
	tcase_add_test(tc, call_is_traced);
	tcase_add_loop_test(tc, garbage_does_no_harm, 0, 5);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
