#include <string.h>

#include "common/addr.h"
#include "common/sipmsg_brief.h"
#include "common/strbuf.h"
#include "proto/redirect.h"
#include "tests/fuzz/fuzz.h"

/*
 * What is read briefly is read as the whole parser reads it: the same answer,
 * to the byte, goes to the same place, and the same clients are named. That the
 * parser may still refuse a message for a header that nobody reads here is the
 * one difference there may be.
 */
enum { OUT_MAX = 4 * SIPMSG_MAX };

static char out[2][OUT_MAX];
static struct sipmsg_brief brief;

static size_t reply(char *to, const sip_t *sip)
{
	const struct sipmsg_reply moved = {
		.status = 302,
		.to_tag = "t1",
		.extra = "Contact: <sip:192.0.2.1>\r\n",
	};
	struct strbuf sb;

	strbuf_init(&sb, to, OUT_MAX);
	MUST(!sipmsg_reply(&sb, sip, &moved));
	return sb.len;
}

static void same_text(const char *a, const char *b)
{
	MUST(!strcmp(a ? a : "", b ? b : ""));
}

static void same_client(const url_t *a, const url_t *b)
{
	char ids[2][REDIRECT_ID_MAX];
	int err = redirect_client_id(ids[0], a);

	MUST(err == redirect_client_id(ids[1], b));
	if (!err)
		same_text(ids[0], ids[1]);
}

static void same_via(const sip_via_t *a, const sip_via_t *b)
{
	struct addr at[2];
	int err = sipmsg_via_addr(&at[0], a);

	MUST(err == sipmsg_via_addr(&at[1], b));
	MUST(err || addr_eq(&at[0], &at[1]));
	err = sipmsg_via_dest(&at[0], a);
	MUST(err == sipmsg_via_dest(&at[1], b));
	MUST(err || addr_eq(&at[0], &at[1]));
}

static void compare(const sip_t *a, const sip_t *b)
{
	const size_t len = reply(out[0], a);

	MUST(len == reply(out[1], b));
	MUST(!memcmp(out[0], out[1], len));
	MUST(a->sip_request->rq_method == b->sip_request->rq_method);
	MUST(a->sip_cseq->cs_seq == b->sip_cseq->cs_seq);
	same_text(a->sip_call_id->i_id, b->sip_call_id->i_id);
	same_text(a->sip_from->a_tag, b->sip_from->a_tag);
	same_text(a->sip_to->a_tag, b->sip_to->a_tag);
	same_client(a->sip_request->rq_url, b->sip_request->rq_url);
	same_client(a->sip_from->a_url, b->sip_from->a_url);
	MUST(redirect_query_limited(a) == redirect_query_limited(b));
	MUST(redirect_query_vouched(a) == redirect_query_vouched(b));
	same_via(a->sip_via, b->sip_via);
	MUST(!a->sip_via->v_next == !b->sip_via->v_next);
	if (a->sip_via->v_next)
		same_via(a->sip_via->v_next, b->sip_via->v_next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct addr src;
	msg_t *msg;

	MUST(!addr_parse(&src, "203.0.113.1:5060", 0));
	if (sipmsg_brief_read(&brief, text, size, &src))
		return 0;
	MUST(!brief.sip.sip_authorization &&
	     !brief.sip.sip_proxy_authorization);
	if (sipmsg_parse(&msg, text, size, NULL))
		return 0;
	MUST(!sipmsg_via_received(msg, &src, false));
	compare(&brief.sip, sip_object(msg));
	msg_destroy(msg);
	return 0;
}
