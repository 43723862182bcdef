#include <errno.h>
#include <ifaddrs.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/netset.h"
#include "common/table.h"
#include "proto/pool.h"
#include "proto/redirect.h"
#include "redirectd/registration.h"
#include "redirectd/store.h"

#include "redirectd/conf.h"

enum { YEAR = 365 * 24 * 3600 };

/* "user@domain" in the spelling that redirect_client_id() gives. */
static int client_id(char id[REDIRECT_ID_MAX], const char *value)
{
	char text[REDIRECT_ID_MAX + sizeof("sip:")];
	url_t url;
	int n = snprintf(text, sizeof(text), "sip:%s", value);

	if (n < 0 || (size_t)n >= sizeof(text) || url_d(&url, text) ||
	    url.url_params || url.url_headers || url.url_port)
		return -EINVAL;
	return redirect_client_id(id, &url);
}

static int check_client(const char *value, char *why, size_t len)
{
	char id[REDIRECT_ID_MAX];

	if (!client_id(id, value))
		return 0;
	(void)snprintf(why, len, "a client id like alice@example.com");
	return -EINVAL;
}

static int check_cluster(const char *value, char *why, size_t len)
{
	if (pool_cluster_ok(value))
		return 0;
	(void)snprintf(why, len, "a name like pinhole or relays.example.com");
	return -EINVAL;
}

#define KEY(field) offsetof(struct redirectd_conf, field)

const struct conf_key redirectd_keys[] = {
	{"listen", CONF_STRING, KEY(listen), "\"udp:127.0.0.1:5062\"", 0, 0,
	 conf_check_listen, false, "where the proxies reach this directory"},
	{"trusted", CONF_STRINGS, KEY(trusted), "[]", 0, 0, conf_check_cidr,
	 true, "networks of the proxies (CIDR); empty: this host alone"},
	{"store", CONF_STRING, KEY(store), "\"memory\"", 0, 0, store_check,
	 false, "memory, or sqlite:PATH to keep registrations over a restart"},
	{"clients", CONF_STRINGS, KEY(clients), "[]", 0, 0, check_client, true,
	 "client ids answered 480 instead of 404 before they ever register"},
	{"known.max", CONF_INT, KEY(known_max), "100000", 1, 10000000, NULL,
	 false, "client ids remembered, registered or not"},
	{"expires.default", CONF_INT, KEY(expires_default), "3600", 1, YEAR,
	 NULL, true, "seconds granted to a phone that asks for none"},
	{"expires.min", CONF_INT, KEY(expires_min), "60", 1, YEAR, NULL, true,
	 "seconds; a phone that asks for less is told so (423)"},
	{"expires.max", CONF_INT, KEY(expires_max), "7200", 1, YEAR, NULL, true,
	 "seconds; a phone that asks for more gets this"},
	{"contacts.max", CONF_INT, KEY(contacts_max), "10", 1, BINDINGS_MAX,
	 NULL, true, "bindings of one client id"},
	{"pool.clusters", CONF_STRINGS, KEY(pool_clusters), "[\"pinhole\"]", 0,
	 0, check_cluster, true,
	 "pools of relays kept here; relay@NAME is no client id"},
	{"pool.trusted", CONF_STRINGS, KEY(pool_trusted), "[]", 0, 0,
	 conf_check_cidr, true,
	 "networks of the relays (CIDR), which may join and nothing else; "
	 "empty: those of trusted"},
	{"trace.calls", CONF_INT, KEY(trace_calls), "200", 0, 100000, NULL,
	 false, "how many recent calls keep their messages for /api/trace"},
	{"http", CONF_STRING, KEY(http), "\"127.0.0.1:8092\"", 0, 0,
	 conf_check_addr, false, "admin HTTP: /metrics /healthz /readyz /api/"},
	{"log", CONF_STRING, KEY(log), "\"info\"", 0, 0, conf_check_log, true,
	 "debug, info, warn or error"},
};
const size_t redirectd_nkeys =
	sizeof(redirectd_keys) / sizeof(redirectd_keys[0]);

int redirectd_conf_check(const void *conf, char err[CONF_ERRLEN])
{
	const struct redirectd_conf *c = conf;

	if (c->expires_min <= c->expires_default &&
	    c->expires_default <= c->expires_max)
		return 0;
	(void)snprintf(err, CONF_ERRLEN,
		       "expires: expected min <= default <= max, found %lld, "
		       "%lld, %lld",
		       (long long)c->expires_min, (long long)c->expires_default,
		       (long long)c->expires_max);
	return -EINVAL;
}

static int add_own(struct netset *set)
{
	struct ifaddrs *list, *ifa;
	char text[ADDR_STRLEN];
	struct addr a;
	int err = 0;

	if (getifaddrs(&list))
		return -errno;
	for (ifa = list; ifa && !err; ifa = ifa->ifa_next)
		if (ifa->ifa_addr && !addr_from_sa(&a, ifa->ifa_addr))
			err = netset_add(set, addr_ip_str(text, &a));
	freeifaddrs(list);
	if (!err)
		err = netset_add(set, "127.0.0.0/8");
	if (!err)
		err = netset_add(set, "::1");
	return err;
}

int redirectd_conf_trusted(struct netset **setp, const struct redirectd_conf *c)
{
	struct netset *set;
	size_t i;
	int err = netset_alloc(&set);

	if (err)
		return err;
	for (i = 0; i < c->trusted.n && !err; i++)
		err = netset_add(set, c->trusted.v[i]);
	if (!c->trusted.n)
		err = add_own(set);
	if (err) {
		netset_free(set);
		return err;
	}
	*setp = set;
	return 0;
}

int redirectd_conf_pool(struct netset **setp, const struct redirectd_conf *c)
{
	struct netset *set;
	int err;

	if (!c->pool_trusted.n)
		return redirectd_conf_trusted(setp, c);
	err = netset_alloc(&set);
	if (err)
		return err;
	for (size_t i = 0; i < c->pool_trusted.n && !err; i++)
		err = netset_add(set, c->pool_trusted.v[i]);
	if (err)
		netset_free(set);
	else
		*setp = set;
	return err;
}

int redirectd_conf_clients(struct table **tp, const struct redirectd_conf *c)
{
	static char present;
	char id[REDIRECT_ID_MAX];
	struct table *t;
	size_t i;
	int err = table_alloc(&t, c->clients.n + 1);

	if (err)
		return err;
	for (i = 0; i < c->clients.n && !err; i++) {
		err = client_id(id, c->clients.v[i]);
		if (!err)
			err = table_put(t, id, strlen(id), &present);
		if (err == -EEXIST)
			err = 0;
	}
	if (err) {
		table_free(t);
		return err;
	}
	*tp = t;
	return 0;
}

void redirectd_conf_limits(struct registration_limits *lim,
			   const struct redirectd_conf *c)
{
	lim->expires_default = (uint32_t)c->expires_default;
	lim->expires_min = (uint32_t)c->expires_min;
	lim->expires_max = (uint32_t)c->expires_max;
	lim->contacts_max = (size_t)c->contacts_max;
}
