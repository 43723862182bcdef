#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "common/deadlines.h"
#include "common/log.h"
#include "common/netset.h"
#include "common/sipmsg.h"
#include "common/strbuf.h"
#include "common/trace.h"
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
#include "tests/fuzz/fuzz.h"

/*
 * A relay but for its control socket, and whatever may come there. The input is
 * a list of events, each ended by a NUL: a letter, and what follows it.
 *
 *   p TEXT    a datagram comes from a proxy, which is trusted
 *   o TEXT    from another trusted proxy
 *   s TEXT    from a stranger
 *   t NUMBER  so many seconds go by
 *
 * Sessions, ports and answers add up after each; in the end nothing is left.
 */
enum { PAIRS = 20, SESSIONS = 8, TRACE_CALLS = 20, TRACE_BYTES = 1 << 16 };

struct world {
	uv_loop_t loop;
	struct relayd_counters counters;
	struct netset *trusted;
	struct deadlines *deadlines;
	struct ports *ports;
	struct trace *trace;
	struct journal *journal;
	struct load load;
	struct quota *quota;
	struct stream_env env;
	struct ifaces ifaces;
	unsigned connected;
	struct sessions *sessions;
	struct control *control;
	struct addr self, proxy, other, stranger;
	uint64_t now;
};

static uint8_t packet_buf[SOCKET_BUF];
static struct burst burst;

static void add_iface(struct world *w, const char *bind, const char *advertise)
{
	struct addr b, a;

	MUST(addr_parse(&b, bind, 0) == 0);
	MUST(addr_parse(&a, advertise, 0) == 0);
	MUST(iface_add(&w->ifaces, &b, &a) == 0);
}

/* Phones of the loopback are served at the second address. */
static void open_env(struct world *w)
{
	w->env = (struct stream_env){
		.loop = &w->loop,
		.ifaces = &w->ifaces,
		.own = &w->self,
		.nown = 1,
		.trusted = w->trusted,
		.counters = &w->counters,
		.buf = packet_buf,
		.burst = &burst,
		.connected = &w->connected,
	};
	w->ifaces.route = addr_local_for;
	add_iface(w, "127.0.0.1", "203.0.113.4");
	add_iface(w, "127.0.0.2", "127.0.0.2");
}

static void open_world(struct world *w)
{
	uint16_t lo = (uint16_t)(10000 + getpid() % 500 * 2 * PAIRS);

	log_init("relayd", LOG_LEVEL_ERROR);
	MUST(addr_parse(&w->self, "127.0.0.1:5060", 0) == 0);
	MUST(addr_parse(&w->proxy, "203.0.113.1:5060", 0) == 0);
	MUST(addr_parse(&w->other, "203.0.113.2:5060", 0) == 0);
	MUST(addr_parse(&w->stranger, "192.0.2.66:5060", 0) == 0);
	MUST(uv_loop_init(&w->loop) == 0);
	MUST(netset_alloc(&w->trusted) == 0);
	MUST(netset_add(w->trusted, "203.0.113.0/24") == 0);
	MUST(deadlines_alloc(&w->deadlines) == 0);
	MUST(ports_alloc(&w->ports, lo, (uint16_t)(lo + 2 * PAIRS - 1), 0) ==
	     0);
	MUST(trace_alloc(&w->trace, TRACE_CALLS, TRACE_BYTES) == 0);
	MUST(journal_alloc(&w->journal, w->trace) == 0);
	MUST(quota_alloc(&w->quota,
			 &(struct quota_limits){.sessions = SESSIONS}) == 0);
	open_env(w);
	MUST(sessions_alloc(
		     &w->sessions,
		     &(struct sessions_config){
			     .env = &w->env,
			     .ports = w->ports,
			     .deadlines = w->deadlines,
			     .journal = w->journal,
			     .counters = &w->counters,
			     .load = &w->load,
			     .quota = w->quota,
			     .limits = {.idle_ms = 300000, .setup_ms = 200000},
		     }) == 0);
	MUST(control_alloc(&w->control, &(struct control_config){
						.sessions = w->sessions,
						.ports = w->ports,
						.load = &w->load,
						.journal = w->journal,
						.counters = &w->counters,
						.trusted = w->trusted,
					}) == 0);
	w->now = uv_now(&w->loop);
}

static void close_world(struct world *w)
{
	control_free(w->control);
	sessions_free(w->sessions);
	MUST(atomic_load(&w->load.sessions) == 0);
	MUST(atomic_load(&w->load.streams) == 0);
	MUST(deadlines_count(w->deadlines) == 0);
	MUST(ports_available(w->ports, UINT64_MAX / 2) ==
	     ports_total(w->ports));
	quota_free(w->quota);
	journal_free(w->journal);
	trace_free(w->trace);
	ports_free(w->ports);
	deadlines_free(w->deadlines);
	netset_free(w->trusted);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	MUST(uv_loop_close(&w->loop) == 0);
}

/* An answer is a response that can be read, and goes to who asked. */
static void datagram(struct world *w, const struct addr *src, const char *text)
{
	static char answer[SIPMSG_MAX];
	const struct control_input in = {
		.data = text,
		.len = strlen(text),
		.src = src,
		.self = &w->self,
		.now = w->now,
	};
	struct strbuf out;
	struct addr dst;
	msg_t *msg;

	strbuf_init(&out, answer, sizeof(answer));
	if (!control_handle(w->control, &out, &dst, &in))
		return;
	MUST(strbuf_err(&out) == 0);
	MUST(addr_ip_eq(&dst, src));
	MUST(out.len > 12 && !strncmp(answer, "SIP/2.0 ", 8));
	MUST(src != &w->stranger || !strncmp(answer + 8, "403", 3));
	if (!sipmsg_parse(&msg, answer, out.len, NULL))
		msg_destroy(msg);
}

/* Sides are sent media only as signalling said, as none has come. */
static int check_session(const struct session *s, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++) {
		const struct stream *st = session_stream(s, i);

		for (unsigned k = 0; st && k < STREAM_PARTS; k++) {
			const struct learn *l =
				stream_learn(st, (enum stream_part)k);
			const struct learn_channel *ch = l->ch;

			for (; ch < l->ch + LEARN_SIDES; ch++)
				MUST(ch->rank == LEARN_NONE &&
				     (addr_is_none(&ch->sendto) ||
				      addr_eq(&ch->sendto, &ch->sdp)));
		}
	}
	return 0;
}

static void check(struct world *w)
{
	size_t n = sessions_count(w->sessions);

	MUST(n <= SESSIONS && n == atomic_load(&w->load.sessions));
	MUST(deadlines_count(w->deadlines) >= n);
	MUST(atomic_load(&w->load.streams) <= PAIRS);
	MUST(sessions_apply(w->sessions, check_session, NULL) == 0);
}

static void event(struct world *w, const char *text)
{
	switch (text[0]) {
	case 'p':
		datagram(w, &w->proxy, text + 1);
		break;
	case 'o':
		datagram(w, &w->other, text + 1);
		break;
	case 's':
		datagram(w, &w->stranger, text + 1);
		break;
	case 't':
		w->now += strtoul(text + 1, NULL, 10) % 1000000 * 1000;
		deadlines_run(w->deadlines, w->now);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	char *text = malloc(size + 1), *end = text + size;

	MUST(text);
	memcpy(text, data, size);
	*end = '\0';
	memset(&w, 0, sizeof(w));
	open_world(&w);
	for (char *p = text; p < end; p += strlen(p) + 1) {
		event(&w, p);
		check(&w);
	}
	close_world(&w);
	free(text);
	return 0;
}
