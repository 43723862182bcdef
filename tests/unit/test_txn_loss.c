#include "common/strbuf.h"
#include "tests/unit/txn_fixture.h"

/*
 * Two layers face each other across a network that loses, doubles, delays and
 * reorders, by dice that fall the same way in every run.
 */
enum { CALLS = 60, WIRE_MAX = 4096, MS_MAX = 400000 };

struct packet {
	uint64_t due;
	struct end *to;
	char *text;
};

struct world;

struct end {
	struct world *w;
	struct txns *t;
	struct channel addr;
};

struct call {
	struct world *w;
	int wanted; /* the final response the server will give */
	int got;
	unsigned finals, lasts;
	unsigned handed_up;
	bool invite;
	txn_id server;
	char *ok; /* the 2xx to an INVITE, sent again and again */
};

struct world {
	struct deadlines *dl;
	uint64_t now;
	uint32_t dice;
	unsigned loss; /* per cent */
	struct end client, server;
	struct packet wire[WIRE_MAX];
	size_t npackets;
	struct call calls[CALLS];
};

static uint32_t roll(struct world *w, uint32_t n)
{
	w->dice ^= w->dice << 13;
	w->dice ^= w->dice >> 17;
	w->dice ^= w->dice << 5;
	return w->dice % n;
}

static void put_on_wire(struct end *from, const char *data, size_t len)
{
	struct world *w = from->w;
	struct packet *p = &w->wire[w->npackets];

	if (roll(w, 100) < w->loss)
		return;
	ck_assert_uint_lt(w->npackets++, WIRE_MAX);
	p->due = w->now + 1 + roll(w, 60);
	p->to = from == &w->client ? &w->server : &w->client;
	p->text = strndup(data, len);
	ck_assert_ptr_nonnull(p->text);
}

static int on_send(struct channel *dst, const char *data, size_t len, void *arg)
{
	struct end *from = arg;

	(void)dst;
	put_on_wire(from, data, len);
	if (roll(from->w, 10) == 0)
		put_on_wire(from, data, len);
	return 0;
}

static void deliver(struct world *w)
{
	for (size_t i = 0; i < w->npackets;) {
		struct packet p = w->wire[i];
		msg_t *msg;

		if (p.due > w->now) {
			i++;
			continue;
		}
		w->wire[i] = w->wire[--w->npackets];
		ck_assert_int_eq(
			sipmsg_parse(&msg, p.text, strlen(p.text), NULL), 0);
		free(p.text);
		txns_input(p.to->t, w->now, msg,
			   p.to == &w->client ? &w->server.addr
					      : &w->client.addr);
	}
}

static void answer(struct call *c, const sip_t *req, int status)
{
	struct sipmsg_reply r = {.status = status, .to_tag = "tb"};
	struct strbuf out;
	char text[TEXT_MAX];

	strbuf_init(&out, text, sizeof(text));
	ck_assert_int_eq(sipmsg_reply(&out, req, &r), 0);
	ck_assert_int_eq(txn_respond(c->w->server.t, c->server, c->w->now,
				     status, text, out.len),
			 0);
	if (c->invite && status == 200)
		c->ok = strndup(text, out.len);
}

/* The Call-ID is the number of the call. */
static void on_request(txn_id id, msg_t *msg, const struct channel *src,
		       void *arg)
{
	struct end *end = arg;
	const sip_t *sip = sip_object(msg);
	struct call *c = &end->w->calls[atoi(sip->sip_call_id->i_id)];

	(void)src;
	ck_assert_uint_ne(id, 0);
	c->handed_up++;
	c->server = id;
	if (c->invite)
		answer(c, sip, 180);
	answer(c, sip, c->wanted);
	msg_destroy(msg);
}

static void on_cancel(txn_id invite, void *arg)
{
	(void)invite, (void)arg;
}

static void on_response(txn_id id, int status, msg_t *msg, bool last,
			uint64_t ref, void *arg)
{
	struct end *end = arg;
	struct call *c = &end->w->calls[ref];

	(void)id, (void)msg;
	ck_assert_uint_eq(c->lasts, 0);
	c->lasts += last;
	if (status < 200)
		return;
	c->got = status;
	c->finals++;
}

static void end_init(struct end *e, struct world *w, const char *addr)
{
	struct txn_config cfg = {.timers = txn_default_timers,
				 .max = CALLS,
				 .send = on_send,
				 .request = on_request,
				 .cancel = on_cancel,
				 .arg = e};

	e->w = w;
	ck_assert_int_eq(channel_parse(&e->addr, addr), 0);
	ck_assert_int_eq(txns_alloc(&e->t, w->dl, &cfg), 0);
}

static void begin_call(struct world *w, int n, bool invite)
{
	struct call *c = &w->calls[n];
	const char *method = invite ? "INVITE" : "OPTIONS";
	char branch[TXN_BRANCH_LEN], text[TEXT_MAX];

	c->w = w;
	c->invite = invite;
	c->wanted = invite ? (n % 2 ? 486 : 200) : 200;
	txn_branch(branch, NULL, 0);
	snprintf(text, sizeof(text),
		 "%s sip:b@203.0.113.2 SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=%s\r\n"
		 "From: <sip:a@203.0.113.1>;tag=fa\r\n"
		 "To: <sip:b@203.0.113.2>\r\n"
		 "Call-ID: %d\r\n"
		 "CSeq: 1 %s\r\n\r\n",
		 method, branch, n, method);
	ck_assert_int_eq(txn_request(NULL, w->client.t, w->now, &w->server.addr,
				     branch, text, strlen(text), 0, on_response,
				     (uint64_t)(c - w->calls)),
			 0);
}

/* The server's user sends its 2xx again until Timer L (13.3.1.4). */
static void repeat_2xx(struct world *w)
{
	for (size_t i = 0; i < CALLS; i++) {
		struct call *c = &w->calls[i];

		if (c->ok && txn_respond(w->server.t, c->server, w->now, 200,
					 c->ok, strlen(c->ok)) != 0) {
			free(c->ok);
			c->ok = NULL;
		}
	}
}

static void run(struct world *w)
{
	for (unsigned ms = 0; ms < MS_MAX; ms++, w->now++) {
		deadlines_run(w->dl, w->now);
		deliver(w);
		if (ms % 1000 == 999)
			repeat_2xx(w);
	}
}

static void check(const struct world *w)
{
	unsigned timeouts = 0;

	for (size_t i = 0; i < CALLS; i++) {
		const struct call *c = &w->calls[i];

		ck_assert_uint_eq(c->lasts, 1);
		ck_assert_uint_le(c->handed_up, 1);
		if (c->got == 408) {
			timeouts++;
			continue;
		}
		ck_assert_int_eq(c->got, c->wanted);
		ck_assert_uint_eq(c->handed_up, 1);
		if (!c->invite || c->wanted >= 300)
			ck_assert_uint_eq(c->finals, 1);
	}
	ck_assert_uint_eq(txns_open(w->client.t), 0);
	ck_assert_uint_eq(txns_open(w->server.t), 0);
	ck_assert_uint_eq(txns_pending(w->client.t), 0);
	ck_assert_uint_eq(txns_pending(w->server.t), 0);
	ck_assert_uint_eq(deadlines_count(w->dl), 0);
	ck_assert_uint_eq(w->npackets, 0);
	if (w->loss <= 20)
		ck_assert_uint_eq(timeouts, 0);
	if (w->loss == 100)
		ck_assert_uint_eq(timeouts, CALLS);
}

static const unsigned losses[] = {0, 5, 20, 50, 100};

START_TEST(every_transaction_ends_once)
{
	struct world *w = calloc(1, sizeof(*w));

	ck_assert_ptr_nonnull(w);
	ck_assert_int_eq(deadlines_alloc(&w->dl), 0);
	w->now = 1;
	w->dice = 2463534242U + (uint32_t)_i;
	w->loss = losses[_i];
	end_init(&w->client, w, "203.0.113.1:5060");
	end_init(&w->server, w, "203.0.113.2:5060");
	for (int n = 0; n < CALLS; n++)
		begin_call(w, n, n % 3 != 0);
	run(w);
	check(w);
	txns_free(w->client.t);
	txns_free(w->server.t);
	deadlines_free(w->dl);
	free(w);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("loss");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, every_transaction_ends_once, 0, 5);
	return fix_main("txn_loss", tc);
}
