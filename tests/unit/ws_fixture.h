#ifndef TESTS_UNIT_WS_FIXTURE_H
#define TESTS_UNIT_WS_FIXTURE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "common/ws.h"
#include "common/ws_frame.h"

/* One connection, what a client sends on it, and a transcript of what comes
 * of it: every message, keepalive and byte sent, in order. */
enum { WIRE_MAX = 1 << 18, LOG_MAX = 1 << 18 };

struct wire {
	char data[WIRE_MAX];
	size_t len;
};

/* RFC 6455 1.3, with the subprotocol of RFC 7118 4.2. */
#define HANDSHAKE                                                              \
	"GET /chat HTTP/1.1\r\nHost: server.example.com\r\n"                   \
	"Upgrade: websocket\r\nConnection: Upgrade\r\n"                        \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                      \
	"Origin: http://example.com\r\n"                                       \
	"Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n"

static char transcript[LOG_MAX];
static struct strbuf heard;

/* CR is left out, what cannot be read is written as [hex]. */
static void heard_send(const void *data, size_t len, void *arg)
{
	const unsigned char *p = data;

	(void)arg;
	strbuf_str(&heard, "send ");
	for (size_t i = 0; i < len; i++) {
		if ((p[i] >= ' ' && p[i] < 0x7f) || p[i] == '\n')
			strbuf_printf(&heard, "%c", p[i]);
		else if (p[i] != '\r')
			strbuf_printf(&heard, "[%02x]", p[i]);
	}
	strbuf_str(&heard, "\n");
}

static void heard_message(char *data, size_t len, void *arg)
{
	(void)arg;
	ck_assert_int_eq(data[len], '\0');
	strbuf_printf(&heard, "message %zu ", len);
	strbuf_add(&heard, data, len < 64 ? len : 64);
	strbuf_str(&heard, "\n");
	data[0] = '!'; /* it may be written to */
}

static void heard_keepalive(enum ws_keepalive what, void *arg)
{
	(void)arg;
	strbuf_str(&heard, what == WS_KEEPALIVE_PING ? "ping\n" : "pong\n");
}

static const struct ws_handlers heard_handlers = {
	heard_send,
	heard_message,
	heard_keepalive,
};

static void heard_reset(void)
{
	strbuf_init(&heard, transcript, sizeof(transcript));
}

static inline void wire_add(struct wire *wire, const void *data, size_t len)
{
	ck_assert_uint_le(wire->len + len, sizeof(wire->data));
	memcpy(wire->data + wire->len, data, len);
	wire->len += len;
}

/* A frame as a client sends it; `first` is its first byte. */
static inline void wire_frame(struct wire *wire, unsigned first,
			      const char *data, size_t len)
{
	static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
	uint8_t header[WS_HEADER_MAX];
	size_t n = ws_header_write(header, WS_TEXT, len), at;

	header[0] = (uint8_t)first;
	header[1] |= 0x80;
	wire_add(wire, header, n);
	wire_add(wire, mask, sizeof(mask));
	at = wire->len;
	wire_add(wire, data, len);
	ws_unmask(wire->data + at, len, mask, 0);
}

#define wire_text(wire, first, text) wire_frame(wire, first, text, strlen(text))

/* Feed a copy of it, each byte count of its own block, cut at `cut`. */
static inline int heard_input(struct ws *w, const struct wire *wire, size_t cut)
{
	const size_t parts[2] = {cut, wire->len - cut};
	const char *p = wire->data;
	int err = 0;

	for (unsigned i = 0; i < 2 && !err; i++) {
		char *copy = malloc(parts[i] ? parts[i] : 1);

		memcpy(copy, p, parts[i]);
		err = ws_input(w, copy, parts[i], &heard_handlers, NULL);
		free(copy);
		p += parts[i];
	}
	return err;
}

#endif
