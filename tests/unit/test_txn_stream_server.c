#include "tests/unit/txn_fixture.h"

/* Server transactions over TCP, TLS and WebSocket (RFC 3261 17.2, 18.2). */

enum { CONN = 5, NEW_CONN = 6 };

/* A phone behind a NAT, one with a public address, and a browser. */
#define NATTED  .src = "tcp:192.0.2.10:41000", .sent_by = "10.0.0.16:5062"
#define PUBLIC  .src = "tcp:192.0.2.10:41000", .sent_by = "192.0.2.10:5062"
#define BROWSER .src = "wss:192.0.2.10:41000", .sent_by = "df7jal23ls0d.invalid"

static struct fixture *new_server(void)
{
	struct fixture *f = fix_new(ROOM);

	f->in_conn = CONN;
	f->next_conn = NEW_CONN;
	return f;
}

static void end_server(struct fixture *f)
{
	ck_assert_uint_eq(txns_open(f->t), 0);
	ck_assert_uint_eq(txns_pending(f->t), 0);
	fix_free(f);
}

START_TEST(answers_go_back_the_way_it_came)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "INVITE", NATTED));

	ck_assert_int_eq(respond(f, id, 180), 0);
	ck_assert_str_eq(last_sent(f)->dst, "tcp:192.0.2.10:41000");
	ck_assert_uint_eq(last_sent(f)->conn, CONN);
	ck_assert_str_eq(f->vias[0], "192.0.2.10:41000");
	ck_assert_int_eq(respond(f, id, 200), 0);
	ck_assert_uint_eq(last_sent(f)->conn, CONN);
	fix_advance(f, TIMER_J);
	end_server(f);
}
END_TEST

/* 18.2.1: a name is no address to answer to. */
START_TEST(received_tells_where_a_browser_is)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "OPTIONS", BROWSER));

	ck_assert_str_eq(f->vias[0], "192.0.2.10:-");
	ck_assert_int_eq(respond(f, id, 200), 0);
	ck_assert_str_eq(last_sent(f)->dst, "wss:192.0.2.10:41000");
	end_server(f);
}
END_TEST

START_TEST(a_final_answer_ends_it)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "OPTIONS", NATTED));

	ck_assert_int_eq(respond(f, id, 200), 0);
	ck_assert_uint_eq(txns_open(f->t), 0);
	ck_assert_uint_eq(deadlines_count(f->dl), 0);
	ck_assert_int_eq(respond(f, id, 200), -ENOENT);
	ck_assert_uint_eq(f->nsent, 1);
	end_server(f);
}
END_TEST

START_TEST(the_same_request_again_is_absorbed)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "OPTIONS", NATTED));

	ck_assert_int_eq(respond(f, id, 183), 0);
	ck_assert_uint_eq(in_req(f, REQ(.method = "OPTIONS", NATTED)), 0);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert_uint_eq(f->nrequests, 1);
	ck_assert_uint_eq(txns_counts(f->t)->retransmits_in, 1);
	ck_assert_int_eq(respond(f, id, 200), 0);
	end_server(f);
}
END_TEST

START_TEST(a_100_comes_after_200_ms)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "INVITE", NATTED));

	fix_advance(f, 199);
	ck_assert_uint_eq(f->nsent, 0);
	fix_advance(f, 1);
	ck_assert(begins(last_sent(f), "SIP/2.0 100 "));
	ck_assert_uint_eq(last_sent(f)->conn, CONN);
	ck_assert_int_eq(respond(f, id, 200), 0);
	fix_advance(f, TIMER_J);
	end_server(f);
}
END_TEST

/* No Timer G, and Timer I is zero; Timer H is not. */
START_TEST(a_rejection_waits_for_its_ack)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "INVITE", NATTED));

	ck_assert_int_eq(respond(f, id, 486), 0);
	fix_advance(f, TIMER_J - 1);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert_uint_eq(txns_open(f->t), 1);
	in_req(f, REQ(.method = "ACK", .to_tag = "tb", NATTED));
	ck_assert_uint_eq(f->nrequests, 1);
	ck_assert_uint_eq(deadlines_count(f->dl), 0);
	end_server(f);
}
END_TEST

START_TEST(a_rejection_without_ack_ends_too)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "INVITE", NATTED));

	ck_assert_int_eq(respond(f, id, 486), 0);
	fix_advance(f, TIMER_J);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert_uint_eq(txns_counts(f->t)->timeouts, 1);
	end_server(f);
}
END_TEST

/* 17.2.3 without the magic cookie: the To tag tells whose the ACK is. */
START_TEST(an_ack_of_rfc_2543)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "INVITE", .branch = "", NATTED));

	ck_assert_int_eq(respond(f, id, 486), 0);
	in_req(f, REQ(.method = "ACK", .branch = "", .to_tag = "tb", NATTED));
	ck_assert_uint_eq(f->nrequests, 1);
	end_server(f);
}
END_TEST

/* RFC 6026 7.1: Timer L, for all transports; the 2xx to come may be another. */
START_TEST(each_2xx_goes_back)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "INVITE", NATTED));

	ck_assert_int_eq(respond(f, id, 200), 0);
	fix_advance(f, TIMER_J - 1);
	ck_assert_int_eq(respond(f, id, 200), 0);
	ck_assert_uint_eq(f->nsent, 2);
	fix_advance(f, 1);
	ck_assert_int_eq(respond(f, id, 200), -ENOENT);
	end_server(f);
}
END_TEST

/* 18.2.2: the connection it came on is gone. */

static const struct {
	const char *src, *sent_by, *dst; /* NULL: there is no way back */
} ways[] = {
	{"tcp:192.0.2.10:41000", "192.0.2.10:5062", "tcp:192.0.2.10:5062"},
	{"tcp:192.0.2.10:41000", "192.0.2.10", "tcp:192.0.2.10:5060"},
	{"tls:192.0.2.10:41000", "192.0.2.10", "tls:192.0.2.10:5061"},
	{"tls:[2001:db8::1]:41000", "[2001:db8::1]:5071",
	 "tls:[2001:db8::1]:5071"},
	{"tcp:192.0.2.10:41000", "10.0.0.16:5062", NULL},
	{"tcp:192.0.2.10:41000", "phone.example.com", NULL},
	{"ws:192.0.2.10:41000", "192.0.2.10:5062", NULL},
	{"wss:192.0.2.10:41000", "df7jal23ls0d.invalid", NULL},
};

START_TEST(where_the_via_says)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "INVITE", .src = ways[_i].src,
				  .sent_by = ways[_i].sent_by));

	f->gone_conn = CONN;
	ck_assert_int_eq(respond(f, id, 180), 0);
	ck_assert_int_eq(respond(f, id, 486), 0);
	if (ways[_i].dst) {
		ck_assert_uint_eq(f->nsent, 2);
		for (size_t i = 0; i < 2; i++) {
			ck_assert_str_eq(f->sent[i].dst, ways[_i].dst);
			ck_assert_uint_eq(f->sent[i].conn, NEW_CONN);
		}
		ck_assert_uint_eq(txns_counts(f->t)->undelivered, 0);
	} else {
		ck_assert_uint_eq(f->nsent, 0);
		ck_assert_uint_eq(txns_counts(f->t)->undelivered, 2);
	}
	fix_advance(f, TIMER_J);
	end_server(f);
}
END_TEST

START_TEST(the_new_connection_may_be_lost_as_well)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "INVITE", PUBLIC));

	f->gone_conn = CONN;
	ck_assert_int_eq(respond(f, id, 180), 0);
	f->gone_conn = NEW_CONN;
	ck_assert_int_eq(respond(f, id, 183), 0);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert_uint_eq(txns_counts(f->t)->undelivered, 1);
	f->next_conn = NEW_CONN + 1;
	ck_assert_int_eq(respond(f, id, 486), 0);
	ck_assert_uint_eq(last_sent(f)->conn, NEW_CONN + 1);
	fix_advance(f, TIMER_J);
	end_server(f);
}
END_TEST

/* A client that does not read is not connected to once more. */
START_TEST(a_full_connection_is_none_that_is_gone)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "OPTIONS", PUBLIC));

	f->send_error = -ENOBUFS;
	ck_assert_int_eq(respond(f, id, 200), 0);
	ck_assert_uint_eq(f->nsent, 0);
	ck_assert_uint_eq(txns_counts(f->t)->undelivered, 1);
	end_server(f);
}
END_TEST

/* Nobody is there to be answered: the call is over. */

START_TEST(an_invite_without_way_back_is_cancelled)
{
	struct fixture *f = new_server();
	txn_id id = in_req(f, REQ(.method = "INVITE", BROWSER));

	ck_assert_int_eq(respond(f, id, 180), 0);
	txns_closed(f->t, f->now, CONN + 1);
	ck_assert_uint_eq(f->ncancels, 0);
	f->gone_conn = CONN;
	txns_closed(f->t, f->now, CONN);
	ck_assert_uint_eq(f->ncancels, 1);
	ck_assert_uint_eq(f->cancels[0], id);
	ck_assert_uint_eq(txns_counts(f->t)->lost, 1);
	txns_closed(f->t, f->now, CONN);
	ck_assert_uint_eq(f->ncancels, 1);
	ck_assert_int_eq(respond(f, id, 487), 0);
	fix_advance(f, TIMER_J);
	end_server(f);
}
END_TEST

START_TEST(others_are_not)
{
	struct fixture *f = new_server();
	txn_id reached = in_req(
		f, REQ(.method = "INVITE", .branch = "z9hG4bK1", PUBLIC));
	txn_id answered = in_req(
		f, REQ(.method = "INVITE", .branch = "z9hG4bK2", NATTED));
	txn_id other = in_req(
		f, REQ(.method = "OPTIONS", .branch = "z9hG4bK3", NATTED));
	txn_id cancelled = in_req(
		f, REQ(.method = "INVITE", .branch = "z9hG4bK4", NATTED));

	in_req(f, REQ(.method = "CANCEL", .branch = "z9hG4bK4", NATTED));
	ck_assert_uint_eq(f->ncancels, 1);
	ck_assert_int_eq(respond(f, answered, 200), 0);
	txns_closed(f->t, f->now, CONN);
	ck_assert_uint_eq(f->ncancels, 1);
	ck_assert_uint_eq(txns_counts(f->t)->lost, 1); /* the cancelled one */
	ck_assert_int_eq(respond(f, reached, 486), 0);
	ck_assert_int_eq(respond(f, cancelled, 487), 0);
	ck_assert_int_eq(respond(f, other, 200), 0);
	fix_advance(f, TIMER_J);
	end_server(f);
}
END_TEST

/* Its user answers at once, within the news. */
static void on_cancel(struct fixture *f, txn_id id)
{
	ck_assert_int_eq(respond(f, id, 487), 0);
}

START_TEST(it_may_be_answered_in_the_handler)
{
	struct fixture *f = new_server();

	in_req(f, REQ(.method = "INVITE", .branch = "z9hG4bK1", NATTED));
	in_req(f, REQ(.method = "INVITE", .branch = "z9hG4bK2", NATTED));
	f->on_cancel = on_cancel;
	f->gone_conn = CONN;
	txns_closed(f->t, f->now, CONN);
	ck_assert_uint_eq(f->ncancels, 2);
	ck_assert_uint_eq(txns_counts(f->t)->undelivered, 2);
	fix_advance(f, TIMER_J);
	end_server(f);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	TCase *tc = tcase_create("txn_stream_server");

	tcase_add_test(tc, answers_go_back_the_way_it_came);
	tcase_add_test(tc, received_tells_where_a_browser_is);
	tcase_add_test(tc, a_final_answer_ends_it);
	tcase_add_test(tc, the_same_request_again_is_absorbed);
	tcase_add_test(tc, a_100_comes_after_200_ms);
	tcase_add_test(tc, a_rejection_waits_for_its_ack);
	tcase_add_test(tc, a_rejection_without_ack_ends_too);
	tcase_add_test(tc, an_ack_of_rfc_2543);
	tcase_add_test(tc, each_2xx_goes_back);
	tcase_add_loop_test(tc, where_the_via_says, 0, COUNT(ways));
	tcase_add_test(tc, the_new_connection_may_be_lost_as_well);
	tcase_add_test(tc, a_full_connection_is_none_that_is_gone);
	tcase_add_test(tc, an_invite_without_way_back_is_cancelled);
	tcase_add_test(tc, others_are_not);
	tcase_add_test(tc, it_may_be_answered_in_the_handler);
	return fix_main("txn_stream_server", tc);
}
