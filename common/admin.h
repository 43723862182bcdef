#ifndef COMMON_ADMIN_H
#define COMMON_ADMIN_H

#include <jansson.h>
#include <uv.h>

struct addr;
struct admin;
struct metrics;

/*
 * The admin HTTP server: /metrics, /healthz, /readyz, the JSON under /api/ and
 * a page for people at /, by libmicrohttpd driven from the daemon's own loop
 * (no thread). GET, and POST for what changes something; all else is 405.
 */
struct admin_query {
	struct MHD_Connection *conn;
};

/* One query argument ("?call=..."), or NULL; valid during the handler. */
const char *admin_arg(const struct admin_query *q, const char *name);

/* Answers one path: returns the HTTP status and a new reference in *out. */
typedef int admin_h(json_t **out, const struct admin_query *q, void *arg);

/*
 * Listen on `listen` (port 0: any) and serve on `loop`. `daemon` and `metrics`
 * (NULL: no /metrics) are kept by reference. 0 or a negative errno.
 */
int admin_start(struct admin **ap, uv_loop_t *loop, const struct addr *listen,
		const char *daemon, const struct metrics *metrics);

/* The same on a listening socket that another process had; takes `fd` over,
 * also where it fails. */
int admin_adopt(struct admin **ap, uv_loop_t *loop, int fd, const char *daemon,
		const struct metrics *metrics);

/* For another process to go on with. */
int admin_fd(const struct admin *a);

/* The address as bound. */
const struct addr *admin_local(const struct admin *a);

/* Close every connection; the memory goes with the next turn of the loop. */
void admin_stop(struct admin *a);

/*
 * Serve `path` ("/api/sessions") with a one-line description for the page;
 * both texts are kept by reference. 0, -EEXIST, or -ENOSPC (32 routes).
 */
int admin_route(struct admin *a, const char *path, const char *about,
		admin_h *fn, void *arg);

/* The same for what changes something: by POST alone, and for no page of a
 * browser (admin_change.h). Arguments are in the path, as ever. */
int admin_route_post(struct admin *a, const char *path, const char *about,
		     admin_h *fn, void *arg);

/* Until called with NULL, /readyz answers 503 with the reason ("starting"). */
void admin_not_ready(struct admin *a, const char *why);

#endif
