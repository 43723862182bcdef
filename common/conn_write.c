#include <errno.h>
#include <string.h>

#include "common/conn_internal.h"
#include "common/sipmsg.h"

static void on_written(uv_write_t *req, int status);

static size_t queued(const struct conn *c)
{
	return c->early.len + c->wire.len + c->flying.len;
}

int conn_write_tls(struct conn *c)
{
	const char *data;
	size_t n = tls_output(c->tls, &data);
	int err = n > 0 ? bytes_add(&c->wire, data, n) : 0;

	tls_sent(c->tls);
	/* TLS has answers of its own, which nobody may collect. */
	return !err && queued(c) > 2 * CONN_QUEUE_MAX ? -ENOBUFS : err;
}

int conn_write_plain(struct conn *c, const void *data, size_t len)
{
	int err;

	if (!c->tls)
		return bytes_add(&c->wire, data, len);
	err = tls_write(c->tls, data, len);
	return err ? err : conn_write_tls(c);
}

int conn_write_early(struct conn *c)
{
	int err;

	c->up = true;
	if (c->early.len == 0)
		return 0;
	err = conn_write_plain(c, c->early.data, c->early.len);
	bytes_reset(&c->early);
	return err;
}

/* 0 where there is room for as much. */
static int make_room(struct conn *c, size_t len)
{
	if (conn_is_ending(c))
		return -ENOTCONN;
	if (queued(c) + len <= CONN_QUEUE_MAX)
		return 0;
	conn_doom(c, CONN_CLOGGED, -ENOBUFS);
	return -ENOBUFS;
}

int conn_write_framed(struct conn *c, const void *head, size_t head_len,
		      const void *data, size_t len)
{
	int err = make_room(c, head_len + len);

	if (err)
		return err;
	if (head_len)
		err = conn_write_plain(c, head, head_len);
	if (!err && len)
		err = conn_write_plain(c, data, len);
	if (err) /* half of a message may have gone */
		conn_doom(c, CONN_FAILED, err);
	else if (!c->flying.len)
		c->cfg->dirty(c->owner);
	return err;
}

static int write_early(struct conn *c, const void *data, size_t len)
{
	int err = make_room(c, len);

	return err ? err : bytes_add(&c->early, data, len);
}

int conn_send(struct conn *c, const void *data, size_t len)
{
	if (len > SIPMSG_MAX)
		return -EMSGSIZE;
	if (c->ws)
		return conn_ws_send(c, data, len);
	return c->up ? conn_write_framed(c, NULL, 0, data, len)
		     : write_early(c, data, len);
}

int conn_write_pong(struct conn *c)
{
	return conn_write_framed(c, NULL, 0, "\r\n", strlen("\r\n"));
}

int conn_ping(struct conn *c)
{
	static const char ping[] = "\r\n\r\n";
	int err;

	if (!c->up)
		return -ENOTCONN;
	if (c->ws)
		return conn_ws_ping(c);
	err = conn_write_framed(c, NULL, 0, ping, strlen(ping));
	if (!err)
		framing_expect_pong(&c->framing);
	return err;
}

/* What the socket did not take at once is the loop's to write. */
static int launch(struct conn *c)
{
	uv_buf_t buf = uv_buf_init(c->wire.data, (unsigned)c->wire.len);
	int err = uv_write(&c->writing, (uv_stream_t *)&c->tcp, &buf, 1,
			   on_written);

	if (err)
		return err;
	c->flying = c->wire;
	memset(&c->wire, 0, sizeof(c->wire));
	c->stuck = conn_now(c);
	conn_watch(c);
	return 0;
}

void conn_flush(struct conn *c)
{
	uv_buf_t buf = uv_buf_init(c->wire.data, (unsigned)c->wire.len);
	int n;

	if (c->closing || c->doomed || !c->connected || c->flying.len ||
	    !c->wire.len)
		return;
	n = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
	if (n > 0) {
		c->active = conn_now(c);
		bytes_drop(&c->wire, (size_t)n);
	}
	if (n == UV_EAGAIN || (n >= 0 && c->wire.len))
		n = launch(c);
	if (n < 0)
		conn_doom(c, CONN_FAILED, n);
	else if (!c->wire.len)
		bytes_reset(&c->wire);
}

static void on_written(uv_write_t *req, int status)
{
	struct conn *c = req->data;

	c->stuck = 0;
	bytes_reset(&c->flying);
	if (c->closing)
		return;
	c->active = conn_now(c);
	if (status)
		conn_end(c, CONN_FAILED, status);
	else
		conn_flush(c);
}
