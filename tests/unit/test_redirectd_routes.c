#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/routes.h"

enum { ITEMS_MAX = ROUTES_MAX + 1, ITEM_LEN = 128 };

static struct {
	char text[ITEMS_MAX][ITEM_LEN];
	char *v[ITEMS_MAX];
	struct conf_strings list;
	struct routes *r;
	struct redirect_target found[REDIRECT_TARGETS_MAX];
	size_t n;
} scene;

static void add(const char *item)
{
	size_t i = scene.list.n++;

	ck_assert_uint_lt(i, ITEMS_MAX);
	(void)snprintf(scene.text[i], ITEM_LEN, "%s", item);
	scene.v[i] = scene.text[i];
	scene.list.v = scene.v;
}

static void make(void)
{
	char why[160] = "";

	ck_assert_msg(!routes_alloc(&scene.r, &scene.list, why, sizeof(why)),
		      "%s", why);
	ck_assert_uint_eq(routes_count(scene.r), scene.list.n);
}

static void find(const char *id)
{
	scene.n = routes_find(scene.found, scene.r, id);
}

static void setup(void)
{
	memset(&scene, 0, sizeof(scene));
}

static void teardown(void)
{
	routes_free(scene.r);
}

/* One route, whom it is asked for, and the first URI (NULL: no route). */
static const struct {
	const char *item, *id, *url;
} cases[] = {
	/* Patterns. */
	{"* sip:198.51.100.7", "bob@example.com",
	 "sip:bob@198.51.100.7;ph-route"},
	{"0* sip:gw.example.net:5070", "089@example.com",
	 "sip:089@gw.example.net:5070;ph-route"},
	{"0* sip:gw.example.net", "189@example.com", NULL},
	{"1?? sip:gw", "112@a.example", "sip:112@gw;ph-route"},
	{"1?? sip:gw", "1123@a.example", NULL},
	{"[0-9]* sip:gw", "5@a.example", "sip:5@gw;ph-route"},
	{"Bob sip:gw", "bob@a.example", NULL},
	{"*@Example.COM sip:gw", "bob@example.com", "sip:bob@gw;ph-route"},
	{"*@example.com sip:gw", "bob@example.org", NULL},
	{"b*@*.example.com sip:gw", "bob@a.example.com", "sip:bob@gw;ph-route"},
	{"b*@*.example.com sip:gw", "bob@example.com", NULL},
	{"b*@*.example.com sip:gw", "rob@a.example.com", NULL},
	{"*example.com sip:gw", "bob@example.com", NULL},
	{"*@[2001:DB8::1] sip:gw", "bob@[2001:db8::1]", "sip:bob@gw;ph-route"},
	{"*@[2001:db8::*] sip:gw", "bob@[2001:db8::7]", "sip:bob@gw;ph-route"},
	{"*@gw[0-3].example sip:gw", "bob@gw2.example", "sip:bob@gw;ph-route"},
	{"*@gw[0-3].example sip:gw", "bob@gw4.example", NULL},
	{"+49-89 sip:gw", "+4989@a.example", NULL},

	/* Targets. */
	{"* sips:gw.example.net;x=1;y", "bob@a.example",
	 "sips:bob@gw.example.net;x=1;y;ph-route"},
	{"* SIP:[2001:db8::7]:5061;transport=tcp", "bob@a.example",
	 "sip:bob@[2001:db8::7]:5061;transport=tcp;ph-route"},
	{"* sip:operator@gw", "bob@a.example", "sip:operator@gw;ph-route"},
	{"\t0*\t sip:+49*@gw  ", "089@a.example", "sip:+4989@gw;ph-route"},
	{"0* sip:+49*@gw", "0@a.example", "sip:+49@gw;ph-route"},
	{"*0 sip:*-*@gw", "120@a.example", "sip:12-12@gw;ph-route"},
	{"[*]21* sip:*@gw", "*21123@a.example", "sip:123@gw;ph-route"},
	{"* sip:%2A*@gw", "21@a.example", "sip:%2A21@gw;ph-route"},
	{"00*@*.example sip:*@gw", "0049@a.example", "sip:49@gw;ph-route"},

	/* Other domains. */
	{"*@b.example redirect:198.51.100.9", "bob@b.example",
	 "sip:bob@198.51.100.9;ph-domain=b.example;ph-route=ask"},
	{"*@b.example redirect:dir.b.example:5070", "bob@b.example",
	 "sip:bob@dir.b.example:5070;ph-domain=b.example;ph-route=ask"},
	{"* redirect:[2001:db8::9]:5070", "bob@[2001:db8::1]",
	 "sip:bob@[2001:db8::9]:5070;ph-domain=%5B2001:db8::1%5D;ph-route=ask"},

	/* What is called is escaped. */
	{"* sip:gw", "a<b>\"c d@a.example", "sip:a%3Cb%3E%22c%20d@gw;ph-route"},
	{"* sip:gw", "a\r\nX: y@a.example", "sip:a%0D%0AX%3A%20y@gw;ph-route"},
	{"* sip:gw", "a%0D%0Ab@a.example", "sip:a%0D%0Ab@gw;ph-route"},
	{"* sip:gw", "a%3Bb@a.example", "sip:a%3Bb@gw;ph-route"},
	{"* sip:gw", "a;b=c?d/e@a.example", "sip:a;b=c?d/e@gw;ph-route"},
	{"* sip:gw", "a@b@a.example", "sip:a%40b@gw;ph-route"},
	{"* sip:gw", "100%@a.example", "sip:100%25@gw;ph-route"},
	{"* sip:gw", "100%4@a.example", "sip:100%254@gw;ph-route"},
	{"* sip:gw", "\xc3\xa9@a.example", "sip:%C3%A9@gw;ph-route"},
	{"0* sip:*@gw", "0\"%41@a.example", "sip:%22%41@gw;ph-route"},
	{"0?* sip:*@gw", "0%2312@a.example", "sip:12@gw;ph-route"},
	{"* sip:gw", "no id", NULL},
	{"* sip:gw", "", NULL},
};

START_TEST(one_route)
{
	add(cases[_i].item);
	make();
	find(cases[_i].id);
	ck_assert_uint_eq(scene.n, cases[_i].url ? 1 : 0);
	if (scene.n)
		ck_assert_str_eq(scene.found[0].url, cases[_i].url);
}
END_TEST

START_TEST(what_is_made_is_a_uri)
{
	char user[REDIRECT_ID_MAX], text[REDIRECT_URL_MAX];
	url_t url;

	add("* sip:gw.example.net:5070");
	make();
	for (int c = 1; c < 256; c++) {
		(void)snprintf(user, sizeof(user), "a%cb@a.example", c);
		find(user);
		ck_assert_uint_eq(scene.n, 1);
		strcpy(text, scene.found[0].url);
		ck_assert_int_eq(url_d(&url, text), 0);
		ck_assert_str_eq(url.url_host, "gw.example.net");
		ck_assert_str_eq(url.url_port, "5070");
		ck_assert_str_eq(url.url_params, "ph-route");
		ck_assert_ptr_null(url.url_password);
		ck_assert_ptr_null(url.url_headers);
		for (const char *s = scene.found[0].url; *s; s++)
			ck_assert(*s > ' ' && !strchr("<>\"", *s));
	}
}
END_TEST

START_TEST(first_match_wins)
{
	add("0[1-9]* sip:national");
	add("00* sip:abroad");
	add("112 sip:police@emergency");
	add("* sip:default");
	make();
	find("089@a.example");
	ck_assert_str_eq(scene.found[0].url, "sip:089@national;ph-route");
	find("0043@a.example");
	ck_assert_str_eq(scene.found[0].url, "sip:0043@abroad;ph-route");
	find("112@a.example");
	ck_assert_str_eq(scene.found[0].url, "sip:police@emergency;ph-route");
	find("1@a.example");
	ck_assert_str_eq(scene.found[0].url, "sip:1@default;ph-route");
	ck_assert_uint_eq(scene.n, 1);
}
END_TEST

START_TEST(targets_in_order)
{
	add("0* sip:+49*@a redirect:b sips:c sip:d sip:e sip:f sip:g sip:h");
	make();
	find("01@x.example");
	ck_assert_uint_eq(scene.n, ROUTE_TARGETS_MAX);
	ck_assert_str_eq(scene.found[0].url, "sip:+491@a;ph-route");
	ck_assert_str_eq(scene.found[1].url,
			 "sip:01@b;ph-domain=x.example;ph-route=ask");
	ck_assert_str_eq(scene.found[2].url, "sips:01@c;ph-route");
	ck_assert_str_eq(scene.found[7].url, "sip:01@h;ph-route");
	for (unsigned i = 0; i < scene.n; i++)
		ck_assert_uint_eq(scene.found[i].q, 1000 - i);
}
END_TEST

/* 250 characters of which each takes three in the URI; the second fits. */
START_TEST(too_long_a_uri_is_left_out)
{
	char id[REDIRECT_ID_MAX];

	add("* sip:gw sip:operator@gw");
	make();
	memset(id, '<', sizeof(id));
	strcpy(id + 240, "@a.example");
	find(id);
	ck_assert_uint_eq(scene.n, 1);
	ck_assert_str_eq(scene.found[0].url, "sip:operator@gw;ph-route");
	ck_assert_uint_eq(scene.found[0].q, 1000);
}
END_TEST

START_TEST(no_routes)
{
	make();
	find("bob@example.com");
	ck_assert_uint_eq(scene.n, 0);
}
END_TEST

#define EXPECT_TARGET "a target like sip:198.51.100.7 or redirect:198.51.100.9"
#define EXPECT_BOTH                                                            \
	"a pattern and 1 to 8 targets, like \"0* sip:gw.example.net\""
#define EXPECT_USER                                                            \
	"a user part of what RFC 3261 lets be, before the @ of a target"
#define EXPECT_HOST                                                            \
	"a host like 198.51.100.7, [2001:db8::7] or gw.example.net in the "    \
	"target"
#define EXPECT_PORT "a port within 1-65535 in the target"
#define EXPECT_PARAMS                                                          \
	"parameters like ;transport=tcp in the target, none of them ph-..."
#define EXPECT_STAR                                                            \
	"one * in the user part of the pattern, for that of the target"
#define EXPECT_LENGTH "a pattern of 1 to 255 characters"

static const struct {
	const char *item, *why;
} refused[] = {
	{"", EXPECT_LENGTH},
	{"  ", EXPECT_LENGTH},
	{"0*", EXPECT_BOTH},
	{"0*  ", EXPECT_BOTH},
	{"sip:gw", EXPECT_BOTH},
	{"@a.example sip:gw", EXPECT_LENGTH},
	{"0*@ sip:gw", EXPECT_LENGTH},
	{"0*@a@b sip:gw", "characters of a client id in the pattern"},
	{"0[ sip:gw", "a ] for each ["},
	{"0*@a[ sip:gw", "a ] for each ["},
	{"0* gw", EXPECT_TARGET},
	{"0* tel:+4989", EXPECT_TARGET},
	{"0* sip:", EXPECT_HOST},
	{"0* sip:gw tel:+4989", EXPECT_TARGET},
	{"0* sip:a sip:b sip:c sip:d sip:e sip:f sip:g sip:h sip:i",
	 "1 to 8 targets"},
	{"0* sip:@gw", EXPECT_USER},
	{"0* sip:a:b@gw", EXPECT_USER},
	{"0* sip:a\"b@gw", EXPECT_USER},
	{"0* sip:a%4@gw", EXPECT_USER},
	{"0* redirect:a@gw", EXPECT_USER},
	{"0* sip:300.1.1.1", EXPECT_HOST},
	{"0* sip:198.51.100", EXPECT_HOST},
	{"0* sip:-gw", EXPECT_HOST},
	{"0* sip:g<w", EXPECT_HOST},
	{"0* sip://gw", EXPECT_HOST},
	{"0* sip:[2001:db8::x]", EXPECT_HOST},
	{"0* sip:[2001:db8::1", EXPECT_HOST},
	{"0* sip:[198.51.100.7]", EXPECT_HOST},
	{"0* sip:a@b@c", EXPECT_HOST},
	{"0* sip:gw:", EXPECT_PORT},
	{"0* sip:gw:0", EXPECT_PORT},
	{"0* sip:gw:65536", EXPECT_PORT},
	{"0* sip:gw:506000", EXPECT_PORT},
	{"0* sip:gw:50x", EXPECT_PORT},
	{"0* sip:gw;", EXPECT_PARAMS},
	{"0* sip:gw;;lr", EXPECT_PARAMS},
	{"0* sip:gw;a=%4", EXPECT_PARAMS},
	{"0* sip:gw?Subject=x", EXPECT_HOST},
	{"0* sip:gw;a?Subject=x", EXPECT_PARAMS},
	{"0* sip:gw;a>;b", EXPECT_PARAMS},
	{"0* sip:gw;Ph-Route=ask", EXPECT_PARAMS},
	{"0* redirect:gw;lr", "nothing but HOST[:PORT] after redirect:"},
	{"00 sip:*@gw", EXPECT_STAR},
	{"*0* sip:*@gw", EXPECT_STAR},
	{"[*] sip:*@gw", EXPECT_STAR},
	{"0@* sip:*@gw", EXPECT_STAR},
};

START_TEST(refusing)
{
	char why[160] = "";

	ck_assert_msg(routes_check(refused[_i].item, why, sizeof(why)) ==
			      -EINVAL,
		      "%s", refused[_i].item);
	ck_assert_str_eq(why, refused[_i].why);
	add("* sip:gw");
	add(refused[_i].item);
	why[0] = '\0';
	ck_assert_int_eq(routes_alloc(&scene.r, &scene.list, why, sizeof(why)),
			 -EINVAL);
	ck_assert_str_eq(why, refused[_i].why);
	ck_assert_ptr_null(scene.r);
}
END_TEST

START_TEST(a_thousand_routes)
{
	char item[ITEM_LEN], why[160] = "";

	for (unsigned i = 0; i < ROUTES_MAX; i++) {
		(void)snprintf(item, sizeof(item), "004989%04u* sip:*@gw%u", i,
			       i);
		add(item);
	}
	make();
	find("0049890999123@a.example");
	ck_assert_str_eq(scene.found[0].url, "sip:123@gw999;ph-route");
	find("0049891000@a.example");
	ck_assert_uint_eq(scene.n, 0);

	routes_free(scene.r);
	scene.r = NULL;
	add("* sip:gw");
	ck_assert_int_eq(routes_alloc(&scene.r, &scene.list, why, sizeof(why)),
			 -EINVAL);
	ck_assert_str_eq(why, "at most 1000 routes");
}
END_TEST

#define LOOP(test, table)                                                      \
	tcase_add_loop_test(t, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *s = suite_create("redirectd routes");
	TCase *t = tcase_create("routes");

	tcase_add_checked_fixture(t, setup, teardown);
	LOOP(one_route, cases);
	LOOP(refusing, refused);
	tcase_add_test(t, what_is_made_is_a_uri);
	tcase_add_test(t, first_match_wins);
	tcase_add_test(t, targets_in_order);
	tcase_add_test(t, too_long_a_uri_is_left_out);
	tcase_add_test(t, no_routes);
	tcase_add_test(t, a_thousand_routes);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
