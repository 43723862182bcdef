#ifndef REDIRECTD_CONF_H
#define REDIRECTD_CONF_H

#include "common/conf.h"

struct auth_config;
struct netset;
struct registration_limits;
struct table;

/* The configuration of redirectd; the keys, defaults and meanings are the
 * table in conf.c. */
struct redirectd_conf {
	char *listen;
	struct conf_strings trusted;
	char *store;
	struct conf_strings clients;
	struct conf_strings routes;
	int64_t known_max;
	int64_t expires_default;
	int64_t expires_min;
	int64_t expires_max;
	int64_t contacts_max;
	struct conf_strings pool_clusters;
	struct conf_strings pool_trusted;
	char *auth_realm;
	char *auth_required;
	struct conf_strings auth_algorithms;
	char *auth_secret;
	int64_t auth_nonce;
	int64_t auth_failures;
	struct conf_strings auth_domains;
	int64_t trace_calls;
	char *http;
	char *log;
};

extern const struct conf_key redirectd_keys[];
extern const size_t redirectd_nkeys;

/* What one key alone cannot tell; 0 or -EINVAL with a line in err. */
int redirectd_conf_check(const void *conf, char err[CONF_ERRLEN]);

/*
 * What is made of the configuration. `trusted` without any network: loopback
 * and all addresses of this host. 0 or -ENOMEM, -errno; the caller frees with
 * netset_free() and table_free().
 */
int redirectd_conf_trusted(struct netset **setp,
			   const struct redirectd_conf *c);
/* The networks of the relays that may join; those of `trusted` where none are
 * configured. The same. */
int redirectd_conf_pool(struct netset **setp, const struct redirectd_conf *c);
int redirectd_conf_clients(struct table **tp, const struct redirectd_conf *c);
void redirectd_conf_limits(struct registration_limits *lim,
			   const struct redirectd_conf *c);
/* Its texts are those of `c`. */
void redirectd_conf_auth(struct auth_config *cfg,
			 const struct redirectd_conf *c);

#endif
