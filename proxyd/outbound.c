#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "proto/dialect.h"
#include "proto/flow_token.h"
#include "proto/redirect.h"
#include "proto/registration.h"
#include "proxyd/edge.h"
#include "proxyd/flow.h"
#include "proxyd/proxy.h"

#include "proxyd/outbound.h"

enum {
	FLOW_TIMER = 120, /* seconds; RFC 5626 4.4.1 has 95 to 120 by itself */
	USER_MAX = 160,
};

static bool has_token(const msg_list_t *list, const char *word)
{
	for (; list; list = list->k_next)
		for (size_t i = 0; list->k_items && list->k_items[i]; i++)
			if (!strcasecmp(list->k_items[i], word))
				return true;
	return false;
}

bool outbound_offered(const struct request *r)
{
	const sip_contact_t *m = r->sip->sip_contact;

	return r->method == sip_method_register && !r->trusted && m &&
	       !r->sip->sip_via->v_next &&
	       has_token(r->sip->sip_supported, "outbound") &&
	       msg_params_find(m->m_params, "reg-id=") &&
	       msg_params_find(m->m_params, "+sip.instance=");
}

int outbound_add_path(struct request *r)
{
	const struct addr *self = edge_self_for(r->p, &r->p->redirect[0]);
	char token[FLOW_TOKEN_LEN];

	if (!outbound_offered(r))
		return registration_add_path(r->msg, self, NULL);
	return registration_add_path(
		r->msg, self, flow_token_print(token, &r->src, r->p->secret));
}

int outbound_granted(msg_t *msg)
{
	sip_t *sip = sip_object(msg);
	char line[32];

	if (!has_token(sip->sip_require, "outbound"))
		return 0;
	(void)snprintf(line, sizeof(line), "Flow-Timer: %d", FLOW_TIMER);
	return sip_add_make(msg, sip, msg_unknown_class, line) < 0 ? -ENOMEM
								   : 0;
}

/* The connection of a stream has to be the very one. */
static bool is_up(const struct proxy *p, const struct channel *flow)
{
	struct channel now = *flow;

	return !transport_is_stream(flow->transport) ||
	       (transports_find(p->transports, &now) && now.conn == flow->conn);
}

static bool is_same(const struct channel *a, const struct channel *b)
{
	return channel_eq(a, b) && a->conn == b->conn;
}

enum step_result outbound_route(struct branch *b)
{
	struct request *r = b->r;
	const sip_route_t *route = r->sip->sip_route;
	struct channel flow;
	int err;

	if (!route || !route->r_url->url_user ||
	    !proxy_is_self(r->p, route->r_url))
		return STEP_NEXT;
	err = flow_token_parse(&flow, route->r_url->url_user, r->p->secret);
	if (err == -ENOENT || (!err && is_same(&flow, &r->src)))
		return STEP_NEXT;
	if (err || !r->trusted) {
		r->p->n.rejected_route++;
		return branch_fail(b, 403, "Not Your Flow");
	}
	if (!is_up(r->p, &flow))
		return branch_fail(b, 430, "Flow Failed");
	b->dest = flow;
	b->dest_marked = b->dest_natted = true;
	return STEP_NEXT;
}

void outbound_note_flow(struct branch *b, url_t *url)
{
	const char *name = proto_uri_param_name(PROTO_ELSE);
	su_home_t *home = msg_home(b->msg);
	char text[REDIRECT_URL_MAX], domain[REDIRECT_ID_MAX];
	url_t *other;

	b->again = b->step - 1;
	b->otherwise = NULL;
	if (sipmsg_url_param(text, sizeof(text), url, name) <= 0)
		return;
	(void)sipmsg_url_param_set(home, url, name, NULL);
	other = url_make(home, text);
	if (!other)
		return;
	b->flow_elsewhere =
		b->r->trusted &&
		sipmsg_url_param(domain, sizeof(domain), other,
				 proto_uri_param_name(PROTO_DOMAIN)) >= 0;
	if (!b->flow_elsewhere)
		b->otherwise = su_strdup(home, text);
}

bool outbound_next_flow(struct branch *b)
{
	char text[CHANNEL_STRLEN];

	if (!b->otherwise || b->ended || b->r->ended || b->r->cancelled)
		return false;
	b->r->p->n.flows_failed++;
	log_info("flow is gone: the phone's other one is tried",
		 LOG_S("call_id", request_id(b->r)),
		 LOG_S("channel", channel_str(text, &b->dest)));
	b->target = b->otherwise;
	b->dest = (struct channel){0};
	b->step = b->again;
	return true;
}
