#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/channel.h"
#include "common/strbuf.h"
#include "common/txn.h"
#include "tests/fuzz/fuzz.h"

/*
 * The transaction layer in a world where anything may come at any time. The
 * input is a list of events, each ended by a NUL: a letter, and what follows
 * it.
 *
 *   a TEXT, b TEXT  a datagram comes from one peer, from another
 *   s TEXT, w TEXT  it comes over TCP from one, over WebSocket from another
 *   q TEXT, p TEXT  the user sends this request over UDP, over TCP
 *   x               the connections are lost; the next ones are others
 *   e               what is sent next fails
 *   r NUMBER        the user answers the latest request with this status
 *   c               the user cancels its latest request
 *   d               the user forgets it
 *   t NUMBER        so many milliseconds go by
 *
 * In the end, some hours later, nothing may be left.
 */
enum { HOURS = 3 * 3600 * 1000, MAX = 64, ADVANCE_MAX = 1000000 };

struct world {
	struct deadlines *deadlines;
	struct txns *txns;
	uint64_t now;
	uint64_t conn;
	bool failing;
	txn_id server, client;
};

/* Only the latest connection is up. */
static int on_send(struct channel *dst, const char *data, size_t len, void *arg)
{
	struct world *w = arg;
	bool failing = w->failing;

	MUST(!channel_is_none(dst) && data && len);
	w->failing = false;
	if (!transport_is_stream(dst->transport)) {
		MUST(!dst->conn);
		return failing ? -ENOBUFS : 0;
	}
	if (failing)
		return -ENETUNREACH;
	if (!dst->conn)
		dst->conn = w->conn;
	return dst->conn == w->conn ? 0 : -ENOTCONN;
}

static void on_request(txn_id id, msg_t *msg, const struct channel *src,
		       void *arg)
{
	struct world *w = arg;

	(void)src;
	w->server = id ? id : w->server;
	msg_destroy(msg);
}

static void on_cancel(txn_id invite, void *arg)
{
	(void)arg;
	MUST(invite);
}

static void on_response(txn_id id, int status, msg_t *msg, bool last,
			uint64_t ref, void *arg)
{
	struct world *w = arg;

	(void)id;
	(void)last;
	MUST(ref == 7 && (msg || status == 0 || status >= 400));
	(void)w;
}

static void advance(struct world *w, uint64_t ms)
{
	uint64_t until = w->now + ms;

	while (deadlines_next(w->deadlines) <= until) {
		w->now = deadlines_next(w->deadlines);
		deadlines_run(w->deadlines, w->now);
	}
	w->now = until;
}

static void input(struct world *w, const char *src, const char *text)
{
	struct channel from;
	msg_t *msg;

	MUST(channel_parse(&from, src) == 0);
	if (transport_is_stream(from.transport))
		from.conn = w->conn;
	if (!sipmsg_parse(&msg, text, strlen(text), NULL))
		txns_input(w->txns, w->now, msg, &from);
}

/* The branch is that of the text's first line that has one. */
static void request(struct world *w, const char *to, const char *text)
{
	const char *at = strstr(text, "branch=");
	char branch[TXN_BRANCH_LEN] = "z9hG4bKnone";
	struct channel dst;
	size_t n;

	MUST(channel_parse(&dst, to) == 0);
	if (at) {
		at += strlen("branch=");
		n = strcspn(at, ";,\r\n ");
		n = n < sizeof(branch) ? n : sizeof(branch) - 1;
		memcpy(branch, at, n);
		branch[n] = '\0';
	}
	(void)txn_request(&w->client, w->txns, w->now, &dst, branch, text,
			  strlen(text), 0, on_response, 7);
}

static void respond(struct world *w, int status)
{
	char text[128];
	int n;

	if (status < 100 || status > 699)
		return;
	n = snprintf(text, sizeof(text),
		     "SIP/2.0 %d X\r\nTo: <sip:b@192.0.2.9>;tag=tb\r\n\r\n",
		     status);
	(void)txn_respond(w->txns, w->server, w->now, status, text, (size_t)n);
}

static void lose(struct world *w)
{
	uint64_t gone = w->conn++;

	txns_closed(w->txns, w->now, gone);
	txns_closed(w->txns, w->now, gone);
}

/* What comes from outside. */
static void arrival(struct world *w, const char *text)
{
	switch (text[0]) {
	case 'a':
		input(w, "192.0.2.1:5060", text + 1);
		break;
	case 'b':
		input(w, "198.51.100.28:31000", text + 1);
		break;
	case 's':
		input(w, "tcp:192.0.2.1:41000", text + 1);
		break;
	case 'w':
		input(w, "wss:198.51.100.28:31000", text + 1);
		break;
	case 'x':
		lose(w);
		break;
	case 'e':
		w->failing = true;
		break;
	default:
		break;
	}
}

static void event(struct world *w, const char *text)
{
	unsigned long n = strtoul(text + (text[0] != '\0'), NULL, 10);

	switch (text[0]) {
	case 'q':
		request(w, "192.0.2.1", text + 1);
		break;
	case 'p':
		request(w, "tcp:192.0.2.1", text + 1);
		break;
	case 'r':
		respond(w, (int)(n % 1000));
		break;
	case 'c':
		(void)txn_cancel(w->txns, w->client, w->now, NULL);
		break;
	case 'd':
		txn_detach(w->txns, w->client);
		break;
	case 't':
		advance(w, n % ADVANCE_MAX);
		break;
	default:
		arrival(w, text);
		break;
	}
}

static void play(struct world *w, const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *end = text + size;

	MUST(text);
	memcpy(text, data, size);
	*end = '\0';
	for (char *p = text; p < end; p += strlen(p) + 1)
		event(w, p);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.now = 1000, .conn = 1};
	struct txn_config cfg = {
		.timers = txn_default_timers,
		.max = MAX,
		.send = on_send,
		.request = on_request,
		.cancel = on_cancel,
		.arg = &w,
	};

	MUST(deadlines_alloc(&w.deadlines) == 0);
	MUST(txns_alloc(&w.txns, w.deadlines, &cfg) == 0);
	play(&w, data, size);
	advance(&w, HOURS);
	MUST(txns_open(w.txns) == 0 && txns_pending(w.txns) == 0);
	MUST(deadlines_count(w.deadlines) == 0);
	txns_free(w.txns);
	deadlines_free(w.deadlines);
	return 0;
}
