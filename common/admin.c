#include "common/admin.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/admin_page.h"
#include "common/log.h"
#include "common/metrics.h"

enum {
	ADMIN_ROUTES_MAX = 32,
	ADMIN_BUILT_IN = 3, /* the links that every daemon has */
	ADMIN_CONNECTIONS_MAX = 64,
	ADMIN_TIMEOUT_S = 10,
	ADMIN_CONNECTION_BYTES = 16 * 1024,
	ADMIN_BACKLOG = 64,
	ADMIN_REASON_LEN = 128,
};

static const char type_json[] = "application/json";
static const char type_html[] = "text/html; charset=utf-8";
static const char type_metrics[] = "text/plain; version=0.0.4; charset=utf-8";

struct route {
	admin_h *fn;
	void *arg;
};

struct admin {
	struct MHD_Daemon *mhd;
	uv_poll_t poll;   /* of libmicrohttpd's own epoll descriptor */
	uv_timer_t timer; /* its connection timeouts and unfinished work */
	unsigned handles; /* not closed yet */
	unsigned connections;
	int fd; /* libmicrohttpd's */
	struct addr local;
	const char *daemon;
	const struct metrics *metrics;
	char not_ready[ADMIN_REASON_LEN];
	struct admin_link links[ADMIN_BUILT_IN + ADMIN_ROUTES_MAX];
	struct route routes[ADMIN_ROUTES_MAX]; /* of the links behind those */
	size_t nroutes;
};

static const struct admin_link built_in[ADMIN_BUILT_IN] = {
	{"/metrics", "Counters and gauges in Prometheus text format"},
	{"/healthz", "200 while the process runs"},
	{"/readyz", "200 when it serves calls, 503 and the reason when not"},
};

/* `text` is malloc'ed and taken over; NULL answers 500. */
static enum MHD_Result reply(struct MHD_Connection *conn, int status,
			     const char *type, char *text)
{
	struct MHD_Response *r = NULL;

	if (text)
		r = MHD_create_response_from_buffer(strlen(text), text,
						    MHD_RESPMEM_MUST_FREE);
	if (!r) {
		free(text);
		r = MHD_create_response_from_buffer(0, NULL,
						    MHD_RESPMEM_PERSISTENT);
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "Cache-Control", "no-store");
	if (type == type_html)
		MHD_add_response_header(r, "Content-Security-Policy",
					"default-src 'none'; "
					"style-src 'unsafe-inline'");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, "Allow", "GET, HEAD");
	enum MHD_Result ret = MHD_queue_response(conn, (unsigned int)status, r);

	MHD_destroy_response(r);
	return ret;
}

/* Takes the reference. */
static enum MHD_Result reply_json(struct MHD_Connection *conn, int status,
				  json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY |
						     JSON_REAL_PRECISION(6))
			  : NULL;

	json_decref(body);
	return reply(conn, status, type_json, text);
}

static enum MHD_Result reply_error(struct MHD_Connection *conn, int status,
				   const char *what)
{
	return reply_json(conn, status, json_pack("{ss}", "error", what));
}

static enum MHD_Result serve_metrics(const struct admin *a,
				     struct MHD_Connection *conn)
{
	if (!a->metrics)
		return reply_error(conn, MHD_HTTP_NOT_FOUND, "no metrics");
	return reply(conn, MHD_HTTP_OK, type_metrics,
		     metrics_render(a->metrics));
}

static enum MHD_Result serve_health(const struct admin *a,
				    struct MHD_Connection *conn)
{
	(void)a;
	return reply_json(conn, MHD_HTTP_OK, json_pack("{ss}", "status", "ok"));
}

static enum MHD_Result serve_ready(const struct admin *a,
				   struct MHD_Connection *conn)
{
	if (!*a->not_ready)
		return reply_json(conn, MHD_HTTP_OK,
				  json_pack("{ss}", "status", "ready"));
	return reply_json(conn, MHD_HTTP_SERVICE_UNAVAILABLE,
			  json_pack("{ssss}", "status", "not ready", "reason",
				    a->not_ready));
}

static enum MHD_Result serve_page(const struct admin *a,
				  struct MHD_Connection *conn)
{
	const struct admin_page page = {
		.daemon = a->daemon,
		.version = PINHOLE_VERSION,
		.not_ready = a->not_ready,
		.links = a->links,
		.n = ADMIN_BUILT_IN + a->nroutes,
	};

	return reply(conn, MHD_HTTP_OK, type_html, admin_page(&page));
}

static enum MHD_Result serve_route(const struct route *r,
				   struct MHD_Connection *conn)
{
	const struct admin_query query = {.conn = conn};
	json_t *out = NULL;
	int status = r->fn(&out, &query, r->arg);

	if (!out)
		return reply_error(conn, status, "nothing to show");
	return reply_json(conn, status, out);
}

static enum MHD_Result serve_path(const struct admin *a, const char *path,
				  struct MHD_Connection *conn)
{
	if (strcmp(path, "/") == 0)
		return serve_page(a, conn);
	if (strcmp(path, "/metrics") == 0)
		return serve_metrics(a, conn);
	if (strcmp(path, "/healthz") == 0)
		return serve_health(a, conn);
	if (strcmp(path, "/readyz") == 0)
		return serve_ready(a, conn);
	for (size_t i = 0; i < a->nroutes; i++)
		if (strcmp(path, a->links[ADMIN_BUILT_IN + i].path) == 0)
			return serve_route(&a->routes[i], conn);
	return reply_error(conn, MHD_HTTP_NOT_FOUND,
			   "no such path; / lists them");
}

/*
 * libmicrohttpd calls this when the headers are in, and again when the body
 * is: anything that may not have a body is answered at the first call, which
 * makes it drop the body together with the connection.
 */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *conn,
				  const char *path, const char *method,
				  const char *version, const char *body,
				  size_t *body_len, void **state)
{
	static char headers_seen;
	const struct admin *a = arg;

	(void)version;
	(void)body;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return reply_error(conn, MHD_HTTP_METHOD_NOT_ALLOWED,
				   "GET and HEAD only");
	if (!*state) {
		*state = &headers_seen;
		return MHD_YES;
	}
	if (*body_len)
		return MHD_NO;
	return serve_path(a, path, conn);
}

static void on_log(void *arg, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void on_log(void *arg, const char *fmt, va_list ap)
{
	char text[256];

	(void)arg;
	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	log_debug("admin server", LOG_S("text", text));
}

static void on_timer(uv_timer_t *timer);

static unsigned count_connections(struct admin *a)
{
	return MHD_get_daemon_info(a->mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
		->num_connections;
}

/*
 * At its limit of connections libmicrohttpd stops watching for new ones, and
 * takes that up again only at the beginning of a run: one has to follow the
 * run in which a connection ended, though nothing else asks for it.
 */
static void run(struct admin *a)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(a->mhd);
	unsigned before = a->connections;

	a->connections = count_connections(a);
	if (a->connections < before)
		uv_timer_start(&a->timer, on_timer, 0, 0);
	else if (MHD_get_timeout(a->mhd, &ms) == MHD_YES)
		uv_timer_start(&a->timer, on_timer, ms, 0);
	else
		uv_timer_stop(&a->timer);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run(poll->data);
}

static int bound_to(struct addr *local, int fd)
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);

	if (getsockname(fd, (struct sockaddr *)&bound, &len))
		return -errno;
	return addr_from_sa(local, (const struct sockaddr *)&bound);
}

/* A socket of our own: libmicrohttpd's would not say why it failed. */
static int listen_on(int *fdp, struct addr *local, const struct addr *listen_at)
{
	int one = 1;
	int fd = socket(addr_family(listen_at),
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, &listen_at->u.sa, addr_len(listen_at)) ||
	    listen(fd, ADMIN_BACKLOG)) {
		int err = -errno;

		close(fd);
		return err;
	}
	*fdp = fd;
	return bound_to(local, fd);
}

static struct MHD_Daemon *start_mhd(struct admin *a, int fd)
{
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, a,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)ADMIN_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)ADMIN_TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)ADMIN_CONNECTION_BYTES, MHD_OPTION_END);
}

static int watch(struct admin *a, uv_loop_t *loop)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(a->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	int err =
		info ? uv_poll_init(loop, &a->poll, info->epoll_fd) : -ENOTSUP;

	if (err)
		return err;
	uv_timer_init(loop, &a->timer);
	a->poll.data = a;
	a->timer.data = a;
	a->handles = 2;
	return uv_poll_start(&a->poll, UV_READABLE, on_poll);
}

/* On `fd`, or on a new socket where that is negative. */
static int start(struct admin **ap, uv_loop_t *loop, const struct addr *listen,
		 int fd, const char *daemon, const struct metrics *metrics)
{
	struct admin *a = calloc(1, sizeof(*a));
	int err = a ? 0 : -ENOMEM;

	if (!err && fd >= 0)
		err = bound_to(&a->local, fd);
	else if (!err)
		err = listen_on(&fd, &a->local, listen);
	if (err) {
		if (fd >= 0)
			close(fd);
		goto out;
	}
	a->fd = fd;
	a->daemon = daemon;
	a->metrics = metrics;
	memcpy(a->links, built_in, sizeof(built_in));
	admin_not_ready(a, "starting");
	a->mhd = start_mhd(a, fd);
	if (!a->mhd) {
		close(fd);
		err = -ENOMEM;
		goto out;
	}
	err = watch(a, loop);
	if (!err)
		*ap = a;
out:
	if (err)
		admin_stop(a);
	return err;
}

int admin_start(struct admin **ap, uv_loop_t *loop, const struct addr *listen,
		const char *daemon, const struct metrics *metrics)
{
	return start(ap, loop, listen, -1, daemon, metrics);
}

int admin_adopt(struct admin **ap, uv_loop_t *loop, int fd, const char *daemon,
		const struct metrics *metrics)
{
	return start(ap, loop, NULL, fd, daemon, metrics);
}

int admin_fd(const struct admin *a)
{
	return a->fd;
}

const struct addr *admin_local(const struct admin *a)
{
	return &a->local;
}

static void on_closed(uv_handle_t *handle)
{
	struct admin *a = handle->data;

	if (--a->handles == 0)
		free(a);
}

/* The watch ends before the descriptor it watches. */
void admin_stop(struct admin *a)
{
	if (!a)
		return;
	bool watched = a->handles > 0;

	if (watched) {
		uv_close((uv_handle_t *)&a->poll, on_closed);
		uv_close((uv_handle_t *)&a->timer, on_closed);
	}
	if (a->mhd)
		MHD_stop_daemon(a->mhd);
	if (!watched)
		free(a);
}

int admin_route(struct admin *a, const char *path, const char *about,
		admin_h *fn, void *arg)
{
	struct admin_link *links = a->links + ADMIN_BUILT_IN;

	for (size_t i = 0; i < a->nroutes; i++)
		if (strcmp(links[i].path, path) == 0)
			return -EEXIST;
	if (a->nroutes == ADMIN_ROUTES_MAX)
		return -ENOSPC;
	links[a->nroutes] = (struct admin_link){path, about};
	a->routes[a->nroutes++] = (struct route){fn, arg};
	return 0;
}

void admin_not_ready(struct admin *a, const char *why)
{
	snprintf(a->not_ready, sizeof(a->not_ready), "%s", why ? why : "");
}

const char *admin_arg(const struct admin_query *q, const char *name)
{
	return MHD_lookup_connection_value(q->conn, MHD_GET_ARGUMENT_KIND,
					   name);
}
