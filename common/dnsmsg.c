#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/dnsmsg.h"

enum {
	HEADER_LEN = 12,
	LABEL_MAX = 63,
	POINTER = 0xc0, /* both bits: the rest of the name stands elsewhere */
	JUMPS_MAX = 32,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	CLASS_IN = 1,
	RCODE_OK = 0,
	RCODE_NO_NAME = 3,
	NEGATIVE_TTL = 60, /* where the answer has no SOA to say it */
};

/* Where a message is being read. */
struct cursor {
	const uint8_t *data;
	size_t len;
	size_t at;
	bool bad; /* something did not fit; what was read then is 0 */
};

struct record {
	char owner[DNS_NAME_LEN];
	uint16_t type, class;
	uint32_t ttl;
	size_t begin, len; /* of the data */
};

static unsigned take(struct cursor *c, size_t bytes)
{
	unsigned value = 0;

	if (c->bad || c->len - c->at < bytes) {
		c->bad = true;
		return 0;
	}
	while (bytes--)
		value = value << 8 | c->data[c->at++];
	return value;
}

static bool name_char(int ch)
{
	return isalnum(ch) || ch == '-' || ch == '_';
}

/* One label behind what is there already; a dot between. */
static bool add_label(char out[DNS_NAME_LEN], size_t *n, const uint8_t *label,
		      size_t len)
{
	if (*n + len + 2 > DNS_NAME_LEN)
		return false;
	if (*n)
		out[(*n)++] = '.';
	for (size_t i = 0; i < len; i++) {
		if (!name_char(label[i]))
			return false;
		out[(*n)++] = (char)tolower(label[i]);
	}
	return true;
}

/*
 * A name, with what it points to; the cursor is then behind its first part.
 * False: not one that a host or service of ours can have, though the message
 * may be all right.
 */
static bool take_name(char out[DNS_NAME_LEN], struct cursor *c)
{
	struct cursor here = *c;
	bool jumped = false, usable = true;
	size_t n = 0;
	unsigned len;

	for (int jumps = 0; (len = take(&here, 1)) && !here.bad;) {
		if (len >= POINTER) {
			size_t to = (len & ~(unsigned)POINTER) << 8 |
				    take(&here, 1);

			if (!jumped)
				c->at = here.at;
			jumped = true;
			if (to >= here.len || ++jumps > JUMPS_MAX)
				here.bad = true;
			here.at = to;
		} else if (len > LABEL_MAX || here.len - here.at < len) {
			here.bad = true;
		} else {
			usable = usable &&
				 add_label(out, &n, here.data + here.at, len);
			here.at += len;
		}
	}
	out[n] = '\0';
	c->bad = c->bad || here.bad;
	if (!jumped)
		c->at = here.at;
	return usable && !c->bad;
}

/* <character-string>; false where it does not fit into the buffer. */
static bool take_string(char *out, size_t cap, struct cursor *c)
{
	unsigned len = take(c, 1);

	if (c->bad || c->len - c->at < len) {
		c->bad = true;
		return false;
	}
	if (len >= cap || memchr(c->data + c->at, '\0', len)) {
		c->at += len;
		return false;
	}
	memcpy(out, c->data + c->at, len);
	out[len] = '\0';
	c->at += len;
	return true;
}

/* The head of a resource record; the cursor is then behind its data. */
static bool take_record(struct record *r, struct cursor *c)
{
	bool usable = take_name(r->owner, c);

	r->type = (uint16_t)take(c, 2);
	r->class = (uint16_t)take(c, 2);
	r->ttl = (uint32_t)take(c, 4);
	if (r->ttl > INT32_MAX) /* RFC 2181 section 8 */
		r->ttl = 0;
	r->len = take(c, 2);
	r->begin = c->at;
	if (c->bad || c->len - c->at < r->len) {
		c->bad = true;
		return false;
	}
	c->at += r->len;
	return usable && r->class == CLASS_IN;
}

static bool read_addr(struct addr *out, const uint8_t *data, size_t len,
		      enum dns_type type)
{
	struct addr sa = {0};

	if (type == DNS_A && len == sizeof(sa.u.in.sin_addr)) {
		sa.u.in.sin_family = AF_INET;
		memcpy(&sa.u.in.sin_addr, data, len);
	} else if (type == DNS_AAAA && len == sizeof(sa.u.in6.sin6_addr)) {
		sa.u.in6.sin6_family = AF_INET6;
		memcpy(&sa.u.in6.sin6_addr, data, len);
	} else {
		return false;
	}
	return !addr_from_sa(out, &sa.u.sa);
}

static bool read_srv(struct dns_srv *out, struct cursor *c)
{
	out->priority = (uint16_t)take(c, 2);
	out->weight = (uint16_t)take(c, 2);
	out->port = (uint16_t)take(c, 2);
	return take_name(out->target, c) && (out->port || !out->target[0]);
}

static bool read_naptr(struct dns_naptr *out, struct cursor *c)
{
	char none[1];

	out->order = (uint16_t)take(c, 2);
	out->preference = (uint16_t)take(c, 2);
	return take_string(out->flags, sizeof(out->flags), c) &&
	       take_string(out->service, sizeof(out->service), c) &&
	       take_string(none, sizeof(none), c) &&
	       take_name(out->replacement, c) && out->replacement[0];
}

static bool read_data(struct dns_record *out, enum dns_type type,
		      const struct cursor *c, const struct record *r)
{
	/* names may point to before the record, and never behind its end */
	struct cursor data = {c->data, r->begin + r->len, r->begin, false};
	bool ok = false;

	memset(out, 0, sizeof(*out));
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		return read_addr(&out->u.addr, c->data + r->begin, r->len,
				 type);
	case DNS_SRV:
		ok = read_srv(&out->u.srv, &data);
		break;
	case DNS_NAPTR:
		ok = read_naptr(&out->u.naptr, &data);
		break;
	}
	return ok && data.at == data.len;
}

static void note_ttl(struct dns_answer *out, uint32_t ttl)
{
	if (ttl < out->ttl)
		out->ttl = ttl;
}

/* A resolver lists CNAMEs in the order in which it went along them. */
static void read_answers(struct dns_answer *out, char name[DNS_NAME_LEN],
			 enum dns_type type, struct cursor *c, unsigned count)
{
	struct record r;

	while (count-- && !c->bad) {
		if (!take_record(&r, c) || strcmp(r.owner, name) != 0)
			continue;
		if (r.type == TYPE_CNAME) {
			struct cursor data = {c->data, r.begin + r.len, r.begin,
					      false};

			if (!take_name(name, &data))
				return;
			note_ttl(out, r.ttl);
		} else if (r.type == type && out->n < DNS_RECORDS_MAX &&
			   read_data(&out->rr[out->n], type, c, &r)) {
			note_ttl(out, r.ttl);
			out->n++;
		}
	}
}

/* How long there will be none: RFC 2308 section 5. */
static void read_lack(struct dns_answer *out, struct cursor *c, unsigned count)
{
	char ignored[DNS_NAME_LEN];
	struct record r;

	note_ttl(out, NEGATIVE_TTL);
	while (count-- && !c->bad) {
		struct cursor data;

		(void)take_record(&r, c);
		if (c->bad || r.type != TYPE_SOA)
			continue;
		data = (struct cursor){c->data, r.begin + r.len, r.begin,
				       false};
		(void)take_name(ignored, &data);
		(void)take_name(ignored, &data);
		for (int i = 0; i < 4; i++) /* serial to expire */
			(void)take(&data, 4);
		out->ttl = take(&data, 4);
		note_ttl(out, r.ttl);
		if (data.bad)
			out->ttl = NEGATIVE_TTL;
		return;
	}
}

int dnsmsg_parse(struct dns_answer *out, struct dns_record rr[DNS_RECORDS_MAX],
		 enum dns_type type, const uint8_t *data, size_t len)
{
	struct cursor c = {data, len, 0, false};
	char name[DNS_NAME_LEN];
	unsigned flags, questions, answers, authorities;
	bool usable;

	*out = (struct dns_answer){.rr = rr};
	if (len < HEADER_LEN)
		return -EBADMSG;
	(void)take(&c, 2);
	flags = take(&c, 2);
	questions = take(&c, 2);
	answers = take(&c, 2);
	authorities = take(&c, 2);
	(void)take(&c, 2);
	usable = take_name(name, &c);
	(void)take(&c, 4);
	if (c.bad || !usable || questions != 1 || !(flags & 0x8000))
		return -EBADMSG;
	if ((flags & 0xf) != RCODE_OK && (flags & 0xf) != RCODE_NO_NAME) {
		out->err = -EIO;
		return 0;
	}
	out->ttl = UINT32_MAX;
	read_answers(out, name, type, &c, answers);
	if (!out->n && !c.bad)
		read_lack(out, &c, authorities);
	if (c.bad) {
		*out = (struct dns_answer){.rr = rr};
		return -EBADMSG;
	}
	if (!out->n && (flags & 0xf) == RCODE_NO_NAME)
		out->err = -ENOENT;
	return 0;
}

const char *dnsmsg_type_name(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return "A";
	case DNS_AAAA:
		return "AAAA";
	case DNS_SRV:
		return "SRV";
	case DNS_NAPTR:
		return "NAPTR";
	}
	return "?";
}

int dnsmsg_name(char out[DNS_NAME_LEN], const char *host, size_t len)
{
	size_t label = 0;

	if (len && host[len - 1] == '.')
		len--;
	if (!len || len > DNS_NAME_LEN - 3) /* RFC 1035 2.3.4, as text */
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)host[i];

		label = ch == '.' ? 0 : label + 1;
		if ((ch == '.' && (!i || host[i - 1] == '.')) ||
		    (ch != '.' && !name_char(ch)) || label > LABEL_MAX)
			return -EINVAL;
		out[i] = (char)tolower(ch);
	}
	out[len] = '\0';
	return 0;
}
