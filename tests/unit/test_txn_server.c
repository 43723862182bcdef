#include "tests/unit/txn_fixture.h"

#define INVITE  .method = "INVITE"
#define ACK     .method = "ACK"
#define CANCEL  .method = "CANCEL"
#define OPTIONS .method = "OPTIONS"

/* RFC 3261 Fig. 7: Proceeding */

START_TEST(invite_is_handed_up_once)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	ck_assert_uint_ne(id, 0);
	ck_assert_uint_eq(in_req(f, REQ(INVITE)), 0);
	ck_assert_uint_eq(f->nrequests, 1);
	ck_assert_uint_eq(f->nsent, 0);
	ck_assert_uint_eq(txns_counts(f->t)->retransmits_in, 1);
	ck_assert_uint_eq(txns_counts(f->t)->server, 1);
	ck_assert_uint_eq(txns_open(f->t), 1);
	ck_assert_uint_eq(txns_pending(f->t), 1);
	fix_free(f);
}
END_TEST

START_TEST(invite_gets_100_after_200_ms)
{
	struct fixture *f = fix_new(ROOM);

	in_req(f, REQ(INVITE));
	fix_advance(f, 199);
	ck_assert_uint_eq(f->nsent, 0);
	fix_advance(f, 1);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert(begins(last_sent(f), "SIP/2.0 100 "));
	ck_assert_str_eq(last_sent(f)->dst, "192.0.2.10:5062");
	ck_assert_ptr_nonnull(strstr(last_sent(f)->text, "branch=z9hG4bKb1"));
	in_req(f, REQ(INVITE));
	ck_assert_uint_eq(count_sent(f, 0, "SIP/2.0 100 "), 2);
	fix_free(f);
}
END_TEST

START_TEST(invite_answered_in_time_gets_no_100)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	fix_advance(f, 150);
	ck_assert_int_eq(respond(f, id, 180), 0);
	fix_advance(f, 5000);
	ck_assert_uint_eq(f->nsent, 1);
	fix_free(f);
}
END_TEST

START_TEST(invite_again_gets_the_latest_provisional)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	respond(f, id, 180);
	respond(f, id, 183);
	in_req(f, REQ(INVITE));
	ck_assert_uint_eq(f->nsent, 3);
	ck_assert(begins(last_sent(f), "SIP/2.0 183 "));
	ck_assert_uint_eq(txns_pending(f->t), 1);
	fix_free(f);
}
END_TEST

START_TEST(unanswered_requests_end_some_day)
{
	struct fixture *f = fix_new(ROOM);
	txn_id invite = in_req(f, REQ(INVITE));
	txn_id other = in_req(f, REQ(OPTIONS));

	fix_advance(f, 2 * TIMER_B);
	ck_assert_int_eq(respond(f, other, 200), -ENOENT);
	fix_advance(f, 2 * TIMER_C - 2 * TIMER_B - 1);
	ck_assert_int_eq(respond(f, invite, 180), 0);
	fix_advance(f, 2 * TIMER_C - 1);
	ck_assert_uint_eq(txns_open(f->t), 1);
	fix_advance(f, 1);
	ck_assert_uint_eq(txns_open(f->t), 0);
	ck_assert_uint_eq(txns_pending(f->t), 0);
	ck_assert_uint_eq(txns_counts(f->t)->timeouts, 2);
	fix_free(f);
}
END_TEST

/* Completed: Timers G and H */

START_TEST(completed_sends_again_until_timer_h)
{
	static const unsigned due[] = {500,   1500,  3500,  7500,  11500,
				       15500, 19500, 23500, 27500, 31500};
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));
	uint64_t begun = f->now;

	ck_assert_int_eq(respond(f, id, 486), 0);
	ck_assert_uint_eq(txns_pending(f->t), 0);
	fix_advance(f, TIMER_J);
	ck_assert_uint_eq(f->nsent, 11);
	for (size_t i = 0; i < 10; i++) {
		ck_assert_uint_eq(f->sent[i + 1].at - begun, due[i]);
		ck_assert(begins(&f->sent[i + 1], "SIP/2.0 486 "));
	}
	ck_assert_uint_eq(txns_open(f->t), 0);
	ck_assert_uint_eq(txns_counts(f->t)->timeouts, 1);
	ck_assert_uint_eq(txns_counts(f->t)->retransmits_out, 10);
	ck_assert_int_eq(respond(f, id, 486), -ENOENT);
	fix_free(f);
}
END_TEST

START_TEST(completed_answers_a_retransmission)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	respond(f, id, 404);
	in_req(f, REQ(INVITE));
	ck_assert_uint_eq(count_sent(f, 0, "SIP/2.0 404 "), 2);
	ck_assert_int_eq(respond(f, id, 404), -EALREADY);
	ck_assert_int_eq(respond(f, id, 200), -EALREADY);
	ck_assert_int_eq(respond(f, id, 180), -EALREADY);
	ck_assert_uint_eq(f->nsent, 2);
	fix_free(f);
}
END_TEST

/* Confirmed: Timer I */

START_TEST(ack_confirms)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	respond(f, id, 302);
	fix_advance(f, 100);
	in_req(f, REQ(ACK, .to_tag = "tb"));
	in_req(f, REQ(ACK, .to_tag = "tb"));
	in_req(f, REQ(INVITE));
	ck_assert_int_eq(respond(f, id, 302), -EALREADY);
	fix_advance(f, T4 - 1);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert_uint_eq(f->nrequests, 1);
	ck_assert_uint_eq(txns_open(f->t), 1);
	fix_advance(f, 1);
	ck_assert_uint_eq(txns_open(f->t), 0);
	ck_assert_uint_eq(txns_counts(f->t)->timeouts, 0);
	fix_free(f);
}
END_TEST

START_TEST(lost_response_and_lost_ack)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	respond(f, id, 486); /* lost: the client sends its INVITE again */
	in_req(f, REQ(INVITE));
	ck_assert_uint_eq(f->nsent, 2);
	fix_advance(f, 500); /* the ACK was lost: Timer G */
	ck_assert_uint_eq(f->nsent, 3);
	in_req(f, REQ(ACK, .to_tag = "tb"));
	fix_advance(f, T4);
	ck_assert_uint_eq(f->nsent, 3);
	ck_assert_uint_eq(txns_open(f->t), 0);
	fix_free(f);
}
END_TEST

START_TEST(ack_before_the_answer_is_absorbed)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	in_req(f, REQ(ACK));
	ck_assert_uint_eq(f->nrequests, 1);
	ck_assert_int_eq(respond(f, id, 180), 0);
	fix_free(f);
}
END_TEST

/* RFC 6026 7.1: Accepted, Timer L */

START_TEST(accepted_passes_further_2xx)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	ck_assert_int_eq(respond(f, id, 200), 0);
	ck_assert_uint_eq(txns_pending(f->t), 0);
	in_req(f, REQ(INVITE));
	fix_advance(f, 10000);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert_int_eq(respond(f, id, 200), 0);
	ck_assert_int_eq(respond(f, id, 202), 0);
	ck_assert_int_eq(respond(f, id, 486), -EALREADY);
	ck_assert_int_eq(respond(f, id, 180), -EALREADY);
	ck_assert_uint_eq(f->nsent, 3);
	fix_advance(f, TIMER_J - 10000 - 1);
	ck_assert_int_eq(respond(f, id, 200), 0);
	fix_advance(f, 1);
	ck_assert_int_eq(respond(f, id, 200), -ENOENT);
	ck_assert_uint_eq(txns_open(f->t), 0);
	ck_assert_uint_eq(txns_counts(f->t)->timeouts, 0);
	fix_free(f);
}
END_TEST

START_TEST(ack_to_2xx_goes_up_without_id)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	respond(f, id, 200);
	in_req(f, REQ(ACK, .branch = "z9hG4bKother", .to_tag = "tb"));
	ck_assert_uint_eq(f->nrequests, 2);
	ck_assert_uint_eq(f->requests[1], 0);
	ck_assert_str_eq(f->methods[1], "ACK");
	in_req(f, REQ(ACK, .to_tag = "tb")); /* some keep the branch */
	ck_assert_uint_eq(f->nrequests, 3);
	ck_assert_uint_eq(f->requests[2], 0);
	ck_assert_uint_eq(txns_open(f->t), 1);
	fix_free(f);
}
END_TEST

/* Fig. 8 */

START_TEST(other_trying_absorbs)
{
	struct fixture *f = fix_new(ROOM);

	ck_assert_uint_ne(in_req(f, REQ(OPTIONS)), 0);
	in_req(f, REQ(OPTIONS));
	fix_advance(f, 10000);
	ck_assert_uint_eq(f->nrequests, 1);
	ck_assert_uint_eq(f->nsent, 0);
	fix_free(f);
}
END_TEST

START_TEST(other_proceeding_repeats_the_provisional)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(OPTIONS));

	ck_assert_int_eq(respond(f, id, 100), 0);
	in_req(f, REQ(OPTIONS));
	ck_assert_uint_eq(count_sent(f, 0, "SIP/2.0 100 "), 2);
	ck_assert_int_eq(respond(f, id, 183), 0);
	in_req(f, REQ(OPTIONS));
	ck_assert_uint_eq(count_sent(f, 0, "SIP/2.0 183 "), 2);
	ck_assert_uint_eq(txns_pending(f->t), 1);
	ck_assert_int_eq(respond(f, id, 200), 0);
	ck_assert_uint_eq(txns_pending(f->t), 0);
	fix_free(f);
}
END_TEST

START_TEST(other_completed_until_timer_j)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(OPTIONS));

	ck_assert_int_eq(respond(f, id, 200), 0);
	ck_assert_int_eq(respond(f, id, 200), -EALREADY);
	fix_advance(f, TIMER_J - 1);
	in_req(f, REQ(OPTIONS));
	ck_assert_uint_eq(count_sent(f, 0, "SIP/2.0 200 "), 2);
	ck_assert_uint_eq(f->nrequests, 1);
	fix_advance(f, 1);
	ck_assert_uint_eq(txns_open(f->t), 0);
	ck_assert_uint_ne(in_req(f, REQ(OPTIONS)), 0);
	ck_assert_uint_eq(f->nrequests, 2);
	fix_free(f);
}
END_TEST

/* CANCEL: 9.2, 16.10 */

START_TEST(cancel_is_answered_and_told_once)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	respond(f, id, 180);
	in_req(f, REQ(CANCEL));
	in_req(f, REQ(CANCEL));
	ck_assert_uint_eq(f->ncancels, 1);
	ck_assert_uint_eq(f->cancels[0], id);
	ck_assert_uint_eq(f->nrequests, 1);
	ck_assert_uint_eq(count_sent(f, 0, "SIP/2.0 200 "), 2);
	ck_assert_str_eq(f->sent[1].text, f->sent[2].text);
	ck_assert_ptr_nonnull(strstr(last_sent(f)->text, "CSeq: 1 CANCEL"));
	ck_assert_int_eq(respond(f, id, 487), 0);
	fix_free(f);
}
END_TEST

START_TEST(cancel_before_any_answer)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	in_req(f, REQ(CANCEL));
	ck_assert_uint_eq(f->ncancels, 1);
	ck_assert(begins(last_sent(f), "SIP/2.0 200 "));
	ck_assert_int_eq(respond(f, id, 487), 0);
	fix_free(f);
}
END_TEST

START_TEST(cancel_too_late_has_no_effect)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	respond(f, id, 200);
	in_req(f, REQ(CANCEL));
	ck_assert_uint_eq(f->ncancels, 0);
	ck_assert_uint_eq(count_sent(f, 1, "SIP/2.0 200 "), 1);
	ck_assert_int_eq(respond(f, id, 200), 0);
	fix_free(f);
}
END_TEST

START_TEST(cancel_of_nothing_gets_481)
{
	struct fixture *f = fix_new(ROOM);

	in_req(f, REQ(OPTIONS));
	in_req(f, REQ(CANCEL));
	ck_assert(begins(last_sent(f), "SIP/2.0 481 "));
	in_req(f, REQ(INVITE));
	in_req(f, REQ(CANCEL, .branch = "z9hG4bKother"));
	ck_assert_uint_eq(count_sent(f, 0, "SIP/2.0 481 "), 2);
	ck_assert_uint_eq(f->ncancels, 0);
	ck_assert_uint_eq(txns_open(f->t), 2);
	fix_free(f);
}
END_TEST

/* Handlers that call back */

static void reject_at_once(struct fixture *f, txn_id id)
{
	ck_assert_int_eq(respond(f, id, 100), 0);
	ck_assert_int_eq(respond(f, id, 404), 0);
	ck_assert_int_eq(respond(f, id, 404), -EALREADY);
}

START_TEST(respond_inside_the_request_handler)
{
	struct fixture *f = fix_new(ROOM);

	f->on_request = reject_at_once;
	in_req(f, REQ(INVITE));
	ck_assert_uint_eq(f->nsent, 2);
	in_req(f, REQ(ACK, .to_tag = "tb"));
	fix_advance(f, T4);
	ck_assert_uint_eq(txns_open(f->t), 0);
	fix_free(f);
}
END_TEST

static void terminate(struct fixture *f, txn_id id)
{
	ck_assert_int_eq(respond(f, id, 487), 0);
}

START_TEST(respond_inside_the_cancel_handler)
{
	struct fixture *f = fix_new(ROOM);

	f->on_cancel = terminate;
	in_req(f, REQ(INVITE));
	in_req(f, REQ(CANCEL));
	ck_assert_uint_eq(f->nsent, 2);
	ck_assert(begins(&f->sent[0], "SIP/2.0 200 "));
	ck_assert(begins(&f->sent[1], "SIP/2.0 487 "));
	ck_assert_uint_eq(txns_pending(f->t), 0);
	fix_free(f);
}
END_TEST

START_TEST(free_leaves_no_deadline)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id;

	in_req(f, REQ(INVITE));
	in_req(f, REQ(OPTIONS));
	id = in_req(f, REQ(INVITE, .branch = "z9hG4bK2"));
	respond(f, id, 486);
	id = in_req(f, REQ(INVITE, .branch = "z9hG4bK3"));
	respond(f, id, 200);
	ck_assert_uint_gt(deadlines_count(f->dl), 4);
	fix_free(f);
	txns_free(NULL);
}
END_TEST

static void add_invite(TCase *tc)
{
	tcase_add_test(tc, invite_is_handed_up_once);
	tcase_add_test(tc, invite_gets_100_after_200_ms);
	tcase_add_test(tc, invite_answered_in_time_gets_no_100);
	tcase_add_test(tc, invite_again_gets_the_latest_provisional);
	tcase_add_test(tc, unanswered_requests_end_some_day);
	tcase_add_test(tc, completed_sends_again_until_timer_h);
	tcase_add_test(tc, completed_answers_a_retransmission);
	tcase_add_test(tc, ack_confirms);
	tcase_add_test(tc, lost_response_and_lost_ack);
	tcase_add_test(tc, ack_before_the_answer_is_absorbed);
	tcase_add_test(tc, accepted_passes_further_2xx);
	tcase_add_test(tc, ack_to_2xx_goes_up_without_id);
}

int main(void)
{
	TCase *tc = tcase_create("machines");

	add_invite(tc);
	tcase_add_test(tc, other_trying_absorbs);
	tcase_add_test(tc, other_proceeding_repeats_the_provisional);
	tcase_add_test(tc, other_completed_until_timer_j);
	tcase_add_test(tc, cancel_is_answered_and_told_once);
	tcase_add_test(tc, cancel_before_any_answer);
	tcase_add_test(tc, cancel_too_late_has_no_effect);
	tcase_add_test(tc, cancel_of_nothing_gets_481);
	tcase_add_test(tc, respond_inside_the_request_handler);
	tcase_add_test(tc, respond_inside_the_cancel_handler);
	tcase_add_test(tc, free_leaves_no_deadline);
	return fix_main("txn_server", tc);
}
