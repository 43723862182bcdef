#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <sofia-sip/msg_mclass.h>

#include "common/sipmsg.h"
#include "common/sipmsg_scan.h"
#include "common/strbuf.h"

enum { TOKEN_POOL = 256, HEADER_LEN = 256 };

/* Base32: every random byte gives one character without bias. */
static const char token_chars[] = "abcdefghijklmnopqrstuvwxyz234567";

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

static bool is_strict(const char *name)
{
	const size_t n = sizeof(strict_headers) / sizeof(strict_headers[0]);

	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(strict_headers[i], name) == 0)
			return true;
	}
	return false;
}

/*
 * Sofia-SIP keeps two things in sip_error: its own error objects, which name
 * the header they could not read, and second copies of single headers. Of the
 * latter none may pass (RFC 3261 7.3.1): a copy of such a message would meet an
 * assertion in Sofia-SIP when it is printed.
 */
static const char *check_errors(const msg_t *msg, const sip_t *sip)
{
	const msg_hclass_t *error_class = msg_mclass(msg)->mc_error->hr_class;

	for (const sip_error_t *e = sip->sip_error; e; e = e->er_next) {
		const msg_hclass_t *hc = e->er_common->h_class;

		if (hc != error_class)
			return "a header that may come once came twice";
		if (!e->er_name)
			return "a line that is no header";
		if (is_strict(e->er_name))
			return "malformed header";
	}
	if (msg_has_error(msg))
		return "malformed header";
	return NULL;
}

static const char *check_start(const sip_t *sip)
{
	if (sip->sip_request) {
		if (sip->sip_request->rq_version != sip_version_2_0)
			return "not SIP/2.0";
	} else if (sip->sip_status) {
		int status = sip->sip_status->st_status;

		if (sip->sip_status->st_version != sip_version_2_0)
			return "not SIP/2.0";
		if (status < 100 || status > 699)
			return "no such status code";
	} else {
		return "malformed start line";
	}
	return NULL;
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

static const char *check_headers(const sip_t *sip)
{
	if (!sip->sip_via)
		return "no Via";
	if (!are_vias(sip->sip_via))
		return "malformed header";
	if (!sip->sip_from)
		return "no From";
	if (!sip->sip_to)
		return "no To";
	if (!sip->sip_call_id)
		return "no Call-ID";
	if (!sip->sip_cseq)
		return "no CSeq";
	if (strlen(sip->sip_call_id->i_id) >= SIPMSG_CALLID_MAX)
		return "Call-ID too long";
	if (strpbrk(sip->sip_call_id->i_id, " \t"))
		return "Call-ID of several words";
	if (sip->sip_cseq->cs_seq > INT32_MAX)
		return "CSeq out of range";
	if (!sip->sip_cseq->cs_method_name || !*sip->sip_cseq->cs_method_name)
		return "CSeq without a method";
	if (sip->sip_request && strcmp(sip->sip_cseq->cs_method_name,
				       sip->sip_request->rq_method_name) != 0)
		return "CSeq method is not the method";
	return NULL;
}

static bool is_sip(const url_t *url)
{
	return url->url_type == url_sip || url->url_type == url_sips;
}

/*
 * Sofia-SIP reads "sip://host" and "sip:host/path", which RFC 3261 does not
 * know, and prints something else than it read.
 */
static bool has_path(const url_t *url)
{
	return is_sip(url) && (url->url_root || url->url_path);
}

/* What would end the URI where it is printed within "<>". */
static bool has_bracket(const url_t *url)
{
	const char *const parts[] = {url->url_user, url->url_host,
				     url->url_params, url->url_headers};

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

static const char *check_contacts(const sip_t *sip)
{
	for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next) {
		if (!is_url(m->m_url))
			return "a Contact that is no URI";
		if (has_path(m->m_url))
			return "a SIP URI with a path";
	}
	return NULL;
}

static bool are_routes(const sip_route_t *r)
{
	for (; r; r = r->r_next) {
		if (!is_sip(r->r_url) || has_path(r->r_url))
			return false;
	}
	return true;
}

static const char *check_urls(const sip_t *sip)
{
	const url_t *from = sip->sip_from->a_url, *to = sip->sip_to->a_url;
	bool bad = has_path(from) || has_path(to);

	if (!is_url(from) || !is_url(to))
		return "a From or To that is no URI";
	if (!are_routes(sip->sip_route) || !are_routes(sip->sip_record_route) ||
	    !are_routes(sip->sip_path))
		return "a route that is no SIP URI";
	if (sip->sip_request)
		bad = bad || has_path(sip->sip_request->rq_url);
	return bad ? "a SIP URI with a path" : check_contacts(sip);
}

/* Sofia-SIP itself takes a missing body for an empty one. */
static bool body_is_whole(const sip_t *sip)
{
	size_t len = sip->sip_payload ? sip->sip_payload->pl_len : 0;

	return !sip->sip_content_length ||
	       sip->sip_content_length->l_length == len;
}

/*
 * Where one line held several values ("Via: a, b") the first fragment has the
 * text of all: changing one would lose the others. They are printed anew, one
 * line each; everything else goes out as it came.
 */
static void split_shared_lines(msg_t *msg)
{
	msg_header_t *owner = NULL;

	for (msg_header_t *h = *msg_chain_head(msg); h; h = h->sh_succ) {
		if (h->sh_len > 0 || !owner || !h->sh_data) {
			owner = h;
			continue;
		}
		msg_fragment_clear(owner->sh_common);
		msg_fragment_clear(h->sh_common);
	}
}

static const char *parse(msg_t **msgp, const char *data, size_t len)
{
	msg_t *msg = msg_make(sip_default_mclass(), MSG_FLG_EXTRACT_COPY, data,
			      (ssize_t)len);
	const sip_t *sip = msg ? sip_object(msg) : NULL;
	const char *bad;

	*msgp = msg;
	if (!sip)
		return NULL;
	bad = check_start(sip);
	if (!bad)
		bad = check_errors(msg, sip);
	if (!bad)
		bad = check_headers(sip);
	if (!bad)
		bad = check_urls(sip);
	if (!bad && !body_is_whole(sip))
		bad = "body shorter than Content-Length";
	return bad;
}

int sipmsg_parse(msg_t **msgp, const char *data, size_t len, const char **why)
{
	const char *bad = NULL;
	msg_t *msg = NULL;
	int err;

	/* CRLFs in front are keepalives of streams (RFC 3261 7.5). */
	while (len >= 2 && data[0] == '\r' && data[1] == '\n') {
		data += 2;
		len -= 2;
	}
	if (len > SIPMSG_MAX) {
		bad = "too long";
		err = -EBADMSG;
		goto out;
	}
	err = sipmsg_scan(data, len, &bad);
	if (err)
		goto out;
	bad = parse(&msg, data, len);
	err = bad ? -EBADMSG : msg ? 0 : -ENOMEM;
	if (err)
		goto out;
	split_shared_lines(msg);
	*msgp = msg;
	msg = NULL;
out:
	if (why)
		*why = err == -ENOMEM ? "out of memory" : bad;
	msg_destroy(msg);
	return err;
}

msg_t *sipmsg_copy(msg_t *msg)
{
	return msg_copy(msg);
}

int sipmsg_print(struct strbuf *out, msg_t *msg)
{
	if (sip_complete_message(msg) < 0 || msg_serialize(msg, NULL) < 0 ||
	    msg_prepare(msg) < 0)
		return -ENOMEM;
	for (msg_header_t *h = *msg_chain_head(msg); h; h = h->sh_succ)
		strbuf_add(out, h->sh_data, h->sh_len);
	return strbuf_err(out);
}

char *sipmsg_header_text(su_home_t *home, const void *header)
{
	size_t cap = HEADER_LEN;

	for (;;) {
		char *text = su_alloc(home, (isize_t)cap);
		issize_t n =
			text ? sip_header_field_e(text, (isize_t)cap, header, 0)
			     : -1;

		if (n < 0)
			return NULL;
		/* One byte more than said: with less, parameters are lost. */
		if ((size_t)n + 2 <= cap)
			return text;
		su_free(home, text);
		cap = (size_t)n * 2;
	}
}

const char *sipmsg_method(const sip_t *sip)
{
	if (sip->sip_request)
		return sip->sip_request->rq_method_name;
	return sip->sip_cseq->cs_method_name;
}

const char *sipmsg_body(size_t *len, bool *sdp, const sip_t *sip)
{
	const sip_payload_t *pl = sip->sip_payload;
	const sip_content_type_t *ct = sip->sip_content_type;

	if (sdp)
		*sdp = ct && ct->c_type &&
		       strcasecmp(ct->c_type, "application/sdp") == 0;
	*len = pl ? pl->pl_len : 0;
	return pl ? pl->pl_data : "";
}

int sipmsg_set_body(msg_t *msg, const char *data, size_t len)
{
	sip_t *sip = sip_object(msg);
	msg_header_t *old = (msg_header_t *)sip->sip_payload;
	sip_payload_t *pl;
	int err;

	if (len == 0) {
		if (old)
			msg_header_remove_all(msg, (msg_pub_t *)sip, old);
		return 0;
	}
	pl = sip_payload_create(msg_home(msg), data, len);
	if (!pl)
		return -ENOMEM;
	if (old)
		err = msg_header_replace(msg, (msg_pub_t *)sip, old,
					 (msg_header_t *)pl);
	else
		err = msg_header_insert(msg, (msg_pub_t *)sip,
					(msg_header_t *)pl);
	return err < 0 ? -ENOMEM : 0;
}

void sipmsg_token(char *buf, size_t n)
{
	static _Thread_local unsigned char pool[TOKEN_POOL];
	static _Thread_local size_t left;

	if (n == 0)
		return;
	for (size_t i = 0; i + 1 < n; i++) {
		while (left == 0) {
			ssize_t got = getrandom(pool, sizeof(pool), 0);

			if (got < 0 && errno != EINTR)
				abort();
			left = got > 0 ? (size_t)got : 0;
		}
		buf[i] = token_chars[pool[--left] & 31];
	}
	buf[n - 1] = '\0';
}
