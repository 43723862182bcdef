#ifndef TESTS_FUZZ_PROXYD_PEERS_H
#define TESTS_FUZZ_PROXYD_PEERS_H

#include <stdio.h>
#include <string.h>

#include "common/sdp.h"
#include "common/sipmsg.h"
#include "common/strbuf.h"
#include "proto/redirect.h"
#include "proto/relay.h"
#include "tests/fuzz/fuzz.h"

/*
 * What redirectd and relayd of the target's world answer. The directory knows
 * clients by the user alone:
 *
 *   alice  behind a NAT, on the channel that datagrams "a" come from
 *   bob    public, where "b" comes from
 *   carol  served by the other proxy, where "p" comes from
 *   dave   asked for a password first
 *   erin   two phones: alice's and bob's
 *   fred   on a TCP connection, which "c" comes from
 *   gate   a number, over the two servers of another site in turn
 *   moved  a number, asked of the first of them, and then over the second
 *   quiet  nobody answers for
 */
enum { PEERS_ANSWER_MAX = 8192 };

static char peers_answer[PEERS_ANSWER_MAX];

#define ALICE_URL "sip:alice@198.51.100.28:31000;ph-own=10.0.0.16:5062"
#define BOB_URL   "sip:bob@203.0.113.50:5060"
#define CAROL_URL "sip:carol@203.0.113.2:5060;ph-domain=example.com"
#define FRED_URL                                                               \
	"sip:fred@198.51.100.30:40000;transport=tcp;ph-own=10.0.0.17:5062;"    \
	"ph-channel=tcp"

#define GATE_URL  "sip:123@203.0.113.77:5060;ph-route"
#define ASK_URL   "sip:123@203.0.113.77:5060;ph-route=ask"
#define OTHER_URL "sip:123@203.0.113.77:5080;ph-route"

static const struct {
	const char *user;
	const char *urls[2];
} peers_clients[] = {
	{"alice", {ALICE_URL, NULL}},    {"bob", {BOB_URL, NULL}},
	{"carol", {CAROL_URL, NULL}},    {"erin", {ALICE_URL, BOB_URL}},
	{"fred", {FRED_URL, NULL}},      {"gate", {GATE_URL, OTHER_URL}},
	{"moved", {ASK_URL, OTHER_URL}},
};

static inline struct addr peers_addr(const char *text)
{
	struct addr a;

	MUST(addr_parse(&a, text, 5060) == 0);
	return a;
}

static inline int peers_status(struct strbuf *out, const sip_t *sip, int status,
			       const char *extra)
{
	const struct sipmsg_reply r = {
		.status = status, .to_tag = "directory", .extra = extra};

	return sipmsg_reply(out, sip, &r);
}

static inline int peers_found(struct strbuf *out, const sip_t *sip,
			      const char *user)
{
	struct redirect_target targets[2] = {{.q = 1000}, {.q = 1000}};
	const size_t all = sizeof(peers_clients) / sizeof(*peers_clients);

	for (size_t i = 0; i < all; i++) {
		size_t n = 0;

		if (strcmp(peers_clients[i].user, user) != 0)
			continue;
		for (; n < 2 && peers_clients[i].urls[n]; n++)
			snprintf(targets[n].url, sizeof(targets[n].url), "%s",
				 peers_clients[i].urls[n]);
		if (n && strstr(targets[0].url, "ph-route"))
			targets[1].q = 900;
		return redirect_answer_print(out, sip, targets, n);
	}
	return peers_status(out, sip, 404, NULL);
}

/* Negative: no answer. */
static inline int peers_redirectd(struct strbuf *out, const sip_t *sip)
{
	const char *user = sip->sip_request->rq_url->url_user;
	char extra[1024] = "";
	size_t n = 0;

	if (sip->sip_request->rq_method == sip_method_ack)
		return -1;
	if (user && !strcmp(user, "quiet"))
		return -1;
	if (user && !strcmp(user, "dave"))
		return peers_status(out, sip, 407,
				    "Proxy-Authenticate: Digest "
				    "realm=\"example.com\", nonce=\"n\"\r\n");
	if (sip->sip_request->rq_method != sip_method_register)
		return peers_found(out, sip, user ? user : "");
	for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next) {
		char url[300];

		if (m->m_url->url_type == url_any || n + 400 > sizeof(extra) ||
		    url_e(url, sizeof(url), m->m_url) >= (int)sizeof(url))
			continue;
		n += (size_t)snprintf(extra + n, sizeof(extra) - n,
				      "Contact: <%s>;expires=60\r\n", url);
	}
	return peers_status(out, sip, 200, extra);
}

/* A port for every line, of the relay's. */
static inline int peers_resource(struct strbuf *out, const sip_t *sip,
				 const struct addr *self)
{
	struct relay_request q;
	struct sdp sdp = {.n = 0};

	if (relay_request_parse(&q, sip) || !q.sdp ||
	    sdp_parse(&sdp, q.sdp, q.sdp_len))
		return peers_status(out, sip, 488, NULL);
	for (size_t i = 0; i < sdp.n; i++) {
		struct sdp_media *m = &sdp.media[i];

		m->port = m->port ? (uint16_t)(30000 + 2 * i) : 0;
		m->rtp = m->rtcp = *self;
		addr_set_port(&m->rtp, m->port);
		addr_set_port(&m->rtcp, (uint16_t)(m->port + 1));
	}
	return relay_answer_print(out, sip, self, &sdp, NULL);
}

static inline int peers_relayd(struct strbuf *out, const sip_t *sip,
			       const struct addr *self)
{
	json_t *body;
	int err;

	switch (sip->sip_request->rq_method) {
	case sip_method_invite:
		return peers_resource(out, sip, self);
	case sip_method_bye:
	case sip_method_options:
		body = json_object();
		err = relay_json_answer_print(out, sip, body);
		json_decref(body);
		return err;
	default:
		return -1;
	}
}

#endif
