#include <errno.h>
#include <string.h>
#include <strings.h>

#include "proto/dialect.h"

#include "proxyd/strip.h"

static const char *const identity_headers[] = {
	"P-Asserted-Identity",
	"P-Preferred-Identity",
};

bool strip_url(su_home_t *home, url_t *url)
{
	bool found = false;
	char value[2];

	if (!url->url_params)
		return false;
	for (int i = 0; i < PROTO_URI_PARAM_COUNT; i++) {
		const char *name = proto_uri_param_name(i);

		if (sipmsg_url_param(value, sizeof(value), url, name) ==
		    -ENOENT)
			continue;
		found = true;
		(void)sipmsg_url_param_set(home, url, name, NULL);
	}
	return found;
}

/* A header that did not have any is sent on to the byte. */
static void strip(msg_t *msg, url_t *url, msg_common_t *header)
{
	if (strip_url(msg_home(msg), url))
		msg_fragment_clear(header);
}

static void strip_contacts(msg_t *msg)
{
	for (sip_contact_t *m = sip_object(msg)->sip_contact; m; m = m->m_next)
		strip(msg, m->m_url, m->m_common);
}

static void strip_record_routes(msg_t *msg)
{
	sip_t *sip = sip_object(msg);
	sip_record_route_t *next;

	for (sip_record_route_t *r = sip->sip_record_route; r; r = next) {
		next = r->r_next;
		if (strip_url(msg_home(msg), r->r_url))
			(void)sip_header_remove(msg, sip, (sip_header_t *)r);
	}
}

void strip_request(msg_t *msg, bool initial, bool foreign)
{
	sip_t *sip = sip_object(msg);

	if (!foreign) {
		strip_contacts(msg);
		strip_record_routes(msg);
	}
	strip(msg, sip->sip_from->a_url, sip->sip_from->a_common);
	strip(msg, sip->sip_to->a_url, sip->sip_to->a_common);
	if (initial)
		strip(msg, sip->sip_request->rq_url,
		      sip->sip_request->rq_common);
	for (sip_path_t *p = sip->sip_path; p; p = p->r_next)
		strip(msg, p->r_url, p->r_common);
	if (sip->sip_refer_to)
		strip(msg, sip->sip_refer_to->r_url,
		      sip->sip_refer_to->r_common);
	if (sip->sip_referred_by)
		strip(msg, sip->sip_referred_by->b_url,
		      sip->sip_referred_by->b_common);
}

void strip_response(msg_t *msg)
{
	strip_contacts(msg);
}

static bool says_identity(const sip_unknown_t *u)
{
	const size_t n = sizeof(identity_headers) / sizeof(identity_headers[0]);

	for (size_t i = 0; u->un_name && i < n; i++)
		if (!strcasecmp(u->un_name, identity_headers[i]))
			return true;
	return false;
}

void strip_identity(msg_t *msg)
{
	sip_t *sip = sip_object(msg);
	sip_unknown_t *next;

	for (sip_unknown_t *u = sip->sip_unknown; u; u = next) {
		next = u->un_next;
		if (says_identity(u))
			(void)sip_header_remove(msg, sip, (sip_header_t *)u);
	}
}

int strip_realm(char realm[STRIP_REALM_MAX], const msg_auth_t *auth)
{
	const char *s = auth->au_params
				? msg_params_find(auth->au_params, "realm=")
				: NULL;
	bool quoted = s && *s == '"';
	size_t n = 0;

	if (!s)
		return -ENOENT;
	for (s += quoted; *s && !(quoted && *s == '"'); s++) {
		if (quoted && *s == '\\' && s[1])
			s++;
		if (n + 1 == STRIP_REALM_MAX)
			return -EMSGSIZE;
		realm[n++] = *s;
	}
	realm[n] = '\0';
	return 0;
}

static unsigned strip_list(msg_t *msg, msg_auth_t *list, strip_ours_h *ours,
			   const void *arg)
{
	char realm[STRIP_REALM_MAX];
	msg_auth_t *next;
	unsigned n = 0;

	for (; list; list = next) {
		next = list->au_next;
		if (strip_realm(realm, list) || !ours(realm, arg))
			continue;
		(void)sip_header_remove(msg, sip_object(msg),
					(sip_header_t *)list);
		n++;
	}
	return n;
}

unsigned strip_credentials(msg_t *msg, strip_ours_h *ours, const void *arg)
{
	sip_t *sip = sip_object(msg);

	return strip_list(msg, sip->sip_proxy_authorization, ours, arg) +
	       strip_list(msg, sip->sip_authorization, ours, arg);
}
