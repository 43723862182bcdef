#include <errno.h>
#include <string.h>

#include "common/strbuf.h"
#include "proto/dialect.h"

#include "proto/recall.h"

enum {
	MAX_FORWARDS = 70,
	STATUS_OK = 200,
	ENTRY_LEN = 80, /* the words around the texts of one binding */
};

int recall_query_print(struct strbuf *out, const struct proto_hop *hop,
		       const struct relay_request *r, const char *after)
{
	char self[ADDR_STRLEN], to[ADDR_STRLEN];

	if (!proto_text_ok(r->call_id, " ") ||
	    !proto_text_ok(r->from_tag, " ;,") ||
	    !proto_text_ok(hop->branch, " ;,") || !proto_text_ok(after, ""))
		return -EINVAL;
	strbuf_printf(out, "OPTIONS sip:%s", addr_str(to, hop->to));
	sipmsg_param_add(out, proto_uri_param_name(PROTO_RECALL), after);
	strbuf_printf(out,
		      " SIP/2.0\r\n"
		      "Via: SIP/2.0/UDP %s;branch=%s;rport\r\n"
		      "Max-Forwards: %d\r\n"
		      "From: <sip:%s>;tag=%s\r\n"
		      "To: <sip:%s>\r\n"
		      "Call-ID: %s\r\n"
		      "CSeq: %u OPTIONS\r\n"
		      "Content-Length: 0\r\n\r\n",
		      addr_str(self, hop->self), hop->branch, MAX_FORWARDS,
		      self, r->from_tag, to, r->call_id, r->cseq);
	return strbuf_err(out);
}

int recall_query_after(char after[REDIRECT_ID_MAX], const sip_t *sip)
{
	int n;

	if (!sip->sip_request ||
	    sip->sip_request->rq_method != sip_method_options)
		return -ENOENT;
	n = sipmsg_url_param(after, REDIRECT_ID_MAX, sip->sip_request->rq_url,
			     proto_uri_param_name(PROTO_RECALL));
	return n < 0 ? n : 0;
}

int recall_page_init(struct recall_page *page)
{
	page->len = 0;
	page->body = json_pack("{s:[]}", "bindings");
	return page->body ? 0 : -ENOMEM;
}

int recall_page_add(struct recall_page *page, const struct recall_binding *b)
{
	json_t *one = json_pack("{s:s, s:s, s:I}", "id", b->id, "contact",
				b->url, "expires", (json_int_t)b->expires);
	int err = one ? 0 : -1;

	if (!err && *b->instance)
		err = json_object_set_new(one, "instance",
					  json_string(b->instance));
	if (!err && b->reg_id)
		err = json_object_set_new(one, "reg_id",
					  json_integer(b->reg_id));
	if (err) {
		json_decref(one);
		return -ENOMEM;
	}
	page->len += strlen(b->id) + strlen(b->url) + strlen(b->instance) +
		     ENTRY_LEN;
	return json_array_append_new(json_object_get(page->body, "bindings"),
				     one)
		       ? -ENOMEM
		       : 0;
}

int recall_page_more(struct recall_page *page, const char *last)
{
	return json_object_set_new(page->body, "next", json_string(last))
		       ? -ENOMEM
		       : 0;
}

void recall_page_free(struct recall_page *page)
{
	json_decref(page->body);
	page->body = NULL;
}

int recall_answer_print(struct strbuf *out, const sip_t *req,
			const struct recall_page *page)
{
	return relay_json_answer_print(out, req, page->body);
}

int recall_answer_parse(json_t **body, const sip_t *sip)
{
	json_t *page;

	if (!sip->sip_status || sip->sip_status->st_status != STATUS_OK)
		return -EBADMSG;
	page = relay_json_answer_parse(sip);
	if (!json_is_array(json_object_get(page, "bindings"))) {
		json_decref(page);
		return -EBADMSG;
	}
	*body = page;
	return (int)json_array_size(json_object_get(page, "bindings"));
}

static int read_u32(uint32_t *out, const json_t *one, const char *name)
{
	const json_t *value = json_object_get(one, name);
	json_int_t n = json_integer_value(value);

	if (value && (!json_is_integer(value) || n < 0 || n > UINT32_MAX))
		return -EBADMSG;
	*out = (uint32_t)n;
	return 0;
}

int recall_answer_binding(struct recall_binding *b, const json_t *body,
			  size_t i)
{
	const json_t *one =
		json_array_get(json_object_get(body, "bindings"), i);
	const char *instance =
		json_string_value(json_object_get(one, "instance"));

	b->id = json_string_value(json_object_get(one, "id"));
	b->url = json_string_value(json_object_get(one, "contact"));
	b->instance = instance ? instance : "";
	if (!b->id || !b->url || strlen(b->id) >= REDIRECT_ID_MAX ||
	    strlen(b->url) >= REDIRECT_URL_MAX ||
	    read_u32(&b->reg_id, one, "reg_id") ||
	    read_u32(&b->expires, one, "expires"))
		return -EBADMSG;
	return 0;
}

const char *recall_answer_next(const json_t *body)
{
	const char *next = json_string_value(json_object_get(body, "next"));

	return next && strlen(next) < REDIRECT_ID_MAX ? next : NULL;
}
