#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/sip_header.h>

#include "common/addr.h"
#include "common/sipmsg.h"
#include "common/sipmsg_check.h"

enum { HOPS_MAX = 255 };

/* Three tokens of RFC 3261 25.1 and the slashes between. */
static const char protocol_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789-.!%*_+`'~/";

/*
 * Headers that somebody here acts on: one that Sofia-SIP could not read makes
 * the message bad. Any other header is none of our business and is passed on as
 * it came.
 */
static const char *const strict_headers[] = {
	"Via",
	"From",
	"To",
	"Call-ID",
	"CSeq",
	"Max-Forwards",
	"Contact",
	"Route",
	"Record-Route",
	"Path",
	"Expires",
	"Content-Length",
	"Content-Type",
	"Content-Encoding",
	"Authorization",
	"Proxy-Authorization",
};

/* Its name, which lives for ever, or NULL. */
static const char *strict_name(const char *name)
{
	const size_t n = sizeof(strict_headers) / sizeof(strict_headers[0]);

	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(strict_headers[i], name) == 0)
			return strict_headers[i];
	}
	return NULL;
}

/*
 * Sofia-SIP keeps two things in sip_error: its own error objects, which name
 * the header they could not read, and second copies of single headers. Of the
 * latter none may pass (RFC 3261 7.3.1): a copy of such a message would meet an
 * assertion in Sofia-SIP when it is printed.
 */
static enum sipmsg_fault check_errors(const char **header, const msg_t *msg,
				      const sip_t *sip)
{
	const msg_hclass_t *error_class = msg_mclass(msg)->mc_error->hr_class;

	for (const sip_error_t *e = sip->sip_error; e; e = e->er_next) {
		const msg_hclass_t *hc = e->er_common->h_class;

		if (hc != error_class)
			return SIPMSG_FAULT_twice;
		if (!e->er_name)
			return SIPMSG_FAULT_colon;
		*header = strict_name(e->er_name);
		if (*header)
			return SIPMSG_FAULT_header;
	}
	/* What it calls truncated is a message with less body than it says. */
	if (msg_get_flags(msg, MSG_FLG_TRUNC))
		return SIPMSG_FAULT_body;
	return msg_has_error(msg) ? SIPMSG_FAULT_header : SIPMSG_FAULT_NONE;
}

static enum sipmsg_fault check_start(const sip_t *sip)
{
	const sip_request_t *rq = sip->sip_request;
	const sip_status_t *st = sip->sip_status;

	if (!rq && !st)
		return SIPMSG_FAULT_start_line;
	if ((rq ? rq->rq_version : st->st_version) != sip_version_2_0)
		return SIPMSG_FAULT_version;
	if (st && (st->st_status < 100 || st->st_status > 699))
		return SIPMSG_FAULT_status;
	return SIPMSG_FAULT_NONE;
}

/* Sofia-SIP bears "SIP/2.0/UDP[::1]" and prints it as something else. */
static bool are_vias(const sip_via_t *v)
{
	for (; v; v = v->v_next) {
		if (v->v_protocol[strspn(v->v_protocol, protocol_chars)])
			return false;
	}
	return true;
}

static enum sipmsg_fault check_missing(const sip_t *sip)
{
	if (!sip->sip_via)
		return SIPMSG_FAULT_no_via;
	if (!sip->sip_from)
		return SIPMSG_FAULT_no_from;
	if (!sip->sip_to)
		return SIPMSG_FAULT_no_to;
	if (!sip->sip_call_id || !*sip->sip_call_id->i_id)
		return SIPMSG_FAULT_no_call_id;
	return sip->sip_cseq ? SIPMSG_FAULT_NONE : SIPMSG_FAULT_no_cseq;
}

static enum sipmsg_fault check_cseq(const sip_t *sip)
{
	const sip_cseq_t *cseq = sip->sip_cseq;

	if (cseq->cs_seq > INT32_MAX)
		return SIPMSG_FAULT_cseq;
	if (!cseq->cs_method_name || !*cseq->cs_method_name)
		return SIPMSG_FAULT_cseq_method;
	if (sip->sip_request &&
	    strcmp(cseq->cs_method_name, sip->sip_request->rq_method_name) != 0)
		return SIPMSG_FAULT_cseq_method;
	return SIPMSG_FAULT_NONE;
}

/* RFC 3261 20.19: up to 2^32-1; Sofia-SIP goes round from there. */
static bool is_expires(const sip_expires_t *ex)
{
	const char *p = ex ? ex->ex_common->h_data : NULL;
	const char *end = p ? p + ex->ex_common->h_len : NULL;
	const char *colon = p ? memchr(p, ':', (size_t)(end - p)) : NULL;
	uint64_t v = 0;

	for (p = colon ? colon + 1 : end; p < end; p++) {
		if (*p >= '0' && *p <= '9')
			v = v * 10 + (uint64_t)(*p - '0');
		else if (v || !strchr(" \t\r\n", *p))
			break;
		if (v > UINT32_MAX)
			return false;
	}
	return true;
}

static enum sipmsg_fault check_headers(const char **header, const sip_t *sip)
{
	const sip_max_forwards_t *mf = sip->sip_max_forwards;

	if (!are_vias(sip->sip_via)) {
		*header = "Via";
		return SIPMSG_FAULT_header;
	}
	if (!is_expires(sip->sip_expires)) {
		*header = "Expires";
		return SIPMSG_FAULT_header;
	}
	if (strlen(sip->sip_call_id->i_id) >= SIPMSG_CALLID_MAX ||
	    strpbrk(sip->sip_call_id->i_id, " \t"))
		return SIPMSG_FAULT_call_id;
	if (mf && mf->mf_count > HOPS_MAX)
		return SIPMSG_FAULT_max_forwards;
	return check_cseq(sip);
}

static bool is_sip(const url_t *url)
{
	return url->url_type == url_sip || url->url_type == url_sips;
}

/*
 * Sofia-SIP reads "sip://host", "sip:host/path" and "sip:host#part", which RFC
 * 3261 does not know, and prints something else than it read.
 */
static bool has_path(const url_t *url)
{
	return is_sip(url) &&
	       (url->url_root || url->url_path || url->url_fragment);
}

/* What would end the URI where it is printed within "<>". */
static bool has_bracket(const url_t *url)
{
	const char *const parts[] = {
		url->url_user,     url->url_password, url->url_host,
		url->url_path,     url->url_params,   url->url_headers,
		url->url_fragment,
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i] && strpbrk(parts[i], "<>\""))
			return true;
	}
	return false;
}

/* It takes anything for a URI of unknown scheme, even where there is none. */
static bool is_url(const url_t *url)
{
	return url->url_type != url_invalid &&
	       (url->url_type != url_unknown || url->url_scheme) &&
	       !has_bracket(url);
}

/* RFC 5118 4.10: within brackets it takes anything of hexadecimal digits and
 * colons for an address. */
static bool is_reference(const url_t *url)
{
	const char *host = url->url_host;
	struct addr a;

	return !is_sip(url) || !host || host[0] != '[' ||
	       !addr_set(&a, host, strlen(host), 0);
}

static enum sipmsg_fault check_url(const char **header, const char *name,
				   const url_t *url)
{
	*header = name;
	return is_url(url) && !has_path(url) && is_reference(url)
		       ? SIPMSG_FAULT_NONE
		       : SIPMSG_FAULT_uri;
}

static bool are_routes(const sip_route_t *r)
{
	for (; r; r = r->r_next) {
		if (!is_sip(r->r_url) || has_path(r->r_url) ||
		    !is_reference(r->r_url))
			return false;
	}
	return true;
}

/* RFC 3261 19.1.1: headers have no place in a Request-URI. */
static enum sipmsg_fault check_request_uri(const sip_request_t *rq)
{
	if (!rq)
		return SIPMSG_FAULT_NONE;
	if (has_path(rq->rq_url) || !is_reference(rq->rq_url))
		return SIPMSG_FAULT_uri;
	return is_sip(rq->rq_url) && rq->rq_url->url_headers
		       ? SIPMSG_FAULT_uri_headers
		       : SIPMSG_FAULT_NONE;
}

static enum sipmsg_fault check_urls(const char **header, const sip_t *sip)
{
	enum sipmsg_fault fault = check_request_uri(sip->sip_request);

	if (!fault)
		fault = check_url(header, "From", sip->sip_from->a_url);
	if (!fault)
		fault = check_url(header, "To", sip->sip_to->a_url);
	for (const sip_contact_t *m = sip->sip_contact; m && !fault;
	     m = m->m_next)
		fault = check_url(header, "Contact", m->m_url);
	if (!fault &&
	    (!are_routes(sip->sip_route) ||
	     !are_routes(sip->sip_record_route) || !are_routes(sip->sip_path)))
		fault = SIPMSG_FAULT_route;
	return fault;
}

/* Sofia-SIP itself takes a missing body for an empty one. */
static bool body_is_whole(const sip_t *sip)
{
	size_t len = sip->sip_payload ? sip->sip_payload->pl_len : 0;

	return !sip->sip_content_length ||
	       sip->sip_content_length->l_length == len;
}

bool sipmsg_check(struct sipmsg_bad *bad, const msg_t *msg, const sip_t *sip)
{
	const char *header = NULL;
	enum sipmsg_fault fault = check_start(sip);

	if (!fault)
		fault = check_errors(&header, msg, sip);
	if (!fault)
		fault = check_missing(sip);
	if (!fault)
		fault = check_headers(&header, sip);
	if (!fault)
		fault = check_urls(&header, sip);
	if (!fault && !body_is_whole(sip))
		fault = SIPMSG_FAULT_body;
	*bad = (struct sipmsg_bad){fault, NULL};
	if (fault == SIPMSG_FAULT_header || fault == SIPMSG_FAULT_uri)
		bad->header = header;
	return !fault;
}
