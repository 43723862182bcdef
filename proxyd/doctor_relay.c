#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/strbuf.h"
#include "proto/relay.h"
#include "proxyd/doctor_call.h"

#include "proxyd/doctor.h"

enum {
	ROUNDS = 75, /* of packets, while not all is heard */
	ROUND_MS = 20,
	HEARD_ENOUGH = 3,
	RTP_HEADER = 12,
	RTP_LEN = RTP_HEADER + 160, /* 20 ms of PCMU */
	RTP_VERSION = 0x80,
	PCMU_SILENCE = 0xff,
	SDP_LEN = 256,
	PARTY_LEN = 128,
	STATUS_MOVED = 302,
};

/* One of the two parties of the call. */
struct party {
	int fd;
	struct addr self; /* the socket */
	struct addr seen; /* as the relay sees it */
	uint16_t seq;
};

struct trial {
	const struct doctor *d;
	const struct checkup_peer *relay;
	char call_id[DOCTOR_TOKEN_LEN]; /* of the session */
	uint32_t cseq;
	struct party party[DOCTOR_SIDES];
	struct doctor_call call;
};

static int open_party(struct trial *t, struct party *p)
{
	int err =
		doctor_socket(&p->fd, &p->self, &t->d->bound, &t->relay->q.to);

	/* an address translator on the way keeps the port, or does not matter
	 * to the relay */
	p->seen = t->relay->answer.from;
	addr_set_port(&p->seen, addr_port(&p->self));
	return err;
}

static void print_sdp(char text[SDP_LEN], const struct party *p)
{
	char ip[ADDR_STRLEN];
	const char *family = addr_family(&p->seen) == AF_INET6 ? "IP6" : "IP4";

	(void)addr_ip_str(ip, &p->seen);
	(void)snprintf(text, SDP_LEN,
		       "v=0\r\no=doctor 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\n"
		       "t=0 0\r\nm=audio %u RTP/AVP 0\r\n",
		       family, ip, family, ip, addr_port(&p->seen));
}

typedef int print_h(struct strbuf *out, const struct proto_hop *hop,
		    const struct relay_request *r);

/* Send one request of the session and wait for its answer, which is freed with
 * msg_destroy(). 0 or -errno. */
static int request(msg_t **answer, struct trial *t, print_h *print,
		   struct relay_request *r)
{
	struct doctor_question q, *one = &q;
	char branch[PARTY_LEN];
	const struct proto_hop hop = {&q.self, branch, &t->relay->q.to};
	struct strbuf sb;
	int err = doctor_open(&q, &t->d->bound, &t->relay->q.to);

	if (err)
		return err;
	(void)snprintf(branch, sizeof(branch), "z9hG4bK%s", q.token);
	memcpy(q.token, t->call_id, sizeof(q.token));
	r->call_id = t->call_id;
	r->cseq = ++t->cseq;
	strbuf_init(&sb, q.text, sizeof(q.text));
	q.err = print(&sb, &hop, r);
	q.len = sb.len;
	doctor_ask(&one, 1);
	err = q.err;
	if (!err)
		err = sipmsg_parse(answer, q.answer, q.answer_len, NULL);
	doctor_close(&q);
	return err;
}

/* The description of one side; `toward`: where the other party is. */
static int describe(msg_t **answer, struct trial *t, int side,
		    const struct addr *toward)
{
	char sdp[SDP_LEN];
	struct relay_request r = {
		.from = "<sip:doctor@pinhole.invalid>;tag=a",
		.to = side ? "<sip:doctor@pinhole.invalid>;tag=b"
			   : "<sip:doctor@pinhole.invalid>",
		.from_tag = "a",
		.to_tag = side ? "b" : NULL,
		.observed = t->party[side].seen,
		.options.toward = *toward,
		.sdp = sdp,
	};

	print_sdp(sdp, &t->party[side]);
	r.sdp_len = strlen(sdp);
	return request(answer, t, relay_request_print, &r);
}

/* The address that it names. 0, or -errno after a finding. */
static int describe_named(struct addr *named, struct trial *t, int side,
			  const struct addr *toward)
{
	char at[ADDR_STRLEN];
	msg_t *answer = NULL;
	const sip_t *sip;
	struct sdp resource;
	int err = describe(&answer, t, side, toward);

	(void)addr_str(at, &t->relay->q.to);
	if (err) {
		findings_add(t->d->f, FINDING_FAIL, "media",
			     "look into its log, and at the network between",
			     "relay %s does not answer a relay request: %s", at,
			     strerror(-err));
		return err;
	}
	sip = sip_object(answer);
	err = relay_answer_parse(&resource, sip);
	if (!err && resource.media[0].port)
		*named = resource.media[0].rtp;
	else
		err = -ENOBUFS;
	if (err)
		findings_add(t->d->f, FINDING_WARN, "media",
			     "look at its own doctor, and its log",
			     "relay %s takes no calls now: %d %s", at,
			     sip->sip_status ? sip->sip_status->st_status : 0,
			     sip->sip_status ? sip->sip_status->st_phrase : "");
	msg_destroy(answer);
	return err;
}

/* What phones on the internet would be told, where there may be some. */
static int look_at_name(struct trial *t)
{
	const struct addr *self = doctor_ends_for(&t->d->self, &t->relay->q.to);
	struct addr named;
	int err;

	if (!self || addr_class(self) != ADDR_PUBLIC)
		return 0;
	err = describe_named(&named, t, 0, self);
	if (!err)
		doctor_call_judge_name(t->d->f, &t->relay->q.to, &named, self);
	return err;
}

static void send_rtp(const struct trial *t, struct party *p, uint32_t ssrc)
{
	unsigned char packet[RTP_LEN];
	uint32_t stamp = htonl((uint32_t)p->seq * (RTP_LEN - RTP_HEADER));
	uint16_t seq = htons(p->seq++);

	memset(packet, PCMU_SILENCE, sizeof(packet));
	packet[0] = RTP_VERSION;
	packet[1] = 0;
	ssrc = htonl(ssrc);
	memcpy(packet + 2, &seq, sizeof(seq));
	memcpy(packet + 4, &stamp, sizeof(stamp));
	memcpy(packet + 8, &ssrc, sizeof(ssrc));
	(void)sendto(p->fd, packet, sizeof(packet), MSG_NOSIGNAL,
		     &t->call.named.u.sa, addr_len(&t->call.named));
}

/* One packet from elsewhere is enough: what the kernel forwards for the relay
 * later passes by who translates addresses there. */
static void note(struct trial *t, int side, const struct addr *from)
{
	struct addr *noted = &t->call.from[side];

	if (addr_is_none(noted) || addr_eq(noted, &t->call.named))
		*noted = *from;
	t->call.heard[side]++;
}

/* What the other party has sent, from wherever it comes. */
static void hear(struct trial *t, int side)
{
	unsigned char packet[RTP_LEN];
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct addr from;

	while (recvfrom(t->party[side].fd, packet, sizeof(packet), 0,
			(struct sockaddr *)&sa, &len) == RTP_LEN) {
		if (!addr_from_sa(&from, (struct sockaddr *)&sa))
			note(t, side, &from);
		len = sizeof(sa);
	}
}

static void talk(struct trial *t)
{
	for (int i = 0; i < ROUNDS && (t->call.heard[0] < HEARD_ENOUGH ||
				       t->call.heard[1] < HEARD_ENOUGH);
	     i++) {
		for (int side = 0; side < DOCTOR_SIDES; side++)
			send_rtp(t, &t->party[side], (uint32_t)side + 1);
		(void)poll(NULL, 0, ROUND_MS);
		for (int side = 0; side < DOCTOR_SIDES; side++)
			hear(t, side);
	}
}

/* Of one side, forwarded or not. */
static long arrived(const json_t *body, const char *side)
{
	const json_t *stream =
		json_array_get(json_object_get(body, "streams"), 0);
	const json_t *one =
		json_object_get(json_object_get(stream, "rtp"), side);

	if (!one)
		return -1;
	return (long)(json_integer_value(json_object_get(one, "packets")) +
		      json_integer_value(json_object_get(one, "dropped")));
}

/* What the relay has allocated is given back, and it says what came. */
static void release(struct trial *t)
{
	struct relay_request r = {
		.from = "<sip:doctor@pinhole.invalid>;tag=a",
		.to = "<sip:doctor@pinhole.invalid>",
		.from_tag = "a",
	};
	msg_t *answer = NULL;
	json_t *body;

	t->call.arrived[0] = t->call.arrived[1] = -1;
	if (request(&answer, t, relay_release_print, &r))
		return;
	body = relay_json_answer_parse(sip_object(answer));
	if (body) {
		t->call.arrived[0] = arrived(body, "first");
		t->call.arrived[1] = arrived(body, "second");
	}
	json_decref(body);
	msg_destroy(answer);
}

static void run(struct trial *t)
{
	int err = look_at_name(t);

	if (!err)
		err = describe_named(&t->call.named, t, 0, &t->party[1].seen);
	if (!err) {
		struct addr back;

		err = describe_named(&back, t, 1, &t->party[0].seen);
	}
	if (!err)
		talk(t);
	release(t);
	if (!err)
		doctor_call_judge(t->d->f, &t->call);
}

void doctor_relay(const struct doctor *d, const struct checkup_peer *relay)
{
	struct trial t = {
		.d = d,
		.relay = relay,
		.call.relay = relay->q.to,
		.party = {{.fd = -1}, {.fd = -1}},
	};

	sipmsg_token(t.call_id, sizeof(t.call_id));
	if (!open_party(&t, &t.party[0]) && !open_party(&t, &t.party[1])) {
		t.call.self = t.party[0].self;
		run(&t);
	}
	for (int side = 0; side < DOCTOR_SIDES; side++)
		if (t.party[side].fd >= 0)
			close(t.party[side].fd);
}
