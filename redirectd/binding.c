#include <stdlib.h>
#include <string.h>

#include "common/sipmsg.h"
#include "proto/dialect.h"

#include "redirectd/binding.h"

enum { PARAM_MAX = 128 };

/* A Contact URI taken apart. */
struct contact {
	char text[REDIRECT_URL_MAX];
	url_t url;
	char own[PARAM_MAX]; /* "": not behind a NAT */
};

static int contact_parse(struct contact *c, const char *text)
{
	size_t len = strlen(text);

	if (len >= sizeof(c->text))
		return -1;
	memcpy(c->text, text, len + 1);
	if (url_d(&c->url, c->text))
		return -1;
	if (sipmsg_url_param(c->own, sizeof(c->own), &c->url,
			     proto_uri_param_name(PROTO_OWN)) < 0)
		c->own[0] = '\0';
	return 0;
}

static bool str_eq(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

/* Equal, or absent in both. */
static bool param_eq(const struct contact *a, const struct contact *b,
		     const char *name)
{
	char va[PARAM_MAX], vb[PARAM_MAX];
	int la = sipmsg_url_param(va, sizeof(va), &a->url, name);
	int lb = sipmsg_url_param(vb, sizeof(vb), &b->url, name);

	if (la < 0 || lb < 0)
		return la < 0 && lb < 0;
	return !strcasecmp(va, vb);
}

static bool nat_ip_eq(const struct contact *a, const struct contact *b)
{
	struct addr na, nb;

	return !sipmsg_url_addr(&na, &a->url) &&
	       !sipmsg_url_addr(&nb, &b->url) && addr_ip_eq(&na, &nb);
}

static bool same_natted(const struct binding *a, const struct contact *ca,
			const struct binding *b, const struct contact *cb)
{
	if (!str_eq(ca->url.url_user, cb->url.url_user) ||
	    strcasecmp(ca->own, cb->own) || !param_eq(ca, cb, "transport") ||
	    !addr_eq(&a->serving, &b->serving))
		return false;
	if (*a->instance || *b->instance)
		return str_eq(a->instance, b->instance);
	return nat_ip_eq(ca, cb) || str_eq(a->call_id, b->call_id);
}

static bool same_plain(const struct contact *a, const struct contact *b)
{
	static const char *const matter[] = {"transport", "user", "method",
					     "maddr"};
	size_t i;

	if (url_cmp(&a->url, &b->url))
		return false;
	for (i = 0; i < sizeof(matter) / sizeof(matter[0]); i++)
		if (!param_eq(a, b, matter[i]))
			return false;
	return true;
}

bool binding_same(const struct binding *a, const struct binding *b)
{
	struct contact ca, cb;

	if (*a->instance && *b->instance && a->reg_id && b->reg_id)
		return a->reg_id == b->reg_id &&
		       str_eq(a->instance, b->instance);
	if (contact_parse(&ca, a->url) || contact_parse(&cb, b->url))
		return str_eq(a->url, b->url);
	if (*ca.own && *cb.own)
		return same_natted(a, &ca, b, &cb);
	return !*ca.own && !*cb.own && same_plain(&ca, &cb);
}

static int compare(const void *pa, const void *pb)
{
	const struct binding *a = pa, *b = pb;

	if (a->q != b->q)
		return a->q > b->q ? -1 : 1;
	if (a->registered != b->registered)
		return a->registered > b->registered ? -1 : 1;
	return strcmp(a->url, b->url);
}

void binding_sort(struct binding *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare);
}

static const char *put_str(char **at, const char *str)
{
	size_t len = strlen(str) + 1;
	char *copy = memcpy(*at, str, len);

	*at += len;
	return copy;
}

struct binding *binding_copy(const struct binding *v, size_t n)
{
	size_t i, len = n * sizeof(*v);
	struct binding *copy;
	char *at;

	for (i = 0; i < n; i++)
		len += strlen(v[i].url) + strlen(v[i].instance) +
		       strlen(v[i].call_id) + strlen(v[i].path) + 4;
	copy = malloc(len);
	if (!copy)
		return NULL;
	at = (char *)(copy + n);
	for (i = 0; i < n; i++) {
		copy[i] = v[i];
		copy[i].url = put_str(&at, v[i].url);
		copy[i].instance = put_str(&at, v[i].instance);
		copy[i].call_id = put_str(&at, v[i].call_id);
		copy[i].path = put_str(&at, v[i].path);
	}
	return copy;
}

uint32_t binding_left(const struct binding *b, dir_time now)
{
	return b->expires > now ? (uint32_t)((b->expires - now + 999) / 1000)
				: 0;
}
