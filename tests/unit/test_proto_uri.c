#include "proto/redirect.h"
#include "proto/registration.h"
#include "proto/route.h"
#include "tests/unit/sip_text.h"

#define SECRET "a secret of the cluster"

static su_home_t *home;
static struct channel observed;

static void setup(void)
{
	home = su_home_new(sizeof(*home));
	ck_assert_ptr_nonnull(home);
	observed = (struct channel){.addr = address("198.51.100.28:40000")};
}

static void teardown(void)
{
	su_home_unref(home);
}

static url_t *url(const char *text)
{
	url_t *u = url_make(home, text);

	ck_assert_msg(u != NULL, "no URL: %s", text);
	return u;
}

static const char *url_text(const url_t *u)
{
	return url_as_string(home, u);
}

/* What a phone wrote, and what stands there while it is on its way. */
static const struct {
	const char *own, *marked;
} marks[] = {
	{"sip:first@10.0.0.16:5062",
	 "sip:first@198.51.100.28:40000;ph-own=10.0.0.16:5062"},
	{"sip:first@10.0.0.16", "sip:first@198.51.100.28:40000;ph-own="
				"10.0.0.16"},
	{"sip:10.0.0.16:05062;transport=udp;lr;x=%5Bb?Subject=y",
	 "sip:198.51.100.28:40000;transport=udp;lr;x=%5Bb;ph-own="
	 "10.0.0.16:05062?Subject=y"},
	{"sip:first@10.0.0.16:", "sip:first@198.51.100.28:40000;ph-own="
				 "10.0.0.16:"},
	{"sip:first@10.0.0.16;", "sip:first@198.51.100.28:40000;;ph-own="
				 "10.0.0.16"},
	{"sip:first;x=1@My-Phone.example:5062",
	 "sip:first;x=1@198.51.100.28:40000;ph-own=My-Phone.example:5062"},
	{"sips:first@[2001:db8::A]:5062",
	 "sips:first@198.51.100.28:40000;ph-own=%5B2001:db8::A%5D:5062"},
	{"sip:first@[2001:db8::A]",
	 "sip:first@198.51.100.28:40000;ph-own=%5B2001:db8::A%5D"},
};

START_TEST(test_mark_and_restore)
{
	url_t *u = url(marks[_i].own);
	struct channel stood = {0};

	ck_assert(!registration_marked(u));
	ck_assert_int_eq(registration_mark(home, u, &observed, true), 0);
	ck_assert_str_eq(url_text(u), marks[_i].marked);
	/* Through the far end, which has its own copy. */
	u = url(marks[_i].marked);
	ck_assert(registration_marked(u));
	ck_assert_int_eq(registration_restore(home, u, &stood), 0);
	ck_assert_str_eq(url_text(u), marks[_i].own);
	ck_assert(channel_eq(&stood, &observed));
	ck_assert_int_eq(registration_restore(home, u, NULL), -ENOENT);
}
END_TEST

START_TEST(test_mark_of_others)
{
	struct channel stood = observed;
	url_t *u = url("sip:a@h:1;ph-own=evil.example;PH-OWN=x:2;q");

	ck_assert_int_eq(registration_mark(home, u, &observed, true), 0);
	ck_assert_str_eq(url_text(u), "sip:a@198.51.100.28:40000;q;ph-own=h:1");
	u = url("tel:+123");
	ck_assert_int_eq(registration_mark(home, u, &observed, true), 0);
	ck_assert_str_eq(url_text(u), "tel:+123");
	u = url("*");
	ck_assert_int_eq(registration_mark(home, u, &observed, true), 0);
	ck_assert(!registration_marked(u));
	u = url("sip:a@name.example;ph-own=10.0.0.1");
	ck_assert_int_eq(registration_restore(home, u, &stood), 0);
	ck_assert(channel_is_none(&stood));
}
END_TEST

static const char *const bad_marks[] = {
	"sip:a@192.0.2.1;ph-own",
	"sip:a@192.0.2.1;ph-own=",
	"sip:a@192.0.2.1;ph-own=:5060",
	"sip:a@192.0.2.1;ph-own=h:0",
	"sip:a@192.0.2.1;ph-own=h:65536",
	"sip:a@192.0.2.1;ph-own=h:999999",
	"sip:a@192.0.2.1;ph-own=h:5060:5060",
	"sip:a@192.0.2.1;ph-own=h:x",
	"sip:a@192.0.2.1;ph-own=h%3Blr",
	"sip:a@192.0.2.1;ph-own=h%3Ex:5060",
	"sip:a@192.0.2.1;ph-own=h%0D%0AX:5060",
	"sip:a@192.0.2.1;ph-own=%5B::1",
	"sip:a@192.0.2.1;ph-own=%5Bx%5D",
	"sip:a@192.0.2.1;ph-own=%5B::1%5Dx:5060",
	"sip:a@192.0.2.1;ph-own=::1",
	"sip:a@192.0.2.1;ph-ownx=h:5060",
	"tel:+1;ph-own=h:5060",
};

START_TEST(test_bad_marks)
{
	url_t *u = url(bad_marks[_i]);
	struct channel stood = observed;

	ck_assert(!registration_marked(u));
	ck_assert_int_eq(registration_restore(home, u, &stood), -ENOENT);
	ck_assert(channel_eq(&stood, &observed));
	ck_assert_str_eq(url_text(u), bad_marks[_i]);
}
END_TEST

START_TEST(test_path)
{
	msg_t *msg = parsed(START VIA REST "Path: <sip:gate.example;lr>\r\n"
					   "\r\n");
	struct addr a, self = address("[2001:db8::1]:5060");

	ck_assert_int_eq(registration_serving(&a, sip_object(msg)), -EBADMSG);
	ck_assert_int_eq(registration_add_path(msg, &observed.addr, NULL), 0);
	ck_assert_int_eq(registration_add_path(msg, &self, NULL), 0);
	ck_assert_int_eq(registration_serving(&a, sip_object(msg)), 0);
	ck_assert(addr_eq(&a, &self));
	ck_assert_str_eq(printed(msg),
			 START "Path: <sip:[2001:db8::1]:5060;lr>\r\n"
			       "Path: <sip:198.51.100.28:40000;lr>\r\n" VIA REST
			       "Path: <sip:gate.example;lr>\r\n"
			       "Content-Length: 0\r\n\r\n");
	msg_destroy(msg);
}
END_TEST

static const struct {
	const char *url, *id; /* NULL: -EINVAL */
} ids[] = {
	{"sip:First@Example.COM:5070;transport=tcp", "First@example.com"},
	{"sips:first@example.com", "first@example.com"},
	{"sip:first:pass@example.com", "first@example.com"},
	{"sip:f%69rst%3b@example.com", "first;@example.com"},
	{"sip:a%40b%25c@h", "a%40b%25c@h"},
	{"sip:a%22@h", "a%22@h"},
	{"sip:a@203.0.113.3;ph-domain=Example.com", "a@example.com"},
	{"sip:a@203.0.113.3;ph-domain=%5B2001:DB8::1%5D", "a@[2001:db8::1]"},
	{"sip:a@[2001:DB8::1]:5060", "a@[2001:db8::1]"},
	{"sip:a@203.0.113.3;ph-domain=b%40c", NULL},
	{"sip:a@203.0.113.3;ph-domain=", NULL},
	{"sip:example.com", NULL},
	{"sip:@example.com", NULL},
	{"tel:+123", NULL},
	{"*", NULL},
};

START_TEST(test_client_id)
{
	char id[REDIRECT_ID_MAX];
	int err = redirect_client_id(id, url(ids[_i].url));

	ck_assert_int_eq(err, ids[_i].id ? 0 : -EINVAL);
	if (ids[_i].id)
		ck_assert_str_eq(id, ids[_i].id);
}
END_TEST

START_TEST(test_client_id_length)
{
	char id[REDIRECT_ID_MAX], text[1024] = "sip:", long_domain[1024];

	memset(text + 4, 'u', 253);
	strcpy(text + 4 + 253, "@h");
	ck_assert_int_eq(redirect_client_id(id, url(text)), 0);
	memset(text + 4, 'u', 254);
	strcpy(text + 4 + 254, "@h");
	ck_assert_int_eq(redirect_client_id(id, url(text)), -EMSGSIZE);
	memset(long_domain, 'd', sizeof(long_domain));
	snprintf(text, sizeof(text), "sip:u@%.300s", long_domain);
	ck_assert_int_eq(redirect_client_id(id, url(text)), -EMSGSIZE);
	snprintf(text, sizeof(text), "sip:u@h;ph-domain=%.300s", long_domain);
	ck_assert_int_eq(redirect_client_id(id, url(text)), -EMSGSIZE);
}
END_TEST

START_TEST(test_query_and_proxy_url)
{
	static const char *const bad[] = {"",      "a",    "@h",     "a@",
					  "a b@h", "a@h>", "a\r\n@h"};
	char text[REDIRECT_URL_MAX], id[REDIRECT_ID_MAX];
	struct addr redirect = address("[2001:db8::3]:5060");
	msg_t *msg = parsed(GOOD);

	ck_assert_int_eq(
		redirect_proxy_url(text, "a%40b@[2001:db8::1]", &redirect), 0);
	ck_assert_str_eq(text, "sip:a%40b@[2001:db8::3]:5060;"
			       "ph-domain=%5B2001:db8::1%5D");
	ck_assert_int_eq(redirect_client_id(id, url(text)), 0);
	ck_assert_str_eq(id, "a%40b@[2001:db8::1]");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(redirect_proxy_url(text, bad[i], &redirect),
				 -EINVAL);
		ck_assert_int_eq(redirect_query_make(msg, &redirect, bad[i]),
				 -EINVAL);
	}
	ck_assert_str_eq(printed(msg), GOOD);
	msg_destroy(msg);
}
END_TEST

#define MOVED "SIP/2.0 302 Moved\r\n"

START_TEST(test_answer_order)
{
	static const char *const want[] = {"sip:h2", "sip:h4;lr", "sip:h6",
					   "sip:h1"};
	struct redirect_target t[REDIRECT_TARGETS_MAX];
	msg_t *msg = parsed(MOVED VIA REST
			    "Contact: <sip:h1>;q=0.5, <sip:h2>\r\n"
			    "Contact: <tel:+3>, <http://h3>\r\n"
			    "m: \"x\" <sip:h4;lr>;q=1.0\r\n"
			    "Contact: <sip:h5>;q=0, sip:h6;q=0.501\r\n\r\n");

	ck_assert_int_eq(
		redirect_answer_parse(t, REDIRECT_TARGETS_MAX, sip_object(msg)),
		5);
	for (size_t i = 0; i < 4; i++)
		ck_assert_str_eq(t[i].url, want[i]);
	ck_assert_uint_eq(t[2].q, 501);
	ck_assert_uint_eq(t[4].q, 0);
	ck_assert_int_eq(redirect_answer_parse(t, 3, sip_object(msg)), 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(t[i].url, want[i]);
	msg_destroy(msg);
}
END_TEST

START_TEST(test_answer_unusable)
{
	static const char *const bad[] = {
		MOVED VIA REST "\r\n",
		MOVED VIA REST "Contact: *\r\n\r\n",
		MOVED VIA REST "Contact: <tel:+1>\r\n\r\n",
		"SIP/2.0 200 OK\r\n" VIA REST "Contact: <sip:a@b>\r\n\r\n",
		GOOD,
	};
	struct redirect_target t[2];
	char text[4096];
	struct strbuf sb;
	msg_t *msg;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		msg = parsed(bad[i]);
		ck_assert_int_eq(redirect_answer_parse(t, 2, sip_object(msg)),
				 -EBADMSG);
		msg_destroy(msg);
	}
	msg = parsed(GOOD);
	strbuf_init(&sb, text, sizeof(text));
	ck_assert_int_eq(redirect_answer_print(&sb, sip_object(msg), t, 0),
			 -EINVAL);
	t[0] = (struct redirect_target){"sip:a>\r\nX: y", 1};
	ck_assert_int_eq(redirect_answer_print(&sb, sip_object(msg), t, 1),
			 -EINVAL);
	t[0] = (struct redirect_target){"sip:a", 1001};
	ck_assert_int_eq(redirect_answer_print(&sb, sip_object(msg), t, 1),
			 -EINVAL);
	msg_destroy(msg);
}
END_TEST

/* Print a route, and hand back its URI. */
static url_t *route(const struct route_state *st, const char *secret)
{
	struct channel self = {.addr = address("203.0.113.1:5060")};
	char buf[256], small[256];

	ck_assert_int_eq(
		route_print(buf, sizeof(buf), &self, st, secret, "c1", "f1"),
		0);
	for (size_t cap = 0; cap <= strlen(buf); cap++)
		ck_assert_int_eq(
			route_print(small, cap, &self, st, secret, "c1", "f1"),
			-EMSGSIZE);
	buf[strlen(buf) - 1] = '\0';
	return url(buf + 1);
}

START_TEST(test_route)
{
	static const char *const relays[] = {NULL, "203.0.113.4:5060",
					     "[2001:db8::4]:7"};
	struct route_state st = {0}, got;
	bool from_caller;
	url_t *u;

	st.caller_natted = _i & 1;
	st.callee_natted = _i & 2;
	if (relays[_i / 4])
		st.relay = address(relays[_i / 4]);
	u = route(&st, SECRET);
	ck_assert_int_eq(route_has_relay(u), relays[_i / 4] != NULL);
	ck_assert_int_eq(
		route_parse(&got, &from_caller, u, SECRET, "c1", "f1", NULL),
		0);
	ck_assert(from_caller);
	ck_assert(addr_eq(&got.relay, &st.relay));
	ck_assert_int_eq(got.caller_natted, st.caller_natted);
	ck_assert_int_eq(got.callee_natted, st.callee_natted);
	ck_assert_int_eq(
		route_parse(&got, &from_caller, u, SECRET, "c1", "t1", "f1"),
		0);
	ck_assert(!from_caller);
	ck_assert_int_eq(route_parse(&got, &from_caller, u, SECRET "x", "c1",
				     "f1", "t1"),
			 -EBADMSG);
	ck_assert_int_eq(
		route_parse(&got, &from_caller, u, SECRET, "c2", "f1", "t1"),
		-EBADMSG);
	ck_assert_int_eq(
		route_parse(&got, &from_caller, u, SECRET, "c1", "t1", "t2"),
		-EBADMSG);
	/* The texts under the hash must not run into each other. */
	ck_assert_int_eq(
		route_parse(&got, &from_caller, u, SECRET, "c", "1f1", "1f1"),
		-EBADMSG);
}
END_TEST

START_TEST(test_route_tampered)
{
	struct route_state st = {.caller_natted = true}, got;
	bool from_caller;
	const char *good;

	st.relay = address("203.0.113.4:5060");
	good = url_text(route(&st, SECRET));
	for (const char *p = strstr(good, ";ph-"); *p; p++) {
		char *text = su_strdup(home, good);
		char *c = text + (p - good);
		int err;

		*c = *c == 'b' ? '0' : 'b';
		err = route_parse(&got, &from_caller, url(text), SECRET, "c1",
				  "f1", "t1");
		ck_assert_msg(err == -EBADMSG || err == -ENOENT, "%s", text);
		ck_assert(addr_is_none(&got.relay) && !got.caller_natted);
	}
	ck_assert_int_eq(route_parse(&got, &from_caller, url("sip:h;lr"),
				     SECRET, "c1", "f1", "t1"),
			 -ENOENT);
	ck_assert_int_eq(route_parse(&got, &from_caller, url("sip:h;ph-mac=0"),
				     SECRET, "c1", "f1", "t1"),
			 -EBADMSG);
	ck_assert(!route_has_relay(url("sip:h;lr;ph-mac=0")));
	ck_assert(route_has_relay(url("sip:h;ph-relay=x")));
}
END_TEST

#define ADD_LOOP(tc, test, table)                                              \
	tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *s = suite_create("proto_uri");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	ADD_LOOP(tc, test_mark_and_restore, marks);
	tcase_add_test(tc, test_mark_of_others);
	ADD_LOOP(tc, test_bad_marks, bad_marks);
	tcase_add_test(tc, test_path);
	ADD_LOOP(tc, test_client_id, ids);
	tcase_add_test(tc, test_client_id_length);
	tcase_add_test(tc, test_query_and_proxy_url);
	tcase_add_test(tc, test_answer_order);
	tcase_add_test(tc, test_answer_unusable);
	tcase_add_loop_test(tc, test_route, 0, 12);
	tcase_add_test(tc, test_route_tampered);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
