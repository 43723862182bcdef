#include <string.h>

#include "proxyd/routing.h"

/* A value without "<>" has its parameters behind the URI. */
static bool is_loose(const sip_route_t *r)
{
	return url_has_param(r->r_url, "lr") ||
	       msg_params_find(r->r_params, "lr") != NULL;
}

static void set_request_uri(sip_t *sip, const url_t *url)
{
	*sip->sip_request->rq_url = *url;
	msg_fragment_clear(sip->sip_request->rq_common);
}

/* What a Route entry says beside its common part, which stays in the chain. */
struct said {
	const char *display;
	url_t url;
	msg_param_t const *params;
};

static struct said said_of(const sip_route_t *r)
{
	return (struct said){r->r_display, *r->r_url, r->r_params};
}

static void say(sip_route_t *r, const struct said *s)
{
	r->r_display = s->display;
	*r->r_url = s->url;
	r->r_params = s->params;
	msg_fragment_clear(r->r_common);
}

bool routing_from_strict(msg_t *msg, routing_ours_h *ours, const void *arg)
{
	sip_t *sip = sip_object(msg);
	struct said before = {.url = *sip->sip_request->rq_url};

	if (!sip->sip_route || !ours(sip->sip_request->rq_url, arg))
		return false;
	for (sip_route_t *r = sip->sip_route; r; r = r->r_next) {
		struct said s = said_of(r);

		say(r, &before);
		before = s;
	}
	set_request_uri(sip, &before.url);
	return true;
}

bool routing_to_strict(msg_t *msg)
{
	sip_t *sip = sip_object(msg);
	sip_route_t *r = sip->sip_route;
	struct said first, target = {.url = *sip->sip_request->rq_url};

	if (!r || is_loose(r))
		return false;
	first = said_of(r);
	for (; r->r_next; r = r->r_next) {
		struct said s = said_of(r->r_next);

		say(r, &s);
	}
	say(r, &target);
	set_request_uri(sip, &first.url);
	return true;
}
