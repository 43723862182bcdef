#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "proto/mac.h"
#include "proto/route.h"

#include "proto/record.h"

enum {
	FIELDS_OF_SIDE = 5,
	FIELDS = 2 + 2 * FIELDS_OF_SIDE,
	SESSION_LEN = SIPMSG_CALLID_MAX + 8,
	NUMBER_LEN = 12,
};

static const char separator = '|';

/* Printable, and neither the separator nor the sign of what is escaped. */
static bool is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '%' && c != (unsigned char)separator;
}

static void add_field(struct strbuf *sb, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (is_plain(c))
			strbuf_add(sb, text, 1);
		else
			strbuf_printf(sb, "%%%02x", c);
	}
	strbuf_add(sb, &separator, 1);
}

static void add_number(struct strbuf *sb, uint32_t n)
{
	char text[NUMBER_LEN];

	(void)snprintf(text, sizeof(text), "%u", n);
	add_field(sb, text);
}

static void add_side(struct strbuf *sb, const struct record_side *s)
{
	char dst[CHANNEL_STRLEN];

	add_field(sb, s->name);
	add_field(sb, s->target);
	add_field(sb, s->routes);
	add_field(sb, channel_str(dst, &s->dst));
	add_number(sb, s->cseq);
}

static int hash(char mac[PROTO_MAC_LEN], const char *session, const char *body,
		const char *secret)
{
	const char *const texts[] = {"record", session, body};

	return proto_mac(mac, secret, texts, sizeof(texts) / sizeof(*texts));
}

static bool is_ours(const char *mac, const char *session, const char *body,
		    const char *secret)
{
	const char *const texts[] = {"record", session, body};

	return proto_mac_fits(mac, secret, texts,
			      sizeof(texts) / sizeof(*texts));
}

int record_seal(char text[RECORD_LEN], const struct record *r,
		const char *secret)
{
	char session[SESSION_LEN], relay[ADDR_STRLEN], mac[PROTO_MAC_LEN];
	const size_t head = PROTO_MAC_LEN; /* the hash and a separator */
	struct strbuf sb;

	if (route_session(session, sizeof(session), r->call_id, r->fork))
		return -EMSGSIZE;
	strbuf_init(&sb, text + head, RECORD_LEN - head);
	add_number(&sb, r->fork);
	add_field(&sb, addr_str(relay, &r->relay));
	for (size_t i = 0; i < 2; i++)
		add_side(&sb, &r->side[i]);
	if (strbuf_err(&sb) || hash(mac, session, text + head, secret))
		return -EMSGSIZE;
	memcpy(text, mac, head - 1);
	text[head - 1] = separator;
	return 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Cut the next field off *at, and undo the escapes where it stands; NULL: there
 * is none. */
static char *next_field(char **at)
{
	char *field = *at, *to = field;
	char *end = field ? strchr(field, separator) : NULL;

	if (!end)
		return NULL;
	*at = end + 1;
	for (const char *c = field; c < end; c++) {
		int high = *c == '%' ? hex(c[1]) : -1;
		int low = high >= 0 ? hex(c[2]) : -1;

		if (low >= 0) {
			*to++ = (char)(high << 4 | low);
			c += 2;
		} else {
			*to++ = *c;
		}
	}
	*to = '\0';
	return field;
}

static int read_side(struct record_side *s, char *const field[FIELDS_OF_SIDE])
{
	s->name = field[0];
	s->target = field[1];
	s->routes = field[2];
	s->cseq = (uint32_t)strtoul(field[4], NULL, 10);
	return channel_parse(&s->dst, field[3]) ? -EBADMSG : 0;
}

/* The Call-ID is the session id without the branch. */
static int read_call_id(struct record *r, char room[SESSION_LEN],
			const char *session)
{
	char suffix[NUMBER_LEN];
	size_t len = strlen(session), cut;

	(void)route_session(suffix, sizeof(suffix), "", r->fork);
	cut = strlen(suffix);
	if (len <= cut || len - cut >= SESSION_LEN ||
	    strcmp(session + len - cut, suffix) != 0)
		return -EBADMSG;
	memcpy(room, session, len - cut);
	room[len - cut] = '\0';
	r->call_id = room;
	return 0;
}

static int read_fields(struct record *r, char *body)
{
	char *field[FIELDS];

	for (size_t i = 0; i < FIELDS; i++) {
		field[i] = next_field(&body);
		if (!field[i])
			return -EBADMSG;
	}
	r->fork = (uint32_t)strtoul(field[0], NULL, 10);
	if (addr_parse(&r->relay, field[1], 0) ||
	    read_side(&r->side[0], field + 2) ||
	    read_side(&r->side[1], field + 2 + FIELDS_OF_SIDE))
		return -EBADMSG;
	return 0;
}

int record_open(struct record *r, char room[RECORD_ROOM], const char *text,
		const char *session, const char *secret)
{
	size_t len = strlen(text);
	char *body = room + PROTO_MAC_LEN;

	memset(r, 0, sizeof(*r));
	if (len < PROTO_MAC_LEN || len >= RECORD_LEN ||
	    text[PROTO_MAC_LEN - 1] != separator)
		return -EBADMSG;
	memcpy(room, text, len + 1);
	room[PROTO_MAC_LEN - 1] = '\0';
	if (!is_ours(room, session, body, secret) || read_fields(r, body))
		return -EBADMSG;
	return read_call_id(r, room + RECORD_LEN, session);
}
