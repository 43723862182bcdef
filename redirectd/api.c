#include <errno.h>

#include "common/admin.h"
#include "common/paging.h"
#include "common/trace.h"
#include "redirectd/clock.h"
#include "redirectd/relays.h"
#include "redirectd/store.h"

#include "redirectd/api.h"

static int fail(json_t **out, int status, const char *what)
{
	*out = json_pack("{s:s}", "error", what);
	return status;
}

static json_t *binding_json(const struct binding *b, dir_time now)
{
	char serving[ADDR_STRLEN];

	return json_pack("{s:s, s:s, s:f, s:I, s:I, s:s, s:I, s:s, s:s*}",
			 "contact", b->url, "proxy",
			 addr_str(serving, &b->serving), "q", b->q / 1000.0,
			 "expires", (json_int_t)binding_left(b, now),
			 "registered_ms", (json_int_t)b->registered, "call_id",
			 b->call_id, "cseq", (json_int_t)b->cseq, "instance",
			 b->instance, "path", *b->path ? b->path : NULL);
}

static json_t *client_json(const struct client *c, dir_time now)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->v[i].expires > now)
			(void)json_array_append_new(
				list, binding_json(&c->v[i], now));
	return json_pack("{s:s, s:o}", "id", c->id, "bindings", list);
}

struct listing {
	struct paging page;
	dir_time now;
};

static int list_client(const struct client *c, void *arg)
{
	struct listing *l = arg;

	if (paging_wants(&l->page))
		paging_add(&l->page, client_json(c, l->now));
	return paging_full(&l->page);
}

/* It is looked at when it is asked for again. */
static void has_come(int err, void *arg)
{
	(void)err;
	(void)arg;
}

static int fetch(json_t **out, struct api *api, const char *id)
{
	(void)store_await(api->store, id, has_come, NULL);
	return fail(out, 503, "not at hand: it is being read, ask again");
}

static int one_client(json_t **out, struct api *api, const char *id)
{
	const struct store_view w = {.now = dir_clock_now(api->clock)};
	struct client c;
	int err = store_get(&c, api->store, id, &w);

	if (err == -EAGAIN)
		return fetch(out, api, id);
	if (err == -EIO)
		return fail(out, 503, "the store is out of reach");
	if (err)
		return fail(out, 404, "no such client id");
	*out = client_json(&c, w.now);
	return 200;
}

static int get_clients(json_t **out, const struct admin_query *q, void *arg)
{
	struct api *api = arg;
	const char *id = admin_arg(q, "id");
	struct store_counts n = store_counts(api->store);
	struct listing l = {.now = dir_clock_now(api->clock)};

	if (id)
		return one_client(out, api, id);
	if (paging_begin(&l.page, q))
		return paging_refuse(out);
	(void)store_apply(api->store, list_client, &l);
	*out = json_pack("{s:I, s:I, s:I, s:b, s:o}", "known",
			 (json_int_t)n.known, "registered",
			 (json_int_t)n.clients, "contacts",
			 (json_int_t)n.contacts, "complete",
			 json_array_size(l.page.list) == n.known, "clients",
			 l.page.list);
	return 200;
}

static int get_relays(json_t **out, const struct admin_query *q, void *arg)
{
	struct api *api = arg;

	(void)q;
	*out = relays_json(api->relays, dir_clock_now(api->clock));
	return 200;
}

static int get_calls(json_t **out, const struct admin_query *q, void *arg)
{
	struct api *api = arg;

	(void)q;
	*out = api->trace ? trace_calls_json(api->trace) : json_array();
	return 200;
}

static int get_trace(json_t **out, const struct admin_query *q, void *arg)
{
	struct api *api = arg;
	const char *call = admin_arg(q, "call");

	if (!call)
		return fail(out, 400, "say which: ?call=CALL-ID");
	*out = api->trace ? trace_json(api->trace, call) : NULL;
	return *out ? 200 : fail(out, 404, "no such call in the trace");
}

int api_routes(struct admin *a, struct api *api)
{
	static const struct {
		const char *path;
		const char *about;
		admin_h *fn;
	} routes[] = {
		{"/api/clients",
		 "the client table with bindings; ?id=user@domain for one",
		 get_clients},
		{"/api/relays", "the pool of relays", get_relays},
		{"/api/calls", "Call-IDs whose messages are kept", get_calls},
		{"/api/trace", "the messages of one: ?call=CALL-ID", get_trace},
	};
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]) && !err; i++)
		err = admin_route(a, routes[i].path, routes[i].about,
				  routes[i].fn, api);
	return err;
}
