#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/sipmsg.h"
#include "common/strbuf.h"
#include "common/ws.h"
#include "common/ws_handshake.h"

enum state { HANDSHAKE, HEADER, PAYLOAD, CLOSED };

enum { GROW_FIRST = 1024 };

struct ws {
	const char *const *origins;
	const char *error;
	/* The head of the request, later the message that is under way. */
	char *text;
	size_t text_len, text_cap;
	uint64_t got; /* of the frame's payload */
	struct ws_frame frame;
	enum state state;
	uint8_t message; /* opcode of the one that is under way; 0: none is */
	uint8_t header_len, control_len;
	uint8_t header[WS_HEADER_MAX];
	char control[WS_CONTROL_MAX];
};

/* A turn of ws_input(). */
struct turn {
	struct ws *w;
	const struct ws_handlers *h;
	void *arg;
};

int ws_alloc(struct ws **wp, const char *const *origins)
{
	struct ws *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->origins = origins;
	*wp = w;
	return 0;
}

static void drop_text(struct ws *w)
{
	free(w->text);
	w->text = NULL;
	w->text_len = 0;
	w->text_cap = 0;
}

void ws_free(struct ws *w)
{
	if (!w)
		return;
	drop_text(w);
	free(w);
}

const char *ws_error(const struct ws *w)
{
	return w->error ? w->error : "closed";
}

bool ws_is_open(const struct ws *w)
{
	return w->state == HEADER || w->state == PAYLOAD;
}

bool ws_is_partial(const struct ws *w)
{
	return w->text_len > 0 || w->header_len > 0 || w->message ||
	       w->state == PAYLOAD;
}

void ws_close(struct ws *w, unsigned code, const struct ws_handlers *h,
	      void *arg)
{
	uint8_t frame[WS_CONTROL_FRAME_MAX];
	bool open = ws_is_open(w);

	w->state = CLOSED;
	if (open)
		h->send(frame, ws_frame_close(frame, code), arg);
}

/* Close because of what came, or could not be kept. Returns `err`. */
static int fail(const struct turn *t, int err, const char *why)
{
	enum ws_code code = err == -EMSGSIZE ? WS_TOO_BIG
			    : err == -EILSEQ ? WS_NOT_UTF8
			    : err == -ENOMEM ? WS_INTERNAL_ERROR
					     : WS_PROTOCOL_ERROR;

	t->w->error = why;
	ws_close(t->w, code, t->h, t->arg);
	return err;
}

/* 0 or -ENOMEM. There is always room for a NUL. */
static int text_add(struct ws *w, const char *data, size_t len)
{
	size_t need = w->text_len + len + 1, cap = w->text_cap;
	char *more;

	if (cap == 0)
		cap = GROW_FIRST;
	while (cap < need)
		cap *= 2;
	if (cap > w->text_cap) {
		more = realloc(w->text, cap);
		if (!more)
			return -ENOMEM;
		w->text = more;
		w->text_cap = cap;
	}
	if (len)
		memcpy(w->text + w->text_len, data, len);
	w->text_len += len;
	w->text[w->text_len] = '\0';
	return 0;
}

/* Answer the request. 0 or -EACCES. */
static int shake_hands(const struct turn *t, int refusal)
{
	char answer[WS_ANSWER_MAX];
	struct ws *w = t->w;
	struct strbuf out;

	strbuf_init(&out, answer, sizeof(answer));
	if (refusal)
		w->error = ws_handshake_refuse(&out, refusal);
	else
		refusal = ws_handshake(&out, &w->error, w->text, w->text_len,
				       w->origins);
	drop_text(w);
	w->state = refusal ? CLOSED : HEADER;
	t->h->send(out.data, out.len, t->arg);
	return refusal ? -EACCES : 0;
}

/* How many of the bytes belong to the head, its end included if it is there. */
static size_t head_bytes(bool *ends, bool *odd, const struct ws *w,
			 const char *data, size_t len)
{
	char tail[3] = {0};
	size_t n = 0, had = w->text_len < 3 ? w->text_len : 3;

	if (had)
		memcpy(tail + 3 - had, w->text + w->text_len - had, had);
	*ends = *odd = false;
	while (n < len && !*ends && !*odd) {
		unsigned char c = (unsigned char)data[n++];

		memmove(tail, tail + 1, 2);
		tail[2] = (char)c;
		*ends = ws_head_ends(tail, 3);
		*odd = c < ' ' && c != '\r' && c != '\n' && c != '\t';
	}
	return n;
}

/* Each step takes what it can use: how much, or a negative errno. */
typedef long step_fn(const struct turn *t, char *data, size_t len);

static long take_head(const struct turn *t, char *data, size_t len)
{
	struct ws *w = t->w;
	size_t room = WS_HEAD_MAX - w->text_len;
	bool ends, odd;
	size_t n = head_bytes(&ends, &odd, w, data, len < room ? len : room);
	int err = 0;

	if (odd)
		return shake_hands(t, 400);
	if (text_add(w, data, n))
		return fail(t, -ENOMEM, "no memory");
	if (ends)
		err = shake_hands(t, 0);
	else if (w->text_len == WS_HEAD_MAX)
		err = shake_hands(t, 431);
	return err ? err : (long)n;
}

static bool is_control(const struct ws_frame *f)
{
	return f->opcode >= WS_CLOSE;
}

/* -ESHUTDOWN, having closed with the code that came (5.5.1), or another
 * negative errno where it is no proper close. */
static int on_close(const struct turn *t)
{
	struct ws *w = t->w;
	const uint8_t *p = (const uint8_t *)w->control;
	unsigned code = WS_NORMAL;

	if (w->control_len == 1)
		return fail(t, -EPROTO, "a close frame of one byte");
	if (w->control_len >= 2) {
		code = (unsigned)p[0] << 8 | p[1];
		if (!ws_code_is_valid(code))
			return fail(t, -EPROTO, "a close code of no meaning");
		if (!ws_is_utf8(w->control + 2, w->control_len - 2u))
			return fail(t, -EILSEQ, "text that is not UTF-8");
	}
	w->error = "closed by the peer";
	ws_close(w, code, t->h, t->arg);
	return -ESHUTDOWN;
}

static void pong(const struct turn *t)
{
	uint8_t frame[WS_CONTROL_FRAME_MAX];
	size_t n = ws_frame_control(frame, WS_PONG, t->w->control,
				    t->w->control_len);

	t->h->send(frame, n, t->arg);
}

static int end_control(const struct turn *t)
{
	switch (t->w->frame.opcode) {
	case WS_CLOSE:
		return on_close(t);
	case WS_PING:
		pong(t);
		t->h->keepalive(WS_KEEPALIVE_PING, t->arg);
		return 0;
	default:
		t->h->keepalive(WS_KEEPALIVE_PONG, t->arg);
		return 0;
	}
}

/* Nothing but line ends: a keepalive of RFC 5626 4.4.1, as a message. */
static void crlf(const struct turn *t, size_t len)
{
	uint8_t header[WS_HEADER_MAX];
	char answer[WS_HEADER_MAX + 2];
	size_t n;

	if (len == 2)
		t->h->keepalive(WS_KEEPALIVE_PONG, t->arg);
	if (len < 4)
		return;
	n = ws_header_write(header, WS_TEXT, 2);
	memcpy(answer, header, n);
	memcpy(answer + n, "\r\n", 2);
	t->h->send(answer, n + 2, t->arg);
	t->h->keepalive(WS_KEEPALIVE_PING, t->arg);
}

static int end_message(const struct turn *t)
{
	struct ws *w = t->w;
	char *text = w->text;
	size_t len = w->text_len, skip;

	if (w->message == WS_TEXT && !ws_is_utf8(text, len))
		return fail(t, -EILSEQ, "text that is not UTF-8");
	w->message = 0;
	if (!text)
		return 0;
	skip = strspn(text, "\r\n");
	/* It is the handler's, whatever becomes of the connection there. */
	w->text = NULL;
	drop_text(w);
	if (skip < len)
		t->h->message(text + skip, len - skip, t->arg);
	else
		crlf(t, len);
	free(text);
	return 0;
}

static int end_frame(const struct turn *t)
{
	struct ws *w = t->w;

	w->state = HEADER;
	if (is_control(&w->frame))
		return end_control(t);
	return w->frame.fin ? end_message(t) : 0;
}

/* Why a client may not send this frame now (5.1, 5.2, 5.4, 5.5); NULL: it may.
 */
static const char *frame_fault(const struct ws *w)
{
	const struct ws_frame *f = &w->frame;

	if (!f->masked)
		return "a frame without mask";
	if (f->reserved)
		return "a reserved bit of a frame is set";
	switch (f->opcode) {
	case WS_CONTINUATION:
		return w->message ? NULL : "a continuation of nothing";
	case WS_TEXT:
	case WS_BINARY:
		return w->message ? "a message within a message" : NULL;
	case WS_CLOSE:
	case WS_PING:
	case WS_PONG:
		if (f->len > WS_CONTROL_MAX)
			return "a control frame of more than 125 bytes";
		return f->fin ? NULL : "a control frame in fragments";
	default:
		return "a frame of unknown kind";
	}
}

/* The header is whole: what follows? 0 or a negative errno. */
static int begin_payload(const struct turn *t)
{
	struct ws *w = t->w;
	struct ws_frame *f = &w->frame;
	const char *fault;

	w->header_len = 0;
	w->got = 0;
	if (ws_header_read(f, w->header))
		return fail(t, -EPROTO, "a frame's length is written badly");
	fault = frame_fault(w);
	if (fault)
		return fail(t, -EPROTO, fault);
	w->state = PAYLOAD;
	if (is_control(f)) {
		w->control_len = 0;
		return 0;
	}
	if (f->len > SIPMSG_MAX - w->text_len)
		return fail(t, -EMSGSIZE, "a message of more than 65535 bytes");
	if (f->opcode != WS_CONTINUATION)
		w->message = f->opcode;
	return 0;
}

static bool has_header(const struct ws *w)
{
	return w->header_len >= 2 && w->header_len >= ws_header_len(w->header);
}

static long take_header(const struct turn *t, char *data, size_t len)
{
	struct ws *w = t->w;
	size_t n = 0;
	int err;

	while (n < len && !has_header(w))
		w->header[w->header_len++] = (uint8_t)data[n++];
	if (!has_header(w))
		return (long)n;
	err = begin_payload(t);
	if (!err && w->frame.len == 0)
		err = end_frame(t);
	return err ? err : (long)n;
}

static long take_payload(const struct turn *t, char *data, size_t len)
{
	struct ws *w = t->w;
	uint64_t left = w->frame.len - w->got;
	size_t n = len < left ? len : (size_t)left;
	int err = 0;

	ws_unmask(data, n, w->frame.mask, w->got);
	if (is_control(&w->frame)) {
		memcpy(w->control + w->control_len, data, n);
		w->control_len = (uint8_t)(w->control_len + n);
	} else if (text_add(w, data, n)) {
		return fail(t, -ENOMEM, "no memory");
	}
	w->got += n;
	if (w->got == w->frame.len)
		err = end_frame(t);
	return err ? err : (long)n;
}

int ws_input(struct ws *w, char *data, size_t len, const struct ws_handlers *h,
	     void *arg)
{
	static step_fn *const steps[CLOSED] = {
		[HANDSHAKE] = take_head,
		[HEADER] = take_header,
		[PAYLOAD] = take_payload,
	};
	const struct turn t = {w, h, arg};

	while (len > 0 && w->state != CLOSED) {
		long n = steps[w->state](&t, data, len);

		if (n < 0)
			return (int)n;
		data += n;
		len -= (size_t)n;
	}
	return w->state == CLOSED ? -ESHUTDOWN : 0;
}
