#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proto/dialect.h"
#include "proto/redirect.h"
#include "proto/registration.h"
#include "proxyd/clients.h"
#include "proxyd/pinholes.h"
#include "proxyd/proxy.h"

#include "proxyd/binding.h"

enum {
	EXPIRES_DEFAULT = 3600,
	KEPT_S = 3600, /* one that was named without its expiry */
	OWN_MAX = 300,
	TARGET_MAX = REDIRECT_ID_MAX + OWN_MAX,
};

/* A phone as it calls itself: what stood in its Contact before the mark. */
static int target_of(char target[TARGET_MAX], const url_t *url)
{
	char own[OWN_MAX];
	int n = sipmsg_url_param(own, sizeof(own), url,
				 proto_uri_param_name(PROTO_OWN));

	if (n < 0)
		return n;
	n = snprintf(target, TARGET_MAX, "sip:%s%s%s",
		     url->url_user ? url->url_user : "",
		     url->url_user ? "@" : "", own);
	return n < TARGET_MAX ? 0 : -EMSGSIZE;
}

static int put(struct proxy *p, const struct binding_told *t,
	       const struct channel *at, bool soon)
{
	char target[TARGET_MAX];
	struct clients_phone phone = {
		.channel = *at,
		.target = target,
		.instance = t->instance ? t->instance : "",
		.reg_id = t->reg_id,
		.soon = soon,
	};
	int err = target_of(target, t->url);

	if (!err)
		err = clients_put(p->clients, t->id, &phone, proxy_now(p),
				  proxy_now(p) + (uint64_t)t->expires * 1000);
	if (err)
		log_warn("client behind a NAT is not kept: no keepalives to it",
			 LOG_S("client", t->id), LOG_A("channel", &at->addr),
			 LOG_S("error", strerror(-err)));
	return err;
}

static uint32_t number(const char *text, uint32_t otherwise)
{
	unsigned long v = text ? strtoul(text, NULL, 10) : otherwise;

	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void contact_registered(struct proxy *p, const char *id, const sip_t *ok,
			       const sip_contact_t *m,
			       const struct channel *src)
{
	const struct binding_told t = {
		.id = id,
		.url = m->m_url,
		.instance = msg_params_find(m->m_params, "+sip.instance="),
		.reg_id = number(msg_params_find(m->m_params, "reg-id="), 0),
		.expires = number(m->m_expires,
				  ok->sip_expires
					  ? (uint32_t)ok->sip_expires->ex_delta
					  : EXPIRES_DEFAULT),
	};

	if (t.expires)
		(void)put(p, &t, src, false);
}

/* What was written first is not forgotten as unlisted: a phone may have moved
 * there from a channel that is. */
void binding_registered(struct proxy *p, const sip_t *ok,
			const struct channel *src)
{
	struct channel listed[CLIENT_BINDINGS_MAX];
	char id[REDIRECT_ID_MAX];
	size_t n = 0;

	if (redirect_client_id(id, ok->sip_to->a_url))
		return;
	for (const sip_contact_t *m = ok->sip_contact; m; m = m->m_next) {
		if (n == CLIENT_BINDINGS_MAX ||
		    registration_channel(&listed[n], m->m_url))
			continue;
		if (channel_eq(&listed[n++], src))
			contact_registered(p, id, ok, m, src);
	}
	clients_retain(p->clients, id, listed, n);
}

/* The connection of a stream went with the process that had it. */
void binding_recalled(struct proxy *p, const struct binding_told *t)
{
	struct channel at;

	if (!t->expires || registration_channel(&at, t->url) ||
	    clients_live(&(struct channel){at.addr, at.transport, 0, 0},
			 p->clients, t->id))
		return;
	if (put(p, t, &at, true))
		return;
	p->n.bindings_recalled++;
	if (transport_is_stream(at.transport))
		pinholes_mark(p->pinholes, &at, "connection lost in a restart");
}

void binding_reached(struct channel *dest, struct proxy *p, const char *id,
		     const url_t *url)
{
	const struct binding_told t = {.id = id, .url = url, .expires = KEPT_S};

	if (!clients_live(dest, p->clients, id))
		(void)put(p, &t, dest, false);
}
