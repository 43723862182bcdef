#include "common/admin.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/admin_change.h"
#include "common/admin_listen.h"
#include "common/admin_page.h"
#include "common/admin_reply.h"
#include "common/log.h"
#include "common/metrics.h"

enum {
	ADMIN_ROUTES_MAX = 32,
	ADMIN_BUILT_IN = 3, /* the links that every daemon has */
	ADMIN_CONNECTIONS_MAX = 64,
	ADMIN_TIMEOUT_S = 10,
	ADMIN_CONNECTION_BYTES = 16 * 1024,
	ADMIN_REASON_LEN = 128,
};

struct route {
	admin_h *fn;
	void *arg;
	bool changes; /* POST, and nothing else */
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
	{"/metrics", "Counters and gauges in Prometheus text format", false},
	{"/healthz", "200 while the process runs", false},
	{"/readyz", "200 when it serves calls, 503 and the reason when not",
	 false},
};

static enum MHD_Result serve_metrics(const struct admin *a,
				     struct MHD_Connection *conn)
{
	if (!a->metrics)
		return admin_reply_error(conn, MHD_HTTP_NOT_FOUND,
					 "no metrics");
	return admin_reply(conn, MHD_HTTP_OK, admin_type_metrics,
			   metrics_render(a->metrics));
}

static enum MHD_Result serve_health(const struct admin *a,
				    struct MHD_Connection *conn)
{
	(void)a;
	return admin_reply_json(conn, MHD_HTTP_OK,
				json_pack("{ss}", "status", "ok"));
}

static enum MHD_Result serve_ready(const struct admin *a,
				   struct MHD_Connection *conn)
{
	if (!*a->not_ready)
		return admin_reply_json(conn, MHD_HTTP_OK,
					json_pack("{ss}", "status", "ready"));
	return admin_reply_json(conn, MHD_HTTP_SERVICE_UNAVAILABLE,
				json_pack("{ssss}", "status", "not ready",
					  "reason", a->not_ready));
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

	return admin_reply(conn, MHD_HTTP_OK, admin_type_html,
			   admin_page(&page));
}

static enum MHD_Result serve_route(const struct route *r,
				   struct MHD_Connection *conn)
{
	const struct admin_query query = {.conn = conn};
	json_t *out = NULL;
	int status = r->fn(&out, &query, r->arg);

	if (!out)
		return admin_reply_error(conn, status, "nothing to show");
	return admin_reply_json(conn, status, out);
}

/* What every daemon has; NULL: it is no such path. */
typedef enum MHD_Result page_h(const struct admin *a,
			       struct MHD_Connection *conn);

static page_h *find_page(const char *path)
{
	static const struct {
		const char *path;
		page_h *fn;
	} pages[] = {
		{"/", serve_page},
		{"/metrics", serve_metrics},
		{"/healthz", serve_health},
		{"/readyz", serve_ready},
	};

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (strcmp(path, pages[i].path) == 0)
			return pages[i].fn;
	return NULL;
}

static const struct route *find_route(const struct admin *a, const char *path)
{
	for (size_t i = 0; i < a->nroutes; i++)
		if (strcmp(path, a->links[ADMIN_BUILT_IN + i].path) == 0)
			return &a->routes[i];
	return NULL;
}

static const char *header(struct MHD_Connection *conn, const char *name)
{
	return MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name);
}

/* 0, or the status of the refusal and why. */
static int refuse_change(const char **why, struct MHD_Connection *conn)
{
	const struct admin_change c = {
		.host = header(conn, "Host"),
		.origin = header(conn, "Origin"),
		.type = header(conn, "Content-Type"),
		.length = header(conn, "Content-Length"),
		.encoding = header(conn, "Transfer-Encoding"),
	};

	return admin_change_refused(why, &c);
}

/* What calls there are is not for a page whose name has been led here; health
 * and metrics tell it nothing. */
static int refuse_reader(const char **why, struct MHD_Connection *conn)
{
	const char *host = header(conn, "Host");

	if (!host || admin_change_by_address(host))
		return 0;
	*why = "ask by IP address, or as localhost (Host)";
	return MHD_HTTP_FORBIDDEN;
}

static bool is_read(const char *method)
{
	return !strcmp(method, MHD_HTTP_METHOD_GET) ||
	       !strcmp(method, MHD_HTTP_METHOD_HEAD);
}

/* What the headers say; *refused: it is answered by that. */
static enum MHD_Result check(bool *refused, const struct admin *a,
			     struct MHD_Connection *conn, const char *path,
			     const char *method)
{
	const struct route *r = find_route(a, path);
	const char *why = NULL;
	int status = 0;

	*refused = true;
	if (!r && !find_page(path))
		return admin_reply_error(conn, MHD_HTTP_NOT_FOUND,
					 "no such path; / lists them");
	if (r && r->changes) {
		if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
			return admin_reply_methods(conn, "POST");
		status = refuse_change(&why, conn);
	} else if (!is_read(method)) {
		return admin_reply_methods(conn, "GET, HEAD");
	} else if (r) {
		status = refuse_reader(&why, conn);
	}
	if (status)
		return admin_reply_error(conn, status, why);
	*refused = false;
	return MHD_YES;
}

/*
 * libmicrohttpd calls this when the headers are in, with each part of a body,
 * and again when it is over: what is refused is answered at the first call,
 * which makes it drop the body together with the connection.
 */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *conn,
				  const char *path, const char *method,
				  const char *version, const char *body,
				  size_t *body_len, void **state)
{
	static char headers_seen;
	const struct admin *a = arg;
	const struct route *r = find_route(a, path);
	enum MHD_Result ret;
	bool refused;

	(void)version;
	(void)body;
	if (!*state) {
		ret = check(&refused, a, conn, path, method);
		if (!refused)
			*state = &headers_seen;
		return ret;
	}
	if (*body_len && !(r && r->changes))
		return MHD_NO;
	if (*body_len) {
		*body_len = 0;
		return MHD_YES;
	}
	return r ? serve_route(r, conn) : find_page(path)(a, conn);
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
		err = admin_listen_bound(&a->local, fd);
	else if (!err)
		err = admin_listen(&fd, &a->local, listen);
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

static int add_route(struct admin *a, const char *path, const char *about,
		     const struct route *r)
{
	struct admin_link *links = a->links + ADMIN_BUILT_IN;

	for (size_t i = 0; i < a->nroutes; i++)
		if (strcmp(links[i].path, path) == 0)
			return -EEXIST;
	if (a->nroutes == ADMIN_ROUTES_MAX)
		return -ENOSPC;
	links[a->nroutes] = (struct admin_link){path, about, r->changes};
	a->routes[a->nroutes++] = *r;
	return 0;
}

int admin_route(struct admin *a, const char *path, const char *about,
		admin_h *fn, void *arg)
{
	return add_route(a, path, about, &(struct route){fn, arg, false});
}

int admin_route_post(struct admin *a, const char *path, const char *about,
		     admin_h *fn, void *arg)
{
	return add_route(a, path, about, &(struct route){fn, arg, true});
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
