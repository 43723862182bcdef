#include <errno.h>

#include "common/conn_internal.h"

void conn_read_message(struct conn *c, char *msg, size_t len)
{
	c->proven = true;
	c->cfg->message(&c->ch, msg, len, c->owner);
}

void conn_read_keepalive(struct conn *c, enum transports_keepalive what)
{
	c->cfg->keepalive(&c->ch, what, c->owner);
}

void conn_read_clock(struct conn *c, bool partial)
{
	if (!partial) {
		c->partial = 0;
	} else if (!c->partial) {
		c->partial = conn_now(c);
		conn_watch(c);
	}
}

/* One item of the stream, to whom it may concern. */
static void hand_on(struct conn *c, int item, char *msg, size_t len)
{
	if (item == FRAMING_MESSAGE)
		conn_read_message(c, msg, len);
	else if (item == FRAMING_PONG)
		conn_read_keepalive(c, TRANSPORTS_PONG);
	else if (!conn_write_pong(c))
		conn_read_keepalive(c, TRANSPORTS_PING);
}

static void on_stream(struct conn *c, const char *data, size_t len)
{
	int item = framing_add(&c->framing, data, len);
	size_t msg_len = 0;
	char *msg = NULL;

	if (item) {
		conn_end(c, CONN_FAILED, item);
		return;
	}
	while (!conn_is_ending(c)) {
		item = framing_next(&c->framing, &msg, &msg_len);
		if (item <= 0)
			break;
		c->partial = 0;
		hand_on(c, item, msg, msg_len);
	}
	if (conn_is_ending(c))
		return;
	if (item < 0)
		conn_end(c, CONN_GARBAGE, item);
	else
		conn_read_clock(c, framing_is_partial(&c->framing));
}

static void on_plain(struct conn *c, char *data, size_t len)
{
	if (c->ws)
		conn_ws_input(c, data, len);
	else
		on_stream(c, data, len);
}

int conn_read_below(struct conn *c)
{
	return c->ws ? 0 : conn_write_early(c);
}

/* The next plaintext, or as tls_read(); what TLS says back is queued. */
static int next_plain(struct conn *c)
{
	int n = tls_read(c->tls, c->cfg->plain, sizeof(c->cfg->plain));
	int err = conn_write_tls(c);

	if (!err && n >= 0 && !c->up && tls_is_up(c->tls))
		err = conn_read_below(c);
	return err ? err : n;
}

static void on_tls(struct conn *c)
{
	int n;

	do {
		n = next_plain(c);
		if (n > 0)
			on_plain(c, c->cfg->plain, (size_t)n);
		if (c->closing)
			return;
	} while (n > 0 && !c->doomed);
	conn_flush(c); /* also the alert that says why it fails */
	if (n == -EPIPE)
		conn_end(c, CONN_CLOSED, 0);
	else if (n < 0)
		conn_end(c, CONN_TLS, n);
}

void conn_read_begin(struct conn *c)
{
	on_tls(c);
}

static void on_bytes(struct conn *c, char *data, size_t len)
{
	c->active = conn_now(c);
	if (!c->tls)
		on_plain(c, data, len);
	else if (tls_input(c->tls, data, len))
		conn_end(c, CONN_FAILED, -ENOMEM);
	else
		on_tls(c);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct conn *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->cfg->scratch, sizeof(c->cfg->scratch));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	if (n > 0)
		on_bytes(c, buf->base, (size_t)n);
	else if (n == UV_EOF)
		conn_end(c, CONN_CLOSED, 0);
	else if (n < 0)
		conn_end(c, CONN_FAILED, (int)n);
}

void conn_read_start(struct conn *c)
{
	(void)uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}
