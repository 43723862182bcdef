#ifndef PROXYD_CONF_H
#define PROXYD_CONF_H

#include "common/conf.h"

/* The configuration of proxyd; the keys, defaults and meanings are the table
 * in conf.c. */
struct proxyd_conf {
	struct conf_strings listen;
	char *advertise;
	char *tls_certificate;
	char *tls_key;
	char *tls_ca;
	struct conf_strings origins; /* with a NULL behind the last */
	int64_t conns_max;
	int64_t conns_per_source;
	int64_t conns_idle; /* seconds */
	struct conf_strings domains;
	bool allow_foreign;
	struct conf_strings resolver;
	struct conf_strings redirect;
	struct conf_strings relays;
	char *cluster;
	int64_t relay_resequence; /* ms; -1: as the relay is configured */
	char *relay_learn;        /* "": the same */
	struct conf_strings trusted;
	struct conf_strings lan;
	struct conf_strings gateways;
	int64_t limits_requests;
	int64_t limits_burst;
	int64_t limits_failures;
	int64_t limits_ban;
	int64_t limits_memory;
	bool dialogs_verify;
	char *secret;
	char *http;
	char *log;
	int64_t forking_ring; /* seconds */
	int64_t keepalive;    /* seconds */
	char *pinhole_method;
	int64_t pinhole_missed;
	int64_t pinhole_wait; /* seconds */
	int64_t sessions_max;
	int64_t session_expires; /* s; 0: none asked for */
	int64_t session_min;
	int64_t session_probe;
	int64_t drain;
	int64_t trace_calls;
	int64_t refusals;
};

extern const struct conf_key proxyd_keys[];
extern const size_t proxyd_nkeys;

/* Where an entry of `redirect` or `relays` names no port. */
enum { PROXYD_REDIRECT_PORT = 5062, PROXYD_RELAY_PORT = 5064 };

/* Whether an entry of `relays` means those that have joined the cluster. */
bool proxyd_conf_is_auto(const char *relay);

/* The name servers of `resolver` as resolve.h takes them,
 * "203.0.113.53:53,[2001:db8::53]:53"; "": none. 0, -EINVAL, -EMSGSIZE. */
enum { PROXYD_SERVERS_LEN = 1024 };
int proxyd_conf_servers(char out[PROXYD_SERVERS_LEN],
			const struct proxyd_conf *conf);

/* What one key alone cannot tell; 0 or -EINVAL with a line in err. */
int proxyd_conf_check(const void *conf, char err[CONF_ERRLEN]);

#endif
