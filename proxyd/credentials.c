#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "common/recent.h"
#include "proxyd/conf.h"
#include "proxyd/proxy.h"
#include "proxyd/request.h"
#include "proxyd/strip.h"

#include "proxyd/credentials.h"

enum {
	REALMS_MAX = 64,
	REALM_KEEP_MS = 7 * 24 * 3600 * 1000, /* without a word of it */
	ASKED_MS = 10 * 60 * 1000, /* a query that was challenged is news */
};

struct credentials {
	struct recent *realms; /* in lower case; no values */
	uint64_t asked_until;
};

int credentials_alloc(struct credentials **cp)
{
	struct credentials *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	err = recent_alloc(&c->realms, REALMS_MAX, 1, REALM_KEEP_MS);
	if (err) {
		free(c);
		return err;
	}
	*cp = c;
	return 0;
}

void credentials_free(struct credentials *c)
{
	if (c)
		recent_free(c->realms);
	free(c);
}

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static bool is_domain(const struct proxy *p, const char *name)
{
	const struct conf_strings *domains = &p->conf->domains;

	for (size_t i = 0; i < domains->n; i++)
		if (!strcasecmp(name, domains->v[i]))
			return true;
	return false;
}

/* The domain that the sender of a message says to be of. */
static const char *domain_of(const sip_t *sip)
{
	const char *host = sip->sip_from->a_url->url_host;

	return host ? host : "";
}

/* Who speaks, for strip_credentials(). */
struct looking {
	struct proxy *p;
	const char *domain;
};

/* Without domains every name is served, so that of the sender is. */
static bool is_ours(const char *realm, const void *arg)
{
	const struct looking *l = arg;
	struct proxy *p = l->p;
	char key[STRIP_REALM_MAX];

	if (is_domain(p, realm) ||
	    (!p->conf->domains.n && !strcasecmp(realm, l->domain)))
		return true;
	(void)snprintf(key, sizeof(key), "%s", realm);
	lower(key);
	return recent_get(p->credentials->realms, proxy_now(p), key,
			  strlen(key)) != NULL;
}

static void learn(const struct request *r, const msg_auth_t *asks)
{
	struct proxy *p = r->p;
	char realm[STRIP_REALM_MAX];

	for (; asks; asks = asks->au_next) {
		if (strip_realm(realm, asks) || is_domain(p, realm))
			continue;
		if (p->conf->domains.n && !strcasecmp(realm, domain_of(r->sip)))
			continue;
		lower(realm);
		(void)recent_put(p->credentials->realms, proxy_now(p), realm,
				 strlen(realm));
	}
}

void credentials_answered(const struct request *r, int status,
			  const sip_t *answer)
{
	struct proxy *p = r->p;

	if (status != 401 && status != 407)
		return;
	learn(r, answer->sip_www_authenticate);
	learn(r, answer->sip_proxy_authenticate);
	if (r->method != sip_method_register)
		p->credentials->asked_until = proxy_now(p) + ASKED_MS;
}

static bool has_ours(struct proxy *p, const sip_t *sip, const msg_auth_t *list)
{
	const struct looking l = {p, domain_of(sip)};
	char realm[STRIP_REALM_MAX];

	for (; list; list = list->au_next)
		if (!strip_realm(realm, list) && is_ours(realm, &l))
			return true;
	return false;
}

bool credentials_missing(const struct request *r)
{
	struct proxy *p = r->p;

	return proxy_now(p) < p->credentials->asked_until &&
	       !has_ours(p, r->sip, r->sip->sip_proxy_authorization) &&
	       !has_ours(p, r->sip, r->sip->sip_authorization);
}

void credentials_strip(struct proxy *p, msg_t *msg)
{
	const struct looking l = {p, domain_of(sip_object(msg))};

	p->n.credentials_kept += strip_credentials(msg, is_ours, &l);
}
