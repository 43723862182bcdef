#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "common/sdp.h"
#include "common/sdp_line.h"
#include "common/strbuf.h"

/* RFC 8839 and RFC 8840: what would lead media past the relay. */
static const char *const ice_attributes[] = {"candidate", "remote-candidates",
					     "end-of-candidates"};
static const char ice_prefix[] = "ice-";

/* Which c= lines the text has, and which of them hold (RFC 3264 8.4). */
struct outline {
	bool session_c, session_held;
	bool own_c[SDP_MEDIA_MAX];
};

struct splice {
	struct strbuf *out;
	const struct sdp *text;     /* what the text says */
	const struct sdp *resource; /* what shall stand there */
	const struct outline *outline;
	const struct addr *session; /* of o= and the session's c=; or NULL */
	size_t next; /* media lines begun; the current one is next - 1 */
	/* A c= the current media line needs and has not got. */
	const struct addr *missing_c;
	struct sdp_span eol;
};

static void add_span(struct strbuf *out, const struct sdp_span *s)
{
	strbuf_add(out, s->p, s->len);
}

static void add_between(struct strbuf *out, const char *from, const char *to)
{
	strbuf_add(out, from, (size_t)(to - from));
}

static char version(const struct addr *a)
{
	return a && addr_family(a) == AF_INET6 ? '6' : '4';
}

static void add_network(struct strbuf *out, const struct addr *a)
{
	char ip[ADDR_STRLEN];

	strbuf_printf(out, "IN IP%c %s", version(a), addr_ip_str(ip, a));
}

/* The address of the first line that carries media. */
static const struct addr *first_address(const struct sdp *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->media[i].port != 0 && !addr_is_none(&s->media[i].rtp))
			return &s->media[i].rtp;
	}
	return NULL;
}

static bool says_hold(const struct sdp_line *l)
{
	struct addr ip;

	sdp_connection_parse(&ip, l->value);
	return addr_class(&ip) == ADDR_ANY;
}

static void make_outline(struct outline *o, struct sdp_span rest)
{
	struct sdp_line l;
	size_t media = 0;

	memset(o, 0, sizeof(*o));
	while (sdp_line_next(&l, &rest)) {
		if (l.type == 'm') {
			media++;
		} else if (l.type == 'c' && media > 0) {
			o->own_c[media - 1] = true;
		} else if (l.type == 'c' && !o->session_c) {
			o->session_c = true;
			o->session_held = says_hold(&l);
		}
	}
}

static const struct addr *media_address(const struct splice *s, size_t i)
{
	const struct addr *a = &s->resource->media[i].rtp;

	return addr_is_none(a) ? s->session : a;
}

/* Behind the m= line and its i=, where a c= belongs (RFC 4566 5). */
static void add_missing_c(struct splice *s)
{
	if (!s->missing_c)
		return;
	/* The text's last line may have no end. */
	if (s->out->len == 0 || s->out->data[s->out->len - 1] != '\n')
		strbuf_str(s->out, "\r\n");
	strbuf_str(s->out, "c=");
	add_network(s->out, s->missing_c);
	add_span(s->out, &s->eol);
	s->missing_c = NULL;
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
	add_network(s->out, s->session);
	add_span(s->out, &l->tail);
}

static void replace_connection(struct splice *s, const struct sdp_line *l)
{
	const struct addr *a =
		s->next > 0 ? media_address(s, s->next - 1) : s->session;

	if (!a || says_hold(l)) {
		add_span(s->out, &l->raw);
		return;
	}
	strbuf_str(s->out, "c=");
	add_network(s->out, a);
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

static int replace_media(struct splice *s, const struct sdp_line *l)
{
	size_t i = s->next++;
	const struct sdp_media *to = &s->resource->media[i];
	const struct addr *a = media_address(s, i);
	struct sdp_mline fields;
	int err;

	err = sdp_mline_parse(&fields, l);
	if (err)
		return err;
	if (fields.number == 0) {
		add_span(s->out, &l->raw);
		return 0;
	}
	add_between(s->out, l->raw.p, fields.port.p);
	strbuf_printf(s->out, "%u", to->port);
	add_between(s->out, fields.count.p + fields.count.len,
		    l->raw.p + l->raw.len);
	s->eol = line_end(l);
	if (a && s->outline->session_c && !s->outline->session_held &&
	    !s->outline->own_c[i] && to->port != 0 &&
	    !addr_ip_eq(a, s->session))
		s->missing_c = a;
	return 0;
}

static uint16_t rtcp_port(const struct sdp_media *m)
{
	if (!addr_is_none(&m->rtcp) && addr_port(&m->rtcp) != 0)
		return addr_port(&m->rtcp);
	return m->port < UINT16_MAX ? (uint16_t)(m->port + 1) : m->port;
}

/* a=rtcp:PORT or a=rtcp:PORT IN IP4 ADDRESS */
static void replace_rtcp(struct splice *s, const struct sdp_line *l,
			 struct sdp_span value)
{
	size_t i = s->next - 1;
	const struct sdp_media *m = &s->resource->media[i];
	const struct addr *a =
		addr_is_none(&m->rtcp) ? media_address(s, i) : &m->rtcp;
	struct sdp_span port, net;

	if (m->port == 0 || !a || !sdp_word(&port, &value)) {
		add_span(s->out, &l->raw);
		return;
	}
	add_between(s->out, l->raw.p, port.p);
	strbuf_printf(s->out, "%u", rtcp_port(m));
	if (sdp_word(&net, &value)) {
		strbuf_str(s->out, " ");
		add_network(s->out, a);
	}
	add_span(s->out, &l->tail);
}

static bool is_ice(const struct sdp_line *l)
{
	const size_t n = sizeof(ice_attributes) / sizeof(ice_attributes[0]);
	struct sdp_span value;

	if (l->type != 'a')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (sdp_attribute(&value, l, ice_attributes[i]))
			return true;
	}
	return l->value.len >= strlen(ice_prefix) &&
	       strncasecmp(l->value.p, ice_prefix, strlen(ice_prefix)) == 0;
}

static void replace_attribute(struct splice *s, const struct sdp_line *l)
{
	struct sdp_span value;

	if (is_ice(l))
		return;
	if (s->next > 0 && s->text->media[s->next - 1].port != 0 &&
	    sdp_attribute(&value, l, "rtcp"))
		replace_rtcp(s, l, value);
	else
		add_span(s->out, &l->raw);
}

static int replace_line(struct splice *s, const struct sdp_line *l)
{
	if (l->type != 'i')
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

/* RFC 3605 asks for a=rtcp only where the port is not the next one up. */
static bool rtcp_elsewhere(const struct sdp_media *m)
{
	return m->port != 0 && !addr_is_none(&m->rtcp) &&
	       (addr_port(&m->rtcp) != m->port + 1 ||
		!addr_ip_eq(&m->rtcp, &m->rtp));
}

static void print_media(struct strbuf *out, const struct sdp_media *m,
			const struct addr *session)
{
	char ip[ADDR_STRLEN];

	strbuf_printf(out, "m=%s %u %s%s%s\r\n", m->type, m->port, m->proto,
		      m->fmt[0] ? " " : "", m->fmt);
	if (m->port != 0 && session && !addr_is_none(&m->rtp) &&
	    !addr_ip_eq(&m->rtp, session))
		strbuf_printf(out, "c=IN IP%c %s\r\n", version(&m->rtp),
			      addr_ip_str(ip, &m->rtp));
	if (rtcp_elsewhere(m))
		strbuf_printf(out, "a=rtcp:%u IN IP%c %s\r\n",
			      addr_port(&m->rtcp), version(&m->rtcp),
			      addr_ip_str(ip, &m->rtcp));
}

int sdp_replace(struct strbuf *out, const char *text, size_t len,
		const struct sdp *resource)
{
	struct sdp_span rest = {text, len};
	struct outline outline;
	struct sdp_line line;
	struct sdp said;
	struct splice s = {
		.out = out,
		.text = &said,
		.resource = resource,
		.outline = &outline,
		.session = first_address(resource),
	};
	int err;

	err = sdp_parse(&said, text, len);
	if (err == -E2BIG || (!err && said.n > resource->n))
		return -EINVAL;
	if (err)
		return err;
	make_outline(&outline, rest);
	while (!err && sdp_line_next(&line, &rest))
		err = replace_line(&s, &line);
	if (err)
		return err;
	add_missing_c(&s);
	return strbuf_err(out);
}

int sdp_print(struct strbuf *out, const struct sdp *resource,
	      uint64_t session_id)
{
	const struct addr *a = first_address(resource);
	char ip[ADDR_STRLEN] = "0.0.0.0";

	if (a)
		addr_ip_str(ip, a);
	/* RFC 4566 leaves o= numbers unbounded, but many read 63 bits. */
	strbuf_printf(out,
		      "v=0\r\no=- %" PRIu64 " 1 IN IP%c %s\r\ns=-\r\n"
		      "c=IN IP%c %s\r\nt=0 0\r\n",
		      session_id & INT64_MAX, version(a), ip, version(a), ip);
	for (size_t i = 0; i < resource->n; i++)
		print_media(out, &resource->media[i], a);
	return strbuf_err(out);
}
