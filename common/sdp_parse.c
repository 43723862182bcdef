#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/sdp.h"
#include "common/sdp_bundle.h"
#include "common/sdp_line.h"

enum { PAYLOAD_TYPE_MAX = 127, RATE_MAX = 999999 };

/* "TCP", "TCP/RTP/AVP", "TCP/TLS/MSRP", "TCP/BFCP" … */
static const char tcp[] = "TCP";

struct direction {
	bool recvonly, sendonly, inactive;
};

/* A c= line: there may be one whose address is a name. */
struct connection {
	bool present;
	struct addr ip;
};

/* What the text said, for the session and for the media line being read. */
struct parse {
	struct sdp *out;
	struct sdp_media *media; /* NULL: still at session level */
	struct connection session, own;
	struct direction direction;
	bool has_group;
	bool has_rtcp_port;
	uint16_t rtcp_port;
	struct addr rtcp_ip;
};

static int copy_token(char *buf, size_t cap, const struct sdp_span *s)
{
	if (s->len >= cap)
		return -EBADMSG;
	memcpy(buf, s->p, s->len);
	buf[s->len] = '\0';
	return 0;
}

/* The formats, cut at a word where they are too many. */
static void copy_fmt(char buf[SDP_FMT_MAX], const struct sdp_span *s)
{
	size_t len = s->len;

	if (len >= SDP_FMT_MAX) {
		len = SDP_FMT_MAX - 1;
		while (len > 0 && s->p[len] != ' ' && s->p[len] != '\t')
			len--;
	}
	memcpy(buf, s->p, len);
	buf[len] = '\0';
}

static void set_port(struct addr *a, const struct addr *ip, uint16_t port)
{
	*a = *ip;
	if (!addr_is_none(a))
		addr_set_port(a, port);
}

/* A media line is complete: its c= and a=rtcp may stand in any order. */
static int finish_media(struct parse *p)
{
	struct sdp_media *m = p->media;
	const struct connection *c = p->own.present ? &p->own : &p->session;

	if (!m)
		return 0;
	if (!c->present && m->port != 0)
		return -EBADMSG;
	set_port(&m->rtp, &c->ip, m->port);
	if (p->has_rtcp_port)
		set_port(&m->rtcp,
			 addr_is_none(&p->rtcp_ip) ? &c->ip : &p->rtcp_ip,
			 p->rtcp_port);
	else if (m->port != 0 && m->port != UINT16_MAX)
		set_port(&m->rtcp, &c->ip, (uint16_t)(m->port + 1));
	return 0;
}

static int start_media(struct parse *p, const struct sdp_line *l)
{
	struct sdp_mline fields;
	struct sdp_media *m;
	int err;

	err = finish_media(p);
	if (!err)
		err = sdp_mline_parse(&fields, l);
	if (err)
		return err;
	if (p->out->n == SDP_MEDIA_MAX)
		return -E2BIG;
	m = &p->out->media[p->out->n];
	m->carrier = (uint8_t)p->out->n++;
	p->media = m;
	memset(&p->own, 0, sizeof(p->own));
	p->has_rtcp_port = false;
	m->port = fields.number;
	m->recvonly = p->direction.recvonly;
	m->sendonly = p->direction.sendonly;
	m->inactive = p->direction.inactive;
	copy_fmt(m->fmt, &fields.fmt);
	err = copy_token(m->type, sizeof(m->type), &fields.type);
	if (!err)
		err = copy_token(m->proto, sizeof(m->proto), &fields.proto);
	m->over_tcp = strncasecmp(m->proto, tcp, strlen(tcp)) == 0;
	return err;
}

/* RFC 3605; port 0 is as good as absent. */
static int parse_rtcp(struct parse *p, struct sdp_span value)
{
	struct sdp_span word;

	if (!sdp_word(&word, &value) || !sdp_span_port(&p->rtcp_port, &word))
		return -EBADMSG;
	p->has_rtcp_port = p->rtcp_port != 0;
	sdp_connection_parse(&p->rtcp_ip, value);
	return 0;
}

/* "NAME/RATE" or "NAME/RATE/CHANNELS"; false where it is anything else. */
static bool parse_encoding(struct sdp_rtpmap *map, const struct sdp_span *s)
{
	const char *end = s->p + s->len, *p = memchr(s->p, '/', s->len);
	size_t len = p ? (size_t)(p - s->p) : 0;

	if (len == 0 || len >= sizeof(map->name))
		return false;
	memcpy(map->name, s->p, len);
	map->name[len] = '\0';
	map->rate = 0;
	while (++p < end && *p >= '0' && *p <= '9') {
		map->rate = map->rate * 10 + (uint32_t)(*p - '0');
		if (map->rate > RATE_MAX)
			return false;
	}
	return map->rate > 0 && (p == end || *p == '/');
}

/* What cannot be read says nothing; the call does not depend on it. */
static void parse_rtpmap(struct sdp_media *m, struct sdp_span value)
{
	struct sdp_span type, encoding;
	struct sdp_rtpmap map;
	uint16_t number;

	if (!sdp_word(&type, &value) || !sdp_span_port(&number, &type) ||
	    number > PAYLOAD_TYPE_MAX || !sdp_word(&encoding, &value) ||
	    !parse_encoding(&map, &encoding) || m->nrtpmap == SDP_RTPMAP_MAX)
		return;
	map.type = (uint8_t)number;
	for (size_t i = 0; i < m->nrtpmap; i++)
		if (m->rtpmap[i].type == map.type)
			return;
	m->rtpmap[m->nrtpmap++] = map;
}

static bool parse_direction(struct direction *d, const struct sdp_line *l)
{
	struct sdp_span none;
	struct direction new = {
		.recvonly = sdp_attribute(&none, l, "recvonly"),
		.sendonly = sdp_attribute(&none, l, "sendonly"),
		.inactive = sdp_attribute(&none, l, "inactive"),
	};

	if (!new.recvonly && !new.sendonly && !new.inactive &&
	    !sdp_attribute(&none, l, "sendrecv"))
		return false;
	*d = new;
	return true;
}

static int parse_attribute(struct parse *p, const struct sdp_line *l)
{
	struct sdp_media *m = p->media;
	struct sdp_span value;
	struct direction d;

	if (parse_direction(&d, l)) {
		if (!m) {
			p->direction = d;
			return 0;
		}
		m->recvonly = d.recvonly;
		m->sendonly = d.sendonly;
		m->inactive = d.inactive;
	} else if (!m && sdp_attribute(&value, l, "group")) {
		p->has_group = true;
	} else if (m && sdp_attribute(&value, l, "rtcp-mux")) {
		m->rtcp_mux = true;
	} else if (m && sdp_attribute(&value, l, "rtcp")) {
		return parse_rtcp(p, value);
	} else if (m && sdp_attribute(&value, l, "rtpmap")) {
		parse_rtpmap(m, value);
	}
	return 0;
}

static int parse_line(struct parse *p, const struct sdp_line *l)
{
	struct connection *c = p->media ? &p->own : &p->session;

	if (!sdp_span_printable(&l->value))
		return -EBADMSG;
	switch (l->type) {
	case 'm':
		return start_media(p, l);
	case 'c':
		/* Further ones are layers of a multicast (RFC 4566 5.7). */
		if (!c->present)
			sdp_connection_parse(&c->ip, l->value);
		c->present = true;
		return 0;
	case 'a':
		return parse_attribute(p, l);
	default:
		return 0;
	}
}

int sdp_parse(struct sdp *out, const char *text, size_t len)
{
	struct sdp_span rest = {text, len};
	struct parse p = {.out = out};
	struct sdp_line line;
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (!sdp_line_next(&line, &rest) || line.type != 'v' ||
	    !sdp_span_printable(&line.value))
		return -EBADMSG;
	while (!err && sdp_line_next(&line, &rest))
		err = parse_line(&p, &line);
	if (!err)
		err = finish_media(&p);
	if (!err && p.has_group)
		sdp_bundle_read(out, (struct sdp_span){text, len});
	return err;
}

bool sdp_needs_port(const struct sdp_media *m)
{
	return m->port != 0 && !m->over_tcp && !m->bundled;
}

bool sdp_needs_ports(const struct sdp *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (sdp_needs_port(&s->media[i]))
			return true;
	return false;
}

bool sdp_is_held(const struct sdp_media *m)
{
	return addr_class(&m->rtp) == ADDR_ANY && m->port != SDP_PORT_NONE;
}
