#include "tests/unit/txn_fixture.h"

#define B1 "z9hG4bKb1"

/* RFC 3261 Fig. 5: Calling, Timers A and B */

START_TEST(invite_doubles_until_timer_b)
{
	static const unsigned due[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
	struct fixture *f = fix_new(ROOM);
	uint64_t begun = f->now;
	txn_id id = send_req(f, "INVITE", B1);

	fix_advance(f, TIMER_B - 1);
	ck_assert_uint_eq(f->nnews, 0);
	ck_assert_uint_eq(f->nsent, 7);
	for (size_t i = 0; i < 7; i++) {
		ck_assert_uint_eq(f->sent[i].at - begun, due[i]);
		ck_assert_str_eq(f->sent[i].text, f->sent[0].text);
		ck_assert_str_eq(f->sent[i].dst, "198.51.100.5:5060");
	}
	fix_advance(f, 1);
	assert_news(f, 1, 408, false, true);
	ck_assert_uint_eq(last_news(f)->id, id);
	ck_assert_uint_eq(txns_open(f->t), 0);
	ck_assert_uint_eq(txns_counts(f->t)->timeouts, 1);
	ck_assert_uint_eq(txns_counts(f->t)->retransmits_out, 6);
	fix_free(f);
}
END_TEST

START_TEST(timeout_shortens_timers_b_and_f)
{
	static const char options[] = "OPTIONS sip:b@198.51.100.5 SIP/2.0\r\n"
				      "Via: SIP/2.0/UDP h;branch=z9hG4bKo\r\n"
				      "\r\n";
	struct fixture *f = fix_new(ROOM);
	txn_id id;

	ck_assert_int_eq(send_text(f, &id, "z9hG4bKo", options, 700), 0);
	fix_advance(f, 699);
	ck_assert_uint_eq(f->nnews, 0);
	fix_advance(f, 1);
	assert_news(f, 1, 408, false, true);
	ck_assert_uint_eq(f->nsent, 2);
	ck_assert_int_eq(send_text(f, NULL, "z9hG4bKo", options, 99999), 0);
	fix_advance(f, TIMER_B);
	ck_assert_uint_eq(f->nnews, 2);
	fix_free(f);
}
END_TEST

/* Proceeding, Timer C */

START_TEST(a_100_stops_the_retransmissions_silently)
{
	struct fixture *f = fix_new(ROOM);

	send_req(f, "INVITE", B1);
	in_resp(f, 100, B1, "INVITE");
	fix_advance(f, TIMER_B + 1);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert_uint_eq(f->nnews, 0);
	ck_assert_uint_eq(txns_pending(f->t), 1);
	in_resp(f, 180, B1, "INVITE");
	assert_news(f, 1, 180, true, false);
	in_resp(f, 180, B1, "INVITE");
	assert_news(f, 2, 180, true, false);
	fix_free(f);
}
END_TEST

/* From the request on; restarted by a 180, not by a 100. */
START_TEST(timer_c_cancels_and_then_gives_up)
{
	struct fixture *f = fix_new(ROOM);

	send_req(f, "INVITE", B1);
	fix_advance(f, 1000);
	in_resp(f, 100, B1, "INVITE");
	fix_advance(f, TIMER_C - 1001);
	in_resp(f, 100, B1, "INVITE");
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 0);
	in_resp(f, 180, B1, "INVITE");
	fix_advance(f, TIMER_C - 1);
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 0);
	fix_advance(f, 1);
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 1);
	in_resp(f, 200, B1, "CANCEL");
	in_resp(f, 180, B1, "INVITE"); /* buys no more time */
	fix_advance(f, 64 * T1 - 1);
	ck_assert_int_eq(last_news(f)->status, 180);
	fix_advance(f, 1);
	assert_news(f, 3, 408, false, true);
	ck_assert_uint_eq(txns_open(f->t), 0);
	fix_free(f);
}
END_TEST

START_TEST(timer_c_after_a_mere_100)
{
	struct fixture *f = fix_new(ROOM);

	send_req(f, "INVITE", B1);
	fix_advance(f, 1000);
	in_resp(f, 100, B1, "INVITE");
	fix_advance(f, TIMER_C - 1000);
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 1);
	in_resp(f, 200, B1, "CANCEL");
	in_resp(f, 487, B1, "INVITE");
	assert_news(f, 1, 487, true, true);
	ck_assert_uint_eq(count_sent(f, 0, "ACK "), 1);
	fix_advance(f, TIMER_B);
	ck_assert_uint_eq(f->nnews, 1);
	ck_assert_uint_eq(txns_counts(f->t)->timeouts, 0);
	fix_free(f);
}
END_TEST

START_TEST(a_late_100_shortens_no_timer_c)
{
	struct fixture *f = fix_new(ROOM);

	send_req(f, "INVITE", B1);
	fix_advance(f, 20000);
	in_resp(f, 180, B1, "INVITE");
	in_resp(f, 100, B1, "INVITE");
	fix_advance(f, TIMER_C - 1);
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 0);
	fix_advance(f, 1);
	ck_assert_uint_eq(count_sent(f, 0, "CANCEL "), 1);
	fix_free(f);
}
END_TEST

/* Completed: the ACK of 17.1.1.3, Timer D */

static const char expected_ack[] =
	"ACK sip:bob@198.51.100.5;x=1 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKb1\r\n"
	"Route: <sip:p1.example.com;lr>\r\n"
	"From: <sip:alice@example.com>;tag=fa\r\n"
	"To: \"B, b\" <sip:bob@example.com>;x=y;tag=tb\r\n"
	"Route: <sip:p2.example.com;lr>\r\n"
	"Call-ID: call-1\r\n"
	"CSeq: 7 ACK\r\n"
	"Max-Forwards: 70\r\n"
	"Content-Length: 0\r\n\r\n";

/* Each class of final response, before (0) and after (1) a provisional. */
static const int finals[] = {302, 486, 503, 603};

START_TEST(a_final_is_acked_and_reported)
{
	for (int ringing = 0; ringing < 2; ringing++) {
		struct fixture *f = fix_new(ROOM);

		send_req(f, "INVITE", B1);
		if (ringing)
			in_resp(f, 180, B1, "INVITE");
		in_resp(f, finals[_i], B1, "INVITE");
		assert_news(f, (size_t)ringing + 1, finals[_i], true, true);
		ck_assert_uint_eq(f->nsent, 2);
		ck_assert_str_eq(last_sent(f)->text, expected_ack);
		ck_assert_str_eq(last_sent(f)->dst, "198.51.100.5:5060");
		ck_assert_uint_eq(txns_pending(f->t), 0);
		ck_assert_uint_eq(txns_open(f->t), 1);
		fix_free(f);
	}
}
END_TEST

START_TEST(a_final_again_is_acked_again_until_timer_d)
{
	struct fixture *f = fix_new(ROOM);

	send_req(f, "INVITE", B1);
	in_resp(f, 486, B1, "INVITE");
	fix_advance(f, TIMER_B - 1);
	in_resp(f, 486, B1, "INVITE");
	ck_assert_uint_eq(f->nsent, 3);
	ck_assert_str_eq(last_sent(f)->text, expected_ack);
	ck_assert_uint_eq(f->nnews, 1);
	ck_assert_uint_eq(txns_counts(f->t)->retransmits_in, 1);
	in_resp(f, 180, B1, "INVITE");
	in_resp(f, 200, B1, "INVITE");
	ck_assert_uint_eq(f->nnews, 1);
	ck_assert_uint_eq(txns_counts(f->t)->stray, 2);
	fix_advance(f, 1);
	ck_assert_uint_eq(txns_open(f->t), 0);
	in_resp(f, 486, B1, "INVITE");
	ck_assert_uint_eq(f->nsent, 3);
	ck_assert_uint_eq(f->nnews, 1);
	fix_free(f);
}
END_TEST

/* RFC 6026 7.2: Accepted, Timer M */

START_TEST(each_2xx_is_passed_up_until_timer_m)
{
	struct fixture *f = fix_new(ROOM);

	send_req(f, "INVITE", B1);
	in_resp(f, 200, B1, "INVITE");
	assert_news(f, 1, 200, true, false);
	ck_assert_uint_eq(txns_pending(f->t), 0);
	in_resp(f, 486, B1, "INVITE");
	in_resp(f, 180, B1, "INVITE");
	ck_assert_uint_eq(f->nnews, 1);
	fix_advance(f, TIMER_B - 1);
	in_resp(f, 202, B1, "INVITE");
	assert_news(f, 2, 202, true, false);
	fix_advance(f, 1);
	assert_news(f, 3, 0, false, true);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert_uint_eq(txns_open(f->t), 0);
	ck_assert_uint_eq(txns_counts(f->t)->timeouts, 0);
	ck_assert_uint_eq(txns_counts(f->t)->stray, 2);
	fix_free(f);
}
END_TEST

START_TEST(a_2xx_after_ringing)
{
	struct fixture *f = fix_new(ROOM);

	send_req(f, "INVITE", B1);
	in_resp(f, 180, B1, "INVITE");
	in_resp(f, 200, B1, "INVITE");
	assert_news(f, 2, 200, true, false);
	fix_advance(f, TIMER_C);
	ck_assert_uint_eq(f->nsent, 1);
	assert_news(f, 3, 0, false, true);
	fix_free(f);
}
END_TEST

/* Fig. 6: Timers E, F, K */

START_TEST(other_backs_off_to_t2_until_timer_f)
{
	static const unsigned due[] = {0,     500,   1500,  3500,  7500, 11500,
				       15500, 19500, 23500, 27500, 31500};
	struct fixture *f = fix_new(ROOM);
	uint64_t begun = f->now;

	send_req(f, "OPTIONS", B1);
	fix_advance(f, TIMER_B - 1);
	ck_assert_uint_eq(f->nsent, 11);
	for (size_t i = 0; i < 11; i++)
		ck_assert_uint_eq(f->sent[i].at - begun, due[i]);
	ck_assert_uint_eq(f->nnews, 0);
	fix_advance(f, 1);
	assert_news(f, 1, 408, false, true);
	ck_assert_uint_eq(txns_open(f->t), 0);
	fix_free(f);
}
END_TEST

START_TEST(other_proceeding_repeats_each_t2)
{
	static const unsigned due[] = {0,     500,   4500,  8500, 12500,
				       16500, 20500, 24500, 28500};
	struct fixture *f = fix_new(ROOM);
	uint64_t begun = f->now;

	send_req(f, "OPTIONS", B1);
	fix_advance(f, 100);
	in_resp(f, 100, B1, "OPTIONS");
	ck_assert_uint_eq(f->nnews, 0);
	in_resp(f, 183, B1, "OPTIONS");
	assert_news(f, 1, 183, true, false);
	fix_advance(f, TIMER_B - 101);
	ck_assert_uint_eq(f->nsent, 9);
	for (size_t i = 0; i < 9; i++)
		ck_assert_uint_eq(f->sent[i].at - begun, due[i]);
	fix_advance(f, 1);
	assert_news(f, 2, 408, false, true);
	fix_free(f);
}
END_TEST

START_TEST(other_completed_absorbs_until_timer_k)
{
	for (int ringing = 0; ringing < 2; ringing++) {
		struct fixture *f = fix_new(ROOM);

		send_req(f, "OPTIONS", B1);
		if (ringing)
			in_resp(f, 100, B1, "OPTIONS");
		in_resp(f, finals[_i], B1, "OPTIONS");
		assert_news(f, 1, finals[_i], true, true);
		ck_assert_uint_eq(txns_pending(f->t), 0);
		fix_advance(f, T4 - 1);
		in_resp(f, finals[_i], B1, "OPTIONS");
		ck_assert_uint_eq(txns_counts(f->t)->retransmits_in, 1);
		ck_assert_uint_eq(txns_open(f->t), 1);
		fix_advance(f, 1);
		ck_assert_uint_eq(txns_open(f->t), 0);
		in_resp(f, finals[_i], B1, "OPTIONS");
		ck_assert_uint_eq(txns_counts(f->t)->stray, 1);
		ck_assert_uint_eq(f->nnews, 1);
		ck_assert_uint_eq(f->nsent, 1);
		fix_free(f);
	}
}
END_TEST

START_TEST(a_lost_request_and_a_lost_response)
{
	struct fixture *f = fix_new(ROOM);

	send_req(f, "OPTIONS", B1);
	fix_advance(f, 1500);
	ck_assert_uint_eq(f->nsent, 3);
	in_resp(f, 200, B1, "OPTIONS");
	in_resp(f, 200, B1, "OPTIONS"); /* the answer to the second */
	ck_assert_uint_eq(f->nnews, 1);
	fix_advance(f, TIMER_B);
	ck_assert_uint_eq(f->nsent, 3);
	fix_free(f);
}
END_TEST

/* Matching: 17.1.3 */

START_TEST(strays_are_counted_and_dropped)
{
	struct fixture *f = fix_new(ROOM);
	char huge[600];

	memset(huge, 'x', sizeof(huge));
	memcpy(huge, "z9hG4bK", 7);
	huge[sizeof(huge) - 1] = '\0';
	send_req(f, "INVITE", B1);
	in_resp(f, 200, "z9hG4bKother", "INVITE");
	in_resp(f, 200, huge, "INVITE");
	in_resp(f, 200, B1, "OPTIONS");
	in_resp(f, 200, B1, "CANCEL");
	in_resp(f, 200, B1, "invite");
	ck_assert_uint_eq(txns_counts(f->t)->stray, 5);
	ck_assert_uint_eq(f->nnews, 0);
	in_resp(f, 200, B1, "INVITE");
	ck_assert_uint_eq(f->nnews, 1);
	fix_free(f);
}
END_TEST

START_TEST(the_table_is_bounded)
{
	static const char text[] = "OPTIONS sip:b@198.51.100.5 SIP/2.0\r\n"
				   "Via: SIP/2.0/UDP h;branch=z9hG4bKo\r\n\r\n";
	struct fixture *f = fix_new(2);
	txn_id invite = send_req(f, "INVITE", "z9hG4bK1");

	send_req(f, "INVITE", "z9hG4bK2");
	ck_assert_int_eq(send_text(f, NULL, "z9hG4bKo", text, 0), -ENOSPC);
	ck_assert_uint_eq(txns_counts(f->t)->overload, 1);
	ck_assert_uint_eq(f->nsent, 2);
	in_resp(f, 180, "z9hG4bK1", "INVITE");
	ck_assert_int_eq(txn_cancel(f->t, invite, f->now, NULL), 0);
	ck_assert(begins(last_sent(f), "CANCEL ")); /* there is room for it */
	fix_free(f);
}
END_TEST

START_TEST(ids_are_not_reused)
{
	struct fixture *f = fix_new(1);
	txn_id old = 0, id;

	for (int i = 0; i < 5; i++) {
		id = send_req(f, "INVITE", B1);
		ck_assert_uint_ne(id, 0);
		ck_assert_uint_ne(id, old);
		txn_detach(f->t, old);
		ck_assert_int_eq(txn_cancel(f->t, old, f->now, NULL), -ENOENT);
		fix_advance(f, TIMER_B);
		ck_assert_uint_eq(last_news(f)->id, id);
		old = id;
	}
	ck_assert_uint_eq(f->nnews, 5);
	fix_free(f);
}
END_TEST

/* Detached: nothing is reported, the machine goes on. */

START_TEST(detached_invite_still_acks)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = send_req(f, "INVITE", B1);

	txn_detach(f->t, id);
	fix_advance(f, 500);
	ck_assert_uint_eq(f->nsent, 2);
	in_resp(f, 180, B1, "INVITE");
	in_resp(f, 486, B1, "INVITE");
	in_resp(f, 486, B1, "INVITE");
	ck_assert_uint_eq(count_sent(f, 0, "ACK "), 2);
	fix_advance(f, TIMER_B);
	ck_assert_uint_eq(f->nnews, 0);
	ck_assert_uint_eq(txns_open(f->t), 0);
	fix_free(f);
}
END_TEST

START_TEST(detached_ones_time_out_silently)
{
	struct fixture *f = fix_new(ROOM);

	txn_detach(f->t, send_req(f, "INVITE", B1));
	txn_detach(f->t, send_req(f, "OPTIONS", B1));
	txn_detach(f->t, send_req(f, "INVITE", "z9hG4bK2"));
	in_resp(f, 200, "z9hG4bK2", "INVITE");
	fix_advance(f, TIMER_B);
	ck_assert_uint_eq(f->nnews, 0);
	ck_assert_uint_eq(txns_open(f->t), 0);
	fix_free(f);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("machines");

	tcase_add_test(tc, invite_doubles_until_timer_b);
	tcase_add_test(tc, timeout_shortens_timers_b_and_f);
	tcase_add_test(tc, a_100_stops_the_retransmissions_silently);
	tcase_add_test(tc, timer_c_cancels_and_then_gives_up);
	tcase_add_test(tc, timer_c_after_a_mere_100);
	tcase_add_test(tc, a_late_100_shortens_no_timer_c);
	tcase_add_loop_test(tc, a_final_is_acked_and_reported, 0, 4);
	tcase_add_test(tc, a_final_again_is_acked_again_until_timer_d);
	tcase_add_test(tc, each_2xx_is_passed_up_until_timer_m);
	tcase_add_test(tc, a_2xx_after_ringing);
	tcase_add_test(tc, other_backs_off_to_t2_until_timer_f);
	tcase_add_test(tc, other_proceeding_repeats_each_t2);
	tcase_add_loop_test(tc, other_completed_absorbs_until_timer_k, 0, 4);
	tcase_add_test(tc, a_lost_request_and_a_lost_response);
	tcase_add_test(tc, strays_are_counted_and_dropped);
	tcase_add_test(tc, the_table_is_bounded);
	tcase_add_test(tc, ids_are_not_reused);
	tcase_add_test(tc, detached_invite_still_acks);
	tcase_add_test(tc, detached_ones_time_out_silently);
	return fix_main("txn_client", tc);
}
