#include "tests/unit/relayd_learn_fixture.h"
#include "relayd/bypass.h"
#include "relayd/fastflow.h"
#include "relayd/figures.h"
#include "relayd/route.h"

#include <arpa/inet.h>
#include <errno.h>

static const char caller[] = "198.51.100.1:4000";
static const char callee[] = "198.51.100.2:5000";

static void both_learned(void)
{
	signal_side(&rtp, LEARN_FIRST, caller, "198.51.100.1:5060");
	signal_side(&rtp, LEARN_SECOND, callee, "198.51.100.2:5060");
	feed(caller, 1, 1);
	feed(callee, 2, 1);
}

START_TEST(ready_when_both_sides_are_proven)
{
	ck_assert(!fastflow_ready(&rtp));
	signal_side(&rtp, LEARN_FIRST, caller, "198.51.100.1:5060");
	feed(caller, 1, 1);
	ck_assert(!fastflow_ready(&rtp));
	signal_side(&rtp, LEARN_SECOND, callee, "198.51.100.2:5060");
	ck_assert(!fastflow_ready(&rtp));
	feed(callee, 2, 1);
	ck_assert_uint_eq(rtp.ch[LEARN_SECOND].rank, LEARN_EXACT);
	feed(caller, 1, 2);
	ck_assert(fastflow_ready(&rtp));
}
END_TEST

START_TEST(signalling_ends_it_until_settled)
{
	both_learned();
	ck_assert(fastflow_ready(&rtp));
	signal_side(&rtp, LEARN_FIRST, caller, "198.51.100.1:5060");
	ck_assert(!fastflow_ready(&rtp));
	now += LEARN_SETTLE_MS - 100;
	feed(caller, 1, 3);
	ck_assert(!fastflow_ready(&rtp));
	now += 100;
	feed(caller, 1, 4);
	ck_assert(fastflow_ready(&rtp));
}
END_TEST

START_TEST(a_closed_side_ends_it)
{
	both_learned();
	learn_close(&rtp, LEARN_SECOND);
	ck_assert(!fastflow_ready(&rtp));
}
END_TEST

/* Both sides taken for one source, or nowhere to send to: not for the kernel,
 * whatever brought it about. */
START_TEST(needs_two_sources_and_two_targets)
{
	both_learned();
	rtp.ch[LEARN_SECOND].source = rtp.ch[LEARN_FIRST].source;
	ck_assert(!fastflow_ready(&rtp));
	rtp.ch[LEARN_SECOND].source = at(callee);
	ck_assert(fastflow_ready(&rtp));
	rtp.ch[LEARN_FIRST].sendto = (struct addr){0};
	ck_assert(!fastflow_ready(&rtp));
	rtp.ch[LEARN_FIRST].sendto = at("198.51.100.1:0");
	ck_assert(!fastflow_ready(&rtp));
	rtp.ch[LEARN_FIRST].sendto = at("169.254.1.1:4000");
	ck_assert(!fastflow_ready(&rtp));
}
END_TEST

/* IPv4 on one side and IPv6 on the other: relayd bridges these itself. */
START_TEST(needs_one_address_family)
{
	const char *const v6 = "[2001:db8::1]:4000";

	both_learned();
	rtp.ch[LEARN_SECOND].source = at(v6);
	ck_assert(!fastflow_ready(&rtp));
	rtp.ch[LEARN_SECOND].sendto = at(v6);
	ck_assert(!fastflow_ready(&rtp));
	rtp.ch[LEARN_FIRST].source = at("[2001:db8::2]:4000");
	ck_assert(!fastflow_ready(&rtp));
	rtp.ch[LEARN_FIRST].sendto = at("[2001:db8::2]:4000");
	ck_assert(fastflow_ready(&rtp));
}
END_TEST

START_TEST(an_asymmetric_client_is_sent_to_where_it_listens)
{
	const struct addr local[] = {at("203.0.113.4:30000"),
				     at("10.1.0.4:30000")};
	struct fastflow f;

	signal_side(&rtp, LEARN_FIRST, caller, "198.51.100.1:5060");
	signal_side(&rtp, LEARN_SECOND, callee, "198.51.100.2:5060");
	prove("198.51.100.1:4444", 1, 3);
	feed(callee, 2, 1);
	ck_assert(fastflow_ready(&rtp));
	fastflow_of(&f, &rtp, LEARN_FIRST, local);
	assert_addr(&f.source, "198.51.100.1:4444");
	assert_addr(&f.in, "203.0.113.4:30000");
	assert_addr(&f.out, "10.1.0.4:30000");
	assert_addr(&f.to, callee);
	fastflow_of(&f, &rtp, LEARN_SECOND, local);
	assert_addr(&f.source, callee);
	assert_addr(&f.in, "10.1.0.4:30000");
	assert_addr(&f.out, "203.0.113.4:30000");
	assert_addr(&f.to, caller);
}
END_TEST

START_TEST(key_and_hop_of_ipv4)
{
	struct fastflow f = {at(caller), at("203.0.113.4:30000"),
			     at("10.1.0.4:30000"), at(callee)};
	struct route route = {7, 1500, at("203.0.113.254:0")};
	struct fastpath_hop hop;
	union fastflow_key key;

	fastflow_key(&key, &f);
	ck_assert_uint_eq(key.v4.saddr, inet_addr("198.51.100.1"));
	ck_assert_uint_eq(key.v4.daddr, inet_addr("203.0.113.4"));
	ck_assert_uint_eq(ntohs(key.v4.sport), 4000);
	ck_assert_uint_eq(ntohs(key.v4.dport), 30000);
	fastflow_hop(&hop, &f, &route, 42, 46);
	ck_assert_uint_eq(hop.saddr[0], inet_addr("10.1.0.4"));
	ck_assert_uint_eq(hop.daddr[0], inet_addr("198.51.100.2"));
	ck_assert_uint_eq(hop.daddr[1] | hop.daddr[2] | hop.daddr[3], 0);
	ck_assert_uint_eq(hop.gateway[0], inet_addr("203.0.113.254"));
	ck_assert_uint_eq(hop.gateway_family, AF_INET);
	ck_assert_uint_eq(ntohs(hop.sport), 30000);
	ck_assert_uint_eq(ntohs(hop.dport), 5000);
	ck_assert_uint_eq(hop.ifindex, 7);
	ck_assert_uint_eq(hop.mtu, 1500);
	ck_assert_uint_eq(hop.slot, 42);
	ck_assert_uint_eq(hop.tos, 46 << 2);
}
END_TEST

START_TEST(key_and_hop_of_ipv6)
{
	struct fastflow f = {
		at("[2001:db8::1]:4000"), at("[2001:db8::4]:30000"),
		at("[2001:db8::5]:30000"), at("[2001:db8::2]:5000")};
	struct route route = {7, 1280, at("[fe80::1]:0")};
	struct fastpath_hop hop;
	union fastflow_key key;
	struct in6_addr ip;

	fastflow_key(&key, &f);
	inet_pton(AF_INET6, "2001:db8::1", &ip);
	ck_assert_mem_eq(key.v6.saddr, &ip, sizeof(ip));
	inet_pton(AF_INET6, "2001:db8::4", &ip);
	ck_assert_mem_eq(key.v6.daddr, &ip, sizeof(ip));
	ck_assert_uint_eq(ntohs(key.v6.sport), 4000);
	ck_assert_uint_eq(ntohs(key.v6.dport), 30000);
	fastflow_hop(&hop, &f, &route, 1, 0);
	inet_pton(AF_INET6, "2001:db8::5", &ip);
	ck_assert_mem_eq(hop.saddr, &ip, sizeof(ip));
	inet_pton(AF_INET6, "2001:db8::2", &ip);
	ck_assert_mem_eq(hop.daddr, &ip, sizeof(ip));
	inet_pton(AF_INET6, "fe80::1", &ip);
	ck_assert_mem_eq(hop.gateway, &ip, sizeof(ip));
	ck_assert_uint_eq(hop.gateway_family, AF_INET6);
}
END_TEST

static uint16_t ones_sum(uint64_t sum, const void *data, size_t len)
{
	const uint16_t *words = data;

	for (size_t i = 0; i < len / 2; i++)
		sum += words[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static const char *const many[2][4] = {
	{"203.0.113.4:30000", "255.255.255.254:65535", "10.0.0.1:1024",
	 "192.0.2.255:40001"},
	{"[2001:db8::4]:30000", "[ffff:ffff:ffff::ffff]:65535", "[::2]:1024",
	 "[2001:db8:1:2:3:4:5:6]:40001"},
};

/* As if it were summed up anew (RFC 1624). */
START_TEST(what_the_rewriting_adds_to_a_checksum)
{
	bool v6 = _i / 256;
	const struct fastflow f = {
		at(many[v6][_i & 3]), at(many[v6][_i >> 2 & 3]),
		at(many[v6][_i >> 4 & 3]), at(many[v6][_i >> 6 & 3])};
	const struct route route = {7, 1500, f.to};
	struct fastpath_hop hop;
	union fastflow_key key;
	size_t len = v6 ? 16 : 4;
	uint16_t was, is;

	fastflow_key(&key, &f);
	fastflow_hop(&hop, &f, &route, 1, 0);
	was = ones_sum(1, &key, 2 * len);
	is = ones_sum(1, hop.saddr, len);
	is = ones_sum(is, hop.daddr, len);
	ck_assert_uint_eq(ones_sum((uint64_t)was + hop.sum_addresses, NULL, 0),
			  is);
	was = ones_sum(1, v6 ? &key.v6.sport : &key.v4.sport, 4);
	is = ones_sum(1, &hop.sport, 4);
	ck_assert_uint_eq(ones_sum((uint64_t)was + hop.sum_ports, NULL, 0), is);
}
END_TEST

/* As another process finds it in the kernel's table. */
START_TEST(a_flow_is_known_by_key_and_hop)
{
	const struct fastflow flows[] = {
		{at(caller), at("203.0.113.4:30000"), at("10.1.0.4:30000"),
		 at(callee)},
		{at("[2001:db8::1]:4000"), at("[2001:db8::4]:30000"),
		 at("[2001:db8::5]:30000"), at("[2001:db8::2]:5000")},
	};

	for (size_t i = 0; i < 2; i++) {
		struct route route = {7, 1500, flows[i].to};
		struct fastpath_hop hop;
		union fastflow_key key;
		struct fastflow found;

		fastflow_key(&key, &flows[i]);
		fastflow_hop(&hop, &flows[i], &route, 1, 0);
		fastflow_from(&found, &key, &hop, addr_family(&flows[i].in));
		ck_assert(fastflow_eq(&found, &flows[i]));
	}
}
END_TEST

START_TEST(flows_differ_in_each_address)
{
	const struct fastflow f = {at(caller), at("203.0.113.4:30000"),
				   at("10.1.0.4:30000"), at(callee)};
	struct fastflow g = f;

	ck_assert(fastflow_eq(&f, &g));
	g.source = at(callee);
	ck_assert(!fastflow_eq(&f, &g));
	g = f;
	g.in = at("203.0.113.4:30002");
	ck_assert(!fastflow_eq(&f, &g));
	g = f;
	g.out = at("203.0.113.4:30000");
	ck_assert(!fastflow_eq(&f, &g));
	g = f;
	g.to = at(caller);
	ck_assert(!fastflow_eq(&f, &g));
}
END_TEST

/* What went past counts as heard: silence and sequence go on from there. */
START_TEST(heard_past_relayd)
{
	both_learned();
	learn_heard(&rtp, LEARN_FIRST, 1, 500, now + 5000);
	ck_assert_uint_eq(rtp.ch[LEARN_FIRST].last, now + 5000);
	ck_assert_uint_eq(rtp.ch[LEARN_FIRST].seq, 500);
	learn_heard(&rtp, LEARN_FIRST, 1, 400, now);
	ck_assert_uint_eq(rtp.ch[LEARN_FIRST].last, now + 5000);
	ck_assert_uint_eq(rtp.ch[LEARN_FIRST].seq, 500);
	now += 5000;
	ck_assert_uint_eq(feed("198.51.100.9:4000", 1, 501), LEARN_STRANGER);
	now += LEARN_SILENCE_MS;
	ck_assert_uint_eq(feed("198.51.100.9:4000", 1, 502), LEARN_RELEARNED);
}
END_TEST

START_TEST(heard_of_a_side_never_learned)
{
	signal_side(&rtp, LEARN_FIRST, caller, "198.51.100.1:5060");
	learn_heard(&rtp, LEARN_FIRST, 1, 500, now);
	ck_assert_uint_eq(rtp.ch[LEARN_FIRST].last, 0);
	ck_assert(!rtp.ch[LEARN_FIRST].has_rtp);
}
END_TEST

START_TEST(no_fast_path_no_bypass)
{
	const uint8_t packet[12] = {0x80};
	struct addr local = at("203.0.113.4:0");
	struct figures figures = {0};
	struct bypass_news news;
	struct bypass b;

	both_learned();
	bypass_init(&b, NULL, &figures, &local, 30000);
	ck_assert_uint_eq(bypass_follow(&b, &rtp, now), 0);
	bypass_done(&b, LEARN_FIRST, packet);
	ck_assert(!bypass_news(&news, &b, LEARN_FIRST));
	ck_assert(!bypass_has(&b, LEARN_FIRST));
	bypass_leave(&b);
	assert_addr(&b.local[LEARN_FIRST], "203.0.113.4:30000");
	local = at("10.1.0.4:0");
	bypass_local(&b, LEARN_SECOND, &local);
	assert_addr(&b.local[LEARN_FIRST], "203.0.113.4:30000");
	assert_addr(&b.local[LEARN_SECOND], "10.1.0.4:30000");
}
END_TEST

/* This host is no way for packets to leave it. */
START_TEST(no_route_to_oneself)
{
	struct addr self = at("127.0.0.1:4000");
	struct routes *routes;
	struct route route;

	ck_assert_int_eq(routes_open(&routes), 0);
	ck_assert_int_eq(routes_find(&route, routes, &self, &self),
			 -ENETUNREACH);
	routes_close(routes);
}
END_TEST

START_TEST(marks_tell_packets_apart)
{
	ck_assert_uint_ne(fastpath_mark(0, 0), 0);
	ck_assert_uint_ne(fastpath_mark(1, 0), fastpath_mark(0, 0));
	ck_assert_uint_ne(fastpath_mark(0, 1), fastpath_mark(0, 0));
	ck_assert_uint_ne(fastpath_mark(0xffff, 0xffffffff),
			  fastpath_mark(0xffff, 0x7fffffff));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		ready_when_both_sides_are_proven,
		signalling_ends_it_until_settled,
		a_closed_side_ends_it,
		needs_two_sources_and_two_targets,
		needs_one_address_family,
		an_asymmetric_client_is_sent_to_where_it_listens,
		key_and_hop_of_ipv4,
		key_and_hop_of_ipv6,
		a_flow_is_known_by_key_and_hop,
		flows_differ_in_each_address,
		heard_past_relayd,
		heard_of_a_side_never_learned,
		no_fast_path_no_bypass,
		no_route_to_oneself,
		marks_tell_packets_apart,
	};
	TCase *tc = tcase_create("fastflow");
	Suite *s = suite_create("relayd fastflow");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tc, tests[i]);
	tcase_add_loop_test(tc, what_the_rewriting_adds_to_a_checksum, 0, 512);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
