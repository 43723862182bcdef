#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/strbuf.h"
#include "common/ws_handshake.h"

enum {
	KEY_LEN = 24, /* 16 bytes in base64 */
	KEY_BYTES = 16,
	SHA1_LEN = 20,
	ACCEPT_LEN = 28, /* the digest in base64 */
};

/* RFC 6455 1.3 */
static const char key_suffix[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

struct text {
	const char *p;
	size_t len;
};

/* What a request asks for. */
struct asked {
	const char *const *origins; /* those we allow */
	struct text line;           /* the request line */
	struct text key, origin;
	unsigned hosts, keys, with_origin, versions;
	bool version_13, websocket, connection_upgrade, offers_sip;
	bool broken; /* a line that is no header */
};

static bool is(struct text t, const char *word)
{
	return t.len == strlen(word) && strncasecmp(t.p, word, t.len) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct text trim(struct text t)
{
	while (t.len && is_space(t.p[0])) {
		t.p++;
		t.len--;
	}
	while (t.len && is_space(t.p[t.len - 1]))
		t.len--;
	return t;
}

/* Cut what stands before the next `by` off `rest`, and `by` with it. */
static struct text cut(struct text *rest, char by)
{
	const char *at = memchr(rest->p, by, rest->len);
	struct text t = *rest;

	if (at)
		t.len = (size_t)(at - t.p);
	rest->p += t.len + (at ? 1 : 0);
	rest->len -= t.len + (at ? 1 : 0);
	return t;
}

/* Whether a list of words (RFC 7230 section 7) has this one. */
static bool lists(struct text value, const char *word)
{
	while (value.len) {
		if (is(trim(cut(&value, ',')), word))
			return true;
	}
	return false;
}

static void read_host(struct asked *a, struct text value)
{
	if (value.len)
		a->hosts++;
}

static void read_upgrade(struct asked *a, struct text value)
{
	a->websocket |= lists(value, "websocket");
}

static void read_connection(struct asked *a, struct text value)
{
	a->connection_upgrade |= lists(value, "upgrade");
}

static void read_key(struct asked *a, struct text value)
{
	a->key = value;
	a->keys++;
}

static void read_version(struct asked *a, struct text value)
{
	a->version_13 = is(value, "13");
	a->versions++;
}

static void read_protocol(struct asked *a, struct text value)
{
	a->offers_sip |= lists(value, "sip");
}

static void read_origin(struct asked *a, struct text value)
{
	a->origin = value;
	a->with_origin++;
}

static const struct {
	const char *name;
	void (*read)(struct asked *a, struct text value);
} headers[] = {
	{"Host", read_host},
	{"Upgrade", read_upgrade},
	{"Connection", read_connection},
	{"Sec-WebSocket-Key", read_key},
	{"Sec-WebSocket-Version", read_version},
	{"Sec-WebSocket-Protocol", read_protocol},
	{"Origin", read_origin},
};

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void read_header(struct asked *a, struct text line)
{
	bool named = memchr(line.p, ':', line.len);
	struct text value = line;
	struct text name = cut(&value, ':');

	if (!named || name.len == 0 || is_space(name.p[0]) ||
	    is_space(name.p[name.len - 1])) {
		a->broken = true;
		return;
	}
	for (size_t i = 0; i < LENGTH(headers); i++) {
		if (is(name, headers[i].name))
			headers[i].read(a, trim(value));
	}
}

static struct text cut_line(struct text *rest)
{
	struct text line = cut(rest, '\n');

	if (line.len && line.p[line.len - 1] == '\r')
		line.len--;
	return line;
}

static void read_head(struct asked *a, struct text head)
{
	struct text line;

	a->line = cut_line(&head);
	while ((line = cut_line(&head)).len)
		read_header(a, line);
}

/* The checks, in the order in which they are made. */

static bool is_http(const struct asked *a)
{
	struct text rest = a->line;
	struct text method = cut(&rest, ' ');
	struct text target = cut(&rest, ' ');

	return !a->broken && method.len && target.len && rest.len > 5 &&
	       strncmp(rest.p, "HTTP/", 5) == 0;
}

static bool is_get(const struct asked *a)
{
	return a->line.len > 4 && strncmp(a->line.p, "GET ", 4) == 0;
}

static bool is_http_1_1(const struct asked *a)
{
	return is((struct text){a->line.p + a->line.len - 8, 8}, "HTTP/1.1");
}

static bool has_host(const struct asked *a)
{
	return a->hosts == 1;
}

static bool wants_websocket(const struct asked *a)
{
	return a->websocket && a->connection_upgrade;
}

static bool has_version(const struct asked *a)
{
	return a->versions == 1 && a->version_13;
}

static bool has_key(const struct asked *a)
{
	unsigned char bytes[KEY_BYTES + 2]; /* EVP_DecodeBlock pads */

	return a->keys == 1 && a->key.len == KEY_LEN &&
	       memcmp(a->key.p + KEY_LEN - 2, "==", 2) == 0 &&
	       EVP_DecodeBlock(bytes, (const unsigned char *)a->key.p,
			       KEY_LEN) == (int)sizeof(bytes);
}

static bool offers_sip(const struct asked *a)
{
	return a->offers_sip;
}

static bool has_origin(const struct asked *a)
{
	const char *const *o = a->origins;

	if (!o || !*o || !a->with_origin)
		return true;
	while (*o && !is(a->origin, *o))
		o++;
	return *o && a->with_origin == 1;
}

static const struct {
	bool (*passes)(const struct asked *a);
	int status;
	const char *why;
} checks[] = {
	{is_http, 400, "this is no HTTP request"},
	{is_get, 405, "a WebSocket is asked for with GET"},
	{is_http_1_1, 505, "a WebSocket is asked for in HTTP/1.1"},
	{has_host, 400, "one Host header is needed"},
	{wants_websocket, 426,
	 "this port speaks SIP over WebSocket (RFC 7118)"},
	{has_version, 426, "Sec-WebSocket-Version: 13 is needed"},
	{has_key, 400, "a Sec-WebSocket-Key of 16 bytes is needed"},
	{offers_sip, 400, "Sec-WebSocket-Protocol has to offer \"sip\""},
	{has_origin, 403, "pages of this Origin may not connect"},
};

static const struct {
	int status;
	const char *phrase;
	const char *extra; /* header lines */
} refusals[] = {
	{400, "Bad Request", ""},
	{403, "Forbidden", ""},
	{405, "Method Not Allowed", "Allow: GET\r\n"},
	{426, "Upgrade Required",
	 "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"},
	{431, "Request Header Fields Too Large", ""},
	{505, "HTTP Version Not Supported", ""},
};

static void refuse(struct strbuf *out, int status, const char *why)
{
	size_t i = 0;

	while (i + 1 < LENGTH(refusals) && refusals[i].status != status)
		i++;
	strbuf_printf(out,
		      "HTTP/1.1 %d %s\r\n%sConnection: %sclose\r\n"
		      "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n"
		      "%s\n",
		      refusals[i].status, refusals[i].phrase, refusals[i].extra,
		      status == 426 ? "upgrade, " : "", strlen(why) + 1, why);
}

const char *ws_handshake_refuse(struct strbuf *out, int status)
{
	const char *why = status == 431 ? "the request's head is too long"
					: "this is no HTTP request";

	refuse(out, status, why);
	return why;
}

/* Sec-WebSocket-Accept (RFC 6455 4.2.2, 5.4). */
static void accept_key(char base64[ACCEPT_LEN + 1], struct text key)
{
	char joined[KEY_LEN + sizeof(key_suffix)];
	unsigned char digest[SHA1_LEN];

	memcpy(joined, key.p, KEY_LEN);
	memcpy(joined + KEY_LEN, key_suffix, sizeof(key_suffix));
	EVP_Digest(joined, KEY_LEN + sizeof(key_suffix) - 1, digest, NULL,
		   EVP_sha1(), NULL);
	EVP_EncodeBlock((unsigned char *)base64, digest, SHA1_LEN);
}

bool ws_head_ends(const char *head, size_t len)
{
	if (len < 2 || head[len - 1] != '\n')
		return false;
	return head[len - 2] == '\n' ||
	       (len > 2 && head[len - 2] == '\r' && head[len - 3] == '\n');
}

int ws_handshake(struct strbuf *out, const char **why, const char *head,
		 size_t len, const char *const *origins)
{
	char accepted[ACCEPT_LEN + 1];
	struct asked a = {.origins = origins};

	read_head(&a, (struct text){head, len});
	for (size_t i = 0; i < LENGTH(checks); i++) {
		if (checks[i].passes(&a))
			continue;
		*why = checks[i].why;
		refuse(out, checks[i].status, *why);
		return checks[i].status;
	}
	accept_key(accepted, a.key);
	strbuf_printf(out,
		      "HTTP/1.1 101 Switching Protocols\r\n"
		      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
		      "Sec-WebSocket-Accept: %s\r\n"
		      "Sec-WebSocket-Protocol: sip\r\n\r\n",
		      accepted);
	return 0;
}
