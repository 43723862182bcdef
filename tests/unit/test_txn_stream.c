#include "tests/unit/txn_fixture.h"

#define B1 "z9hG4bKb1"

/* Client transactions over TCP, TLS and WebSocket (RFC 3261 17.1). */

enum { CONN = 9, TO_THEM = 4 };

/* Our requests go to one who has to be connected to. */
static struct fixture *new_client(void)
{
	struct fixture *f = fix_new(ROOM);

	f->out = "tcp:198.51.100.5:5060";
	f->next_conn = CONN;
	return f;
}

static void end_client(struct fixture *f)
{
	ck_assert_uint_eq(txns_open(f->t), 0);
	ck_assert_uint_eq(txns_pending(f->t), 0);
	ck_assert_uint_eq(deadlines_count(f->dl), 0);
	fix_free(f);
}

static const char *const methods[] = {"INVITE", "OPTIONS"};

START_TEST(nothing_is_sent_again)
{
	struct fixture *f = new_client();

	send_req(f, methods[_i], B1);
	fix_advance(f, TIMER_B - 1);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert_str_eq(f->sent[0].dst, "tcp:198.51.100.5:5060");
	ck_assert_uint_eq(f->nnews, 0);
	fix_advance(f, 1);
	assert_news(f, 1, 408, false, true);
	end_client(f);
}
END_TEST

START_TEST(the_last_answer_ends_it)
{
	struct fixture *f = new_client();
	txn_id id = send_req(f, methods[_i], B1);

	in_resp(f, 100, B1, methods[_i]);
	in_resp(f, 183, B1, methods[_i]);
	assert_news(f, 1, 183, true, false);
	ck_assert_uint_eq(txns_pending(f->t), 1);
	in_resp(f, 404, B1, methods[_i]);
	assert_news(f, 2, 404, true, true);
	ck_assert_uint_eq(last_news(f)->id, id);
	in_resp(f, 404, B1, methods[_i]);
	ck_assert_uint_eq(f->nnews, 2);
	ck_assert_uint_eq(txns_counts(f->t)->stray, 1);
	end_client(f);
}
END_TEST

START_TEST(the_ack_goes_where_the_invite_went)
{
	struct fixture *f = new_client();

	send_req(f, "INVITE", B1);
	f->next_conn = CONN + 1;
	in_resp(f, 486, B1, "INVITE");
	ck_assert_uint_eq(f->nsent, 2);
	ck_assert(begins(last_sent(f), "ACK sip:bob@198.51.100.5;x=1 "));
	ck_assert_ptr_nonnull(strstr(last_sent(f)->text, ";tag=tb\r\n"));
	ck_assert_uint_eq(last_sent(f)->conn, CONN);
	end_client(f);
}
END_TEST

/* RFC 6026: Timer M is the same for all transports, and what comes until then
 * may come on another connection. */
START_TEST(a_2xx_is_not_the_last)
{
	struct fixture *f = new_client();

	send_req(f, "INVITE", B1);
	in_resp(f, 200, B1, "INVITE");
	assert_news(f, 1, 200, true, false);
	txns_closed(f->t, f->now, CONN);
	in_resp(f, 200, B1, "INVITE");
	assert_news(f, 2, 200, true, false);
	fix_advance(f, TIMER_B - 1);
	ck_assert_uint_eq(f->nnews, 2);
	fix_advance(f, 1);
	assert_news(f, 3, 0, false, true);
	ck_assert_uint_eq(txns_counts(f->t)->lost, 0);
	end_client(f);
}
END_TEST

START_TEST(a_cancel_is_sent_once)
{
	struct fixture *f = new_client();
	txn_id id = send_req(f, "INVITE", B1);

	in_resp(f, 180, B1, "INVITE");
	f->next_conn = CONN + 1;
	ck_assert_int_eq(txn_cancel(f->t, id, f->now, NULL), 0);
	ck_assert(begins(last_sent(f), "CANCEL "));
	ck_assert_uint_eq(last_sent(f)->conn, CONN);
	fix_advance(f, 10000);
	ck_assert_uint_eq(f->nsent, 2);
	ck_assert_uint_eq(txns_open(f->t), 2);
	in_resp(f, 200, B1, "CANCEL");
	ck_assert_uint_eq(txns_open(f->t), 1);
	in_resp(f, 487, B1, "INVITE");
	assert_news(f, 2, 487, true, true);
	end_client(f);
}
END_TEST

/* A connection is lost. */

START_TEST(a_lost_connection_is_an_answer)
{
	struct fixture *f = new_client();

	send_req(f, methods[_i], B1);
	if (_i == 0)
		in_resp(f, 100, B1, "INVITE");
	txns_closed(f->t, f->now, CONN + 1);
	txns_closed(f->t, f->now, 0);
	ck_assert_uint_eq(f->nnews, 0);
	txns_closed(f->t, f->now, CONN);
	assert_news(f, 1, 503, false, true);
	ck_assert_uint_eq(txns_counts(f->t)->lost, 1);
	txns_closed(f->t, f->now, CONN);
	ck_assert_uint_eq(f->nnews, 1);
	end_client(f);
}
END_TEST

START_TEST(only_those_that_wait_on_it_hear_of_it)
{
	static const char *const branches[TO_THEM] = {"z9hG4bK0", "z9hG4bK1",
						      "z9hG4bK2", "z9hG4bK3"};
	struct fixture *f = new_client();
	txn_id ids[TO_THEM];

	for (size_t i = 0; i < TO_THEM; i++) {
		f->next_conn = CONN + i % 2;
		ids[i] = send_req(f, "OPTIONS", branches[i]);
	}
	f->out = NULL;
	send_req(f, "OPTIONS", B1); /* over UDP */
	txns_closed(f->t, f->now, CONN);
	ck_assert_uint_eq(f->nnews, 2);
	for (size_t i = 0; i < 2; i++)
		ck_assert(f->news[i].id == ids[0] || f->news[i].id == ids[2]);
	ck_assert_uint_eq(txns_pending(f->t), 3);
	in_resp(f, 200, branches[1], "OPTIONS");
	in_resp(f, 200, branches[3], "OPTIONS");
	in_resp(f, 200, B1, "OPTIONS");
	ck_assert_uint_eq(f->nnews, 5);
	fix_advance(f, T4);
	end_client(f);
}
END_TEST

/* Whoever hears of it begins another request, forgets a third one, and cancels
 * the second, on the same connection. */
static txn_id victims[2];

static void on_lost(struct fixture *f, txn_id id, int status)
{
	(void)id;
	f->on_response = NULL;
	ck_assert_int_eq(status, 503);
	f->next_conn = CONN + 1;
	f->gone_conn = CONN;
	send_req(f, "OPTIONS", "z9hG4bKagain");
	txn_detach(f->t, victims[0]);
	ck_assert_int_eq(txn_cancel(f->t, victims[1], f->now, NULL), 0);
}

START_TEST(anything_may_happen_in_the_handler)
{
	struct fixture *f = new_client();

	victims[0] = send_req(f, "OPTIONS", "z9hG4bKv0");
	victims[1] = send_req(f, "INVITE", "z9hG4bKv1");
	in_resp(f, 100, "z9hG4bKv1", "INVITE");
	send_req(f, "OPTIONS", "z9hG4bKfirst"); /* told first */
	f->on_response = on_lost;
	txns_closed(f->t, f->now, CONN);
	ck_assert_uint_eq(f->nnews, 2);
	assert_news(f, 2, 503, false, true);
	ck_assert_uint_eq(last_news(f)->id, victims[1]);
	in_resp(f, 200, "z9hG4bKagain", "OPTIONS");
	assert_news(f, 3, 200, true, true);
	fix_advance(f, TIMER_B);
	ck_assert_uint_eq(f->nnews, 3);
	end_client(f);
}
END_TEST

START_TEST(nobody_asks_for_a_detached_one)
{
	struct fixture *f = new_client();

	txn_detach(f->t, send_req(f, "INVITE", B1));
	txns_closed(f->t, f->now, CONN);
	ck_assert_uint_eq(f->nnews, 0);
	end_client(f);
}
END_TEST

/* What cannot be sent. */

static const struct {
	const char *out;
	int err;
	bool survives;
} failures[] = {
	{"tcp:198.51.100.5:5060", -ENOTCONN, false},
	{"tcp:198.51.100.5:5060", -ENOBUFS, false},
	{"wss:198.51.100.5:5060", -EAFNOSUPPORT, false},
	{"198.51.100.5:5060", -EMSGSIZE, false},
	{"198.51.100.5:5060", -ENOBUFS, true},
};

START_TEST(what_cannot_be_sent_is_reported_later)
{
	struct fixture *f = new_client();
	txn_id id;

	f->out = failures[_i].out;
	f->send_error = failures[_i].err;
	id = send_req(f, "INVITE", B1);
	ck_assert_uint_eq(f->nnews, 0); /* the caller knows no id yet */
	fix_advance(f, 0);
	if (failures[_i].survives) {
		fix_advance(f, T1);
		ck_assert_uint_eq(f->nsent, 1);
		fix_advance(f, TIMER_B);
		assert_news(f, 1, 408, false, true);
	} else {
		assert_news(f, 1, 503, false, true);
		ck_assert_uint_eq(last_news(f)->id, id);
		ck_assert_uint_eq(f->nsent, 0);
		ck_assert_uint_eq(txns_counts(f->t)->lost, 1);
	}
	end_client(f);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	TCase *tc = tcase_create("txn_stream");

	tcase_add_loop_test(tc, nothing_is_sent_again, 0, COUNT(methods));
	tcase_add_loop_test(tc, the_last_answer_ends_it, 0, COUNT(methods));
	tcase_add_test(tc, the_ack_goes_where_the_invite_went);
	tcase_add_test(tc, a_2xx_is_not_the_last);
	tcase_add_test(tc, a_cancel_is_sent_once);
	tcase_add_loop_test(tc, a_lost_connection_is_an_answer, 0,
			    COUNT(methods));
	tcase_add_test(tc, only_those_that_wait_on_it_hear_of_it);
	tcase_add_test(tc, anything_may_happen_in_the_handler);
	tcase_add_test(tc, nobody_asks_for_a_detached_one);
	tcase_add_loop_test(tc, what_cannot_be_sent_is_reported_later, 0,
			    COUNT(failures));
	return fix_main("txn_stream", tc);
}
