#include "common/admin.h"
#include "common/trace.h"
#include "proxyd/calls.h"
#include "proxyd/clients.h"
#include "proxyd/proxy.h"
#include "proxyd/relays.h"
#include "proxyd/session.h"

#include "proxyd/api.h"

static int get_sessions(json_t **out, const struct admin_query *q, void *arg)
{
	struct proxy *p = arg;

	(void)q;
	*out = sessions_json(p->sessions);
	return 200;
}

static int get_followed(json_t **out, const struct admin_query *q, void *arg)
{
	const struct proxy *p = arg;

	(void)q;
	*out = calls_json(p->calls, proxy_now(p));
	return 200;
}

static int get_clients(json_t **out, const struct admin_query *q, void *arg)
{
	struct proxy *p = arg;

	(void)q;
	*out = clients_json(p->clients);
	return 200;
}

static int get_relays(json_t **out, const struct admin_query *q, void *arg)
{
	const struct proxy *p = arg;

	(void)q;
	*out = relays_json(p->relays, proxy_now(p));
	return 200;
}

static int get_calls(json_t **out, const struct admin_query *q, void *arg)
{
	struct proxy *p = arg;

	(void)q;
	*out = p->trace ? trace_calls_json(p->trace) : json_array();
	return 200;
}

static int get_trace(json_t **out, const struct admin_query *q, void *arg)
{
	struct proxy *p = arg;
	const char *call = admin_arg(q, "call");

	*out = p->trace && call ? trace_json(p->trace, call) : NULL;
	if (*out)
		return 200;
	*out = json_pack("{s:s}", "error",
			 call ? "no such call in the trace"
			      : "say which call: ?call=CALL-ID");
	return call ? 404 : 400;
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
		{"/api/clients", "the NAT client table", get_clients},
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
