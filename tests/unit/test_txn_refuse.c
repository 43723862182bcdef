#include "tests/unit/txn_fixture.h"

#define INVITE  .method = "INVITE"
#define ACK     .method = "ACK"
#define CANCEL  .method = "CANCEL"
#define OPTIONS .method = "OPTIONS"

/* 100 at once (RFC 3261 17.2.1) */

START_TEST(an_invite_gets_100_at_once)
{
	struct fixture *f = fix_make(ROOM, true);
	txn_id id = in_req(f, REQ(INVITE));

	ck_assert_uint_eq(f->nsent, 1);
	ck_assert(begins(last_sent(f), "SIP/2.0 100 "));
	fix_advance(f, 5000);
	ck_assert_uint_eq(f->nsent, 1);
	in_req(f, REQ(INVITE));
	ck_assert_uint_eq(count_sent(f, 0, "SIP/2.0 100 "), 2);
	ck_assert_int_eq(respond(f, id, 180), 0);
	ck_assert(begins(last_sent(f), "SIP/2.0 180 "));
	fix_free(f);
}
END_TEST

static void answer_486(struct fixture *f, txn_id id)
{
	ck_assert_int_eq(respond(f, id, 486), 0);
}

static void answer_180(struct fixture *f, txn_id id)
{
	ck_assert_int_eq(respond(f, id, 180), 0);
}

static void answer_200(struct fixture *f, txn_id id)
{
	ck_assert_int_eq(respond(f, id, 200), 0);
}

START_TEST(what_is_answered_at_once_gets_no_100)
{
	request_hook *const hooks[] = {answer_486, answer_180, answer_200};

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		struct fixture *f = fix_make(ROOM, true);

		f->on_request = hooks[i];
		in_req(f, REQ(INVITE));
		fix_advance(f, 400);
		ck_assert_uint_eq(f->nsent, 1);
		ck_assert_uint_eq(count_sent(f, 0, "SIP/2.0 100 "), 0);
		fix_free(f);
	}
}
END_TEST

START_TEST(other_requests_get_no_100)
{
	struct fixture *f = fix_make(ROOM, true);

	in_req(f, REQ(OPTIONS));
	fix_advance(f, 5000);
	ck_assert_uint_eq(f->nsent, 0);
	fix_free(f);
}
END_TEST

/* Refused, without state */

START_TEST(a_refused_request_leaves_nothing)
{
	struct fixture *f = fix_new(ROOM);

	refuse_req(f, REQ(INVITE), 503);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert(begins(last_sent(f), "SIP/2.0 503 "));
	ck_assert_ptr_nonnull(strstr(last_sent(f)->text, "Retry-After: 7\r\n"));
	ck_assert_str_eq(last_sent(f)->dst, "192.0.2.10:5062");
	ck_assert_uint_eq(f->nrequests, 0);
	ck_assert_uint_eq(txns_open(f->t), 0);
	fix_free(f);
}
END_TEST

/* The tag of the answer, as the ACK has to say it. */
static void tag_of(char tag[64], const struct sent *s)
{
	const char *at = strstr(s->text, "To:");

	at = at ? strstr(at, "tag=") : NULL;
	ck_assert_ptr_nonnull(at);
	snprintf(tag, 64, "%.*s", (int)strcspn(at + 4, "\r\n;"), at + 4);
}

START_TEST(its_ack_ends_here)
{
	struct fixture *f = fix_new(ROOM);
	char tag[64];

	refuse_req(f, REQ(INVITE), 503);
	tag_of(tag, last_sent(f));
	in_req(f, REQ(ACK, .to_tag = tag));
	refuse_req(f, REQ(ACK, .to_tag = tag), 503);
	ck_assert_uint_eq(f->nsent, 1);
	ck_assert_uint_eq(f->nrequests, 0);
	fix_free(f);
}
END_TEST

START_TEST(it_may_be_let_in_later)
{
	struct fixture *f = fix_new(ROOM);

	refuse_req(f, REQ(INVITE), 503);
	ck_assert_uint_ne(in_req(f, REQ(INVITE)), 0);
	fix_free(f);
}
END_TEST

START_TEST(what_has_begun_goes_on)
{
	struct fixture *f = fix_new(ROOM);
	txn_id id = in_req(f, REQ(INVITE));

	ck_assert_int_eq(respond(f, id, 180), 0);
	refuse_req(f, REQ(INVITE), 503);
	ck_assert(begins(last_sent(f), "SIP/2.0 180 "));
	ck_assert_uint_eq(f->nsent, 2);
	refuse_req(f, REQ(CANCEL), 503);
	ck_assert(begins(last_sent(f), "SIP/2.0 200 "));
	ck_assert_uint_eq(f->ncancels, 1);
	fix_free(f);
}
END_TEST

START_TEST(an_ack_to_a_2xx_is_never_refused)
{
	struct fixture *f = fix_new(ROOM);

	refuse_req(f, REQ(ACK, .branch = "z9hG4bKack", .to_tag = "tb"), 503);
	ck_assert_uint_eq(f->nrequests, 1);
	ck_assert_uint_eq(f->nsent, 0);
	fix_free(f);
}
END_TEST

START_TEST(how_full_it_is)
{
	struct fixture *f = fix_new(4);

	ck_assert_uint_eq(txns_fullness(f->t), 0);
	in_req(f, REQ(OPTIONS, .branch = "z9hG4bK1"));
	in_req(f, REQ(OPTIONS, .branch = "z9hG4bK2"));
	in_req(f, REQ(OPTIONS, .branch = "z9hG4bK3"));
	ck_assert_uint_eq(txns_fullness(f->t), 750);
	send_req(f, "OPTIONS", "z9hG4bKo1");
	ck_assert_uint_eq(txns_fullness(f->t), 750);
	in_req(f, REQ(OPTIONS, .branch = "z9hG4bK4"));
	ck_assert_uint_eq(txns_fullness(f->t), 1000);
	fix_free(f);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("refuse");

	tcase_add_test(tc, an_invite_gets_100_at_once);
	tcase_add_test(tc, what_is_answered_at_once_gets_no_100);
	tcase_add_test(tc, other_requests_get_no_100);
	tcase_add_test(tc, a_refused_request_leaves_nothing);
	tcase_add_test(tc, its_ack_ends_here);
	tcase_add_test(tc, it_may_be_let_in_later);
	tcase_add_test(tc, what_has_begun_goes_on);
	tcase_add_test(tc, an_ack_to_a_2xx_is_never_refused);
	tcase_add_test(tc, how_full_it_is);
	return fix_main("txn refuse", tc);
}
