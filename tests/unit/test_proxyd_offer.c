#include <check.h>

#include "proxyd/offer.h"

/* RFC 6337 table 1, and what else may have a body. */
static const struct {
	sip_method_t method;
	bool has_sdp, late;
	enum offer_kind kind;
} requests[] = {
	{sip_method_invite, true, false, OFFER_OFFER},
	{sip_method_invite, false, false, OFFER_NONE},
	{sip_method_invite, true, true, OFFER_OFFER},
	{sip_method_update, true, false, OFFER_OFFER},
	{sip_method_update, false, false, OFFER_NONE},
	{sip_method_prack, true, false, OFFER_OFFER},
	{sip_method_prack, true, true, OFFER_ANSWER},
	{sip_method_prack, false, true, OFFER_NONE},
	{sip_method_ack, true, true, OFFER_ANSWER},
	{sip_method_ack, true, false, OFFER_ANSWER},
	{sip_method_ack, false, true, OFFER_NONE},
	{sip_method_message, true, false, OFFER_NONE},
	{sip_method_info, true, true, OFFER_NONE},
	{sip_method_notify, true, false, OFFER_NONE},
	{sip_method_options, true, false, OFFER_NONE},
	{sip_method_refer, true, false, OFFER_NONE},
	{sip_method_unknown, true, true, OFFER_NONE},
};

START_TEST(kind_of_a_request)
{
	ck_assert_int_eq(offer_of_request(requests[_i].method,
					  requests[_i].has_sdp,
					  requests[_i].late),
			 requests[_i].kind);
}
END_TEST

static const struct {
	sip_method_t method;
	int status;
	bool asked, has_sdp;
	enum offer_kind kind;
} responses[] = {
	{sip_method_invite, 200, true, true, OFFER_ANSWER},
	{sip_method_invite, 200, false, true, OFFER_OFFER},
	{sip_method_invite, 200, false, false, OFFER_NONE},
	{sip_method_invite, 183, true, true, OFFER_ANSWER},
	{sip_method_invite, 183, false, true, OFFER_OFFER},
	{sip_method_invite, 100, true, true, OFFER_NONE},
	{sip_method_invite, 299, true, true, OFFER_ANSWER},
	{sip_method_invite, 300, true, true, OFFER_NONE},
	{sip_method_invite, 488, true, true, OFFER_NONE},
	{sip_method_invite, 488, false, true, OFFER_NONE},
	{sip_method_update, 200, true, true, OFFER_ANSWER},
	{sip_method_update, 200, false, true, OFFER_NONE},
	{sip_method_update, 491, true, true, OFFER_NONE},
	{sip_method_prack, 200, true, true, OFFER_ANSWER},
	{sip_method_prack, 200, false, true, OFFER_NONE},
	{sip_method_options, 200, false, true, OFFER_NONE},
	{sip_method_options, 200, true, true, OFFER_NONE},
	{sip_method_message, 200, true, true, OFFER_NONE},
};

START_TEST(kind_of_a_response)
{
	ck_assert_int_eq(
		offer_of_response(responses[_i].method, responses[_i].status,
				  responses[_i].asked, responses[_i].has_sdp),
		responses[_i].kind);
}
END_TEST

START_TEST(settled_for_good)
{
	ck_assert(offer_is_settled(200, false));
	ck_assert(offer_is_settled(299, false));
	ck_assert(offer_is_settled(183, true));
	ck_assert(!offer_is_settled(183, false));
	ck_assert(!offer_is_settled(100, true));
	ck_assert(!offer_is_settled(300, true));
	ck_assert(!offer_is_settled(491, false));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxyd offer");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, kind_of_a_request, 0,
			    sizeof(requests) / sizeof(requests[0]));
	tcase_add_loop_test(tc, kind_of_a_response, 0,
			    sizeof(responses) / sizeof(responses[0]));
	tcase_add_test(tc, settled_for_good);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
