#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/registration.h"

/* A host name of RFC 1035 and a port. */
enum { OWN_MAX = 255 + sizeof(":65535") };

static bool is_sip(const url_t *url)
{
	return url->url_type == url_sip || url->url_type == url_sips;
}

/* A host name, an IPv4 address or an IPv6 reference in brackets. */
static bool is_host(const char *p, size_t len)
{
	const char *allowed = ".-_";

	if (len > 2 && p[0] == '[' && p[len - 1] == ']') {
		struct addr a;

		return addr_set(&a, p, len, 0) == 0;
	}
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)p[i]) && !strchr(allowed, p[i]))
			return false;
	}
	return len > 0;
}

/* Digits up to the end, 1-65535; a phone may write none behind its colon. */
static bool is_port(const char *p)
{
	size_t len = strspn(p, "0123456789");

	if (p[len] != '\0' || len > 5)
		return false;
	return len == 0 ||
	       (strtoul(p, NULL, 10) > 0 && strtoul(p, NULL, 10) <= UINT16_MAX);
}

/* Cut a mark in two; *port is NULL where the phone wrote none. */
static int split_own(char *own, const char **port)
{
	char *from = own[0] == '[' ? strchr(own, ']') : own;
	char *colon = from ? strchr(from, ':') : NULL;
	size_t len = colon ? (size_t)(colon - own) : strlen(own);

	if (!is_host(own, len) || (colon && !is_port(colon + 1)))
		return -ENOENT;
	if (colon)
		*colon = '\0';
	*port = colon ? colon + 1 : NULL;
	return 0;
}

static int read_mark(char own[OWN_MAX], const char **port, const url_t *url)
{
	int n;

	if (!is_sip(url))
		return -ENOENT;
	n = sipmsg_url_param(own, OWN_MAX, url,
			     proto_uri_param_name(PROTO_OWN));
	return n < 0 ? -ENOENT : split_own(own, port);
}

static int set_word(su_home_t *home, url_t *url, enum proto_uri_param word,
		    const char *value)
{
	return sipmsg_url_param_set(home, url, proto_uri_param_name(word),
				    value);
}

static int set_channel(su_home_t *home, url_t *url,
		       const struct channel *observed, bool natted)
{
	bool stream = transport_is_stream(observed->transport);
	int err = set_word(home, url, PROTO_CHANNEL,
			   stream ? transport_name(observed->transport) : NULL);

	if (!err)
		err = set_word(home, url, PROTO_PUBLIC, natted ? NULL : "");
	return err ? err : sipmsg_url_set_addr(home, url, &observed->addr);
}

int registration_mark(su_home_t *home, url_t *contact,
		      const struct channel *observed, bool natted)
{
	const char *port = contact->url_port;
	char *own;
	int err;

	if (!is_sip(contact) || !contact->url_host)
		return 0;
	own = su_sprintf(home, "%s%s%s", contact->url_host, port ? ":" : "",
			 port ? port : "");
	if (!own)
		return -ENOMEM;
	err = set_word(home, contact, PROTO_OWN, own);
	return err ? err : set_channel(home, contact, observed, natted);
}

bool registration_marked(const url_t *url)
{
	char own[OWN_MAX];
	const char *port;

	return read_mark(own, &port, url) == 0;
}

bool registration_natted(const url_t *url)
{
	char value[2];

	return registration_marked(url) &&
	       sipmsg_url_param(value, sizeof(value), url,
				proto_uri_param_name(PROTO_PUBLIC)) == -ENOENT;
}

/* The address that stands there, of the connection's transport. */
static int read_channel(struct channel *ch, const url_t *url)
{
	char name[8];
	struct channel out = {.transport = TRANSPORT_UDP};
	int n = sipmsg_url_param(name, sizeof(name), url,
				 proto_uri_param_name(PROTO_CHANNEL));

	if (n != -ENOENT &&
	    (n < 0 || transport_parse(&out.transport, name, (size_t)n)))
		return -EINVAL;
	if (sipmsg_url_addr(&out.addr, url))
		return -EINVAL;
	*ch = out;
	return 0;
}

int registration_channel(struct channel *ch, const url_t *url)
{
	return registration_marked(url) && !read_channel(ch, url) ? 0 : -ENOENT;
}

int registration_restore(su_home_t *home, url_t *url, struct channel *observed)
{
	struct channel stood = {0};
	const char *own_port;
	char own[OWN_MAX];
	char *host, *port;
	int err;

	err = read_mark(own, &own_port, url);
	if (err)
		return err;
	if (read_channel(&stood, url))
		memset(&stood, 0, sizeof(stood));
	host = su_strdup(home, own);
	port = own_port ? su_strdup(home, own_port) : NULL;
	if (!host || (own_port && !port))
		return -ENOMEM;
	err = set_word(home, url, PROTO_OWN, NULL);
	if (!err)
		err = set_word(home, url, PROTO_CHANNEL, NULL);
	if (!err)
		err = set_word(home, url, PROTO_PUBLIC, NULL);
	if (err)
		return err;
	url->url_host = host;
	url->url_port = port;
	if (observed)
		*observed = stood;
	return 0;
}

int registration_add_path(msg_t *msg, const struct addr *self,
			  const char *token)
{
	sip_t *sip = sip_object(msg);
	char buf[ADDR_STRLEN];
	msg_header_t *path;

	path = msg_header_format(msg_home(msg), sip_path_class,
				 "<sip:%s%s%s;lr%s>", token ? token : "",
				 token ? "@" : "", addr_str(buf, self),
				 token ? ";ob" : "");
	if (!path)
		return -ENOMEM;
	/* Path is prepended by its class: the new one becomes the top. */
	if (msg_header_prepend(msg, (msg_pub_t *)sip,
			       (msg_header_t **)&sip->sip_path, path) < 0)
		return -ENOMEM;
	return 0;
}

bool registration_keeps_flow(const sip_t *sip)
{
	const sip_path_t *first = sip->sip_path;

	while (first && first->r_next)
		first = first->r_next;
	return first && url_has_param(first->r_url, "ob");
}

int registration_serving(struct addr *proxy, const sip_t *sip)
{
	if (!sip->sip_path)
		return -ENOENT;
	return sipmsg_url_addr(proxy, sip->sip_path->r_url) ? -EBADMSG : 0;
}
