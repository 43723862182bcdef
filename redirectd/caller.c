#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/siphash.h"
#include "common/strbuf.h"

#include "redirectd/caller.h"

enum { URI_MAX = 512 };

#define ANONYMOUS "anonymous.invalid"

static bool is_sip(const url_t *url)
{
	return url->url_type == url_sip || url->url_type == url_sips;
}

/* The host of a SIP URI, "" where it has none or it is too long. */
static void read_domain(char domain[REDIRECT_ID_MAX], const url_t *url)
{
	const char *host = is_sip(url) && url->url_host ? url->url_host : "";
	size_t i, len = strlen(host);

	len = len < REDIRECT_ID_MAX ? len : 0;
	for (i = 0; i < len; i++)
		domain[i] = (char)tolower((unsigned char)host[i]);
	domain[i] = '\0';
}

static void read_id(char id[REDIRECT_ID_MAX], const url_t *url)
{
	if (redirect_client_id(id, url))
		id[0] = '\0';
}

bool caller_is_behind_proxy(const sip_t *sip)
{
	return sip->sip_via && sip->sip_via->v_next;
}

int caller_read(struct caller *c, const sip_t *sip)
{
	const sip_request_t *rq = sip->sip_request;
	const url_t *url;

	memset(c, 0, sizeof(*c));
	c->registers = rq->rq_method == sip_method_register;
	url = c->registers ? sip->sip_to->a_url : sip->sip_from->a_url;
	read_domain(c->domain, url);
	if (strcmp(c->domain, ANONYMOUS))
		read_id(c->id, url);
	if (!c->registers && redirect_query_abroad_id(c->asked, sip))
		read_id(c->asked, rq->rq_url);
	if (caller_is_behind_proxy(sip) &&
	    sipmsg_via_dest(&c->src, sip->sip_via->v_next))
		memset(&c->src, 0, sizeof(c->src));
	return c->registers && !*c->id ? -EINVAL : 0;
}

int caller_name(struct caller *c, const char *name, const char *realm)
{
	char text[REDIRECT_ID_MAX];
	struct strbuf sb;

	strbuf_init(&sb, text, sizeof(text));
	strbuf_str(&sb, name);
	if (!strchr(name, '@'))
		strbuf_printf(&sb, "@%s", realm);
	if (strbuf_err(&sb) || redirect_client_id_text(c->id, text)) {
		c->id[0] = '\0';
		return -EINVAL;
	}
	return 0;
}

static bool same_user(const char *id, const char *asked)
{
	size_t len = (size_t)(strrchr(id, '@') - id);

	return len == (size_t)(strrchr(asked, '@') - asked) &&
	       memcmp(id, asked, len) == 0;
}

bool caller_means(const struct caller *c, const char *uri)
{
	char text[URI_MAX], id[REDIRECT_ID_MAX];
	url_t url;

	if (!*c->asked)
		return true;
	if (strlen(uri) >= sizeof(text))
		return false;
	strcpy(text, uri);
	if (url_d(&url, text) || !is_sip(&url) || !url.url_host)
		return false;
	if (!url.url_user)
		return true;
	return !redirect_client_id(id, &url) && same_user(id, c->asked);
}

static uint64_t mix(uint64_t sum, const void *data, size_t len)
{
	const uint64_t both[] = {sum, siphash_secret(data, len)};

	return siphash_secret(both, sizeof(both));
}

static uint64_t mix_text(uint64_t sum, const char *text)
{
	return text ? mix(sum, text, strlen(text)) : mix(sum, "", 1);
}

/* What a REGISTER would do: nobody may do something else by its credentials. */
static uint64_t mix_contacts(uint64_t sum, const sip_t *sip)
{
	const sip_expires_t *ex = sip->sip_expires;
	char url[REDIRECT_URL_MAX] = "";
	issize_t len;

	for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next) {
		len = url_e(url, sizeof(url), m->m_url);
		url[sizeof(url) - 1] = '\0';
		sum = mix_text(mix(sum, &len, sizeof(len)), url);
		sum = mix_text(sum, m->m_expires);
	}
	return ex ? mix(sum, &ex->ex_delta, sizeof(ex->ex_delta)) : sum;
}

uint64_t caller_request(const struct caller *c, const sip_t *sip)
{
	const sip_via_t *via = sip->sip_via->v_next;
	const sip_cseq_t *cseq = sip->sip_cseq;
	char src[ADDR_STRLEN];
	uint64_t sum = 0;

	sum = mix_text(sum, sip->sip_call_id->i_id);
	sum = mix(sum, &cseq->cs_seq, sizeof(cseq->cs_seq));
	sum = mix_text(sum, cseq->cs_method_name);
	sum = mix_text(sum, sip->sip_from->a_tag);
	sum = mix_text(sum, addr_str(src, &c->src));
	sum = mix_text(sum, via ? via->v_protocol : NULL);
	sum = mix_text(sum, c->asked);
	return c->registers ? mix_contacts(sum, sip) : sum;
}
