#include "tests/unit/txn_fixture.h"

#define B1     "z9hG4bKb1"
#define REASON "Reason: SIP ;cause=200 ;text=\"Call completed elsewhere\"\r\n"

/* What a client transaction derives, and what its handlers may do. */

static const char expected_cancel[] =
	"CANCEL sip:bob@198.51.100.5;x=1 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKb1\r\n"
	"Route: <sip:p1.example.com;lr>\r\n"
	"From: <sip:alice@example.com>;tag=fa\r\n"
	"To: <sip:bob@example.com>\r\n"
	"Route: <sip:p2.example.com;lr>\r\n"
	"Call-ID: call-1\r\n"
	"CSeq: 7 CANCEL\r\n"
	"Max-Forwards: 70\r\n" REASON "Content-Length: 0\r\n\r\n";

static int cancel(struct fixture *f, txn_id id)
{
	return txn_cancel(f->t, id, f->now, REASON);
}

START_TEST(cancel_waits_for_a_provisional)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = send_req(f, "INVITE", B1);

	ck_assert_int_eq(cancel(f, id), 0);
	ck_assert_int_eq(cancel(f, id), 0);
	fix_advance(f, 500);
	ck_assert_uint_eq(count_sent(f, 0, "INVITE "), 2);
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 0);
	in_resp(f, 100, B1, "INVITE");
	ck_assert_str_eq(last_sent(f)->text, expected_cancel);
	ck_assert_str_eq(last_sent(f)->dst, "198.51.100.5:5060");
	in_resp(f, 180, B1, "INVITE");
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 1);
	fix_free(f);
}
END_TEST

START_TEST(cancel_of_a_silent_peer_ends_with_timer_b)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = send_req(f, "INVITE", B1);

	ck_assert_int_eq(cancel(f, id), 0);
	fix_advance(f, TIMER_B);
	assert_news(f, 1, 408, false, true);
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 0);
	ck_assert_uint_eq(txns_open(f->t), 0);
	fix_free(f);
}
END_TEST

START_TEST(cancel_in_proceeding_goes_at_once)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = send_req(f, "INVITE", B1);

	in_resp(f, 180, B1, "INVITE");
	ck_assert_int_eq(cancel(f, id), 0);
	ck_assert_int_eq(cancel(f, id), 0);
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 1);
	ck_assert_str_eq(last_sent(f)->text, expected_cancel);
	fix_advance(f, 500); /* it is a transaction of its own */
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 2);
	in_resp(f, 200, B1, "CANCEL");
	fix_advance(f, 5000);
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 2);
	in_resp(f, 487, B1, "INVITE");
	assert_news(f, 2, 487, true, true);
	ck_assert(begins(last_sent(f), "ACK "));
	fix_advance(f, TIMER_B);
	ck_assert_uint_eq(txns_open(f->t), 0);
	ck_assert_uint_eq(txns_counts(f->t)->timeouts, 0);
	fix_free(f);
}
END_TEST

START_TEST(cancel_without_a_final_ends_in_408)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = send_req(f, "INVITE", B1);

	in_resp(f, 180, B1, "INVITE");
	fix_advance(f, 10000);
	ck_assert_int_eq(cancel(f, id), 0);
	in_resp(f, 200, B1, "CANCEL");
	fix_advance(f, 64 * T1 - 1);
	ck_assert_uint_eq(f->nnews, 1);
	in_resp(f, 180, B1, "INVITE"); /* buys no more time */
	fix_advance(f, 1);
	assert_news(f, 3, 408, false, true);
	ck_assert_uint_eq(txns_open(f->t), 0);
	fix_free(f);
}
END_TEST

START_TEST(cancel_and_200_cross)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = send_req(f, "INVITE", B1);

	in_resp(f, 180, B1, "INVITE");
	ck_assert_int_eq(cancel(f, id), 0);
	in_resp(f, 200, B1, "INVITE");
	assert_news(f, 2, 200, true, false);
	in_resp(f, 481, B1, "CANCEL");
	ck_assert_uint_eq(f->nnews, 2);
	fix_advance(f, TIMER_B);
	assert_news(f, 3, 0, false, true);
	ck_assert_uint_eq(txns_counts(f->t)->timeouts, 0);
	fix_free(f);
}
END_TEST

START_TEST(cancel_wanted_but_200_comes_first)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = send_req(f, "INVITE", B1);

	ck_assert_int_eq(cancel(f, id), 0);
	in_resp(f, 200, B1, "INVITE");
	assert_news(f, 1, 200, true, false);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert_int_eq(cancel(f, id), -ENOENT);
	fix_free(f);
}
END_TEST

START_TEST(there_must_be_something_to_cancel)
{
	struct fixture *f = fix_new(ROOM);
	txn_id options = send_req(f, "OPTIONS", B1);
	txn_id invite = send_req(f, "INVITE", B1);

	in_resp(f, 100, B1, "OPTIONS");
	ck_assert_int_eq(cancel(f, options), -ENOENT);
	in_resp(f, 404, B1, "INVITE");
	ck_assert_int_eq(cancel(f, invite), -ENOENT);
	ck_assert_int_eq(cancel(f, 0), -ENOENT);
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 0);
	fix_free(f);
}
END_TEST

/* Handlers that call back */

static void cancel_it(struct fixture *f, txn_id id, int status)
{
	if (status == 180)
		ck_assert_int_eq(cancel(f, id), 0);
}

START_TEST(cancel_inside_the_handler)
{
	struct fixture *f = fix_new(ROOM);

	f->on_response = cancel_it;
	send_req(f, "INVITE", B1);
	in_resp(f, 180, B1, "INVITE");
	ck_assert(begins(last_sent(f), "CANCEL "));
	in_resp(f, 487, B1, "INVITE");
	assert_news(f, 2, 487, true, true);
	fix_free(f);
}
END_TEST

static void detach_it(struct fixture *f, txn_id id, int status)
{
	(void)status;
	txn_detach(f->t, id);
	cancel(f, id);
}

START_TEST(detach_inside_the_handler)
{
	struct fixture *f = fix_new(ROOM);

	f->on_response = detach_it;
	send_req(f, "INVITE", B1);
	send_req(f, "OPTIONS", B1);
	in_resp(f, 200, B1, "OPTIONS");
	in_resp(f, 183, B1, "INVITE");
	in_resp(f, 487, B1, "INVITE");
	ck_assert_uint_eq(f->nnews, 2);
	fix_advance(f, TIMER_B);
	ck_assert_uint_eq(f->nnews, 2);
	ck_assert_uint_eq(txns_open(f->t), 0);
	fix_free(f);
}
END_TEST

/* Fails over to another branch, from a response and from a timer alike, so
 * that the new transaction takes the place of the one that reports. */
static void try_next(struct fixture *f, txn_id id, int status)
{
	char branch[TXN_BRANCH_LEN];

	(void)status;
	txn_detach(f->t, id);
	if (f->nnews > 60)
		return;
	for (int i = 0; i < 3; i++) {
		txn_branch(branch, NULL, 0);
		send_req(f, i ? "OPTIONS" : "INVITE", branch);
	}
}

START_TEST(requests_inside_the_handler)
{
	struct fixture *f = fix_new(200);

	f->on_response = try_next;
	send_req(f, "INVITE", B1);
	in_resp(f, 503, B1, "INVITE");
	ck_assert_uint_eq(txns_pending(f->t), 3);
	f->on_response = NULL;
	fix_advance(f, TIMER_B - 1);
	f->on_response = try_next;
	fix_advance(f, 1);
	ck_assert_uint_eq(f->nnews, 4);
	ck_assert_uint_eq(txns_pending(f->t), 9);
	fix_free(f);
}
END_TEST

/* What a request must have */

START_TEST(bad_requests_are_refused)
{
	static const char *const bad[] = {
		"",
		"INVITE",
		"INVITE sip:b@h SIP/2.0\r\n\r\n",
		"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=" B1
		"\r\n\r\n",
		"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=" B1
		"\r\nFrom: <sip:a@h>\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\n\r\n",
		"OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=" B1
		"x\r\n\r\n",
		"OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n",
		"OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h, SIP/2.0/UDP "
		"i;branch=" B1 "\r\n\r\n",
		"OPTIONS sip:b@h SIP/2.0\r\n\r\nVia: SIP/2.0/UDP h;branch=" B1
		"\r\n\r\n",
		"ACK sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=" B1
		"\r\n\r\n",
	};
	struct fixture *f = fix_new(ROOM);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(send_text(f, NULL, B1, bad[i], 0), -EBADMSG);
	ck_assert_uint_eq(f->nsent, 0);
	ck_assert_uint_eq(txns_open(f->t), 0);
	ck_assert_uint_eq(txns_pending(f->t), 0);
	fix_free(f);
}
END_TEST

START_TEST(a_branch_is_used_once)
{
	static const char text[] = "OPTIONS sip:b@h SIP/2.0\r\n"
				   "Via: SIP/2.0/UDP h;branch=" B1 "\r\n\r\n";
	struct fixture *f = fix_new(ROOM);

	ck_assert_int_eq(send_text(f, NULL, B1, text, 0), 0);
	ck_assert_int_eq(send_text(f, NULL, B1, text, 0), -EEXIST);
	ck_assert_uint_eq(txns_open(f->t), 1);
	ck_assert_uint_eq(f->nsent, 1);
	fix_free(f);
}
END_TEST

/* Compact names, folded lines, several values in one Via, odd spacing. */
START_TEST(derived_from_any_spelling)
{
	static const char text[] =
		"INVITE sip:b@h SIP/2.0\r\n"
		"v:SIP/2.0/UDP h;x=\"a,b\"\r\n ;BRANCH=" B1
		" , SIP/2.0/UDP i\r\n"
		"V: SIP/2.0/UDP j\r\n"
		"f : \"To: me, you\"\r\n\t<sip:a@h;tag=no>;tag=f\r\n"
		"t: <sip:b@h>\r\n"
		"Subject: CSeq: 3 INVITE\r\n"
		"i: c1\r\n"
		"route: <sip:p1;lr>, <sip:p2;lr>\r\n"
		"cseq: 12  INVITE\r\n"
		"\r\n"
		" body\r\nRoute: <sip:body;lr>\r\n";
	static const char expected[] =
		"CANCEL sip:b@h SIP/2.0\r\n"
		"Via: SIP/2.0/UDP h;x=\"a,b\"\r\n ;BRANCH=" B1 "\r\n"
		"From: \"To: me, you\"\r\n\t<sip:a@h;tag=no>;tag=f\r\n"
		"To: <sip:b@h>\r\n"
		"Call-ID: c1\r\n"
		"Route: <sip:p1;lr>, <sip:p2;lr>\r\n"
		"CSeq: 12 CANCEL\r\n"
		"Max-Forwards: 70\r\n"
		"Content-Length: 0\r\n\r\n";
	struct fixture *f = fix_new(ROOM);
	txn_id id;

	ck_assert_int_eq(send_text(f, &id, B1, text, 0), 0);
	ck_assert_str_eq(last_sent(f)->text, text);
	in_resp(f, 100, B1, "INVITE");
	ck_assert_int_eq(txn_cancel(f->t, id, f->now, NULL), 0);
	ck_assert_str_eq(last_sent(f)->text, expected);
	fix_free(f);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cancel");

	tcase_add_test(tc, cancel_waits_for_a_provisional);
	tcase_add_test(tc, cancel_of_a_silent_peer_ends_with_timer_b);
	tcase_add_test(tc, cancel_in_proceeding_goes_at_once);
	tcase_add_test(tc, cancel_without_a_final_ends_in_408);
	tcase_add_test(tc, cancel_and_200_cross);
	tcase_add_test(tc, cancel_wanted_but_200_comes_first);
	tcase_add_test(tc, there_must_be_something_to_cancel);
	tcase_add_test(tc, cancel_inside_the_handler);
	tcase_add_test(tc, detach_inside_the_handler);
	tcase_add_test(tc, requests_inside_the_handler);
	tcase_add_test(tc, bad_requests_are_refused);
	tcase_add_test(tc, a_branch_is_used_once);
	tcase_add_test(tc, derived_from_any_spelling);
	return fix_main("txn_cancel", tc);
}
