#include <errno.h>

#include "common/conn_internal.h"

/* One item of the stream, to whom it may concern. */
static void hand_on(struct conn *c, int item, char *msg, size_t len)
{
	struct conn_config *cfg = c->cfg;

	switch (item) {
	case FRAMING_MESSAGE:
		c->proven = true;
		cfg->message(&c->ch, msg, len, c->owner);
		break;
	case FRAMING_PING:
		if (!conn_write_pong(c))
			cfg->keepalive(&c->ch, TRANSPORTS_PING, c->owner);
		break;
	default:
		cfg->keepalive(&c->ch, TRANSPORTS_PONG, c->owner);
		break;
	}
}

/* How long the message that is coming has been on its way. */
static void clock_partial(struct conn *c)
{
	if (!framing_is_partial(&c->framing)) {
		c->partial = 0;
	} else if (!c->partial) {
		c->partial = conn_now(c);
		conn_watch(c);
	}
}

static void on_plain(struct conn *c, const char *data, size_t len)
{
	int item = framing_add(&c->framing, data, len);
	size_t msg_len = 0;
	char *msg = NULL;

	if (item) {
		conn_end(c, CONN_FAILED, item);
		return;
	}
	while (!c->closing && !c->doomed) {
		item = framing_next(&c->framing, &msg, &msg_len);
		if (item <= 0)
			break;
		c->partial = 0;
		hand_on(c, item, msg, msg_len);
	}
	if (c->closing || c->doomed)
		return;
	if (item < 0)
		conn_end(c, CONN_GARBAGE, item);
	else
		clock_partial(c);
}

/* The next plaintext, or as tls_read(); what TLS says back is queued. */
static int next_plain(struct conn *c)
{
	int n = tls_read(c->tls, c->cfg->plain, sizeof(c->cfg->plain));
	int err = conn_write_tls(c);

	if (!err && n >= 0 && !c->up && tls_is_up(c->tls))
		err = conn_write_early(c);
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

static void on_bytes(struct conn *c, const char *data, size_t len)
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
