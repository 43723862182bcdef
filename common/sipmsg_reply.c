#include <string.h>

#include <sofia-sip/sip_status.h>

#include "common/sipmsg.h"
#include "common/strbuf.h"

/* One header as it came, or printed anew where it was changed. */
static void add_header(struct strbuf *out, const void *header)
{
	const msg_header_t *h = header;
	size_t room = out->cap - out->len;
	issize_t n;

	if (h->sh_data) {
		strbuf_add(out, h->sh_data, h->sh_len);
		return;
	}
	if (out->full)
		return;
	n = msg_header_e(out->data + out->len, room, h, 0);
	/* Sofia-SIP loses parameters where but one byte is left over. */
	if (n < 0 || (size_t)n + 2 > room) {
		out->data[out->len] = '\0';
		out->full = true;
		return;
	}
	out->len += (size_t)n;
}

static void add_to(struct strbuf *out, const sip_to_t *to, const char *tag)
{
	add_header(out, to);
	if (!tag || to->a_tag || out->full)
		return;
	while (out->len > 0 && strchr("\r\n\t ", out->data[out->len - 1]))
		out->len--;
	strbuf_str(out, ";tag=");
	strbuf_str(out, tag);
	strbuf_str(out, "\r\n");
}

static void add_status_line(struct strbuf *out, const struct sipmsg_reply *r)
{
	const char *phrase =
		r->phrase ? r->phrase : sip_status_phrase(r->status);

	strbuf_str(out, "SIP/2.0 ");
	strbuf_uint(out, (unsigned)r->status);
	strbuf_str(out, " ");
	strbuf_str(out, phrase ? phrase : "Unknown");
	strbuf_str(out, "\r\n");
}

static void add_body(struct strbuf *out, const struct sipmsg_reply *r)
{
	size_t len = r->body ? r->body_len : 0;

	if (len > 0 && r->ctype)
		strbuf_printf(out, "Content-Type: %s\r\n", r->ctype);
	strbuf_str(out, "Content-Length: ");
	strbuf_uint(out, (unsigned)len);
	strbuf_str(out, "\r\n\r\n");
	if (len > 0)
		strbuf_add(out, r->body, len);
}

int sipmsg_reply(struct strbuf *out, const sip_t *req,
		 const struct sipmsg_reply *r)
{
	add_status_line(out, r);
	for (const sip_via_t *v = req->sip_via; v; v = v->v_next)
		add_header(out, v);
	if (r->status > 100 && r->status < 300) {
		const sip_record_route_t *rr = req->sip_record_route;

		for (; rr; rr = rr->r_next)
			add_header(out, rr);
	}
	add_header(out, req->sip_from);
	add_to(out, req->sip_to, r->status == 100 ? NULL : r->to_tag);
	add_header(out, req->sip_call_id);
	add_header(out, req->sip_cseq);
	if (r->extra)
		strbuf_str(out, r->extra);
	add_body(out, r);
	return strbuf_err(out);
}
