#include "common/admin.h"
#include "common/paging.h"
#include "common/trace.h"
#include "proxyd/calls.h"
#include "proxyd/clients.h"
#include "proxyd/ongoing.h"
#include "proxyd/proxy.h"
#include "proxyd/relays.h"
#include "proxyd/session.h"

#include "proxyd/api.h"

enum { OK = 200, BAD_REQUEST = 400, NOT_FOUND = 404 };

static int get_sessions(json_t **out, const struct admin_query *q, void *arg)
{
	const struct proxy *p = arg;
	struct paging page;

	if (paging_begin(&page, q))
		return paging_refuse(out);
	sessions_page(&page, p->sessions);
	*out = page.list;
	return OK;
}

static int get_followed(json_t **out, const struct admin_query *q, void *arg)
{
	const struct proxy *p = arg;
	struct paging page;

	if (paging_begin(&page, q))
		return paging_refuse(out);
	calls_page(&page, p->calls, proxy_now(p));
	*out = page.list;
	return OK;
}

static int get_ongoing(json_t **out, const struct admin_query *q, void *arg)
{
	const struct proxy *p = arg;
	struct paging page;

	if (paging_begin(&page, q))
		return paging_refuse(out);
	ongoing_page(&page, p);
	*out = json_pack("{s:o}", "calls", page.list);
	return OK;
}

static int get_clients(json_t **out, const struct admin_query *q, void *arg)
{
	const struct proxy *p = arg;
	const char *id = admin_arg(q, "id");
	struct paging page;

	if (paging_begin(&page, q))
		return paging_refuse(out);
	clients_page(&page, p->clients, id, proxy_now(p));
	*out = page.list;
	if (!id || page.seen)
		return OK;
	json_decref(page.list);
	*out = json_pack("{s:s}", "error",
			 "no such client behind a NAT is served here");
	return NOT_FOUND;
}

static int get_relays(json_t **out, const struct admin_query *q, void *arg)
{
	const struct proxy *p = arg;

	(void)q;
	*out = relays_json(p->relays, proxy_now(p));
	return OK;
}

static int get_calls(json_t **out, const struct admin_query *q, void *arg)
{
	struct proxy *p = arg;

	(void)q;
	*out = p->trace ? trace_calls_json(p->trace) : json_array();
	return OK;
}

static int get_trace(json_t **out, const struct admin_query *q, void *arg)
{
	struct proxy *p = arg;
	const char *call = admin_arg(q, "call");

	*out = p->trace && call ? trace_json(p->trace, call) : NULL;
	if (*out)
		return OK;
	*out = json_pack("{s:s}", "error",
			 call ? "no such call in the trace"
			      : "say which call: ?call=CALL-ID");
	return call ? NOT_FOUND : BAD_REQUEST;
}

int api_routes(struct proxy *p)
{
	static const struct {
		const char *path, *about;
		admin_h *fn;
	} routes[] = {
		{"/api/sessions", "calls that hold a relay resource",
		 get_sessions},
		{"/api/followed", "answered calls, and when they are dead",
		 get_followed},
		{"/api/ongoing", "calls that begin or are up", get_ongoing},
		{"/api/clients", "the NAT client table; ?id= for one client",
		 get_clients},
		{"/api/relays", "the relays and what is known of them",
		 get_relays},
		{"/api/calls", "Call-IDs of the recent calls in the trace",
		 get_calls},
		{"/api/trace", "the messages of one call: ?call=CALL-ID",
		 get_trace},
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(routes) / sizeof(*routes); i++)
		err = admin_route(p->admin, routes[i].path, routes[i].about,
				  routes[i].fn, p);
	return err;
}
