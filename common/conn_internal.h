#ifndef COMMON_CONN_INTERNAL_H
#define COMMON_CONN_INTERNAL_H

#include "common/bytes.h"
#include "common/conn.h"
#include "common/framing.h"
#include "common/tls.h"
#include "common/ws.h"

/* Of conn.c (life and deadlines), conn_read.c, conn_write.c and conn_ws.c. */
struct conn {
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_connect_t connecting;
	uv_write_t writing;
	unsigned handles; /* still open in the loop */
	struct conn_config *cfg;
	void *owner;
	struct channel ch;

	bool accepted;  /* not opened by us */
	bool connected; /* TCP is */
	bool up;        /* messages can pass */
	bool proven;    /* a whole message has come */
	bool closing;

	struct framing framing;
	struct tls *tls;
	struct ws *ws; /* in place of framing */

	struct bytes early;  /* messages that wait until it is up */
	struct bytes wire;   /* bytes that wait for the socket */
	struct bytes flying; /* those that the loop is writing */

	/* Clocks, in ms of the loop; 0: not running. */
	uint64_t begun;   /* the connection */
	uint64_t active;  /* bytes last went or came */
	uint64_t partial; /* a message began that is not whole yet */
	uint64_t stuck;   /* the loop began to write what is flying */
	uint64_t alarm;   /* when the timer is due */

	/* It is to end at the loop's next turn. */
	bool doomed;
	enum conn_end doom;
	int doom_err;
};

/* conn.c */
uint64_t conn_now(const struct conn *c);
/* End it and tell the owner, who may free what it likes: return after it. */
void conn_end(struct conn *c, enum conn_end how, int err);
/* The same at the next turn of the loop, for callers within the owner's. */
void conn_doom(struct conn *c, enum conn_end how, int err);
/* A clock has started: see that the timer is not later than its end. */
void conn_watch(struct conn *c);

/* conn_read.c */
void conn_read_start(struct conn *c);
/* The connection below the messages stands, TLS included. 0 or negative. */
int conn_read_below(struct conn *c);
/* A keepalive came, or the far end's word that it heard ours. */
void conn_read_keepalive(struct conn *c, enum transports_keepalive what);
void conn_read_message(struct conn *c, char *msg, size_t len);
/* How long the message that is coming has been on its way. */
void conn_read_clock(struct conn *c, bool partial);
/* Begin the TLS handshake as a client. */
void conn_read_begin(struct conn *c);

/* conn_write.c */
/* The handshakes are done: what waited for that goes. */
int conn_write_early(struct conn *c);
/* Take what TLS has to say to the wire. */
int conn_write_tls(struct conn *c);
/* Bytes between the framing and TLS. 0 or negative. */
int conn_write_plain(struct conn *c, const void *data, size_t len);
/* A keepalive's answer. */
int conn_write_pong(struct conn *c);
/* Bytes that are framed already, within the bounds of the queue. */
int conn_write_framed(struct conn *c, const void *head, size_t head_len,
		      const void *data, size_t len);

/* conn_ws.c */
void conn_ws_input(struct conn *c, char *data, size_t len);
int conn_ws_send(struct conn *c, const void *data, size_t len);
int conn_ws_ping(struct conn *c);
void conn_ws_close(struct conn *c);

#endif
