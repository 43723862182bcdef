#include "common/metrics.h"
#include "common/sipmsg_refuse.h"
#include "tests/unit/sip_text.h"

/*
 * The stateless answer to a request that is not let in: what of it goes back,
 * what never does, and when there is none.
 */
#define BAD_VIA "Via: SIP/2.0/UDP 10.0.0.16:5062;rport;branch=z9hG4bK1"
#define BAD_REST                                                               \
	"Max-Forwards: 70\r\n"                                                 \
	"User-Agent: a phone that says a lot of itself, and more than "        \
	"that\r\n"
#define BAD_FROM "From: <sip:alice@example.com>;tag=f1\r\n"
#define BAD_TO   "To: <sip:bob@example.com>\r\n"
#define BAD_ID   "Call-ID: c1@10.0.0.16\r\n"
#define BAD_CSEQ "CSeq: 7 OPTIONS\r\n"
#define BAD_HEAD "OPTIONS sip:bob@example.com SIP/2.0\r\n"
#define BAD(via) BAD_HEAD via BAD_REST BAD_FROM BAD_TO BAD_ID BAD_CSEQ "\r\n"

static const struct sipmsg_bad malformed = {SIPMSG_FAULT_header, "Contact"};
static char answer[SIPMSG_MAX];

static enum sipmsg_silence refuse_from(const char *text, size_t len,
				       const char *src)
{
	struct addr from = address(src);
	char *exact = malloc(len ? len : 1);
	enum sipmsg_silence silence;
	struct strbuf sb;

	memcpy(exact, text, len);
	strbuf_init(&sb, answer, sizeof(answer));
	silence = sipmsg_refuse(&sb, exact, len, &from, &malformed);
	ck_assert(silence != SIPMSG_ANSWERED || sb.len <= len);
	free(exact);
	return silence;
}

static enum sipmsg_silence refuse(const char *text)
{
	return refuse_from(text, strlen(text), "198.51.100.28:31000");
}

static void has(const char *part)
{
	ck_assert_msg(strstr(answer, part), "no %s in:\n%s", part, answer);
}

static void has_not(const char *part)
{
	ck_assert_msg(!strstr(answer, part), "%s in:\n%s", part, answer);
}

START_TEST(what_goes_back)
{
	static const char begin[] =
		"SIP/2.0 400 Malformed Header In Contact\r\n"
		"Via: SIP/2.0/UDP 10.0.0.16:5062;rport=31000;"
		"branch=z9hG4bK1;received=198.51.100.28\r\n"
		"From: <sip:alice@example.com>;tag=f1\r\n"
		"To: <sip:bob@example.com>;tag=";

	ck_assert_int_eq(refuse(BAD(BAD_VIA "\r\n")), SIPMSG_ANSWERED);
	ck_assert_mem_eq(answer, begin, strlen(begin));
	has("\r\nCall-ID: c1@10.0.0.16\r\nCSeq: 7 OPTIONS\r\n"
	    "Content-Length: 0\r\n\r\n");
	has_not("User-Agent");
}
END_TEST

START_TEST(the_same_tag_again)
{
	char first[SIPMSG_MAX];

	ck_assert_int_eq(refuse(BAD(BAD_VIA "\r\n")), SIPMSG_ANSWERED);
	memcpy(first, answer, sizeof(first));
	ck_assert_int_eq(refuse(BAD(BAD_VIA "\r\n")), SIPMSG_ANSWERED);
	ck_assert_str_eq(first, answer);
}
END_TEST

START_TEST(all_vias_in_order)
{
	ck_assert_int_eq(
		refuse(BAD("v: SIP/2.0/UDP a;branch=1 , SIP/2.0/TCP b\r\n"
			   "VIA :SIP/2.0/UDP\r\n c;branch=3\r\n")),
		SIPMSG_ANSWERED);
	has("Via: SIP/2.0/UDP a;branch=1;received=198.51.100.28 , "
	    "SIP/2.0/TCP b\r\nVia: SIP/2.0/UDP c;branch=3\r\nFrom:");
}
END_TEST

START_TEST(parameters_that_are_there)
{
	ck_assert_int_eq(
		refuse(BAD("Via: SIP/2.0/UDP a;received=192.0.2.9;rport=4;b="
			   "1\r\n")),
		SIPMSG_ANSWERED);
	has("Via: SIP/2.0/UDP a;received=192.0.2.9;rport=4;b=1\r\n");
	ck_assert_int_eq(refuse(BAD_HEAD BAD_VIA
				"\r\n" BAD_REST BAD_FROM
				"t: <sip:b@h> ; tag = x\r\n" BAD_ID BAD_CSEQ
				"\r\n"),
			 SIPMSG_ANSWERED);
	has("To: <sip:b@h> ; tag = x\r\n");
}
END_TEST

START_TEST(first_of_what_came_twice)
{
	ck_assert_int_eq(refuse(BAD_HEAD BAD_VIA
				"\r\n" BAD_REST BAD_FROM
				"From: <sip:eve@h>\r\n" BAD_TO BAD_ID
				"i: second\r\n" BAD_CSEQ "\r\n"),
			 SIPMSG_ANSWERED);
	has("From: <sip:alice@example.com>;tag=f1\r\n");
	has_not("eve");
	has_not("second");
}
END_TEST

/* A line of theirs must not become two of ours. */
START_TEST(no_line_is_forged)
{
	ck_assert_int_eq(refuse(BAD_HEAD BAD_VIA
				"\r\n" BAD_REST BAD_FROM BAD_TO
				"Call-ID: c1\r\n X: y\r\n" BAD_CSEQ "\r\n"),
			 SIPMSG_ANSWERED);
	has("Call-ID: c1 X: y\r\n");
	ck_assert_int_eq(refuse(BAD_HEAD BAD_VIA
				"\r\n" BAD_REST BAD_FROM
				"To: <sip:b@h>\rX: y\r\n" BAD_ID BAD_CSEQ
				"\r\n"),
			 SIPMSG_ANSWERED);
	has_not("X: y");
	has_not("To:");
}
END_TEST

START_TEST(standard_phrase_where_room_is_short)
{
	static const char text[] = BAD_HEAD BAD_VIA
		"\r\n" BAD_FROM BAD_TO BAD_ID BAD_CSEQ
		"Subject: abcdefghijklmnopqrstuvwxyz0123456789abcdefg\r\n\r\n";

	ck_assert_int_eq(refuse(text), SIPMSG_ANSWERED);
	has("SIP/2.0 400 Bad Request\r\n");
}
END_TEST

static const struct {
	const char *text;
	enum sipmsg_silence why;
} silent[] = {
	{"", SIPMSG_SILENCE_response},
	{"\r\n\r\n", SIPMSG_SILENCE_response},
	{"\x16\x03\x01 hello\r\n\r\n", SIPMSG_SILENCE_response},
	{"SIP/2.0 200 OK\r\n" BAD_VIA "\r\n" BAD_REST BAD_CSEQ "\r\n",
	 SIPMSG_SILENCE_response},
	{" OPTIONS sip:b@h SIP/2.0\r\n" BAD_VIA "\r\n" BAD_CSEQ "\r\n",
	 SIPMSG_SILENCE_response},
	{"ACK sip:b@h SIP/2.0\r\n" BAD_VIA "\r\n" BAD_REST BAD_CSEQ "\r\n",
	 SIPMSG_SILENCE_ack},
	{"ack sip:b@h SIP/2.0\r\n" BAD_VIA "\r\n" BAD_REST BAD_CSEQ "\r\n",
	 SIPMSG_SILENCE_ack},
	{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", SIPMSG_SILENCE_no_way_back},
	{BAD(""), SIPMSG_SILENCE_no_way_back},
	{BAD("Via:\r\n"), SIPMSG_SILENCE_no_way_back},
	{BAD("Via: nonsense\r\n"), SIPMSG_SILENCE_no_way_back},
	{BAD("Via: a\x01\r\n" BAD_VIA "\r\n"), SIPMSG_SILENCE_no_way_back},
	{BAD_HEAD BAD_VIA "\r\n" BAD_REST BAD_FROM BAD_TO BAD_ID "\r\n",
	 SIPMSG_SILENCE_no_way_back},
	{BAD_HEAD BAD_VIA "\r\n" BAD_REST "\r\n" BAD_CSEQ "\r\n",
	 SIPMSG_SILENCE_no_way_back}, /* in the body */
	{BAD_HEAD BAD_VIA "\r\n" BAD_REST "CSeq: 7 OPT",
	 SIPMSG_SILENCE_no_way_back}, /* cut off */
	{BAD_HEAD "v: SIP/2.0/UDP a\r\nt:<sip:b>\r\n" BAD_CSEQ "\r\n",
	 SIPMSG_SILENCE_longer},
};

START_TEST(no_answer)
{
	ck_assert_msg(refuse(silent[_i].text) == silent[_i].why,
		      "not so: %s\n%s", silent[_i].text, answer);
}
END_TEST

START_TEST(more_vias_than_hops)
{
	char *text = calloc(1, SIPMSG_MAX);

	strcpy(text, BAD_HEAD);
	for (int i = 0; i < 71; i++)
		strcat(text, BAD_VIA "\r\n");
	strcat(text, BAD_REST BAD_FROM BAD_TO BAD_ID BAD_CSEQ "\r\n");
	ck_assert_int_eq(refuse(text), SIPMSG_SILENCE_no_way_back);
	free(text);
}
END_TEST

START_TEST(nobody_is_there)
{
	static const char text[] = BAD(BAD_VIA "\r\n");
	static const char *const nowhere[] = {
		"198.51.100.28:0", "0.0.0.0:5060", "255.255.255.255:5060",
		"224.0.1.75:5060", "[ff02::1]:5060"};

	for (size_t i = 0; i < sizeof(nowhere) / sizeof(*nowhere); i++)
		ck_assert_int_eq(refuse_from(text, strlen(text), nowhere[i]),
				 SIPMSG_SILENCE_source);
	ck_assert_int_eq(refuse_from(text, strlen(text), "[2001:db8::1]:5060"),
			 SIPMSG_ANSWERED);
	has(";received=2001:db8::1\r\n");
}
END_TEST

/* Names, statuses and counters are of one table. */
START_TEST(every_fault_has_its_counter)
{
	for (int f = SIPMSG_FAULT_NONE + 1; f < SIPMSG_FAULT_COUNT; f++) {
		enum sipmsg_fault fault = (enum sipmsg_fault)f;
		const struct metric_def *def = &sipmsg_fault_defs[f - 1];
		int status = sipmsg_fault_status(fault);

		ck_assert_str_eq(def->name + strlen("malformed_"),
				 sipmsg_fault_name(fault));
		ck_assert_str_eq(def->help, sipmsg_fault_phrase(fault));
		ck_assert(status >= 400 && status < 600);
	}
	ck_assert_str_eq(sipmsg_fault_name(SIPMSG_FAULT_NONE), "none");
	ck_assert_int_eq(sipmsg_fault_status(SIPMSG_FAULT_version), 505);
	ck_assert_int_eq(sipmsg_fault_status(SIPMSG_FAULT_too_many_lines), 513);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sipmsg_refuse");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, what_goes_back);
	tcase_add_test(tc, the_same_tag_again);
	tcase_add_test(tc, all_vias_in_order);
	tcase_add_test(tc, parameters_that_are_there);
	tcase_add_test(tc, first_of_what_came_twice);
	tcase_add_test(tc, no_line_is_forged);
	tcase_add_test(tc, standard_phrase_where_room_is_short);
	tcase_add_loop_test(tc, no_answer, 0,
			    sizeof(silent) / sizeof(silent[0]));
	tcase_add_test(tc, more_vias_than_hops);
	tcase_add_test(tc, nobody_is_there);
	tcase_add_test(tc, every_fault_has_its_counter);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
