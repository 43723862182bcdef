#ifndef TESTS_UNIT_RELAYD_FIXTURE_H
#define TESTS_UNIT_RELAYD_FIXTURE_H

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
#include "relayd/burst.h"
#include "relayd/control.h"
#include "relayd/counters.h"
#include "relayd/iface.h"
#include "relayd/journal.h"
#include "relayd/load.h"
#include "relayd/port.h"
#include "relayd/quota.h"
#include "relayd/session.h"
#include "relayd/socket.h"
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
static struct ifaces ifaces;
static uint8_t packet_buf[SOCKET_BUF];
static struct burst burst;
static unsigned connected;
static struct sessions *sessions;
static struct control *control;
static struct addr self, proxy;
static struct load load;
static struct quota *quota;
static unsigned cseq;       /* of the next request */
static const char *options; /* of its Request-URI */
static char answer[SIPMSG_MAX];
static size_t answer_len;

/* The sessions, and who answers for them. */
static void open_tables(void)
{
	sessions_alloc(&sessions, &(struct sessions_config){
					  .env = &env,
					  .ports = ports,
					  .deadlines = deadlines,
					  .journal = journal,
					  .counters = &counters,
					  .load = &load,
					  .quota = quota,
					  .limits = {.idle_ms = 300000,
						     .setup_ms = 200000}});
	control_alloc(&control, &(struct control_config){.sessions = sessions,
							 .ports = ports,
							 .load = &load,
							 .journal = journal,
							 .counters = &counters,
							 .trusted = trusted});
}

static void setup(void)
{
	struct addr media, advertise;
	uint16_t lo;

	log_init("relayd", LOG_LEVEL_ERROR);
	memset(&counters, 0, sizeof(counters));
	memset(&load, 0, sizeof(load));
	quota_alloc(&quota, &(struct quota_limits){.sessions = 10});
	cseq = 1;
	options = "";
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
				  .ifaces = &ifaces,
				  .own = &self,
				  .nown = 1,
				  .connect_below = 1 << 20,
				  .connected = &connected,
				  .trusted = trusted,
				  .counters = &counters,
				  .buf = packet_buf,
				  .burst = &burst};
	addr_parse(&media, "127.0.0.1", 0);
	addr_parse(&advertise, "203.0.113.4", 0);
	ifaces = (struct ifaces){.route = addr_local_for};
	ck_assert_int_eq(iface_add(&ifaces, &media, &advertise), 0);
	open_tables();
}

static void teardown(void)
{
	control_free(control);
	sessions_free(sessions);
	journal_free(journal);
	trace_free(trace);
	quota_free(quota);
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

static inline const char *request(char *buf, const char *method,
				  const char *call, const char *from_tag,
				  const char *to_tag, const char *body)
{
	snprintf(buf, TEXT_MAX,
		 "%s sip:relay@127.0.0.1%s SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport\r\n"
		 "Max-Forwards: 70\r\n"
		 "From: <sip:a@example.com>;tag=%s\r\n"
		 "To: <sip:b@example.com>%s%s\r\n"
		 "Call-ID: %s\r\n"
		 "CSeq: %u %s\r\n"
		 "Contact: <sip:a@127.0.0.1:5080>\r\n"
		 "%s"
		 "Content-Length: %zu\r\n\r\n%s",
		 method, options, from_tag, to_tag ? ";tag=" : "",
		 to_tag ? to_tag : "", call, cseq, method,
		 *body ? "Content-Type: application/sdp\r\n" : "", strlen(body),
		 body);
	return buf;
}

static inline int ask(const char *method, const char *call,
		      const char *from_tag, const char *to_tag,
		      const char *body)
{
	char text[TEXT_MAX];

	return ask_from(&proxy,
			request(text, method, call, from_tag, to_tag, body));
}

/* An SDP of audio and video lines, at most two. */
static inline const char *sdp(char *buf, unsigned audio, int video)
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

static inline int offer(const char *call, const char *tag, unsigned audio,
			int video)
{
	char body[SDP_TEXT];

	return ask("INVITE", call, tag, NULL, sdp(body, audio, video));
}

static inline int reply(const char *call, const char *from, const char *to,
			unsigned audio, int video)
{
	char body[SDP_TEXT];

	return ask("INVITE", call, from, to, sdp(body, audio, video));
}

static inline msg_t *parsed(void)
{
	msg_t *msg = NULL;

	ck_assert_int_eq(sipmsg_parse(&msg, answer, answer_len, NULL), 0);
	return msg;
}

/* The port of a line in the last answer. */
static inline uint16_t port_of(unsigned line)
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

static inline json_t *json_body(void)
{
	msg_t *msg = parsed();
	json_t *body = relay_json_answer_parse(sip_object(msg));

	msg_destroy(msg);
	ck_assert_ptr_nonnull(body);
	return body;
}

static inline int phone(uint16_t *port)
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

static inline void send_rtp(int fd, uint16_t to, uint8_t mark)
{
	uint8_t rtp[20] = {0x80, 0, 0, 1, [8] = 1, [19] = mark};
	struct addr a;

	addr_parse(&a, "127.0.0.1", to);
	ck_assert_int_eq(sendto(fd, rtp, sizeof(rtp), 0, &a.u.sa, addr_len(&a)),
			 sizeof(rtp));
}

/* Run the relay until a packet is there; its mark, or -1 after WAIT_MS. */
static inline int heard(int fd)
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

#endif
