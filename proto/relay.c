#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/record.h"
#include "proto/relay.h"

enum {
	MAX_FORWARDS = 70,
	STATUS_MOVED = 302,
	SDP_BODY_MAX = 8192, /* SDP_MEDIA_MAX lines of what sdp_print makes */
	URI_MAX = 512,       /* with all options */
	CONTACT_MAX = 256,
};

static const char type_sdp[] = "application/sdp";
static const char type_json[] = "application/json";

static bool texts_ok(const struct proto_hop *hop, const struct relay_request *r)
{
	return hop->branch && r->call_id && proto_text_ok(hop->branch, " ;,") &&
	       proto_text_ok(r->call_id, " ");
}

static bool parties_ok(const struct relay_request *r)
{
	return r->from && r->to && proto_text_ok(r->from, "") &&
	       proto_text_ok(r->to, "");
}

/* The start line and Via of a request of ours. */
static void add_start(struct strbuf *out, const char *method, const char *uri,
		      const struct proto_hop *hop)
{
	char self[ADDR_STRLEN];

	strbuf_printf(out,
		      "%s %s SIP/2.0\r\n"
		      "Via: SIP/2.0/UDP %s;branch=%s;rport\r\n"
		      "Max-Forwards: %d\r\n",
		      method, uri, addr_str(self, hop->self), hop->branch,
		      MAX_FORWARDS);
}

static void add_call(struct strbuf *out, const char *method,
		     const struct relay_request *r)
{
	strbuf_printf(out, "Call-ID: %s\r\nCSeq: %u %s\r\n", r->call_id,
		      r->cseq, method);
}

/* A request to sip:relay@HOST, with or without options, up to its CSeq. */
static int add_relay_head(struct strbuf *out, const char *method,
			  const struct proto_hop *hop,
			  const struct relay_request *r,
			  const struct relay_options *options)
{
	char uri[URI_MAX], to[ADDR_STRLEN];
	struct strbuf sb;

	if (!texts_ok(hop, r) || !parties_ok(r))
		return -EINVAL;
	strbuf_init(&sb, uri, sizeof(uri));
	strbuf_printf(&sb, "sip:" PROTO_RELAY_USER "@%s",
		      addr_str(to, hop->to));
	if (options && relay_options_print(&sb, options))
		return -EINVAL;
	add_start(out, method, uri, hop);
	strbuf_printf(out, "From: %s\r\nTo: %s\r\n", r->from, r->to);
	add_call(out, method, r);
	return 0;
}

static int print_without_body(struct strbuf *out, const char *method,
			      const struct proto_hop *hop,
			      const struct relay_request *r)
{
	int err;

	err = add_relay_head(out, method, hop, r, NULL);
	if (err)
		return err;
	strbuf_str(out, "Content-Length: 0\r\n\r\n");
	return strbuf_err(out);
}

static bool body_type_is(const sip_t *sip, const char *type)
{
	const sip_content_type_t *ct = sip->sip_content_type;

	return ct && ct->c_type && strcasecmp(ct->c_type, type) == 0;
}

/* Kept for the proxy, and given back to it, as it is. */
static int add_dialog(struct strbuf *out, const struct relay_request *r)
{
	if (!r->dialog)
		return 0;
	if (!proto_text_ok(r->dialog, " ") || strlen(r->dialog) >= RECORD_LEN)
		return -EINVAL;
	strbuf_printf(out, PROTO_DIALOG_HEADER ": %s\r\n", r->dialog);
	return 0;
}

const char *relay_dialog(const sip_t *sip)
{
	const sip_unknown_t *h = sip->sip_unknown;

	while (h &&
	       (!h->un_name || strcasecmp(h->un_name, PROTO_DIALOG_HEADER)))
		h = h->un_next;
	return h && h->un_value && *h->un_value &&
			       strlen(h->un_value) < RECORD_LEN
		       ? h->un_value
		       : NULL;
}

static bool is_moved(const sip_t *sip)
{
	return sip->sip_status && sip->sip_status->st_status == STATUS_MOVED;
}

int relay_request_print(struct strbuf *out, const struct proto_hop *hop,
			const struct relay_request *r)
{
	char observed[ADDR_STRLEN];
	size_t len = r->sdp ? r->sdp_len : 0;
	int err;

	err = add_relay_head(out, "INVITE", hop, r, &r->options);
	if (err)
		return err;
	if (add_dialog(out, r))
		return -EINVAL;
	if (!addr_is_none(&r->observed))
		strbuf_printf(out, "Contact: <sip:%s>\r\n",
			      addr_str(observed, &r->observed));
	if (len > 0)
		strbuf_printf(out, "Content-Type: %s\r\n", type_sdp);
	strbuf_printf(out, "Content-Length: %zu\r\n\r\n", len);
	strbuf_add(out, r->sdp, len);
	return strbuf_err(out);
}

int relay_request_parse(struct relay_request *r, const sip_t *sip)
{
	const char *body;
	size_t len;
	bool sdp;

	memset(r, 0, sizeof(*r));
	body = sipmsg_body(&len, &sdp, sip);
	if (sdp && len == 0)
		return -EBADMSG;
	r->call_id = sip->sip_call_id->i_id;
	r->from_tag = sip->sip_from->a_tag ? sip->sip_from->a_tag : "";
	r->to_tag = sip->sip_to->a_tag;
	r->cseq = sip->sip_cseq->cs_seq;
	if (sip->sip_contact &&
	    sipmsg_url_addr(&r->observed, sip->sip_contact->m_url))
		memset(&r->observed, 0, sizeof(r->observed));
	r->dialog = relay_dialog(sip);
	if (sdp) {
		r->sdp = body;
		r->sdp_len = len;
	}
	return sip->sip_request ? relay_options_parse(&r->options,
						      sip->sip_request->rq_url)
				: 0;
}

int relay_answer_print(struct strbuf *out, const sip_t *req,
		       const struct addr *self, const struct sdp *resource,
		       const struct addr *near)
{
	char body[SDP_BODY_MAX], contact[CONTACT_MAX], buf[ADDR_STRLEN];
	char tag[PROTO_TAG_LEN];
	struct strbuf sdp, extra;
	int err;

	strbuf_init(&sdp, body, sizeof(body));
	err = sdp_print(&sdp, resource,
			proto_session_number(req->sip_call_id->i_id));
	if (err)
		return err;
	strbuf_init(&extra, contact, sizeof(contact));
	strbuf_printf(&extra, "Contact: <sip:" PROTO_RELAY_USER "@%s",
		      addr_str(buf, self));
	if (near)
		sipmsg_param_add(&extra, proto_uri_param_name(PROTO_NEAR),
				 addr_ip_str(buf, near));
	strbuf_str(&extra, ">\r\n");
	return sipmsg_reply(out, req,
			    &(struct sipmsg_reply){
				    .status = STATUS_MOVED,
				    .to_tag = proto_reply_tag(tag, req),
				    .extra = contact,
				    .ctype = type_sdp,
				    .body = sdp.data,
				    .body_len = sdp.len,
			    });
}

int relay_answer_parse(struct sdp *resource, const sip_t *sip)
{
	const char *body;
	size_t len;
	bool sdp;

	body = sipmsg_body(&len, &sdp, sip);
	if (!is_moved(sip) || !sdp || sdp_parse(resource, body, len) ||
	    resource->n == 0)
		return -EBADMSG;
	for (size_t i = 0; i < resource->n; i++) {
		const struct sdp_media *m = &resource->media[i];

		if (m->port != 0 && addr_is_none(&m->rtp))
			return -EBADMSG;
	}
	return 0;
}

bool relay_answer_near(struct addr *near, const sip_t *sip)
{
	const sip_contact_t *m = sip->sip_contact;
	char text[ADDR_STRLEN];
	int n = m ? sipmsg_url_param(text, sizeof(text), m->m_url,
				     proto_uri_param_name(PROTO_NEAR))
		  : -ENOENT;

	return n > 0 && (size_t)n == strlen(text) && !addr_parse(near, text, 0);
}

int relay_release_print(struct strbuf *out, const struct proto_hop *hop,
			const struct relay_request *r)
{
	return print_without_body(out, "BYE", hop, r);
}

int relay_gone_print(struct strbuf *out, const struct proto_hop *hop,
		     const struct relay_request *r, const char *text)
{
	int err;

	if (!proto_text_ok(text, "\"\\"))
		return -EINVAL;
	err = add_relay_head(out, "BYE", hop, r, NULL);
	if (err)
		return err;
	strbuf_printf(out, "Reason: SIP;cause=408;text=\"%s\"\r\n", text);
	if (add_dialog(out, r))
		return -EINVAL;
	strbuf_str(out, "Content-Length: 0\r\n\r\n");
	return strbuf_err(out);
}

bool relay_is_gone(const sip_t *sip)
{
	const sip_request_t *rq = sip->sip_request;

	return rq && rq->rq_method == sip_method_bye && rq->rq_url->url_user &&
	       !strcmp(rq->rq_url->url_user, PROTO_RELAY_USER) &&
	       !sip->sip_to->a_tag && sip->sip_reason;
}

int relay_health_print(struct strbuf *out, const struct proto_hop *hop,
		       const struct relay_request *r)
{
	return print_without_body(out, "OPTIONS", hop, r);
}

int relay_join_print(struct strbuf *out, const struct proto_hop *hop,
		     const struct relay_request *r, const char *cluster,
		     unsigned q, unsigned expires)
{
	char uri[256], self[ADDR_STRLEN];
	struct strbuf sb;

	if (!texts_ok(hop, r) || !r->from_tag ||
	    !proto_text_ok(r->from_tag, " ;,") ||
	    !proto_text_ok(cluster, " <>@;?") || q > 1000)
		return -EINVAL;
	strbuf_init(&sb, uri, sizeof(uri));
	strbuf_printf(&sb, "sip:%s", cluster);
	if (strbuf_err(&sb))
		return -EMSGSIZE;
	add_start(out, "REGISTER", uri, hop);
	strbuf_printf(out,
		      "From: <sip:" PROTO_RELAY_USER "@%s>;tag=%s\r\n"
		      "To: <sip:" PROTO_RELAY_USER "@%s>\r\n",
		      cluster, r->from_tag, cluster);
	add_call(out, "REGISTER", r);
	strbuf_printf(out,
		      "Contact: <sip:" PROTO_RELAY_USER "@%s>"
		      ";q=%u.%03u;expires=%u\r\n"
		      "Content-Length: 0\r\n\r\n",
		      addr_str(self, hop->self), q / 1000, q % 1000, expires);
	return strbuf_err(out);
}

int relay_json_answer_print(struct strbuf *out, const sip_t *req,
			    const json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(6));
	char tag[PROTO_TAG_LEN];
	int err;

	if (!text)
		return -ENOMEM;
	err = sipmsg_reply(out, req,
			   &(struct sipmsg_reply){
				   .status = 200,
				   .to_tag = proto_reply_tag(tag, req),
				   .ctype = type_json,
				   .body = text,
				   .body_len = strlen(text),
			   });
	free(text);
	return err;
}

const char *relay_json_answer_text(size_t *len, const sip_t *sip)
{
	const char *body = sipmsg_body(len, NULL, sip);

	return body_type_is(sip, type_json) ? body : NULL;
}

json_t *relay_json_answer_parse(const sip_t *sip)
{
	size_t len;
	const char *body = relay_json_answer_text(&len, sip);

	return body ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL)
		    : NULL;
}
