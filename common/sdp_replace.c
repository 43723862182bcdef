#include <errno.h>
#include <string.h>

#include "common/sdp.h"
#include "common/sdp_ice.h"
#include "common/sdp_line.h"
#include "common/strbuf.h"

/* Which c= lines the text has, and which of them hold (RFC 3264 8.4). */
struct outline {
	bool session_c, session_held;
	struct sdp_span session_value; /* "IN IP4 10.0.0.16" */
	bool own_c[SDP_MEDIA_MAX];
};

/* The c= that the current media line needs and has not got. */
enum missing { MISSING_NONE, MISSING_RELAY, MISSING_SESSION };

struct splice {
	struct strbuf *out;
	const struct sdp *text;     /* what the text says */
	const struct sdp *resource; /* what shall stand there */
	const struct outline *outline;
	const struct sdp_ice *ice;
	const struct addr *session; /* of o= and the session's c=; or NULL */
	size_t next; /* media lines begun; the current one is next - 1 */
	bool has_c;  /* the current part has got its c= */
	enum missing missing_c;
	struct sdp_span eol; /* of the current m= line; may be empty */
};

static void add_span(struct strbuf *out, const struct sdp_span *s)
{
	strbuf_add(out, s->p, s->len);
}

static void add_between(struct strbuf *out, const char *from, const char *to)
{
	strbuf_add(out, from, (size_t)(to - from));
}

/* What stands for the i-th line: its carrier's. */
static const struct sdp_media *target(const struct splice *s, size_t i)
{
	return &s->resource->media[s->text->media[i].carrier];
}

static const struct addr *media_address(const struct splice *s, size_t i)
{
	const struct addr *a = &target(s, i)->rtp;

	return addr_is_none(a) ? s->session : a;
}

static uint16_t rtcp_port(const struct sdp_media *m)
{
	if (!addr_is_none(&m->rtcp) && addr_port(&m->rtcp) != 0)
		return addr_port(&m->rtcp);
	return m->port < UINT16_MAX ? (uint16_t)(m->port + 1) : m->port;
}

static struct addr rtcp_address(const struct splice *s, size_t i)
{
	const struct sdp_media *m = target(s, i);
	struct addr a = addr_is_none(&m->rtcp) ? *media_address(s, i) : m->rtcp;

	addr_set_port(&a, rtcp_port(m));
	return a;
}

static bool is_zero(const struct sdp_line *l)
{
	struct addr ip;

	sdp_connection_parse(&ip, l->value);
	return addr_class(&ip) == ADDR_ANY;
}

/* A session that holds does so for each line that has no c= of its own. */
static bool is_session_held(const struct outline *o, const struct sdp *text)
{
	for (size_t i = 0; i < text->n; i++)
		if (!o->own_c[i] && text->media[i].port != 0 &&
		    !sdp_is_held(&text->media[i]))
			return false;
	return true;
}

static void make_outline(struct outline *o, const struct sdp *text,
			 struct sdp_span rest)
{
	struct sdp_line l;
	size_t media = 0;
	bool zero = false;

	memset(o, 0, sizeof(*o));
	while (sdp_line_next(&l, &rest)) {
		if (l.type == 'm') {
			media++;
		} else if (l.type == 'c' && media > 0) {
			o->own_c[media - 1] = true;
		} else if (l.type == 'c' && !o->session_c) {
			o->session_c = true;
			o->session_value = l.value;
			zero = is_zero(&l);
		}
	}
	o->session_held = zero && is_session_held(o, text);
}

/* Before a line of our own: the text's last line may have no end. */
static void end_line(struct splice *s)
{
	if (s->out->len == 0 || s->out->data[s->out->len - 1] != '\n')
		strbuf_str(s->out, "\r\n");
}

/* Behind the m= line and its i=, where a c= belongs (RFC 4566 5). */
static void add_missing_c(struct splice *s)
{
	if (s->missing_c == MISSING_NONE)
		return;
	end_line(s);
	strbuf_str(s->out, "c=");
	if (s->missing_c == MISSING_RELAY)
		sdp_network_print(s->out, media_address(s, s->next - 1));
	else
		add_span(s->out, &s->outline->session_value);
	add_span(s->out, &s->eol);
	s->missing_c = MISSING_NONE;
}

static void add_candidates(struct splice *s, size_t i)
{
	static const struct sdp_span crlf = {"\r\n", 2};
	const struct sdp_media *text = &s->text->media[i], *m = target(s, i);
	const struct addr *a = media_address(s, i);
	struct addr rtp, rtcp;

	if (!(s->ice->kept >> i & 1) || !sdp_needs_port(text) || m->port == 0 ||
	    !a)
		return;
	rtp = *a;
	addr_set_port(&rtp, m->port);
	rtcp = rtcp_address(s, i);
	end_line(s);
	sdp_ice_candidates(s->out, s->ice, i, &rtp, &rtcp,
			   s->eol.len > 0 ? &s->eol : &crlf);
}

/* The end of a media line's part, or of the session's. */
static void end_part(struct splice *s)
{
	add_missing_c(s);
	if (s->next > 0)
		add_candidates(s, s->next - 1);
	s->has_c = false;
}

/* o=NAME ID VERSION IN IP4 ADDRESS */
static void replace_origin(struct splice *s, const struct sdp_line *l)
{
	struct sdp_span rest = l->value, word, net;

	for (int i = 0; i < 3; i++)
		sdp_word(&word, &rest);
	if (!s->session || !sdp_word(&net, &rest) || !sdp_span_is(&net, "IN") ||
	    !sdp_word(&word, &rest) || !sdp_word(&word, &rest)) {
		add_span(s->out, &l->raw);
		return;
	}
	add_between(s->out, l->raw.p, net.p);
	sdp_network_print(s->out, s->session);
	add_span(s->out, &l->tail);
}

/* Zeros that say hold stay zeros, of the family that the other party has. */
static void add_hold(struct splice *s, const struct sdp_line *l,
		     const struct addr *a)
{
	struct addr said;

	sdp_connection_parse(&said, l->value);
	if (addr_family(&said) == addr_family(a)) {
		add_span(s->out, &l->raw);
		return;
	}
	strbuf_str(s->out, addr_family(a) == AF_INET6 ? "c=IN IP6 ::"
						      : "c=IN IP4 0.0.0.0");
	add_span(s->out, &l->tail);
}

static void replace_connection(struct splice *s, const struct sdp_line *l)
{
	const struct sdp_media *m =
		s->next > 0 ? &s->text->media[s->next - 1] : NULL;
	const struct addr *a = m ? media_address(s, s->next - 1) : s->session;
	bool held = m ? sdp_is_held(m) : s->outline->session_held;

	if (!a || (m && m->over_tcp)) {
		add_span(s->out, &l->raw);
		return;
	}
	/* Further ones are layers of a multicast (RFC 4566 5.7). */
	if (s->has_c)
		return;
	s->has_c = true;
	if (held) {
		add_hold(s, l, a);
		return;
	}
	strbuf_str(s->out, "c=");
	sdp_network_print(s->out, a);
	add_span(s->out, &l->tail);
}

/* The tail without its blanks; empty where no line end is there. */
static struct sdp_span line_end(const struct sdp_line *l)
{
	struct sdp_span s = l->tail;

	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.len--;
	}
	if (s.len > 0 && s.p[s.len - 1] != '\n')
		s.len = 0;
	return s;
}

/* Whether the session's c= no longer is what the i-th line needs. */
static enum missing missing_connection(const struct splice *s, size_t i)
{
	const struct sdp_media *text = &s->text->media[i];
	const struct addr *a = media_address(s, i);
	const struct outline *o = s->outline;

	if (!a || !o->session_c || o->own_c[i] || text->port == 0)
		return MISSING_NONE;
	if (text->over_tcp)
		return s->session ? MISSING_SESSION : MISSING_NONE;
	if (o->session_held || target(s, i)->port == 0 ||
	    addr_ip_eq(a, s->session))
		return MISSING_NONE;
	return MISSING_RELAY;
}

static int replace_media(struct splice *s, const struct sdp_line *l)
{
	struct sdp_mline fields;
	size_t i = s->next++;
	int err;

	err = sdp_mline_parse(&fields, l);
	if (err)
		return err;
	s->eol = line_end(l);
	s->missing_c = missing_connection(s, i);
	if (fields.number == 0 || s->text->media[i].over_tcp) {
		add_span(s->out, &l->raw);
		return 0;
	}
	add_between(s->out, l->raw.p, fields.port.p);
	strbuf_printf(s->out, "%u", target(s, i)->port);
	add_between(s->out, fields.count.p + fields.count.len,
		    l->raw.p + l->raw.len);
	return 0;
}

/* a=rtcp:PORT or a=rtcp:PORT IN IP4 ADDRESS; PORT may be that of RTP, where
 * both are on one (RFC 8858). */
static void replace_rtcp(struct splice *s, const struct sdp_line *l,
			 struct sdp_span value)
{
	size_t i = s->next - 1;
	const struct sdp_media *text = &s->text->media[i], *m = target(s, i);
	struct sdp_span port, net;
	struct addr rtcp;

	if (m->port == 0 || !media_address(s, i) || !sdp_word(&port, &value)) {
		add_span(s->out, &l->raw);
		return;
	}
	rtcp = rtcp_address(s, i);
	add_between(s->out, l->raw.p, port.p);
	strbuf_printf(s->out, "%u",
		      text->rtcp_mux && addr_port(&text->rtcp) == text->port
			      ? m->port
			      : addr_port(&rtcp));
	if (sdp_word(&net, &value)) {
		strbuf_str(s->out, " ");
		sdp_network_print(s->out, &rtcp);
	}
	add_span(s->out, &l->tail);
}

static void replace_attribute(struct splice *s, const struct sdp_line *l)
{
	const struct sdp_media *m =
		s->next > 0 ? &s->text->media[s->next - 1] : NULL;
	struct sdp_span value;

	if (sdp_ice_attribute(s->out, s->ice, m ? s->next - 1 : SDP_MEDIA_MAX,
			      l))
		return;
	if (m && m->port != 0 && !m->over_tcp &&
	    sdp_attribute(&value, l, "rtcp"))
		replace_rtcp(s, l, value);
	else
		add_span(s->out, &l->raw);
}

static int replace_line(struct splice *s, const struct sdp_line *l)
{
	if (l->type == 'm')
		end_part(s);
	else if (l->type != 'i')
		add_missing_c(s);
	switch (l->type) {
	case 'o':
		replace_origin(s, l);
		return 0;
	case 'c':
		replace_connection(s, l);
		return 0;
	case 'm':
		return replace_media(s, l);
	case 'a':
		replace_attribute(s, l);
		return 0;
	default:
		add_span(s->out, &l->raw);
		return 0;
	}
}

int sdp_replace(struct strbuf *out, const char *text, size_t len,
		const struct sdp *resource)
{
	struct sdp_span rest = {text, len};
	struct outline outline;
	struct sdp_ice ice;
	struct sdp_line line;
	struct sdp said;
	struct splice s = {
		.out = out,
		.text = &said,
		.resource = resource,
		.outline = &outline,
		.ice = &ice,
		.session = sdp_first_address(resource),
	};
	int err;

	err = sdp_parse(&said, text, len);
	if (err == -E2BIG || (!err && said.n > resource->n))
		return -EINVAL;
	if (err)
		return err;
	make_outline(&outline, &said, rest);
	sdp_ice_read(&ice, &said, rest);
	while (!err && sdp_line_next(&line, &rest))
		err = replace_line(&s, &line);
	if (err)
		return err;
	end_part(&s);
	return strbuf_err(out);
}
