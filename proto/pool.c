#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "common/strbuf.h"
#include "proto/dialect.h"

#include "proto/pool.h"

enum {
	MAX_FORWARDS = 70,
	STATUS_OK = 200,
	STATUS_MOVED = 302,
	/* "Contact: <sip:relay@[IPv6]:port>;q=0.500\r\n" */
	CONTACT_MAX = 128,
	SESSIONS_PER_Q = POOL_Q_ROOM / POOL_Q_MAX,
};

unsigned pool_q(uint64_t room)
{
	uint64_t q = room / SESSIONS_PER_Q + (room % SESSIONS_PER_Q != 0);

	return q > POOL_Q_MAX ? POOL_Q_MAX : (unsigned)q;
}

bool pool_cluster_ok(const char *cluster)
{
	if (!*cluster || strlen(cluster) >= REDIRECT_ID_MAX / 2)
		return false;
	for (; *cluster; cluster++)
		if (!isalnum((unsigned char)*cluster) &&
		    !strchr(".-_", *cluster))
			return false;
	return true;
}

int pool_cluster_check(const char *value, char *why, size_t len)
{
	if (pool_cluster_ok(value))
		return 0;
	(void)snprintf(why, len, "a name like pinhole or relays.example.com");
	return -EINVAL;
}

bool pool_is_direct(const sip_t *sip)
{
	return sip->sip_via && !sip->sip_via->v_next;
}

int pool_cluster(char cluster[REDIRECT_ID_MAX], const url_t *url)
{
	static const char user[] = PROTO_RELAY_USER "@";
	char id[REDIRECT_ID_MAX];
	int err;

	/* most are others, which is seen at once */
	if ((url->url_type == url_sip || url->url_type == url_sips) &&
	    url->url_user && *url->url_user && *url->url_user != *user &&
	    *url->url_user != '%')
		return -ENOENT;
	err = redirect_client_id(id, url);
	if (err)
		return err;
	if (strncmp(id, user, strlen(user)))
		return -ENOENT;
	strcpy(cluster, id + strlen(user));
	return 0;
}

static bool is_relay_url(struct addr *a, const url_t *url)
{
	return url->url_type == url_sip && url->url_user &&
	       !strcmp(url->url_user, PROTO_RELAY_USER) &&
	       !sipmsg_url_addr(a, url) && addr_port(a);
}

static int read_seconds(uint32_t *s, const char *text)
{
	char *end;
	unsigned long v;

	if (!text || !isdigit((unsigned char)*text))
		return -EBADMSG;
	v = strtoul(text, &end, 10);
	if (*end)
		return -EBADMSG;
	*s = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
	return 0;
}

int pool_join_parse(struct pool_join *j, const sip_t *sip)
{
	const sip_contact_t *m = sip->sip_contact;

	memset(j, 0, sizeof(*j));
	if (!m || m->m_next || !is_relay_url(&j->relay, m->m_url) ||
	    read_seconds(&j->expires, m->m_expires))
		return -EBADMSG;
	j->q = m->m_q ? sip_q_value(m->m_q) : POOL_Q_MAX;
	return j->q <= POOL_Q_MAX ? 0 : -EBADMSG;
}

static void add_contact(struct strbuf *out, const struct addr *at, unsigned q)
{
	char buf[ADDR_STRLEN];

	strbuf_printf(out, "Contact: <sip:" PROTO_RELAY_USER "@%s>;q=%u.%03u",
		      addr_str(buf, at), q / POOL_Q_MAX, q % POOL_Q_MAX);
}

static int reply(struct strbuf *out, const sip_t *req, int status,
		 const struct strbuf *contacts)
{
	char tag[PROTO_TAG_LEN];

	if (strbuf_err(contacts))
		return -EMSGSIZE;
	return sipmsg_reply(out, req,
			    &(struct sipmsg_reply){
				    .status = status,
				    .to_tag = proto_reply_tag(tag, req),
				    .extra = contacts->data,
			    });
}

int pool_join_answer_print(struct strbuf *out, const sip_t *req,
			   const struct pool_join *j)
{
	char contact[CONTACT_MAX];
	struct strbuf sb;

	strbuf_init(&sb, contact, sizeof(contact));
	if (j->expires) {
		add_contact(&sb, &j->relay, j->q);
		strbuf_printf(&sb, ";expires=%u\r\n", j->expires);
	}
	return reply(out, req, STATUS_OK, &sb);
}

int pool_join_answer_parse(uint32_t *expires, const sip_t *sip,
			   const struct addr *self)
{
	struct pool_join j;

	if (!sip->sip_status || sip->sip_status->st_status != STATUS_OK ||
	    pool_join_parse(&j, sip) || !addr_eq(&j.relay, self))
		return -EBADMSG;
	*expires = j.expires;
	return 0;
}

int pool_query_print(struct strbuf *out, const struct proto_hop *hop,
		     const struct relay_request *r, const char *cluster)
{
	char self[ADDR_STRLEN], to[ADDR_STRLEN];

	if (!pool_cluster_ok(cluster) || !proto_text_ok(r->call_id, " ") ||
	    !proto_text_ok(r->from_tag, " ;,") ||
	    !proto_text_ok(hop->branch, " ;,"))
		return -EINVAL;
	strbuf_printf(out, "OPTIONS sip:" PROTO_RELAY_USER "@%s",
		      addr_str(to, hop->to));
	sipmsg_param_add(out, proto_uri_param_name(PROTO_DOMAIN), cluster);
	strbuf_printf(out,
		      " SIP/2.0\r\n"
		      "Via: SIP/2.0/UDP %s;branch=%s;rport\r\n"
		      "Max-Forwards: %d\r\n"
		      "From: <sip:%s>;tag=%s\r\n"
		      "To: <sip:" PROTO_RELAY_USER "@%s>\r\n"
		      "Call-ID: %s\r\n"
		      "CSeq: %u OPTIONS\r\n"
		      "Content-Length: 0\r\n\r\n",
		      addr_str(self, hop->self), hop->branch, MAX_FORWARDS,
		      self, r->from_tag, cluster, r->call_id, r->cseq);
	return strbuf_err(out);
}

int pool_answer_print(struct strbuf *out, const sip_t *req,
		      const struct pool_relay *v, size_t n)
{
	char contacts[POOL_RELAYS_MAX * CONTACT_MAX];
	struct strbuf sb;

	if (n == 0 || n > POOL_RELAYS_MAX)
		return -EINVAL;
	strbuf_init(&sb, contacts, sizeof(contacts));
	for (size_t i = 0; i < n; i++) {
		add_contact(&sb, &v[i].at, v[i].q);
		strbuf_str(&sb, "\r\n");
	}
	return reply(out, req, STATUS_MOVED, &sb);
}

/* Behind all of the same or a better q. */
static void insert(struct pool_relay *v, size_t n, const struct pool_relay *one)
{
	size_t i = n;

	for (; i > 0 && v[i - 1].q < one->q; i--)
		v[i] = v[i - 1];
	v[i] = *one;
}

int pool_answer_parse(struct pool_relay v[POOL_RELAYS_MAX], const sip_t *sip)
{
	const sip_contact_t *m = sip->sip_contact;
	size_t n = 0;

	if (!sip->sip_status || sip->sip_status->st_status != STATUS_MOVED)
		return -EBADMSG;
	for (; m && n < POOL_RELAYS_MAX; m = m->m_next) {
		struct pool_relay one;

		if (!is_relay_url(&one.at, m->m_url))
			continue;
		one.q = m->m_q ? sip_q_value(m->m_q) : POOL_Q_MAX;
		if (one.q <= POOL_Q_MAX)
			insert(v, n++, &one);
	}
	return n > 0 ? (int)n : -EBADMSG;
}
