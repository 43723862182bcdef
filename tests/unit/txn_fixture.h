#ifndef TESTS_UNIT_TXN_FIXTURE_H
#define TESTS_UNIT_TXN_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/txn.h"

/*
 * A transaction layer without a network: the clock is moved by hand, what is
 * sent and what is reported is written down. Every step of a timer runs at its
 * own millisecond.
 */
enum { LOG_MAX = 512, TEXT_MAX = 4096, ROOM = 16 };

#define T1      500U
#define T2      4000U
#define T4      5000U
#define TIMER_B 32000U
#define TIMER_C 181000U
#define TIMER_J 32000U

struct sent {
	uint64_t at, conn;
	char dst[CHANNEL_STRLEN];
	char text[TEXT_MAX];
};

struct news {
	uint64_t at;
	txn_id id;
	int status;
	bool has_msg, last;
};

struct fixture;
typedef void request_hook(struct fixture *f, txn_id id);
typedef void response_hook(struct fixture *f, txn_id id, int status);

struct fixture {
	struct deadlines *dl;
	struct txns *t;
	uint64_t now;
	struct sent sent[LOG_MAX];
	size_t nsent;
	int send_error;            /* what the next sending fails with */
	uint64_t next_conn;        /* opened for who names none over a stream */
	uint64_t gone_conn;        /* nothing can be sent on it */
	uint64_t in_conn;          /* what streams come in on */
	const char *out;           /* where our requests go */
	struct news news[LOG_MAX]; /* of client transactions */
	size_t nnews;
	txn_id requests[LOG_MAX];
	char methods[LOG_MAX][16];
	char vias[LOG_MAX][128]; /* received and rport as handed up */
	size_t nrequests;
	txn_id cancels[LOG_MAX];
	size_t ncancels;
	request_hook *on_request, *on_cancel;
	response_hook *on_response;
};

static inline int fix_send(struct channel *dst, const char *data, size_t len,
			   void *arg)
{
	struct fixture *f = arg;
	struct sent *s = &f->sent[f->nsent];
	int err = f->send_error;

	ck_assert_uint_lt(f->nsent, LOG_MAX);
	f->send_error = 0;
	if (err)
		return err;
	if (transport_is_stream(dst->transport) && !dst->conn)
		dst->conn = f->next_conn;
	if (dst->conn && dst->conn == f->gone_conn)
		return -ENOTCONN;
	s->conn = dst->conn;
	ck_assert_uint_lt(len, TEXT_MAX);
	s->at = f->now;
	channel_str(s->dst, dst);
	memcpy(s->text, data, len);
	s->text[len] = '\0';
	f->nsent++;
	return 0;
}

static inline void fix_request(txn_id id, msg_t *msg, const struct channel *src,
			       void *arg)
{
	struct fixture *f = arg;
	const sip_t *sip = sip_object(msg);
	const sip_via_t *via = sip->sip_via;

	(void)src;
	ck_assert_uint_lt(f->nrequests, LOG_MAX);
	f->requests[f->nrequests] = id;
	snprintf(f->methods[f->nrequests], sizeof(f->methods[0]), "%s",
		 sip->sip_request->rq_method_name);
	snprintf(f->vias[f->nrequests], sizeof(f->vias[0]), "%s:%s",
		 via->v_received ? via->v_received : "",
		 via->v_rport ? via->v_rport : "-");
	f->nrequests++;
	msg_destroy(msg);
	if (f->on_request)
		f->on_request(f, id);
}

static inline void fix_cancel(txn_id invite, void *arg)
{
	struct fixture *f = arg;

	ck_assert_uint_lt(f->ncancels, LOG_MAX);
	f->cancels[f->ncancels++] = invite;
	if (f->on_cancel)
		f->on_cancel(f, invite);
}

enum { FIX_REF = 7 };

static inline void fix_response(txn_id id, int status, msg_t *msg, bool last,
				uint64_t ref, void *arg)
{
	struct fixture *f = arg;

	ck_assert_uint_eq(ref, FIX_REF);
	ck_assert_uint_lt(f->nnews, LOG_MAX);
	if (msg)
		ck_assert_int_eq(sip_object(msg)->sip_status->st_status,
				 status);
	f->news[f->nnews++] =
		(struct news){f->now, id, status, msg != NULL, last};
	if (f->on_response)
		f->on_response(f, id, status);
}

static inline struct fixture *fix_make(size_t max, bool trying_at_once)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct txn_config cfg = {.timers = txn_default_timers,
				 .max = max,
				 .trying_at_once = trying_at_once,
				 .send = fix_send,
				 .request = fix_request,
				 .cancel = fix_cancel,
				 .arg = f};

	ck_assert_ptr_nonnull(f);
	f->now = 1000000;
	ck_assert_int_eq(deadlines_alloc(&f->dl), 0);
	ck_assert_int_eq(txns_alloc(&f->t, f->dl, &cfg), 0);
	return f;
}

static inline struct fixture *fix_new(size_t max)
{
	return fix_make(max, false);
}

/* Nothing of the layer may be left behind in what it shares. */
static inline void fix_free(struct fixture *f)
{
	txns_free(f->t);
	ck_assert_uint_eq(deadlines_count(f->dl), 0);
	deadlines_free(f->dl);
	free(f);
}

static inline void fix_advance(struct fixture *f, uint64_t ms)
{
	uint64_t until = f->now + ms;

	while (deadlines_next(f->dl) <= until) {
		f->now = deadlines_next(f->dl);
		deadlines_run(f->dl, f->now);
	}
	f->now = until;
}

static inline void fix_input(struct fixture *f, const char *src,
			     const char *text)
{
	const char *why = "";
	struct channel from;
	msg_t *msg;

	ck_assert_int_eq(channel_parse(&from, src), 0);
	if (transport_is_stream(from.transport))
		from.conn = f->in_conn;
	ck_assert_msg(sipmsg_parse(&msg, text, strlen(text), &why) == 0,
		      "%s in:\n%s", why, text);
	txns_input(f->t, f->now, msg, &from);
}

/* A request as it comes in; every part has a default. */
struct req {
	const char *method, *branch, *uri, *sent_by, *via_params;
	const char *from_tag, *to_tag, *call_id, *src;
	const char *headers; /* more of them, with CRLF */
	unsigned cseq;
};

static inline const char *or_else(const char *value, const char *fallback)
{
	return value ? value : fallback;
}

static inline void print_req(char text[TEXT_MAX], const struct req *r)
{
	const char *branch = or_else(r->branch, "z9hG4bKb1");

	snprintf(text, TEXT_MAX,
		 "%s %s SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP %s%s%s%s\r\n"
		 "From: \"A, \\\" <x>\" <sip:alice@example.com>;tag=%s\r\n"
		 "To: <sip:bob@example.com>%s%s\r\n"
		 "Call-ID: %s\r\n"
		 "CSeq: %u %s\r\n"
		 "%s"
		 "Max-Forwards: 70\r\n"
		 "Content-Length: 0\r\n\r\n",
		 r->method, or_else(r->uri, "sip:bob@192.0.2.99"),
		 or_else(r->sent_by, "192.0.2.10:5062"),
		 or_else(r->via_params, ""), *branch ? ";branch=" : "", branch,
		 or_else(r->from_tag, "fa"), r->to_tag ? ";tag=" : "",
		 or_else(r->to_tag, ""), or_else(r->call_id, "call-1"),
		 r->cseq ? r->cseq : 1, r->method, or_else(r->headers, ""));
}

#define REQ(...) (&(struct req){__VA_ARGS__})

/* One that is not to begin anything. */
static inline void refuse_req(struct fixture *f, const struct req *r,
			      int status)
{
	char text[TEXT_MAX];
	struct channel from;
	msg_t *msg;

	print_req(text, r);
	ck_assert_int_eq(
		channel_parse(&from, or_else(r->src, "192.0.2.10:5062")), 0);
	ck_assert_int_eq(sipmsg_parse(&msg, text, strlen(text), NULL), 0);
	txns_refuse(f->t, f->now, msg, &from, status, "Retry-After: 7\r\n");
}

/* The id it was handed up with; 0 if it was not, or is an ACK. */
static inline txn_id in_req(struct fixture *f, const struct req *r)
{
	size_t before = f->nrequests;
	char text[TEXT_MAX];

	print_req(text, r);
	fix_input(f, or_else(r->src, "192.0.2.10:5062"), text);
	return f->nrequests > before ? f->requests[f->nrequests - 1] : 0;
}

static inline int respond(struct fixture *f, txn_id id, int status)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text),
		 "SIP/2.0 %d Whatever\r\n"
		 "To: \"B \\\" ;tag=no\" <sip:bob@example.com;tag=no>;x=1%s\r\n"
		 "Content-Length: 0\r\n\r\n",
		 status, status > 100 ? ";tag=tb" : "");
	return txn_respond(f->t, id, f->now, status, text, strlen(text));
}

/* A response as it comes in to one of our requests. */
static inline void in_resp(struct fixture *f, int status, const char *branch,
			   const char *method)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text),
		 "SIP/2.0 %d Whatever\r\n"
		 "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=%s\r\n"
		 "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bKup\r\n"
		 "From: <sip:alice@example.com>;tag=fa\r\n"
		 "To: \"B, b\" <sip:bob@example.com>;x=y;tag=tb\r\n"
		 "Call-ID: call-1\r\n"
		 "CSeq: 7 %s\r\n"
		 "Content-Length: 0\r\n\r\n",
		 status, branch, method);
	fix_input(f, "198.51.100.5:5060", text);
}

static inline int send_text(struct fixture *f, txn_id *id, const char *branch,
			    const char *text, uint32_t timeout_ms)
{
	struct channel dst;

	ck_assert_int_eq(
		channel_parse(&dst, or_else(f->out, "198.51.100.5:5060")), 0);
	return txn_request(id, f->t, f->now, &dst, branch, text, strlen(text),
			   timeout_ms, fix_response, FIX_REF);
}

/* A request of ours, forwarded, with two Vias, two Routes and a body. */
static inline txn_id send_req(struct fixture *f, const char *method,
			      const char *branch)
{
	char text[TEXT_MAX];
	txn_id id = 0;

	snprintf(text, sizeof(text),
		 "%s sip:bob@198.51.100.5;x=1 SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=%s\r\n"
		 "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bKup\r\n"
		 "Route: <sip:p1.example.com;lr>\r\n"
		 "From: <sip:alice@example.com>;tag=fa\r\n"
		 "To: <sip:bob@example.com>\r\n"
		 "Route: <sip:p2.example.com;lr>\r\n"
		 "Call-ID: call-1\r\n"
		 "CSeq: 7 %s\r\n"
		 "Contact: <sip:alice@192.0.2.10:5062>\r\n"
		 "Content-Type: text/plain\r\n"
		 "Content-Length: 10\r\n\r\nTo: nobody",
		 method, branch, method);
	ck_assert_int_eq(send_text(f, &id, branch, text, 0), 0);
	return id;
}

static inline bool begins(const struct sent *s, const char *start)
{
	return strncmp(s->text, start, strlen(start)) == 0;
}

static inline const struct sent *last_sent(const struct fixture *f)
{
	ck_assert_uint_gt(f->nsent, 0);
	return &f->sent[f->nsent - 1];
}

/* How many of those sent since `from` begin so. */
static inline size_t count_sent(const struct fixture *f, size_t from,
				const char *start)
{
	size_t n = 0;

	for (size_t i = from; i < f->nsent; i++)
		n += begins(&f->sent[i], start);
	return n;
}

static inline const struct news *last_news(const struct fixture *f)
{
	ck_assert_uint_gt(f->nnews, 0);
	return &f->news[f->nnews - 1];
}

/* The exit status of a test program with one case. */
static inline int fix_main(const char *name, TCase *tc)
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	int failures;

	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}

#define assert_news(f, n, st, with_msg, is_last)                               \
	do {                                                                   \
		ck_assert_uint_eq((f)->nnews, (n));                            \
		ck_assert_int_eq(last_news(f)->status, (st));                  \
		ck_assert_int_eq(last_news(f)->has_msg, (with_msg));           \
		ck_assert_int_eq(last_news(f)->last, (is_last));               \
	} while (0)

#endif
