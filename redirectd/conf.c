#include <errno.h>
#include <ifaddrs.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/netset.h"
#include "common/table.h"
#include "proto/dialect.h"
#include "proto/pool.h"
#include "proto/redirect.h"
#include "redirectd/auth.h"
#include "redirectd/registration.h"
#include "redirectd/routes.h"
#include "redirectd/store.h"
#include "redirectd/user.h"

#include "redirectd/conf.h"

enum { YEAR = 365 * 24 * 3600 };

static int check_client(const char *value, char *why, size_t len)
{
	char id[REDIRECT_ID_MAX];

	if (!redirect_client_id_text(id, value))
		return 0;
	(void)snprintf(why, len, "a client id like alice@example.com");
	return -EINVAL;
}

/* It stands in quotes in a header. */
static int check_realm(const char *value, char *why, size_t len)
{
	if (strlen(value) < USER_REALM_MAX && proto_text_ok(value, "\t\"\\"))
		return 0;
	(void)snprintf(why, len,
		       "less than %d characters, none of them \" or \\",
		       USER_REALM_MAX);
	return -EINVAL;
}

static int check_required(const char *value, char *why, size_t len)
{
	enum auth_mode m;

	if (!auth_mode_find(&m, value))
		return 0;
	(void)snprintf(why, len, "auto, always or never");
	return -EINVAL;
}

static int check_algorithm(const char *value, char *why, size_t len)
{
	enum digest_algorithm a;

	if (*value && !digest_find(&a, value))
		return 0;
	(void)snprintf(why, len, "MD5, SHA-256 or SHA-512-256");
	return -EINVAL;
}

/* What can stand behind the "@" of a client id. */
static int check_domain(const char *value, char *why, size_t len)
{
	char id[REDIRECT_ID_MAX], text[REDIRECT_ID_MAX];
	int n = snprintf(text, sizeof(text), "a@%s", value);

	if (n > 0 && (size_t)n < sizeof(text) &&
	    !redirect_client_id_text(id, text))
		return 0;
	(void)snprintf(why, len, "a domain like example.com");
	return -EINVAL;
}

#define KEY(field) offsetof(struct redirectd_conf, field)

const struct conf_key redirectd_keys[] = {
	{"listen", CONF_STRING, KEY(listen), "\"udp:127.0.0.1:5062\"", 0, 0,
	 conf_check_listen, false, "where the proxies reach this directory"},
	{"trusted", CONF_STRINGS, KEY(trusted), "[]", 0, 0, conf_check_cidr,
	 true, "networks of the proxies (CIDR); empty: this host alone"},
	{"store", CONF_STRING, KEY(store), "\"memory\"", 0, 0, store_check,
	 false,
	 "memory, sqlite:PATH to keep registrations over a restart, or "
	 "redis://HOST[:PORT] to share them with other redirectd"},
	{"clients", CONF_STRINGS, KEY(clients), "[]", 0, 0, check_client, true,
	 "client ids answered 480 instead of 404 before they ever register"},
	{"routes", CONF_STRINGS, KEY(routes), "[]", 0, 0, routes_check, true,
	 "\"PATTERN TARGET...\" for ids that are nobody's, as \"0* "
	 "sip:+49*@gw.example.net\"; the first that matches"},
	{"known.max", CONF_INT, KEY(known_max), "1000000", 1, 10000000, NULL,
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
	 0, pool_cluster_check, true,
	 "pools of relays kept here; relay@NAME is no client id"},
	{"pool.trusted", CONF_STRINGS, KEY(pool_trusted), "[]", 0, 0,
	 conf_check_cidr, true,
	 "networks of the relays (CIDR), which may join and nothing else; "
	 "empty: those of trusted"},
	{"auth.realm", CONF_STRING, KEY(auth_realm), "\"\"", 0, 0, check_realm,
	 true,
	 "realm that passwords are for; empty: the domain of the client id"},
	{"auth.required", CONF_STRING, KEY(auth_required), "\"auto\"", 0, 0,
	 check_required, true,
	 "who has to authenticate: auto (all, once there are users), always "
	 "or never"},
	{"auth.algorithms", CONF_STRINGS, KEY(auth_algorithms), "[\"MD5\"]", 0,
	 0, check_algorithm, true,
	 "offered to phones, best first: MD5, SHA-256, SHA-512-256"},
	{"auth.secret", CONF_STRING, KEY(auth_secret), "\"\"", 0, 0,
	 conf_check_secret, false,
	 "authenticates challenges; empty: each redirectd knows its own alone"},
	{"auth.nonce", CONF_INT, KEY(auth_nonce), "300", 10, 86400, NULL, true,
	 "seconds for which a challenge can be answered"},
	{"auth.failures", CONF_INT, KEY(auth_failures), "10", 0, 1000000, NULL,
	 true,
	 "wrong passwords a minute from one IP (IPv6: /64) and for one client; "
	 "0: any number"},
	{"auth.domains", CONF_STRINGS, KEY(auth_domains), "[]", 0, 0,
	 check_domain, true,
	 "domains whose callers have to authenticate, others may call in; "
	 "empty: all"},
	{"trace.calls", CONF_INT, KEY(trace_calls), "200", 0, 100000, NULL,
	 false, "how many recent calls keep their messages for /api/trace"},
	{"http", CONF_STRING, KEY(http), "\"127.0.0.1:8092\"", 0, 0,
	 conf_check_addr, false, "admin HTTP: /metrics /healthz /readyz /api/"},
	{"log", CONF_STRING, KEY(log), "\"info\"", 0, 0, conf_check_log, true,
	 "debug, info, warn or error"},
};
const size_t redirectd_nkeys =
	sizeof(redirectd_keys) / sizeof(redirectd_keys[0]);

static int check_expires(const struct redirectd_conf *c, char err[CONF_ERRLEN])
{
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

/* Each once, and not none. */
static int check_algorithms(const struct redirectd_conf *c,
			    char err[CONF_ERRLEN])
{
	const struct conf_strings *list = &c->auth_algorithms;
	enum digest_algorithm a;
	unsigned seen = 0;

	for (size_t i = 0; i < list->n; i++) {
		(void)digest_find(&a, list->v[i]);
		if (seen & 1u << a) {
			(void)snprintf(err, CONF_ERRLEN,
				       "auth.algorithms: expected each once, "
				       "found %s twice",
				       list->v[i]);
			return -EINVAL;
		}
		seen |= 1u << a;
	}
	if (seen)
		return 0;
	(void)snprintf(err, CONF_ERRLEN,
		       "auth.algorithms: expected one of MD5, SHA-256, "
		       "SHA-512-256 at least, found none");
	return -EINVAL;
}

static int check_routes(const struct redirectd_conf *c, char err[CONF_ERRLEN])
{
	if (c->routes.n <= ROUTES_MAX)
		return 0;
	(void)snprintf(err, CONF_ERRLEN,
		       "routes: expected at most %d, found %zu", ROUTES_MAX,
		       c->routes.n);
	return -EINVAL;
}

int redirectd_conf_check(const void *conf, char err[CONF_ERRLEN])
{
	int bad = check_expires(conf, err);

	if (!bad)
		bad = check_routes(conf, err);
	return bad ? bad : check_algorithms(conf, err);
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
		err = redirect_client_id_text(id, c->clients.v[i]);
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

void redirectd_conf_auth(struct auth_config *cfg,
			 const struct redirectd_conf *c)
{
	const struct conf_strings *list = &c->auth_algorithms;

	*cfg = (struct auth_config){
		.realm = c->auth_realm,
		.secret = c->auth_secret,
		.nonce_ms = (uint64_t)c->auth_nonce * 1000,
		.failures = (uint32_t)c->auth_failures,
		.domains = (const char *const *)c->auth_domains.v,
		.ndomains = c->auth_domains.n,
	};
	(void)auth_mode_find(&cfg->mode, c->auth_required);
	for (size_t i = 0; i < list->n && i < DIGEST_ALGORITHMS; i++)
		(void)digest_find(&cfg->algorithms[cfg->nalgorithms++],
				  list->v[i]);
}
