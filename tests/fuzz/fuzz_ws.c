#include <errno.h>
#include <string.h>

#include "common/sipmsg.h"
#include "common/ws.h"
#include "tests/fuzz/fuzz.h"

/*
 * Whatever comes on a WebSocket, and however it is cut: the same messages,
 * keepalives and answers, and nothing after the end. The first byte says where
 * the cuts are and whether a handshake goes before the rest.
 */
struct digest {
	uint64_t hash;
	unsigned calls;
	int err;
};

static const char handshake[] =
	"GET / HTTP/1.1\r\nHost: a\r\n"
	"Upgrade: websocket\r\nConnection: Upgrade\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	"Sec-WebSocket-Protocol: sip\r\n"
	"Sec-WebSocket-Version: 13\r\n\r\n";

/* FNV-1a */
static void digest_add(struct digest *d, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		d->hash = (d->hash ^ p[i]) * 0x100000001b3;
	d->calls++;
}

static void on_send(const void *data, size_t len, void *arg)
{
	MUST(len > 0);
	digest_add(arg, data, len);
}

static void on_message(char *data, size_t len, void *arg)
{
	MUST(len > 0 && len <= SIPMSG_MAX);
	MUST(data[0] != '\r' && data[0] != '\n');
	MUST(data[len] == '\0');
	digest_add(arg, data, len);
	memset(data, 0, len);
}

static void on_keepalive(enum ws_keepalive what, void *arg)
{
	digest_add(arg, &what, sizeof(what));
}

static const struct ws_handlers handlers = {on_send, on_message, on_keepalive};

/* Each piece is a block of its own size, for a checker to guard its end. */
static void feed(struct ws *w, struct digest *d, const void *data, size_t len,
		 size_t piece)
{
	const char *p = data;

	for (size_t at = 0; at < len && !d->err; at += piece) {
		size_t n = len - at < piece ? len - at : piece;
		char *copy = malloc(n);

		MUST(copy);
		memcpy(copy, p + at, n);
		d->err = ws_input(w, copy, n, &handlers, d);
		free(copy);
	}
}

static struct digest run(const uint8_t *data, size_t size, bool shaken,
			 size_t piece)
{
	static const char *const origins[] = {"https://a", NULL};
	struct digest d = {.hash = 0xcbf29ce484222325};
	struct digest after;
	struct ws *w;
	char more = 'x';

	MUST(ws_alloc(&w, origins) == 0);
	if (shaken)
		feed(w, &d, handshake, strlen(handshake), strlen(handshake));
	feed(w, &d, data, size, piece);
	MUST(!d.err || (!ws_is_open(w) && ws_error(w)[0]));
	if (d.err) {
		after = d;
		MUST(ws_input(w, &more, 1, &handlers, &after) == -ESHUTDOWN);
		MUST(after.calls == d.calls);
	}
	ws_free(w);
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest whole, cut;
	bool shaken;

	if (size < 2)
		return 0;
	shaken = data[0] & 0x80;
	whole = run(data + 1, size - 1, shaken, size);
	cut = run(data + 1, size - 1, shaken, (data[0] & 0x7f) + 1u);
	MUST(whole.err == cut.err);
	MUST(whole.calls == cut.calls && whole.hash == cut.hash);
	return 0;
}
