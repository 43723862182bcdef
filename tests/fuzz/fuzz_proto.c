#include <errno.h>
#include <string.h>

#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/pool.h"
#include "proto/probe.h"
#include "proto/redirect.h"
#include "proto/registration.h"
#include "proto/relay.h"
#include "proto/route.h"
#include "tests/fuzz/fuzz.h"

/*
 * The dialect, both ends: what one of our daemons writes about any message, the
 * other reads, and reads the same.
 */
enum { OUT_MAX = 4 * SIPMSG_MAX, URL_LEN = 2 * SIPMSG_MAX };

static char out[OUT_MAX];
static const char secret[] = "0123456789abcdef";

static struct addr address(const char *text)
{
	struct addr a;

	MUST(addr_parse(&a, text, 5060) == 0);
	return a;
}

static msg_t *must_be_sip(const struct strbuf *sb)
{
	msg_t *msg = NULL;

	if (sb->len > SIPMSG_MAX)
		return NULL;
	MUST(sipmsg_parse(&msg, sb->data, sb->len, NULL) == 0);
	return msg;
}

/* The relay request about this message, as proxyd makes it. */
static void relay_request(msg_t *msg, const sip_t *sip)
{
	struct addr self = address("203.0.113.1"), to = address("203.0.113.4");
	struct proto_hop hop = {&self, "z9hG4bKb", &to};
	struct relay_request r, got;
	struct strbuf sb;
	msg_t *again;

	if (relay_request_parse(&r, sip))
		return;
	r.from = sipmsg_header_text(msg_home(msg), sip->sip_from);
	r.to = sipmsg_header_text(msg_home(msg), sip->sip_to);
	MUST(r.from && r.to);
	strbuf_init(&sb, out, sizeof(out));
	if (relay_request_print(&sb, &hop, &r))
		return;
	again = must_be_sip(&sb);
	if (!again)
		return;
	MUST(relay_request_parse(&got, sip_object(again)) == 0);
	MUST(!strcmp(got.call_id, r.call_id));
	MUST(!strcmp(got.from_tag, r.from_tag));
	MUST(!got.to_tag == !r.to_tag);
	MUST(got.cseq == r.cseq && got.sdp_len == r.sdp_len);
	MUST(addr_eq(&got.observed, &r.observed));
	MUST(got.options.has_resequence == r.options.has_resequence);
	MUST(got.options.resequence_ms == r.options.resequence_ms);
	MUST(!strcmp(got.options.learn, r.options.learn));
	MUST(addr_eq(&got.options.toward, &r.options.toward));
	MUST(got.options.tentative == r.options.tentative);
	msg_destroy(again);
}

static void redirect_query(msg_t *msg, const sip_t *sip)
{
	struct addr redirect = address("203.0.113.3");
	char id[REDIRECT_ID_MAX], got[REDIRECT_ID_MAX];
	char url[REDIRECT_URL_MAX];
	msg_t *query, *again;
	struct strbuf sb;

	if (redirect_client_id(id, sip->sip_request->rq_url))
		return;
	(void)redirect_proxy_url(url, id, &redirect);
	query = sipmsg_copy(msg);
	MUST(query);
	strbuf_init(&sb, out, sizeof(out));
	if (!redirect_query_make(query, &redirect, id) &&
	    !sipmsg_print(&sb, query)) {
		again = must_be_sip(&sb);
		if (again) {
			sip = sip_object(again);
			MUST(!redirect_client_id(got,
						 sip->sip_request->rq_url));
			MUST(!strcmp(got, id));
		}
		msg_destroy(again);
	}
	msg_destroy(query);
}

static void url_text(char text[URL_LEN], const url_t *url)
{
	MUST(url_e(text, URL_LEN, url) >= 0);
}

/* Marking and restoring leaves a URI as the phone wrote it. */
static void registration(msg_t *msg, const url_t *contact)
{
	static char before[URL_LEN], after[URL_LEN];
	struct channel seen = {.addr = address("198.51.100.28:31000")}, got;
	url_t *url = url_hdup(msg_home(msg), contact);

	MUST(url);
	if (sipmsg_url_param(before, sizeof(before), url, "ph-own") !=
		    -ENOENT ||
	    sipmsg_url_param(before, sizeof(before), url, "ph-channel") !=
		    -ENOENT ||
	    sipmsg_url_param(before, sizeof(before), url, "ph-public") !=
		    -ENOENT)
		return;
	url_text(before, url);
	MUST(registration_mark(msg_home(msg), url, &seen, true) == 0);
	if (!registration_marked(url))
		return;
	MUST(registration_restore(msg_home(msg), url, &got) == 0);
	MUST(channel_eq(&got, &seen));
	url_text(after, url);
	MUST(!strcmp(before, after));
}

static void route(msg_t *msg, const sip_t *sip)
{
	struct route_state st = {0}, got;
	struct channel self = {.addr = address("203.0.113.1")};
	const char *id = sip->sip_call_id->i_id;
	const char *tag = sip->sip_from->a_tag;
	bool from_caller;
	char text[512];
	sip_route_t *r;

	for (r = sip->sip_route; r; r = r->r_next) {
		(void)route_has_relay(r->r_url);
		(void)route_parse(&st, &from_caller, r->r_url, secret, id, tag,
				  sip->sip_to->a_tag);
	}
	st = (struct route_state){address("203.0.113.4"), true, false, 0};
	if (route_print(text, sizeof(text), &self, &st, secret, id, tag))
		return;
	r = sip_route_make(msg_home(msg), text);
	MUST(r && route_has_relay(r->r_url));
	MUST(!route_parse(&got, &from_caller, r->r_url, secret, id, tag, "x"));
	MUST(from_caller && got.caller_natted && !got.callee_natted);
	MUST(addr_eq(&got.relay, &st.relay));
}

static void answers(const sip_t *sip)
{
	struct redirect_target targets[REDIRECT_TARGETS_MAX];
	struct sdp resource;
	char tag[PROTO_TAG_LEN];

	MUST(redirect_answer_parse(targets, REDIRECT_TARGETS_MAX, sip) <=
	     REDIRECT_TARGETS_MAX);
	(void)relay_answer_parse(&resource, sip);
	json_decref(relay_json_answer_parse(sip));
	(void)proto_reply_tag(tag, sip);
}

/* What redirectd grants is what the relay reads. */
static void pool(const sip_t *sip)
{
	struct pool_relay relays[POOL_RELAYS_MAX];
	char cluster[REDIRECT_ID_MAX];
	struct pool_join join;
	struct strbuf sb;
	uint32_t granted;
	msg_t *again;

	MUST(pool_answer_parse(relays, sip) <= POOL_RELAYS_MAX);
	(void)pool_cluster(cluster, sip->sip_to->a_url);
	(void)relay_is_gone(sip);
	if (!sip->sip_request || pool_join_parse(&join, sip))
		return;
	strbuf_init(&sb, out, sizeof(out));
	if (pool_join_answer_print(&sb, sip, &join) || !join.expires)
		return;
	again = must_be_sip(&sb);
	if (!again)
		return;
	MUST(!pool_join_answer_parse(&granted, sip_object(again), &join.relay));
	MUST(granted == join.expires);
	msg_destroy(again);
}

/* What a peer says has arrived is what the doctor reads. */
static void probe(const sip_t *sip, const char *data, size_t size)
{
	static struct probe_answer a;
	struct probe_report r = {"relayd", 1764464321123,
				 address("203.0.113.1:41000"), data, size};
	struct probe_change c;
	struct strbuf sb;
	msg_t *again;

	(void)probe_is(sip);
	(void)probe_answer_parse(&a, sip);
	strbuf_init(&sb, out, sizeof(out));
	if (!sip->sip_request || probe_answer_print(&sb, sip, &r))
		return;
	again = must_be_sip(&sb);
	if (!again)
		return;
	MUST(!probe_answer_parse(&a, sip_object(again)));
	MUST(a.clock_ms == r.clock_ms && addr_eq(&a.from, &r.from));
	MUST(!probe_changed(&c, data, size, a.arrived, a.arrived_len));
	MUST(probe_changed(&c, data, size, a.arrived, a.arrived_len - 1));
	msg_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addr serving;
	const sip_t *sip;
	msg_t *msg;

	if (sipmsg_parse(&msg, (const char *)data, size, NULL))
		return 0;
	sip = sip_object(msg);
	for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next)
		registration(msg, m->m_url);
	(void)registration_serving(&serving, sip);
	relay_request(msg, sip);
	route(msg, sip);
	if (sip->sip_request)
		redirect_query(msg, sip);
	answers(sip);
	pool(sip);
	probe(sip, (const char *)data, size);
	msg_destroy(msg);
	return 0;
}
