#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "common/addr.h"
#include "common/sipmsg_scan.h"
#include "common/span.h"
#include "common/strbuf.h"

#include "common/sipmsg_brief.h"

enum {
	CSEQ_DIGITS = 9,
	LENGTH_DIGITS = 5,
};

/* A header line: all of it with its end, and the value alone. */
struct line {
	struct span whole, value;
};

typedef int header_h(struct sipmsg_brief *b, const struct line *l);

static int no(void)
{
	return -EAGAIN;
}

/* A copy with a NUL behind; NULL: no room. */
static char *keep(struct sipmsg_brief *b, const char *at, size_t len)
{
	char *copy = b->text + b->len;

	if (len >= sizeof(b->text) - b->len)
		return NULL;
	memcpy(copy, at, len);
	copy[len] = '\0';
	b->len += len + 1;
	return copy;
}

static void set_data(void *header, const struct line *l)
{
	msg_common_t *h = header;

	h->h_data = l->whole.p;
	h->h_len = (unsigned)l->whole.len;
}

static bool all(const char *text, int (*is)(int))
{
	for (; *text; text++)
		if (!is((unsigned char)*text))
			return false;
	return true;
}

static int is_host(int c)
{
	return isalnum(c) || c == '.' || c == '-';
}

/* Characters of a token that nobody reads as anything else. */
static int is_token(int c)
{
	return isalnum(c) || (c && strchr("-.!%*_+`'~", c));
}

/* "host[:port]" in front of the parameters, in place. */
static int split_sent_by(sip_via_t *v, char *text)
{
	char *colon = strchr(text, ':');

	if (colon) {
		*colon = '\0';
		v->v_port = colon + 1;
		if (!*v->v_port || !all(v->v_port, isdigit) ||
		    strlen(v->v_port) > LENGTH_DIGITS)
			return no();
	}
	v->v_host = text;
	return *text && all(text, is_host) ? 0 : no();
}

/* One parameter of a Via, in place. */
static int via_param(const struct sipmsg_brief *b, sip_via_t *v, char *text)
{
	char *value = strchr(text, '=');

	if (value)
		*value++ = '\0';
	if (!*text || !all(text, is_token) ||
	    (value && (!*value || !all(value, is_token))))
		return no();
	if (!strcasecmp(text, "received")) {
		if (!value || v->v_received)
			return no();
		v->v_received = value;
	} else if (!strcasecmp(text, "rport")) {
		if (v->v_rport || (value && !all(value, isdigit)))
			return no();
		v->v_rport = value ? value : "";
	} else if (!strcmp(text, "branch")) {
		if (!value || v->v_branch)
			return no();
		v->v_branch = value;
	} else if (v == b->via || !strcasecmp(text, "maddr")) {
		return no(); /* the top one is printed anew, without it */
	}
	return 0;
}

/* Behind the protocol and the space; NULL: it is another. */
static const char *skip_protocol(const struct span *value)
{
	static const char *const known[] = {
		"SIP/2.0/UDP ", "SIP/2.0/TCP ", "SIP/2.0/TLS ",
		"SIP/2.0/WSS ", "SIP/2.0/WS ",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = strlen(known[i]);

		if (value->len > n && !memcmp(value->p, known[i], n))
			return value->p + n;
	}
	return NULL;
}

static int read_via(struct sipmsg_brief *b, sip_via_t *v,
		    const struct span *value)
{
	const char *at = skip_protocol(value);
	char *text, *next;
	int err;

	if (!at || (v == b->via && memcmp(value->p, "SIP/2.0/UDP", 11) !=
					   0)) /* of ours it is UDP */
		return no();
	text = keep(b, at, value->len - (size_t)(at - value->p));
	if (!text || strpbrk(text, " \t,\"<>"))
		return no();
	next = strchr(text, ';');
	if (next)
		*next++ = '\0';
	err = split_sent_by(v, text);
	while (!err && next) {
		text = next;
		next = strchr(text, ';');
		if (next)
			*next++ = '\0';
		err = via_param(b, v, text);
	}
	return err;
}

static int on_via(struct sipmsg_brief *b, const struct line *l)
{
	sip_via_t *v = &b->via[b->nvias];

	if (b->nvias == SIPMSG_BRIEF_VIAS ||
	    memchr(l->value.p, ',', l->value.len))
		return no();
	set_data(v, l);
	if (b->nvias)
		b->via[b->nvias - 1].v_next = v;
	else
		b->sip.sip_via = v;
	b->nvias++;
	return read_via(b, v, &l->value);
}

/* A name in front of "<": quoted, without escapes, or of tokens. Returns where
 * the bracket is to be; NULL: it is another. */
static const char *skip_name(const char *at, const char *end)
{
	if (at < end && *at == '"') {
		at = memchr(at + 1, '"', (size_t)(end - at) - 1);
		if (!at)
			return NULL;
		at++;
	} else {
		while (at < end && is_token((unsigned char)*at))
			at++;
	}
	while (at < end && *at == ' ')
		at++;
	return at;
}

/* The text between the brackets of "[name] <URI>[;tag=...]". */
static int split_address(struct span *uri, const char **tag,
			 struct sipmsg_brief *b, const struct span *value)
{
	const char *end = value->p + value->len, *close;
	const char *at = skip_name(value->p, end);
	char *params;

	if (!at || at == end || *at != '<' ||
	    memchr(value->p, '\\', value->len) ||
	    memchr(value->p, ',', value->len))
		return no();
	close = memchr(at, '>', (size_t)(end - at));
	if (!close)
		return no();
	*uri = (struct span){at + 1, (size_t)(close - at) - 1};
	params = keep(b, close + 1, (size_t)(end - close) - 1);
	if (!params)
		return no();
	if (!*params)
		return 0;
	/* Of parameters there is the tag alone. */
	if (strncasecmp(params, ";tag=", 5) != 0 || !params[5] ||
	    !all(params + 5, is_token))
		return no();
	*tag = params + 5;
	return 0;
}

static int is_uri(int c)
{
	return is_token(c) || (c && strchr("@:;=&$,()", c));
}

static int read_url(struct sipmsg_brief *b, url_t *url, const struct span *uri)
{
	char *text = keep(b, uri->p, uri->len);

	if (!text || !all(text, is_uri) || url_d(url, text))
		return no();
	if ((url->url_type != url_sip && url->url_type != url_sips) ||
	    !url->url_host || !*url->url_host || !all(url->url_host, is_host))
		return no();
	return url->url_port && (!*url->url_port ||
				 !all(url->url_port, isdigit) ||
				 strlen(url->url_port) > LENGTH_DIGITS)
		       ? no()
		       : 0;
}

static int read_address(struct sipmsg_brief *b, url_t *url, const char **tag,
			const struct line *l)
{
	struct span uri;

	if (split_address(&uri, tag, b, &l->value))
		return no();
	return read_url(b, url, &uri);
}

static int on_from(struct sipmsg_brief *b, const struct line *l)
{
	if (b->sip.sip_from ||
	    read_address(b, b->from.a_url, &b->from.a_tag, l))
		return no();
	set_data(&b->from, l);
	b->sip.sip_from = &b->from;
	return 0;
}

static int on_to(struct sipmsg_brief *b, const struct line *l)
{
	if (b->sip.sip_to || read_address(b, b->to.a_url, &b->to.a_tag, l))
		return no();
	set_data(&b->to, l);
	b->sip.sip_to = &b->to;
	return 0;
}

static int is_callid(int c)
{
	return is_token(c) || (c && strchr("@:/()", c));
}

static int on_call_id(struct sipmsg_brief *b, const struct line *l)
{
	const char *id = keep(b, l->value.p, l->value.len);

	if (b->sip.sip_call_id || !id || !*id || !all(id, is_callid) ||
	    l->value.len >= SIPMSG_CALLID_MAX)
		return no();
	b->call_id.i_id = id;
	set_data(&b->call_id, l);
	b->sip.sip_call_id = &b->call_id;
	return 0;
}

/* Digits of a number, so few that it fits; 0: none. */
static size_t digits(uint32_t *value, const struct span *s, size_t max)
{
	size_t n = 0;

	*value = 0;
	for (; n < s->len && isdigit((unsigned char)s->p[n]); n++) {
		if (n == max)
			return 0;
		*value = *value * 10 + (uint32_t)(s->p[n] - '0');
	}
	return n;
}

static int on_cseq(struct sipmsg_brief *b, const struct line *l)
{
	const char *method = b->request.rq_method_name;
	uint32_t seq;
	size_t n = digits(&seq, &l->value, CSEQ_DIGITS);

	if (b->sip.sip_cseq || !n || l->value.len != n + 1 + strlen(method) ||
	    l->value.p[n] != ' ' ||
	    memcmp(l->value.p + n + 1, method, strlen(method)) != 0)
		return no();
	b->cseq.cs_seq = seq;
	b->cseq.cs_method = b->request.rq_method;
	b->cseq.cs_method_name = method;
	set_data(&b->cseq, l);
	b->sip.sip_cseq = &b->cseq;
	return 0;
}

/* Of the body nothing is read. */
static int on_length(struct sipmsg_brief *b, const struct line *l)
{
	uint32_t n;

	(void)b;
	return digits(&n, &l->value, LENGTH_DIGITS) == l->value.len ? 0 : no();
}

static int on_credentials(struct sipmsg_brief *b, const struct line *l)
{
	(void)b;
	(void)l;
	return no();
}

/* The headers that matter here, once; the others may say what they like. */
static const struct {
	const char *name;
	size_t len;
	header_h *read;
} headers[] = {
#define HEADER(name, read)                                                     \
	{                                                                      \
		name, sizeof(name) - 1, read                                   \
	}
	HEADER("Via", on_via),
	HEADER("From", on_from),
	HEADER("To", on_to),
	HEADER("Call-ID", on_call_id),
	HEADER("CSeq", on_cseq),
	HEADER("Content-Length", on_length),
	HEADER("Authorization", on_credentials),
	HEADER("Proxy-Authorization", on_credentials),
#undef HEADER
};

/* A short name may be that of any header. */
static int read_line(struct sipmsg_brief *b, const struct span *whole)
{
	const char *end = whole->p + whole->len - 2;
	const char *colon = memchr(whole->p, ':', (size_t)(end - whole->p));
	struct line l = {.whole = *whole};
	size_t len = colon ? (size_t)(colon - whole->p) : 0;

	if (len < 2 || isspace((unsigned char)whole->p[0]) ||
	    isspace((unsigned char)colon[-1]))
		return no();
	for (colon++; colon < end && *colon == ' '; colon++)
		continue;
	if (colon == end || isspace((unsigned char)end[-1]))
		return no();
	l.value = (struct span){colon, (size_t)(end - colon)};
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (headers[i].len == len &&
		    !strncasecmp(headers[i].name, whole->p, len))
			return headers[i].read(b, &l);
	return 0;
}

/* sipmsg_scan() has seen that there are two spaces and the version. */
static int read_request(struct sipmsg_brief *b, const struct span *line)
{
	const char *sp = memchr(line->p, ' ', line->len);
	const char *end = line->p + line->len - 2 - strlen(" SIP/2.0");
	struct span uri;
	char *name;

	if (!sp || sp >= end || memcmp(end, " SIP/2.0", 8) != 0)
		return no();
	name = keep(b, line->p, (size_t)(sp - line->p));
	uri = (struct span){sp + 1, (size_t)(end - sp) - 1};
	if (!name || read_url(b, b->request.rq_url, &uri))
		return no();
	b->request.rq_method = sip_method_code(name);
	b->request.rq_method_name = name;
	b->request.rq_version = sip_version_2_0;
	b->sip.sip_request = &b->request;
	if (b->request.rq_method <= sip_method_unknown ||
	    strcmp(sip_method_name(b->request.rq_method, ""), name) != 0)
		return no();
	return 0;
}

static int read_head(struct sipmsg_brief *b, const char *data, size_t len)
{
	const char *p = data, *end = data + len;
	int err = 0;

	for (size_t n = 0; !err; n++) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		struct span line = {p, lf ? (size_t)(lf - p) + 1 : 0};

		if (line.len < 2)
			return no();
		if (line.len == 2)
			return 0;
		err = n ? read_line(b, &line) : read_request(b, &line);
		p = lf + 1;
	}
	return err;
}

/* The line of the top Via anew, as sipmsg_via_received() would have it. */
static void print_via(struct strbuf *sb, const sip_via_t *v)
{
	strbuf_str(sb, "Via: SIP/2.0/UDP ");
	strbuf_str(sb, v->v_host);
	if (v->v_port) {
		strbuf_str(sb, ":");
		strbuf_str(sb, v->v_port);
	}
	strbuf_str(sb, ";branch=");
	strbuf_str(sb, v->v_branch);
	strbuf_str(sb, ";received=");
	strbuf_str(sb, v->v_received);
	strbuf_str(sb, ";rport=");
	strbuf_str(sb, v->v_rport);
	strbuf_str(sb, "\r\n");
}

static char *keep_uint(struct sipmsg_brief *b, unsigned n)
{
	char text[16];
	struct strbuf sb;

	strbuf_init(&sb, text, sizeof(text));
	strbuf_uint(&sb, n);
	return keep(b, text, sb.len);
}

static int note_source(struct sipmsg_brief *b, const struct addr *src)
{
	sip_via_t *v = &b->via[0];
	char ip[ADDR_STRLEN];
	struct strbuf sb;

	if (v->v_received || !v->v_rport || *v->v_rport || !v->v_branch)
		return no();
	v->v_received = keep(b, ip, strlen(addr_ip_str(ip, src)));
	v->v_rport = keep_uint(b, addr_port(src));
	if (!v->v_received || !v->v_rport)
		return no();
	strbuf_init(&sb, b->text + b->len, sizeof(b->text) - b->len);
	print_via(&sb, v);
	if (strbuf_err(&sb))
		return no();
	v->v_common->h_data = sb.data;
	v->v_common->h_len = (unsigned)sb.len;
	b->len += sb.len + 1;
	return 0;
}

int sipmsg_brief_read(struct sipmsg_brief *b, const char *data, size_t len,
		      const struct addr *src)
{
	memset(b, 0, offsetof(struct sipmsg_brief, text));
	if (sipmsg_scan(data, len) || read_head(b, data, len))
		return no();
	if (!b->sip.sip_via || !b->sip.sip_from || !b->sip.sip_to ||
	    !b->sip.sip_call_id || !b->sip.sip_cseq)
		return no();
	return note_source(b, src);
}
