#include <string.h>

#include "common/addr.h"
#include "common/sipmsg_refuse.h"
#include "common/strbuf.h"
#include "tests/fuzz/fuzz.h"

/*
 * What is let in can be read by every reader, copied, changed, answered and
 * printed, and what is printed can be let in again. What is not is answered
 * with fewer bytes, all of them printable.
 */
enum { OUT_MAX = 4 * SIPMSG_MAX };

static char out[OUT_MAX];

static void must_be_sip(const struct strbuf *sb)
{
	msg_t *again = NULL;

	if (sb->len > SIPMSG_MAX)
		return;
	MUST(sipmsg_parse(&again, sb->data, sb->len, NULL) == 0);
	msg_destroy(again);
}

static void print(msg_t *msg)
{
	struct strbuf sb;

	strbuf_init(&sb, out, sizeof(out));
	if (!sipmsg_print(&sb, msg))
		must_be_sip(&sb);
}

static void reply(const sip_t *sip)
{
	const struct sipmsg_reply busy = {
		.status = 183,
		.to_tag = "t1",
		.extra = "Contact: <sip:192.0.2.1>\r\n",
		.ctype = "application/sdp",
		.body = "v=0\r\n",
		.body_len = 5,
	};
	struct strbuf sb;

	strbuf_init(&sb, out, sizeof(out));
	if (!sipmsg_reply(&sb, sip, &busy))
		must_be_sip(&sb);
}

static void read_url(const url_t *url)
{
	struct addr a;
	char text[64];

	(void)sipmsg_url_addr(&a, url);
	(void)sipmsg_url_param(text, sizeof(text), url, "ph-own");
}

static void read_all(const sip_t *sip)
{
	struct addr a;
	size_t len;
	bool sdp;

	MUST(sipmsg_method(sip)[0]);
	MUST(sipmsg_body(&len, &sdp, sip));
	(void)sipmsg_via_addr(&a, sip->sip_via);
	(void)sipmsg_via_dest(&a, sip->sip_via);
	read_url(sip->sip_from->a_url);
	read_url(sip->sip_to->a_url);
	for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next)
		read_url(m->m_url);
	for (const sip_route_t *r = sip->sip_route; r; r = r->r_next)
		read_url(r->r_url);
}

static void change(msg_t *msg)
{
	sip_t *sip = sip_object(msg);
	struct addr a;

	MUST(addr_parse(&a, "[2001:db8::1]:5062", 0) == 0);
	MUST(sipmsg_via_received(msg, &a, true) == 0);
	MUST(sipmsg_set_body(msg, "v=0\r\n", 5) == 0);
	for (sip_contact_t *m = sip->sip_contact; m; m = m->m_next) {
		if (m->m_url->url_type != url_sip)
			continue;
		MUST(!sipmsg_url_param_set(msg_home(msg), m->m_url, "ph-own",
					   "10.0.0.16:5060 <\">;"));
		MUST(!sipmsg_url_set_addr(msg_home(msg), m->m_url, &a));
		msg_fragment_clear(m->m_common);
	}
}

static void refuse(const char *data, size_t size, const struct sipmsg_bad *bad)
{
	struct strbuf sb;
	struct addr src;

	MUST(sipmsg_fault_status(bad->fault) &&
	     sipmsg_fault_phrase(bad->fault));
	MUST(addr_parse(&src, "198.51.100.28:31000", 0) == 0);
	strbuf_init(&sb, out, sizeof(out));
	if (sipmsg_refuse(&sb, data, size, &src, bad) != SIPMSG_ANSWERED)
		return;
	MUST(sb.len <= size && !strncmp(sb.data, "SIP/2.0 ", 8));
	MUST(!strncmp(sb.data + sb.len - 4, "\r\n\r\n", 4));
	for (size_t i = 0; i < sb.len; i++) {
		unsigned char c = (unsigned char)sb.data[i];

		MUST(c >= 0x20 || strchr("\t\r\n", c));
		MUST(c && c != 0x7f);
		MUST(c != '\n' || sb.data[i - 1] == '\r');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sipmsg_bad bad;
	msg_t *msg, *copy;

	if (sipmsg_admit(&msg, (const char *)data, size, &bad)) {
		refuse((const char *)data, size, &bad);
		return 0;
	}
	read_all(sip_object(msg));
	if (sip_object(msg)->sip_request)
		reply(sip_object(msg));
	print(msg);
	copy = sipmsg_copy(msg);
	MUST(copy);
	change(copy);
	print(copy);
	print(msg);
	msg_destroy(msg);
	print(copy);
	msg_destroy(copy);
	return 0;
}
