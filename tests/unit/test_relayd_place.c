#include "tests/unit/relayd_fixture.h"

/*
 * Sides served at different addresses of the relay: two of IPv4 and one of
 * IPv6 on the loopback, with a routing table of the test's own.
 */
enum { RTP_LEN = 20 };

static const char *const lan = "127.0.0.2";

/* Towards 127.0.0.64 and above by the interface of 127.0.0.2. */
static int route(struct addr *local, const struct addr *peer)
{
	uint32_t ip = ntohl(peer->u.in.sin_addr.s_addr);

	return addr_parse(local, (ip & 0xff) >= 64 ? lan : "127.0.0.1", 0);
}

static void host_has(const char *name, const char *ip)
{
	struct iface_local *a = &ifaces.local[ifaces.nlocal++];

	ck_assert_int_eq(addr_parse(&a->ip, ip, 0), 0);
	snprintf(a->name, sizeof(a->name), "%s", name);
}

static void add(const char *ip)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, ip, 0), 0);
	ck_assert_int_eq(iface_add(&ifaces, &a, &(struct addr){0}), 0);
}

static void setup_places(void)
{
	setup();
	ifaces = (struct ifaces){.route = route};
	host_has("wan", "127.0.0.1");
	host_has("lan", lan);
	add("127.0.0.1");
	add(lan);
	add("::1");
}

/* A socket at an IP and any port. */
static int phone_at(struct addr *a, const char *ip)
{
	socklen_t len = sizeof(a->u);
	int fd;

	ck_assert_int_eq(addr_parse(a, ip, 0), 0);
	fd = socket(addr_family(a), SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(fd, &a->u.sa, addr_len(a)), 0);
	ck_assert_int_eq(getsockname(fd, &a->u.sa, &len), 0);
	return fd;
}

/* The description of one party: an offer, or an answer where `to` is given. */
static int tell(const char *from, const char *to, const struct addr *media,
		const struct addr *observed, const struct addr *toward)
{
	char sdp_text[SDP_TEXT], text[TEXT_MAX], ip[ADDR_STRLEN],
		contact[ADDR_STRLEN], to_uri[ADDR_STRLEN] = "";
	char version = addr_family(media) == AF_INET6 ? '6' : '4';

	addr_ip_str(ip, media);
	snprintf(sdp_text, sizeof(sdp_text),
		 "v=0\r\no=- 1 1 IN IP%c %s\r\ns=-\r\nc=IN IP%c %s\r\nt=0 0\r\n"
		 "m=audio %u RTP/AVP 0\r\n",
		 version, ip, version, ip, addr_port(media));
	if (toward)
		addr_ip_str(to_uri, toward);
	snprintf(text, sizeof(text),
		 "INVITE sip:relay@127.0.0.1%s%s SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport\r\n"
		 "Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=%s\r\n"
		 "To: <sip:b@example.com>%s%s\r\n"
		 "Call-ID: c1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@%s>\r\n"
		 "Content-Type: application/sdp\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 toward ? ";ph-toward=" : "", to_uri, from, to ? ";tag=" : "",
		 to ? to : "", addr_str(contact, observed), strlen(sdp_text),
		 sdp_text);
	return ask_from(&proxy, text);
}

/* What the last answer names: the address for the other party. */
static struct addr far_address(void)
{
	msg_t *msg = parsed();
	struct sdp res;

	ck_assert_int_eq(relay_answer_parse(&res, sip_object(msg)), 0);
	msg_destroy(msg);
	return res.media[0].rtp;
}

/* The address for the party that it was told of. */
static struct addr near_address(void)
{
	struct addr a = {0}, far = far_address();
	msg_t *msg = parsed();

	ck_assert(relay_answer_near(&a, sip_object(msg)));
	msg_destroy(msg);
	addr_set_port(&a, addr_port(&far));
	return a;
}

static void assert_ip(struct addr a, const char *ip)
{
	char text[ADDR_STRLEN];

	ck_assert_str_eq(addr_ip_str(text, &a), ip);
}

static void send_to(int fd, struct addr to, uint8_t mark)
{
	const uint8_t rtp[RTP_LEN] = {0x80, 0, 0, mark, [8] = 1, [19] = mark};

	ck_assert_int_eq(
		sendto(fd, rtp, sizeof(rtp), 0, &to.u.sa, addr_len(&to)),
		RTP_LEN);
}

/* The mark of the packet heard next, and from where it came. */
static int heard_from(struct addr *from, int fd)
{
	uint64_t end = uv_hrtime() + (uint64_t)WAIT_MS * 1000000;
	socklen_t len = sizeof(from->u);
	uint8_t rtp[64];

	while (uv_hrtime() < end) {
		struct pollfd p = {fd, POLLIN, 0};

		uv_run(&loop, UV_RUN_NOWAIT);
		if (poll(&p, 1, 1) == 1)
			return recvfrom(fd, rtp, sizeof(rtp), 0, &from->u.sa,
					&len) == RTP_LEN
				       ? rtp[19]
				       : -2;
	}
	return -1;
}

static void assert_heard(int fd, const struct addr *from, uint8_t mark)
{
	struct addr src;

	ck_assert_int_eq(heard_from(&src, fd), mark);
	ck_assert(addr_eq(&src, from));
}

/* Both directions, each from where it was told to send to; enough packets for
 * any proof. */
static void talk(int a, struct addr to_a, int b, struct addr to_b)
{
	for (uint8_t mark = 1; mark < 8; mark++) {
		send_to(a, to_a, mark);
		assert_heard(b, &to_b, mark);
		send_to(b, to_b, mark);
		assert_heard(a, &to_a, mark);
	}
	ck_assert_uint_eq(counters.stranger_packets, 0);
	ck_assert_uint_eq(counters.send_errors, 0);
}

static const struct {
	const char *first, *second; /* phones */
	const char *near, *far;     /* where they are served */
} pairs[] = {
	{"127.0.0.10", "127.0.0.11", "127.0.0.1", "127.0.0.1"},
	{"127.0.0.10", "127.0.0.70", "127.0.0.1", "127.0.0.2"},
	{"127.0.0.70", "127.0.0.10", "127.0.0.2", "127.0.0.1"},
	{"127.0.0.70", "127.0.0.71", "127.0.0.2", "127.0.0.2"},
	{"127.0.0.70", "::1", "127.0.0.2", "::1"},
	{"::1", "127.0.0.10", "::1", "127.0.0.1"},
};

START_TEST(each_side_at_the_address_that_leads_there)
{
	struct addr one, other, near, far;
	int a = phone_at(&one, pairs[_i].first);
	int b = phone_at(&other, pairs[_i].second);

	ck_assert_int_eq(tell("a", NULL, &one, &one, &other), 302);
	assert_ip(near = near_address(), pairs[_i].near);
	assert_ip(far = far_address(), pairs[_i].far);
	ck_assert_int_eq(tell("a", "b", &other, &other, NULL), 302);
	assert_ip(far_address(), pairs[_i].near);
	assert_ip(near_address(), pairs[_i].far);
	talk(a, near, b, far);
	close(a);
	close(b);
}
END_TEST

/* The proxy asks beside its query of where the callee is, and once more. */
START_TEST(the_other_party_is_known_later)
{
	struct addr one, other, near, far;
	int a = phone_at(&one, "127.0.0.10"), b = phone_at(&other, "::1");

	ck_assert_int_eq(tell("a", NULL, &one, &one, NULL), 302);
	assert_ip(far = far_address(), "127.0.0.1");
	ck_assert_int_eq(tell("a", NULL, &one, &one, &other), 302);
	assert_ip(near = near_address(), "127.0.0.1");
	ck_assert_uint_eq(addr_port(&far), addr_port(&near));
	assert_ip(far = far_address(), "::1");
	/* the first one again, late */
	ck_assert_int_eq(tell("a", NULL, &one, &one, NULL), 302);
	assert_ip(far_address(), "::1");
	ck_assert_int_eq(tell("a", "b", &other, &other, NULL), 302);
	talk(a, near, b, far);
	close(a);
	close(b);
}
END_TEST

/* Signalling over one family and media over another: media decides. */
START_TEST(the_family_of_the_media_counts)
{
	struct addr one, signalling;
	int a = phone_at(&one, "::1");

	addr_parse(&signalling, "127.0.0.10:5060", 0);
	ck_assert_int_eq(tell("a", NULL, &one, &signalling, NULL), 302);
	assert_ip(far_address(), "::1");
	close(a);
}
END_TEST

/* A phone that changes network, and with it the address family, is told the
 * new address; the other one stays where it is. */
START_TEST(a_side_moves)
{
	struct addr one, other, moved, near, far;
	int a = phone_at(&one, "127.0.0.10");
	int b = phone_at(&other, "127.0.0.70");
	int c = phone_at(&moved, "::1");

	ck_assert_int_eq(tell("a", NULL, &one, &one, &other), 302);
	near = near_address();
	far = far_address();
	ck_assert_int_eq(tell("a", "b", &other, &other, NULL), 302);
	talk(a, near, b, far);
	ck_assert_int_eq(tell("a", NULL, &moved, &moved, NULL), 302);
	assert_ip(near = near_address(), "::1");
	assert_ip(far_address(), lan);
	ck_assert_int_eq(tell("a", "b", &other, &other, NULL), 302);
	talk(c, near, b, far);
	close(a);
	close(b);
	close(c);
}
END_TEST

/* One that has moved and whose SDP cannot be sent to: nothing is sent until it
 * is heard, least of all to where it was. */
START_TEST(a_side_that_has_moved_is_waited_for)
{
	struct addr one, other, moved, hidden, near, far;
	int a = phone_at(&one, "127.0.0.10");
	int b = phone_at(&other, "127.0.0.70");
	int c = phone_at(&moved, "::1");

	ck_assert_int_eq(tell("a", NULL, &one, &one, &other), 302);
	near = near_address();
	far = far_address();
	ck_assert_int_eq(tell("a", "b", &other, &other, NULL), 302);
	talk(a, near, b, far);
	addr_parse(&hidden, "[fd00::5]:4000", 0);
	ck_assert_int_eq(tell("a", NULL, &hidden, &moved, NULL), 302);
	near = near_address();
	ck_assert_int_eq(tell("a", "b", &other, &other, NULL), 302);
	send_to(b, far, 20);
	for (uint8_t mark = 30; mark < 40; mark++)
		send_to(c, near, mark);
	ck_assert_int_gt(heard_from(&one, b), 0);
	ck_assert_uint_eq(counters.nowhere_packets, 1);
	ck_assert_uint_eq(counters.send_errors, 0);
	close(a);
	close(b);
	close(c);
}
END_TEST

/* A source is one of a side only where that side is served: the second party's
 * own packets at the first one's address are a stranger's. */
START_TEST(a_packet_at_the_other_address)
{
	struct addr one, other, near, far, to;
	int a = phone_at(&one, "127.0.0.10");
	int b = phone_at(&other, "127.0.0.70");

	ck_assert_int_eq(tell("a", NULL, &one, &one, &other), 302);
	near = near_address();
	far = far_address();
	ck_assert_int_eq(tell("a", "b", &other, &other, NULL), 302);
	talk(a, near, b, far);
	to = near;
	send_to(b, to, 50);
	send_to(b, far, 51);
	assert_heard(a, &near, 51);
	ck_assert_uint_eq(counters.stranger_packets, 1);
	close(a);
	close(b);
}
END_TEST

/* Media that would come back to one of the relay's other addresses. */
START_TEST(no_address_of_its_own_is_sent_to)
{
	const struct learn *l;
	struct addr one, other, far;
	int a = phone_at(&one, "127.0.0.10");

	addr_parse(&other, "127.0.0.70:4000", 0);
	ck_assert_int_eq(tell("a", NULL, &one, &one, &other), 302);
	far = far_address();
	for (unsigned i = 0; i < 2; i++) {
		addr_parse(&other, i ? "127.0.0.1" : lan, addr_port(&far));
		ck_assert_int_eq(tell("a", "b", &other, &other, NULL), 302);
		l = stream_learn(
			session_stream(sessions_find(sessions, "c1"), 0),
			STREAM_RTP);
		ck_assert(addr_is_none(&l->ch[LEARN_SECOND].sendto));
	}
	close(a);
}
END_TEST

/* Who holds a port of a session at an address that it comes to need. */
START_TEST(a_taken_port_refuses_the_move_and_changes_nothing)
{
	struct addr one, other, near, far, taken;
	int a = phone_at(&one, "127.0.0.10");
	int b = phone_at(&other, "127.0.0.11"), thief;
	char text[ADDR_STRLEN];

	ck_assert_int_eq(tell("a", NULL, &one, &one, &other), 302);
	near = near_address();
	far = far_address();
	ck_assert_int_eq(tell("a", "b", &other, &other, NULL), 302);
	/* of RTCP, so that RTP is had before it fails */
	snprintf(text, sizeof(text), "[::1]:%u", addr_port(&near) + 1U);
	addr_parse(&taken, text, 0);
	thief = socket(AF_INET6, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(thief, &taken.u.sa, addr_len(&taken)), 0);
	addr_parse(&taken, "[::1]:4000", 0);
	ck_assert_int_eq(tell("a", NULL, &taken, &taken, NULL), 486);
	ck_assert_int_eq(tell("a", NULL, &one, &one, NULL), 302);
	assert_ip(near_address(), "127.0.0.1");
	talk(a, near, b, far);
	close(thief);
	close(a);
	close(b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("place");
	Suite *s = suite_create("relayd place");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup_places, teardown);
	tcase_add_loop_test(tc, each_side_at_the_address_that_leads_there, 0,
			    sizeof(pairs) / sizeof(pairs[0]));
	tcase_add_test(tc, the_other_party_is_known_later);
	tcase_add_test(tc, the_family_of_the_media_counts);
	tcase_add_test(tc, a_side_moves);
	tcase_add_test(tc, a_side_that_has_moved_is_waited_for);
	tcase_add_test(tc, a_packet_at_the_other_address);
	tcase_add_test(tc, no_address_of_its_own_is_sent_to);
	tcase_add_test(tc, a_taken_port_refuses_the_move_and_changes_nothing);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
