#ifndef RELAYD_CONF_H
#define RELAYD_CONF_H

#include "common/addr.h"
#include "common/conf.h"
#include "relayd/joining.h"
#include "relayd/quota.h"
#include "relayd/session.h"

struct ifaces;
struct netset;

/* relayd's configuration, as the table of keys fills it. */
struct relayd_conf {
	struct conf_strings listen;
	struct conf_strings trusted;
	struct conf_strings media_address;
	struct conf_strings media_advertise; /* parallel; may be shorter */
	struct conf_range media_ports;
	int64_t media_quarantine; /* seconds, as all times here */
	int64_t media_dscp;
	int64_t media_resequence; /* ms; 0: not */
	int64_t media_bandwidth;  /* kbit/s; 0: no limit */
	int64_t media_silence;
	int64_t media_silence_side;
	struct conf_strings pool_redirect;
	char *pool_cluster;
	int64_t pool_expires;
	int64_t workers; /* relayd_conf_workers */
	char *fastpath;  /* relayd_fastpath_parse */
	char *fastpath_pin;
	int64_t fastpath_dead; /* seconds */
	char *media_learn;     /* learn_policy_parse */
	int64_t session_idle;
	int64_t session_setup;
	int64_t session_max;
	int64_t session_rate; /* a second; 0: no limit */
	int64_t drain;
	int64_t trace_calls;
	char *takeover; /* relayd_conf_takeover */
	char *http;
	char *log;
};

extern const struct conf_key relayd_keys[];
extern const size_t relayd_nkeys;

/* Whether the kernel is to forward: never, where it may, or nothing else. */
enum relayd_fastpath { FASTPATH_OFF, FASTPATH_AUTO, FASTPATH_ON };

/* 0 or -EINVAL. */
int relayd_fastpath_parse(enum relayd_fastpath *out, const char *value);

/* How many worker threads: one for each CPU that may be used where `workers`
 * is 0. */
size_t relayd_conf_workers(const struct relayd_conf *conf);

/* The path of the takeover socket, by $RUNTIME_DIRECTORY where `takeover` is
 * "auto"; false: there is none. */
enum { RELAYD_PATH_MAX = 256 };
bool relayd_conf_takeover(char path[RELAYD_PATH_MAX],
			  const struct relayd_conf *conf);

/* Checks across keys (daemon_class.check). */
int relayd_conf_check(const void *conf, char err[CONF_ERRLEN]);

/* The limits as sessions and the quota have them. */
struct session_limits relayd_conf_limits(const struct relayd_conf *conf);
struct quota_limits relayd_conf_quotas(const struct relayd_conf *conf);

/* The addresses of pool.redirect; returns how many. */
size_t relayd_conf_redirects(struct addr out[JOINING_REDIRECTS_MAX],
			     const struct relayd_conf *conf);

/* The networks of `trusted`, "auto" being this host's own addresses. 0,
 * -EINVAL, -ENOMEM. Free with netset_free(). */
int relayd_conf_trusted(struct netset **setp, const struct relayd_conf *conf);

/* The part of it that is about media.address and media.advertise. */
int relayd_conf_check_media(const struct relayd_conf *conf,
			    char err[CONF_ERRLEN]);

/*
 * Where media is received and what the SDP names (conf_media.c). "auto" is the
 * address of the first control socket, or by the routing table where that is
 * not one address, and all others of this host. 0, or -EADDRNOTAVAIL: nothing
 * that could be named to a phone.
 */
int relayd_conf_media(struct ifaces *list, const struct relayd_conf *conf,
		      const struct addr *control);

#endif
