#include <errno.h>

#include "common/log.h"
#include "common/table.h"
#include "proxyd/conf.h"
#include "proxyd/pooling.h"
#include "proxyd/proxy.h"
#include "proxyd/recalling.h"
#include "proxyd/request.h"
#include "proxyd/session.h"
#include "tests/fuzz/proxyd_edge.h"
#include "tests/fuzz/proxyd_names.h"
#include "tests/fuzz/proxyd_peers.h"

/*
 * A whole proxyd but for its sockets, and whatever may come to it: parsing,
 * transactions, NAT detection, rewriting, the dialect. The input is a list of
 * events, each ended by a NUL: a letter, and what follows it.
 *
 *   a b c s TEXT  a message comes from a phone behind a NAT, from a public one,
 *                 over a TCP connection, from a stranger
 *   p d r TEXT    from another proxy of the site, from redirectd, from relayd
 *   f g TEXT      from a server of another site, from its other port
 *   A B C P F G TEXT   the one of the small letter answers the last request
 *                 that it got: "180", or "200", CRLF, the rest of the response
 *   t NUMBER      so many milliseconds go by
 *   k             the TCP connection breaks
 *   -             redirectd and relayd are silent; + they answer again
 *   x             the proxy begins nothing more; X it gives up what is open
 *
 * "{route}" stands for the last Record-Route that the proxy wrote, "{tag}" for
 * the To tag of an answer above. In the end nothing is open.
 */
enum {
	TEXT_MAX = 32768,
	QUEUE_MAX = 256,
	ADVANCE_MAX = 100000,
	ADVANCE_ALL = 400000,
	SETTLE_MS = 80 * 60 * 1000, /* a client is asked for an hour */
	STEPS_MAX = 100000,
};

enum who {
	ALICE,
	BOB,
	CONN,
	STRANGER,
	PROXY,
	REDIRECTD,
	RELAYD,
	FOREIGN,
	FOREIGN_SRV,
	WHO_COUNT
};

static const struct {
	char letter;
	enum transport transport;
	const char *at;
} peers[WHO_COUNT] = {
	[ALICE] = {'a', TRANSPORT_UDP, "198.51.100.28:31000"},
	[BOB] = {'b', TRANSPORT_UDP, "203.0.113.50:5060"},
	[CONN] = {'c', TRANSPORT_TCP, "198.51.100.30:40000"},
	[STRANGER] = {'s', TRANSPORT_UDP, "192.0.2.66:5060"},
	[PROXY] = {'p', TRANSPORT_UDP, "203.0.113.2:5060"},
	[REDIRECTD] = {'d', TRANSPORT_UDP, "203.0.113.3:5060"},
	[RELAYD] = {'r', TRANSPORT_UDP, "203.0.113.4:5060"},
	[FOREIGN] = {'f', TRANSPORT_UDP, "203.0.113.77:5060"},
	[FOREIGN_SRV] = {'g', TRANSPORT_UDP, "203.0.113.77:5080"},
};

struct letter {
	enum who from;
	char *text;
};

static struct world {
	struct proxy p;
	char *last[WHO_COUNT]; /* request that each got last */
	char route[512];
	struct letter queue[QUEUE_MAX];
	size_t queued;
	uint64_t gone_by;
	bool silent;
} w;

static struct channel channel_of(enum who who)
{
	return (struct channel){
		.addr = peers_addr(peers[who].at),
		.transport = peers[who].transport,
		.local = peers[who].transport == TRANSPORT_TCP ? 2 : 1,
		.conn = peers[who].transport == TRANSPORT_TCP ? 7 : 0,
	};
}

static enum who who_is(const struct addr *a)
{
	enum who i = ALICE;

	while (i < WHO_COUNT) {
		struct addr at = peers_addr(peers[i].at);

		if (addr_eq(&at, a))
			break;
		i++;
	}
	return i;
}

static char *dup_text(const char *data, size_t len)
{
	char *copy = malloc(len + 1);

	MUST(copy);
	memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

static void post(enum who from, const struct strbuf *out)
{
	if (w.queued == QUEUE_MAX)
		return;
	w.queue[w.queued++] =
		(struct letter){from, dup_text(out->data, out->len)};
}

/* What another daemon says to a request of the proxy. */
static void answer(enum who who, const sip_t *sip)
{
	struct addr self = peers_addr(peers[who].at);
	struct strbuf out;

	strbuf_init(&out, peers_answer, sizeof(peers_answer));
	if (who == REDIRECTD ? !peers_redirectd(&out, sip)
			     : !peers_relayd(&out, sip, &self))
		post(who, &out);
}

static void note_route(const sip_t *sip)
{
	const sip_record_route_t *rr = sip->sip_record_route;

	if (rr &&
	    url_e(w.route, sizeof(w.route), rr->r_url) >= (int)sizeof(w.route))
		w.route[0] = '\0';
}

/* A request of the proxy's can be read by others, and goes to the world. */
static void request_left(const struct channel *to, const char *data, size_t len)
{
	enum who who = who_is(&to->addr);
	msg_t *msg = NULL;

	MUST(sipmsg_parse(&msg, data, len, NULL) == 0);
	MUST(addr_class(&to->addr) == ADDR_PUBLIC);
	note_route(sip_object(msg));
	if ((who == REDIRECTD || who == RELAYD) && !w.silent) {
		answer(who, sip_object(msg));
	} else if (who < WHO_COUNT && strncmp(data, "ACK ", 4) != 0) {
		free(w.last[who]);
		w.last[who] = dup_text(data, len);
	}
	msg_destroy(msg);
}

static void edge_captured(const struct channel *to, const char *data,
			  size_t len)
{
	MUST(len > 12 && addr_port(&to->addr));
	MUST(!transports_is_self(&edge_transports, &to->addr));
	if (strncmp(data, "SIP/2.0 ", 8) != 0)
		request_left(to, data, len);
	else
		MUST(data[8] >= '1' && data[8] <= '6');
}

/* Until nobody has anything to say; what comes then may have more of it. */
static void deliver_posted(void)
{
	names_deliver();
	while (w.queued) {
		struct letter first = w.queue[0];
		struct channel src = channel_of(first.from);

		memmove(w.queue, w.queue + 1, --w.queued * sizeof(first));
		edge_deliver(&src, first.text, strlen(first.text));
		free(first.text);
		names_deliver();
	}
}

/* The clock is turned by hand: the loop itself never runs before the end. */
static void advance(uint64_t ms)
{
	uint64_t until = edge_loop.time + ms;

	deliver_posted();
	for (unsigned n = 0; edge_fire(until); n++) {
		MUST(n < STEPS_MAX);
		deliver_posted();
	}
	edge_loop.time = until;
}

/* Text with its "{route}" filled in. */
static void fill(struct strbuf *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "{");

		strbuf_add(out, text, n);
		text += n;
		if (!strncmp(text, "{route}", 7)) {
			strbuf_str(out, w.route);
			text += 7;
		} else if (!strncmp(text, "{tag}", 5)) {
			strbuf_str(out, "answer");
			text += 5;
		} else if (*text) {
			strbuf_add(out, text++, 1);
		}
	}
}

static void say(enum who who, const char *text)
{
	static char room[TEXT_MAX];
	struct channel src = channel_of(who);
	struct strbuf out;

	strbuf_init(&out, room, sizeof(room));
	fill(&out, text);
	if (!strbuf_err(&out))
		edge_deliver(&src, out.data, out.len);
}

/* A response to what this one was asked last: status, then further lines. */
static void respond(enum who who, const char *text)
{
	static char room[TEXT_MAX];
	struct sipmsg_reply r = {.status = atoi(text), .to_tag = "answer"};
	struct channel src = channel_of(who);
	const char *rest = strstr(text, "\r\n");
	struct strbuf out;
	msg_t *msg = NULL;

	if (!w.last[who] || r.status < 100 || r.status > 699 ||
	    sipmsg_parse(&msg, w.last[who], strlen(w.last[who]), NULL))
		return;
	strbuf_init(&out, room, sizeof(room));
	if (!sipmsg_reply(&out, sip_object(msg), &r) && rest) {
		out.len -= strlen("Content-Length: 0\r\n\r\n");
		fill(&out, rest + 2);
	}
	if (!strbuf_err(&out))
		edge_deliver(&src, out.data, out.len);
	msg_destroy(msg);
}

static void pass(const char *text)
{
	uint64_t ms = strtoul(text, NULL, 10) % ADVANCE_MAX;

	if (w.gone_by + ms > ADVANCE_ALL)
		return;
	w.gone_by += ms;
	advance(ms);
}

static void break_connection(void)
{
	struct channel ch = channel_of(CONN);

	edge_transports.cfg.closed(&ch, -ECONNRESET, edge_transports.cfg.arg);
}

static void event(const char *text)
{
	for (enum who i = ALICE; i < WHO_COUNT; i++) {
		if (text[0] == peers[i].letter)
			say(i, text + 1);
		else if (text[0] == peers[i].letter - 'a' + 'A')
			respond(i, text + 1);
	}
	if (text[0] == 't')
		pass(text + 1);
	else if (text[0] == '-' || text[0] == '+')
		w.silent = text[0] == '-';
	else if (text[0] == 'k')
		break_connection();
	else if (text[0] == 'x')
		w.p.draining = true;
	else if (text[0] == 'X')
		requests_give_up(&w.p);
	advance(0);
}

static const struct proxyd_conf *configuration(void)
{
	static const char *const env[][2] = {
		{"PROXYD_LISTEN", "udp:203.0.113.1:5060,tcp:203.0.113.1:5060"},
		{"PROXYD_DOMAINS", "example.com"},
		{"PROXYD_REDIRECT", "203.0.113.3:5060"},
		{"PROXYD_RELAYS", "203.0.113.4:5060"},
		{"PROXYD_TRUSTED", "203.0.113.2/32"},
		{"PROXYD_SECRET", "0123456789abcdef"},
		{"PROXYD_REFUSALS", "100000"},
		{"PROXYD_ALLOW_FOREIGN", "true"},
	};
	static struct proxyd_conf conf;
	char err[CONF_ERRLEN];

	if (conf.listen.n)
		return &conf;
	log_init("proxyd", LOG_LEVEL_ERROR);
	for (size_t i = 0; i < sizeof(env) / sizeof(env[0]); i++)
		MUST(!setenv(env[i][0], env[i][1], 1));
	MUST(!conf_load(&conf, proxyd_keys, proxyd_nkeys, "proxyd", NULL, err));
	return &conf;
}

static void open_world(void)
{
	char err[CONF_ERRLEN];

	memset(&w, 0, sizeof(w));
	w.p.conf = configuration();
	MUST(uv_loop_init(&edge_loop) == 0);
	MUST(proxy_start(&w.p, err) == 0);
	advance(0);
}

/* Relays are asked for their health for ever, and a directory for our clients
 * until it answers; all else ends by itself. */
static void close_world(void)
{
	pooling_stop(w.p.pooling);
	w.p.pooling = NULL;
	recalling_stop(w.p.recalling);
	w.p.recalling = NULL;
	advance(SETTLE_MS);
	MUST(txns_open(w.p.txns) == 0 && txns_pending(w.p.txns) == 0);
	MUST(table_count(w.p.requests) == 0);
	proxy_stop(&w.p);
	for (enum who i = ALICE; i < WHO_COUNT; i++)
		free(w.last[i]);
	MUST(w.queued == 0);
	uv_run(&edge_loop, UV_RUN_DEFAULT);
	MUST(uv_loop_close(&edge_loop) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = dup_text((const char *)data, size), *end = text + size;

	open_world();
	for (char *p = text; p < end; p += strlen(p) + 1)
		event(p);
	close_world();
	free(text);
	return 0;
}
