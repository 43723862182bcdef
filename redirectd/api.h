#ifndef REDIRECTD_API_H
#define REDIRECTD_API_H

struct admin;
struct dir_clock;
struct relays;
struct store;
struct trace;

/* What the admin HTTP server tells of the directory; all outlives it. */
struct api {
	struct store *store;
	const struct dir_clock *clock;
	struct trace *trace; /* NULL: none is kept */
	struct relays *relays;
};

/*
 * Add the routes: /api/clients (all, or ?id=user@domain), /api/relays,
 * /api/calls, /api/trace?call=ID. `api` is kept by reference. 0 or -ENOMEM.
 */
int api_routes(struct admin *a, struct api *api);

#endif
