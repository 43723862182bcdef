#include <errno.h>

#include "common/conn_internal.h"
#include "common/log.h"

/* WebSocket between the bytes of a connection and its messages. */

static void on_send(const void *data, size_t len, void *arg)
{
	(void)conn_write_framed(arg, NULL, 0, data, len);
}

static void on_message(char *data, size_t len, void *arg)
{
	struct conn *c = arg;

	c->partial = 0;
	c->up = true;
	if (!conn_is_ending(c))
		conn_read_message(c, data, len);
}

static void on_keepalive(enum ws_keepalive what, void *arg)
{
	struct conn *c = arg;

	c->up = true;
	if (!conn_is_ending(c))
		conn_read_keepalive(c, what == WS_KEEPALIVE_PING
					       ? TRANSPORTS_PING
					       : TRANSPORTS_PONG);
}

static const struct ws_handlers handlers = {
	.send = on_send,
	.message = on_message,
	.keepalive = on_keepalive,
};

void conn_ws_input(struct conn *c, char *data, size_t len)
{
	int err = ws_input(c->ws, data, len, &handlers, c);

	if (conn_is_ending(c))
		return;
	if (!err) {
		c->up = ws_is_open(c->ws);
		conn_read_clock(c, ws_is_partial(c->ws));
		return;
	}
	conn_flush(c); /* why we close */
	if (err == -ESHUTDOWN) {
		conn_end(c, CONN_CLOSED, 0);
		return;
	}
	log_debug("WebSocket refused", LOG_A("peer", &c->ch.addr),
		  LOG_S("reason", ws_error(c->ws)));
	conn_end(c, CONN_GARBAGE, err);
}

int conn_ws_send(struct conn *c, const void *data, size_t len)
{
	uint8_t head[WS_HEADER_MAX];

	if (!c->up)
		return -ENOTCONN;
	return conn_write_framed(c, head, ws_frame_message(head, data, len),
				 data, len);
}

int conn_ws_ping(struct conn *c)
{
	uint8_t frame[WS_CONTROL_FRAME_MAX];

	return conn_write_framed(
		c, frame, ws_frame_control(frame, WS_PING, NULL, 0), NULL, 0);
}

void conn_ws_close(struct conn *c)
{
	ws_close(c->ws, WS_GOING_AWAY, &handlers, c);
}
