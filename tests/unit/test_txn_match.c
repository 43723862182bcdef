#include "tests/unit/txn_fixture.h"

#define INVITE  .method = "INVITE"
#define ACK     .method = "ACK"
#define CANCEL  .method = "CANCEL"
#define OPTIONS .method = "OPTIONS"

/* Matching: 17.2.3 */

START_TEST(same_branch_other_method_is_another_transaction)
{
	struct fixture *f = fix_new(ROOM);
	txn_id invite = in_req(f, REQ(INVITE));
	txn_id other = in_req(f, REQ(OPTIONS));
	txn_id odd = in_req(f, REQ(.method = "FOO"));

	ck_assert_uint_ne(other, 0);
	ck_assert_uint_ne(odd, 0);
	ck_assert(invite != other && other != odd && invite != odd);
	ck_assert_uint_eq(txns_open(f->t), 3);
	fix_free(f);
}
END_TEST

START_TEST(sent_by_is_part_of_the_key)
{
	struct fixture *f = fix_new(ROOM);

	ck_assert(in_req(f, REQ(INVITE, .sent_by = "a.example.com")));
	ck_assert(!in_req(f, REQ(INVITE, .sent_by = "A.Example.COM:5060")));
	ck_assert(in_req(f, REQ(INVITE, .sent_by = "a.example.com:5061")));
	ck_assert(in_req(f, REQ(INVITE, .sent_by = "b.example.com")));
	ck_assert(in_req(f, REQ(INVITE, .branch = "z9hG4bKb2",
				.sent_by = "b.example.com")));
	ck_assert_uint_eq(txns_open(f->t), 4);
	fix_free(f);
}
END_TEST

START_TEST(long_branches_match_and_differ)
{
	struct fixture *f = fix_new(ROOM);
	char a[600], b[600];

	memset(a, 'x', sizeof(a));
	memcpy(a, "z9hG4bK", 7);
	a[sizeof(a) - 1] = '\0';
	memcpy(b, a, sizeof(b));
	b[sizeof(b) - 2] = 'y';
	ck_assert(in_req(f, REQ(INVITE, .branch = a)));
	ck_assert(!in_req(f, REQ(INVITE, .branch = a)));
	ck_assert(in_req(f, REQ(INVITE, .branch = b)));
	ck_assert(in_req(f, REQ(OPTIONS, .branch = b)));
	in_req(f, REQ(CANCEL, .branch = b));
	ck_assert_uint_eq(f->ncancels, 1);
	ck_assert_uint_eq(f->cancels[0], f->requests[1]);
	fix_free(f);
}
END_TEST

/* Without the cookie, or without a branch at all (_i). */

static const char *const old_branch[] = {"", "1"};

START_TEST(rfc2543_retransmission)
{
	const char *b = old_branch[_i];
	struct fixture *f = fix_new(ROOM);

	ck_assert(in_req(f, REQ(INVITE, .branch = b)));
	ck_assert(!in_req(f, REQ(INVITE, .branch = b)));
	ck_assert(in_req(f, REQ(INVITE, .branch = b, .cseq = 2)));
	ck_assert(in_req(f, REQ(INVITE, .branch = b, .from_tag = "fx")));
	ck_assert(in_req(f, REQ(INVITE, .branch = b, .to_tag = "tx")));
	ck_assert(in_req(f, REQ(INVITE, .branch = b, .call_id = "call-2")));
	ck_assert(
		in_req(f, REQ(INVITE, .branch = b, .uri = "sip:c@192.0.2.9")));
	ck_assert(in_req(f, REQ(INVITE, .branch = b, .sent_by = "192.0.2.8")));
	ck_assert(in_req(f, REQ(OPTIONS, .branch = b)));
	ck_assert(!in_req(f, REQ(OPTIONS, .branch = b)));
	fix_free(f);
}
END_TEST

START_TEST(rfc2543_ack)
{
	const char *b = old_branch[_i];
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE, .branch = b));

	respond(f, id, 486);
	in_req(f, REQ(ACK, .branch = b, .to_tag = "wrong"));
	ck_assert_uint_eq(f->nrequests, 2);
	ck_assert_uint_eq(f->requests[1], 0);
	fix_advance(f, 500);
	ck_assert_uint_eq(f->nsent, 2);
	in_req(f, REQ(ACK, .branch = b, .to_tag = "tb"));
	ck_assert_uint_eq(f->nrequests, 2);
	fix_advance(f, T4);
	ck_assert_uint_eq(f->nsent, 2);
	ck_assert_uint_eq(txns_open(f->t), 0);
	fix_free(f);
}
END_TEST

START_TEST(rfc2543_ack_in_dialog)
{
	const char *b = old_branch[_i];
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE, .branch = b, .to_tag = "tb"));

	respond(f, id, 488);
	in_req(f, REQ(ACK, .branch = b, .to_tag = "tb"));
	fix_advance(f, T4);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert_uint_eq(f->nrequests, 1);
	ck_assert_uint_eq(txns_open(f->t), 0);
	fix_free(f);
}
END_TEST

START_TEST(rfc2543_ack_to_2xx_and_cancel)
{
	const char *b = old_branch[_i];
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE, .branch = b));

	in_req(f, REQ(CANCEL, .branch = b));
	ck_assert_uint_eq(f->ncancels, 1);
	ck_assert(begins(last_sent(f), "SIP/2.0 200 "));
	in_req(f, REQ(CANCEL, .branch = b, .cseq = 9));
	ck_assert_uint_eq(f->ncancels, 1);
	ck_assert(begins(last_sent(f), "SIP/2.0 481 "));
	respond(f, id, 200);
	in_req(f, REQ(ACK, .branch = b, .to_tag = "tb"));
	ck_assert_uint_eq(f->nrequests, 2);
	ck_assert_uint_eq(f->requests[1], 0);
	fix_free(f);
}
END_TEST

/* Where responses go: 18.2.2, RFC 3581 */

static void check_way_back(const struct req *r, const char *marked,
			   const char *dst)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, r);

	ck_assert_uint_ne(id, 0);
	ck_assert_str_eq(f->vias[0], marked);
	respond(f, id, 180);
	ck_assert_str_eq(last_sent(f)->dst, dst);
	fix_advance(f, 50);
	in_req(f, r);
	ck_assert_str_eq(last_sent(f)->dst, dst);
	fix_free(f);
}

START_TEST(way_back)
{
	check_way_back(REQ(INVITE, .src = "192.0.2.10:7000"), ":-",
		       "192.0.2.10:5062");
	check_way_back(
		REQ(INVITE, .via_params = ";rport", .src = "192.0.2.10:7000"),
		"192.0.2.10:7000", "192.0.2.10:7000");
	check_way_back(REQ(INVITE, .sent_by = "10.0.0.16:5060",
			   .via_params = ";rport", .src = "203.0.113.7:41000"),
		       "203.0.113.7:41000", "203.0.113.7:41000");
	check_way_back(REQ(INVITE, .sent_by = "10.0.0.16:5060",
			   .src = "203.0.113.7:41000"),
		       "203.0.113.7:41000", "203.0.113.7:41000");
	check_way_back(REQ(INVITE, .sent_by = "phone.example.com:5070",
			   .src = "203.0.113.7:41000"),
		       "203.0.113.7:-", "203.0.113.7:5070");
}
END_TEST

/* Bounds */

START_TEST(overload_is_answered_503)
{
	struct fixture *f = fix_new(2);
	const char *tag;
	char copy[64];

	ck_assert(in_req(f, REQ(INVITE, .branch = "z9hG4bK1")));
	ck_assert(in_req(f, REQ(OPTIONS, .branch = "z9hG4bK2")));
	ck_assert(!in_req(f, REQ(INVITE, .branch = "z9hG4bK3")));
	ck_assert(begins(last_sent(f), "SIP/2.0 503 "));
	ck_assert_ptr_nonnull(
		strstr(last_sent(f)->text, "\r\nRetry-After: 5\r\n"));
	ck_assert_uint_eq(txns_counts(f->t)->overload, 1);
	ck_assert_uint_eq(txns_open(f->t), 2);
	ck_assert_uint_eq(f->nrequests, 2);

	/* The ACK to that 503 is not one to be forwarded; one to a 2xx is. */
	tag = strstr(last_sent(f)->text, "bob@example.com>;tag=");
	ck_assert_ptr_nonnull(tag);
	snprintf(copy, sizeof(copy), "%.16s", tag + 21);
	in_req(f, REQ(ACK, .branch = "z9hG4bK3", .to_tag = copy));
	ck_assert_uint_eq(f->nrequests, 2);
	in_req(f, REQ(ACK, .branch = "z9hG4bK9", .to_tag = "tb"));
	ck_assert_uint_eq(f->nrequests, 3);
	ck_assert_uint_eq(f->nsent, 1);
	fix_free(f);
}
END_TEST

START_TEST(room_comes_back)
{
	struct fixture *f = fix_new(1);
	txn_id id = in_req(f, REQ(OPTIONS, .branch = "z9hG4bK1"));

	respond(f, id, 200);
	ck_assert(!in_req(f, REQ(OPTIONS, .branch = "z9hG4bK2")));
	fix_advance(f, TIMER_J);
	ck_assert(in_req(f, REQ(OPTIONS, .branch = "z9hG4bK2")));
	fix_free(f);
}
END_TEST

/* Ids */

START_TEST(ids_are_not_reused)
{
	struct fixture *f = fix_new(1);
	txn_id old = 0, id;

	for (int i = 0; i < 5; i++) {
		id = in_req(f, REQ(OPTIONS));
		ck_assert_uint_ne(id, 0);
		ck_assert_uint_ne(id, old);
		ck_assert_int_eq(respond(f, old, 200), -ENOENT);
		ck_assert_int_eq(respond(f, id, 200), 0);
		fix_advance(f, TIMER_J);
		old = id;
	}
	ck_assert_int_eq(respond(f, 0, 200), -ENOENT);
	ck_assert_int_eq(respond(f, UINT64_MAX, 200), -ENOENT);
	fix_free(f);
}
END_TEST

START_TEST(an_id_is_of_one_kind)
{
	struct fixture *f = fix_new(ROOM);
	txn_id client = send_req(f, "INVITE", "z9hG4bKc1");
	txn_id server = in_req(f, REQ(INVITE));

	in_resp(f, 100, "z9hG4bKc1", "INVITE");
	ck_assert_int_eq(respond(f, client, 200), -ENOENT);
	ck_assert_int_eq(txn_cancel(f->t, server, f->now, NULL), -ENOENT);
	txn_detach(f->t, server);
	ck_assert_int_eq(respond(f, server, 200), 0);
	fix_free(f);
}
END_TEST

START_TEST(branches)
{
	char a[TXN_BRANCH_LEN], b[TXN_BRANCH_LEN];

	txn_branch(a, NULL, 0);
	txn_branch(b, NULL, 0);
	ck_assert_str_ne(a, b);
	ck_assert_uint_eq(strlen(a), TXN_BRANCH_LEN - 1);
	ck_assert_int_eq(strncmp(a, "z9hG4bK", 7), 0);
	txn_branch(a, "seed", 4);
	txn_branch(b, "seed", 4);
	ck_assert_str_eq(a, b);
	ck_assert_int_eq(strncmp(a, "z9hG4bK", 7), 0);
	ck_assert_uint_ge(strlen(a), 7 + 16);
	txn_branch(b, "seee", 4);
	ck_assert_str_ne(a, b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("matching");

	tcase_add_test(tc, same_branch_other_method_is_another_transaction);
	tcase_add_test(tc, sent_by_is_part_of_the_key);
	tcase_add_test(tc, long_branches_match_and_differ);
	tcase_add_loop_test(tc, rfc2543_retransmission, 0, 2);
	tcase_add_loop_test(tc, rfc2543_ack, 0, 2);
	tcase_add_loop_test(tc, rfc2543_ack_in_dialog, 0, 2);
	tcase_add_loop_test(tc, rfc2543_ack_to_2xx_and_cancel, 0, 2);
	tcase_add_test(tc, way_back);
	tcase_add_test(tc, overload_is_answered_503);
	tcase_add_test(tc, room_comes_back);
	tcase_add_test(tc, ids_are_not_reused);
	tcase_add_test(tc, an_id_is_of_one_kind);
	tcase_add_test(tc, branches);
	return fix_main("txn_match", tc);
}
