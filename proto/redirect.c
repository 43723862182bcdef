#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/redirect.h"

enum {
	STATUS_MOVED = 302,
	Q_MAX = 1000,
	CONTACT_MAX = REDIRECT_URL_MAX + 32, /* name, <>, q, line end */
};

static bool is_sip(const url_t *url)
{
	return url->url_type == url_sip || url->url_type == url_sips;
}

/* A host name, an IPv4 address or an IPv6 reference. */
static bool is_domain(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++) {
		if (!isalnum((unsigned char)*s) && !strchr(".-_:[]", *s))
			return false;
	}
	return true;
}

/* RFC 3261 25.1: what needs no escape anywhere. */
static bool is_unreserved(int c)
{
	return isalnum(c) || (c != 0 && strchr("-_.!~*'()", c));
}

static void add_user(struct strbuf *out, const char *user)
{
	for (; *user; user++) {
		unsigned byte;
		char hex[3];

		size_t plain = strcspn(user, "%");

		if (plain) {
			strbuf_add(out, user, plain);
			user += plain - 1;
			continue;
		}
		if (!isxdigit((unsigned char)user[1]) ||
		    !isxdigit((unsigned char)user[2])) {
			strbuf_add(out, user, 1);
			continue;
		}
		memcpy(hex, user + 1, 2);
		hex[2] = '\0';
		byte = (unsigned)strtoul(hex, NULL, 16);
		if (is_unreserved((int)byte))
			strbuf_printf(out, "%c", (int)byte);
		else
			strbuf_printf(out, "%%%02X", byte);
		user += 2;
	}
}

/* The two halves of an id; -EINVAL where it is none. */
static int split_id(char user[REDIRECT_ID_MAX], const char **domain,
		    const char *id)
{
	const char *at = strrchr(id, '@');
	size_t len = at ? (size_t)(at - id) : 0;

	if (len == 0 || len >= REDIRECT_ID_MAX || !is_domain(at + 1) ||
	    !proto_text_ok(id, " <>\""))
		return -EINVAL;
	memcpy(user, id, len);
	user[len] = '\0';
	*domain = at + 1;
	return 0;
}

static unsigned parse_q(const char *q)
{
	return q ? sip_q_value(q) : Q_MAX;
}

/* Behind all of the same or a better q; the worst falls off the end. */
static size_t insert_target(struct redirect_target *t, size_t n, size_t max,
			    const struct redirect_target *one)
{
	size_t i = n;

	while (i > 0 && t[i - 1].q < one->q)
		i--;
	if (i >= max)
		return n;
	if (n == max)
		n--;
	memmove(&t[i + 1], &t[i], (n - i) * sizeof(*t));
	t[i] = *one;
	return n + 1;
}

/* RFC 3261 25.1: other characters are escaped. */
static bool is_ascii(const char *s)
{
	while (*s && !(*s & 0x80))
		s++;
	return !*s;
}

int redirect_client_id(char id[REDIRECT_ID_MAX], const url_t *url)
{
	char domain[REDIRECT_ID_MAX];
	struct strbuf sb;
	int n;

	if (!is_sip(url) || !url->url_user || !url->url_user[0] ||
	    !is_ascii(url->url_user) || !url->url_host)
		return -EINVAL;
	n = sipmsg_url_param(domain, sizeof(domain), url,
			     proto_uri_param_name(PROTO_DOMAIN));
	if (n == -EMSGSIZE)
		return n;
	if (n < 0) {
		if (strlen(url->url_host) >= sizeof(domain))
			return -EMSGSIZE;
		strcpy(domain, url->url_host);
	}
	if (!is_domain(domain))
		return -EINVAL;
	strbuf_init(&sb, id, REDIRECT_ID_MAX);
	add_user(&sb, url->url_user);
	strbuf_str(&sb, "@");
	for (char *c = domain; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	strbuf_str(&sb, domain);
	return strbuf_err(&sb);
}

int redirect_client_id_text(char id[REDIRECT_ID_MAX], const char *text)
{
	char uri[REDIRECT_ID_MAX + sizeof("sip:")];
	struct strbuf sb;
	url_t url;

	strbuf_init(&sb, uri, sizeof(uri));
	strbuf_printf(&sb, "sip:%s", text);
	if (strbuf_err(&sb))
		return -EMSGSIZE;
	if (!proto_text_ok(text, " \t<>\"") || url_d(&url, uri) ||
	    url.url_params || url.url_headers || url.url_port ||
	    url.url_password)
		return -EINVAL;
	return redirect_client_id(id, &url);
}

int redirect_query_make(msg_t *msg, const struct addr *redirect, const char *id)
{
	sip_request_t *rq = sip_object(msg)->sip_request;
	su_home_t *home = msg_home(msg);
	char user[REDIRECT_ID_MAX];
	const char *domain;
	int err;

	err = split_id(user, &domain, id);
	if (err)
		return err;
	rq->rq_url->url_user = su_strdup(home, user);
	if (!rq->rq_url->url_user)
		return -ENOMEM;
	err = sipmsg_url_set_addr(home, rq->rq_url, redirect);
	if (!err)
		err = sipmsg_url_param_set(home, rq->rq_url,
					   proto_uri_param_name(PROTO_DOMAIN),
					   domain);
	msg_fragment_clear(rq->rq_common);
	return err;
}

int redirect_proxy_url(char url[REDIRECT_URL_MAX], const char *id,
		       const struct addr *proxy)
{
	char user[REDIRECT_ID_MAX], buf[ADDR_STRLEN];
	const char *domain;
	struct strbuf sb;
	int err;

	err = split_id(user, &domain, id);
	if (err)
		return err;
	strbuf_init(&sb, url, REDIRECT_URL_MAX);
	strbuf_printf(&sb, "sip:%s@%s", user, addr_str(buf, proxy));
	sipmsg_param_add(&sb, proto_uri_param_name(PROTO_DOMAIN), domain);
	return strbuf_err(&sb);
}

/* q with its three decimals. */
static void add_contact(struct strbuf *sb, const struct redirect_target *t)
{
	const char decimals[] = {(char)('0' + t->q / 100 % 10),
				 (char)('0' + t->q / 10 % 10),
				 (char)('0' + t->q % 10), '\0'};

	strbuf_str(sb, "Contact: <");
	strbuf_str(sb, t->url);
	strbuf_str(sb, t->q == Q_MAX ? ">;q=1." : ">;q=0.");
	strbuf_str(sb, decimals);
	strbuf_str(sb, "\r\n");
}

int redirect_answer_print(struct strbuf *out, const sip_t *req,
			  const struct redirect_target *targets, size_t n)
{
	char contacts[REDIRECT_TARGETS_MAX * CONTACT_MAX];
	char tag[PROTO_TAG_LEN];
	struct strbuf sb;

	if (n == 0)
		return -EINVAL;
	strbuf_init(&sb, contacts, sizeof(contacts));
	for (size_t i = 0; i < n; i++) {
		const struct redirect_target *t = &targets[i];

		if (!proto_text_ok(t->url, " <>\"") || t->q > Q_MAX)
			return -EINVAL;
		add_contact(&sb, t);
	}
	if (strbuf_err(&sb))
		return -EMSGSIZE;
	return sipmsg_reply(out, req,
			    &(struct sipmsg_reply){
				    .status = STATUS_MOVED,
				    .to_tag = proto_reply_tag(tag, req),
				    .extra = contacts,
			    });
}

int redirect_contacts_parse(struct redirect_target *targets, size_t max,
			    const sip_t *sip)
{
	size_t n = 0;

	for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next) {
		struct redirect_target one = {.q = parse_q(m->m_q)};
		issize_t len;

		if (!is_sip(m->m_url))
			continue;
		len = url_e(one.url, sizeof(one.url), m->m_url);
		if (len > 0 && (size_t)len < sizeof(one.url))
			n = insert_target(targets, n, max, &one);
	}
	return (int)n;
}

int redirect_answer_parse(struct redirect_target *targets, size_t max,
			  const sip_t *sip)
{
	int n = 0;

	if (sip->sip_status && sip->sip_status->st_status == STATUS_MOVED)
		n = redirect_contacts_parse(targets, max, sip);
	return n > 0 ? n : -EBADMSG;
}

/* A parameter of the Request-URI; "" is one without a value. */
static int query_set(msg_t *query, enum proto_uri_param p, const char *value)
{
	sip_request_t *rq = sip_object(query)->sip_request;

	msg_fragment_clear(rq->rq_common);
	return sipmsg_url_param_set(msg_home(query), rq->rq_url,
				    proto_uri_param_name(p), value);
}

static bool query_marked(const sip_t *sip, enum proto_uri_param p)
{
	return url_has_param(sip->sip_request->rq_url, proto_uri_param_name(p));
}

int redirect_query_limit(msg_t *query)
{
	return query_set(query, PROTO_SERVED, "");
}

bool redirect_query_limited(const sip_t *sip)
{
	return query_marked(sip, PROTO_SERVED);
}

int redirect_query_vouch(msg_t *query)
{
	return query_set(query, PROTO_VOUCHED, "");
}

bool redirect_query_vouched(const sip_t *sip)
{
	return query_marked(sip, PROTO_VOUCHED);
}

int redirect_query_abroad(msg_t *query, const url_t *url)
{
	char id[REDIRECT_ID_MAX];

	return query_set(query, PROTO_ABROAD,
			 redirect_client_id(id, url) ? url->url_host : id);
}

int redirect_query_abroad_id(char id[REDIRECT_ID_MAX], const sip_t *sip)
{
	char text[REDIRECT_ID_MAX];
	int n = sipmsg_url_param(text, sizeof(text), sip->sip_request->rq_url,
				 proto_uri_param_name(PROTO_ABROAD));

	if (n == -ENOENT)
		return n;
	if (n < 0 || redirect_client_id_text(id, text))
		id[0] = '\0';
	return 0;
}
