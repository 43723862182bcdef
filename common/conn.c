#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conn_internal.h"
#include "common/log.h"

enum { HANDLES = 2 };

static void on_timer(uv_timer_t *timer);

uint64_t conn_now(const struct conn *c)
{
	return uv_now(c->cfg->loop);
}

static uint64_t earlier(uint64_t at, uint64_t since, uint32_t ms)
{
	return since && ms && since + ms < at ? since + ms : at;
}

static uint64_t setup_end(const struct conn *c)
{
	bool done = c->accepted ? c->proven : c->up;

	return earlier(UINT64_MAX, done ? 0 : c->begun, c->cfg->setup_ms);
}

static uint64_t first_end(const struct conn *c)
{
	uint64_t at = setup_end(c);

	at = earlier(at, c->partial, c->cfg->setup_ms);
	at = earlier(at, c->stuck, c->cfg->setup_ms);
	return earlier(at, c->active, c->cfg->idle_ms);
}

static void set_alarm(struct conn *c, uint64_t at)
{
	uint64_t now = conn_now(c);

	c->alarm = at;
	(void)uv_timer_start(&c->timer, on_timer, at > now ? at - now : 0, 0);
}

void conn_watch(struct conn *c)
{
	uint64_t at = c->doomed ? 0 : first_end(c);

	if (!c->closing && at < c->alarm)
		set_alarm(c, at);
}

/* Which of the clocks it was. */
static void expire(struct conn *c)
{
	uint64_t now = conn_now(c);
	bool stuck = earlier(UINT64_MAX, c->stuck, c->cfg->setup_ms) <= now;

	if (stuck)
		conn_end(c, CONN_CLOGGED, -ETIMEDOUT);
	else if (!c->up && setup_end(c) <= now)
		conn_end(c, CONN_FAILED, -ETIMEDOUT);
	else
		conn_end(c, CONN_IDLE, -ETIMEDOUT);
}

/* The clocks are set without telling the timer, which looks when it is due. */
static void on_timer(uv_timer_t *timer)
{
	struct conn *c = timer->data;
	uint64_t at = first_end(c);

	if (c->doomed)
		conn_end(c, c->doom, c->doom_err);
	else if (at <= conn_now(c))
		expire(c);
	else if (at != UINT64_MAX)
		set_alarm(c, at);
	else
		c->alarm = UINT64_MAX;
}

/* Strangers may try what they like; a server that we wanted is news. */
static void log_tls(const struct conn *c)
{
	if (c->accepted)
		log_debug("TLS of a client failed", LOG_A("peer", &c->ch.addr),
			  LOG_S("reason", tls_why(c->tls)));
	else
		log_warn("TLS to a server failed", LOG_A("peer", &c->ch.addr),
			 LOG_S("reason", tls_why(c->tls)));
}

void conn_end(struct conn *c, enum conn_end how, int err)
{
	struct conn_config *cfg = c->cfg;
	void *owner = c->owner;

	if (c->closing)
		return;
	if (how == CONN_TLS)
		log_tls(c);
	conn_close(c);
	cfg->ended(owner, how, err);
}

void conn_doom(struct conn *c, enum conn_end how, int err)
{
	if (c->doomed || c->closing)
		return;
	c->doomed = true;
	c->doom = how;
	c->doom_err = err;
	(void)uv_read_stop((uv_stream_t *)&c->tcp);
	conn_watch(c);
}

static void on_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;

	if (--c->handles > 0)
		return;
	framing_reset(&c->framing);
	tls_free(c->tls);
	ws_free(c->ws);
	bytes_reset(&c->early);
	bytes_reset(&c->wire);
	bytes_reset(&c->flying);
	free(c);
}

/* The handles stay until the loop has let go of them, and with them whatever a
 * caller of ours may still be reading. */
void conn_close(struct conn *c)
{
	if (!c || c->closing)
		return;
	if (c->up && !c->doomed) {
		if (c->ws)
			conn_ws_close(c);
		if (c->tls) {
			tls_shutdown(c->tls);
			(void)conn_write_tls(c);
		}
		conn_flush(c);
	}
	c->closing = true;
	uv_close((uv_handle_t *)&c->tcp, on_closed);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

bool conn_is_ending(const struct conn *c)
{
	return c->closing || c->doomed;
}

/* `family`: of a socket to make now, or AF_UNSPEC. */
static int open_conn(struct conn **cp, struct conn_config *cfg, int family,
		     void *owner)
{
	struct conn *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	err = uv_tcp_init_ex(cfg->loop, &c->tcp, (unsigned)family);
	if (err) {
		free(c);
		return err;
	}
	(void)uv_timer_init(cfg->loop, &c->timer);
	c->tcp.data = c->timer.data = c;
	c->connecting.data = c->writing.data = c;
	c->handles = HANDLES;
	c->cfg = cfg;
	c->owner = owner;
	c->alarm = UINT64_MAX;
	c->begun = c->active = conn_now(c);
	*cp = c;
	return 0;
}

/* Send small messages at once; and what is not acknowledged for twice as long
 * as a set-up may take has no one left to acknowledge it. */
static void tune(struct conn *c)
{
	unsigned ms = 2 * c->cfg->setup_ms;
	uv_os_fd_t fd;

	(void)uv_tcp_nodelay(&c->tcp, 1);
	if (ms && !uv_fileno((uv_handle_t *)&c->tcp, &fd))
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms,
				 sizeof(ms));
}

static void start(struct conn *c)
{
	int err = 0;

	c->connected = true;
	tune(c);
	conn_read_start(c);
	if (!c->tls)
		err = conn_read_below(c);
	else if (!c->accepted)
		conn_read_begin(c);
	if (err)
		conn_doom(c, CONN_FAILED, err);
	conn_flush(c);
}

static int far_end(struct addr *a, const uv_tcp_t *tcp)
{
	struct sockaddr_storage ss;
	int len = sizeof(ss);
	int err = uv_tcp_getpeername(tcp, (struct sockaddr *)&ss, &len);

	return err ? err : addr_from_sa(a, (struct sockaddr *)&ss);
}

int conn_accept(struct conn **cp, struct conn_config *cfg, uv_stream_t *from,
		struct channel *ch, const struct tls_context *tls, void *owner)
{
	struct conn *c;
	int err = open_conn(&c, cfg, AF_UNSPEC, owner);

	if (err)
		return err;
	c->accepted = true;
	err = uv_accept(from, (uv_stream_t *)&c->tcp);
	if (!err)
		err = far_end(&ch->addr, &c->tcp);
	if (!err && tls)
		err = tls_accept(&c->tls, tls);
	if (!err && transport_is_ws(ch->transport))
		err = ws_alloc(&c->ws, cfg->origins);
	c->ch = *ch;
	if (err) {
		conn_close(c);
		return err;
	}
	start(c);
	conn_watch(c);
	*cp = c;
	return 0;
}

static void on_connected(uv_connect_t *req, int status)
{
	struct conn *c = req->data;

	if (c->closing)
		return;
	if (status)
		conn_end(c, CONN_FAILED, status);
	else
		start(c);
}

/* The kernel chooses the port when it knows where to, so that one port can
 * lead to several places. */
static int dial(struct conn *c, const struct addr *from)
{
	struct addr local = *from;
	const int on = 1;
	uv_os_fd_t fd;
	int err = 0;

	addr_set_port(&local, 0);
	if (!uv_fileno((uv_handle_t *)&c->tcp, &fd))
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
				 sizeof(on));
	if (addr_class(&local) != ADDR_ANY)
		err = uv_tcp_bind(&c->tcp, &local.u.sa, 0);
	if (err)
		return err;
	return uv_tcp_connect(&c->connecting, &c->tcp, &c->ch.addr.u.sa,
			      on_connected);
}

int conn_connect(struct conn **cp, struct conn_config *cfg,
		 const struct channel *ch, const struct addr *from,
		 struct tls_context *tls, const char *name, void *owner)
{
	struct conn *c;
	int err = open_conn(&c, cfg, addr_family(&ch->addr), owner);

	if (err)
		return err;
	c->ch = *ch;
	if (tls)
		err = tls_connect(&c->tls, tls, name, &ch->addr);
	if (!err)
		err = dial(c, from);
	if (err) {
		conn_close(c);
		return err;
	}
	conn_watch(c);
	*cp = c;
	return 0;
}
