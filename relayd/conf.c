#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "common/netset.h"
#include "proto/pool.h"
#include "proto/relay_options.h"
#include "relayd/conf.h"
#include "relayd/joining.h"
#include "relayd/learn_policy.h"

enum { WORKERS_MAX = 64, REDIRECT_PORT = 5062, BITS_PER_KBIT = 1000 };

static const char automatic[] = "auto";

static int check_ip_or_auto(const char *value, char *why, size_t len)
{
	if (!strcmp(value, automatic) || !conf_check_ip(value, why, len))
		return 0;
	snprintf(why, len, "an address like 203.0.113.4, or auto");
	return -EINVAL;
}

static int check_ip_or_empty(const char *value, char *why, size_t len)
{
	return *value ? conf_check_ip(value, why, len) : 0;
}

static int check_fastpath(const char *value, char *why, size_t len)
{
	enum relayd_fastpath mode;

	if (!relayd_fastpath_parse(&mode, value))
		return 0;
	snprintf(why, len, "auto, on or off");
	return -EINVAL;
}

static int check_learn(const char *value, char *why, size_t len)
{
	enum learn_policy policy;

	if (!learn_policy_parse(&policy, value))
		return 0;
	snprintf(why, len, "strict, signalled or open");
	return -EINVAL;
}

static int check_cidr_or_auto(const char *value, char *why, size_t len)
{
	if (!strcmp(value, automatic) || !conf_check_cidr(value, why, len))
		return 0;
	snprintf(why, len, "a network like 203.0.113.0/24, or auto");
	return -EINVAL;
}

#define AT(field) offsetof(struct relayd_conf, field)

const struct conf_key relayd_keys[] = {
	{.name = "listen",
	 .type = CONF_STRINGS,
	 .offset = AT(listen),
	 .def = "[\"udp:127.0.0.1:5064\"]",
	 .check = conf_check_listen,
	 .help = "UDP addresses at which proxies ask for relay ports"},
	{.name = "trusted",
	 .type = CONF_STRINGS,
	 .offset = AT(trusted),
	 .def = "[\"auto\"]",
	 .check = check_cidr_or_auto,
	 .reload = true,
	 .help = "networks of the proxies that may ask; auto: this host"},
	{.name = "media.address",
	 .type = CONF_STRINGS,
	 .offset = AT(media_address),
	 .def = "[\"auto\"]",
	 .check = check_ip_or_auto,
	 .help = "addresses at which media is received; auto: all of this "
		 "host"},
	{.name = "media.advertise",
	 .type = CONF_STRINGS,
	 .offset = AT(media_advertise),
	 .def = "[]",
	 .check = check_ip_or_empty,
	 .help = "what SDP names in place of each of them (1:1 NAT); empty: "
		 "the same"},
	{.name = "media.ports",
	 .type = CONF_RANGE,
	 .offset = AT(media_ports),
	 .def = "[30000, 39999]",
	 .min = 1024,
	 .max = 65535,
	 .help = "range of media ports, a pair for each media line"},
	{.name = "media.quarantine",
	 .type = CONF_INT,
	 .offset = AT(media_quarantine),
	 .def = "30",
	 .max = 3600,
	 .help = "seconds before a released port is used again"},
	{.name = "media.learn",
	 .type = CONF_STRING,
	 .offset = AT(media_learn),
	 .def = "\"signalled\"",
	 .check = check_learn,
	 .reload = true,
	 .help = "where media may come from: strict, signalled or open"},
	{.name = "media.dscp",
	 .type = CONF_INT,
	 .offset = AT(media_dscp),
	 .def = "46",
	 .max = 63,
	 .help = "DSCP of the media sent, 46 is Expedited Forwarding"},
	{.name = "media.resequence",
	 .type = CONF_INT,
	 .offset = AT(media_resequence),
	 .def = "0",
	 .max = RELAY_RESEQUENCE_MAX_MS,
	 .reload = true,
	 .help = "ms that RTP may wait to be put in order; 0: it does not"},
	{.name = "media.bandwidth",
	 .type = CONF_INT,
	 .offset = AT(media_bandwidth),
	 .def = "0",
	 .max = 1000000000,
	 .reload = true,
	 .help = "kbit/s of media; above: 503 to new sessions; 0: no limit"},
	{.name = "workers",
	 .type = CONF_INT,
	 .offset = AT(workers),
	 .def = "0",
	 .max = WORKERS_MAX,
	 .help = "threads that forward media; 0: one for each CPU"},
	{.name = "media.silence",
	 .type = CONF_INT,
	 .offset = AT(media_silence),
	 .def = "60",
	 .max = 86400,
	 .reload = true,
	 .help = "seconds of silence of both sides, neither on hold, after "
		 "which the proxy ends the call; 0: never"},
	{.name = "media.silence_side",
	 .type = CONF_INT,
	 .offset = AT(media_silence_side),
	 .def = "0",
	 .max = 86400,
	 .reload = true,
	 .help = "the same of either side; 0: never, as a phone that is muted "
		 "may send nothing"},
	{.name = "pool.redirect",
	 .type = CONF_STRINGS,
	 .offset = AT(pool_redirect),
	 .def = "[]",
	 .check = conf_check_addr,
	 .help = "the redirectd whose pool this relay joins; empty: none"},
	{.name = "pool.cluster",
	 .type = CONF_STRING,
	 .offset = AT(pool_cluster),
	 .def = "\"pinhole\"",
	 .check = pool_cluster_check,
	 .help = "name of that pool"},
	{.name = "pool.expires",
	 .type = CONF_INT,
	 .offset = AT(pool_expires),
	 .def = "30",
	 .min = 3,
	 .max = POOL_EXPIRES_MAX,
	 .help = "seconds after which a relay that is dead is out of it"},
	{.name = "fastpath",
	 .type = CONF_STRING,
	 .offset = AT(fastpath),
	 .def = "\"auto\"",
	 .check = check_fastpath,
	 .help = "forwarding in the kernel: auto (if permitted), on, off"},
	{.name = "fastpath_pin",
	 .type = CONF_STRING,
	 .offset = AT(fastpath_pin),
	 .def = "\"/sys/fs/bpf/pinhole\"",
	 .help = "folder on a bpffs where its flows survive relayd"},
	{.name = "fastpath_dead",
	 .type = CONF_INT,
	 .offset = AT(fastpath_dead),
	 .def = "30",
	 .min = 1,
	 .max = 3600,
	 .help = "seconds that it goes on after relayd died or got stuck"},
	{.name = "session.idle",
	 .type = CONF_INT,
	 .offset = AT(session_idle),
	 .def = "300",
	 .min = 1,
	 .max = 86400,
	 .reload = true,
	 .help = "seconds without packet or signalling that end a session"},
	{.name = "session.setup",
	 .type = CONF_INT,
	 .offset = AT(session_setup),
	 .def = "200",
	 .min = 1,
	 .max = 86400,
	 .reload = true,
	 .help = "the same before the call is answered; longer than ringing"},
	{.name = "session.max",
	 .type = CONF_INT,
	 .offset = AT(session_max),
	 .def = "5000",
	 .min = 1,
	 .max = 100000,
	 .reload = true,
	 .help = "sessions at a time; beyond: 503"},
	{.name = "session.rate",
	 .type = CONF_INT,
	 .offset = AT(session_rate),
	 .def = "0",
	 .max = 1000000,
	 .reload = true,
	 .help = "new sessions a second; beyond: 503; 0: no limit"},
	{.name = "drain",
	 .type = CONF_INT,
	 .offset = AT(drain),
	 .def = "5",
	 .max = 86400,
	 .help = "seconds that SIGTERM leaves to the sessions there are"},
	{.name = "takeover",
	 .type = CONF_STRING,
	 .offset = AT(takeover),
	 .def = "\"auto\"",
	 .help = "Unix socket at which a new relayd takes over (--takeover); "
		 "auto: in $RUNTIME_DIRECTORY if set; \"\": none"},
	{.name = "trace.calls",
	 .type = CONF_INT,
	 .offset = AT(trace_calls),
	 .def = "1000",
	 .min = 1,
	 .max = 100000,
	 .help = "how many recent calls keep their messages for /api/trace"},
	{.name = "http",
	 .type = CONF_STRING,
	 .offset = AT(http),
	 .def = "\"127.0.0.1:8093\"",
	 .check = conf_check_addr,
	 .help = "address of the admin HTTP server"},
	{.name = "log",
	 .type = CONF_STRING,
	 .offset = AT(log),
	 .def = "\"info\"",
	 .check = conf_check_log,
	 .reload = true,
	 .help = "lowest level logged: debug, info, warn, error"},
};

const size_t relayd_nkeys = sizeof(relayd_keys) / sizeof(relayd_keys[0]);

int relayd_fastpath_parse(enum relayd_fastpath *out, const char *value)
{
	static const char *const names[] = {
		[FASTPATH_OFF] = "off",
		[FASTPATH_AUTO] = "auto",
		[FASTPATH_ON] = "on",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]))
			continue;
		*out = (enum relayd_fastpath)i;
		return 0;
	}
	return -EINVAL;
}

size_t relayd_conf_workers(const struct relayd_conf *conf)
{
	cpu_set_t mine;
	int n = 1;

	if (conf->workers > 0)
		return (size_t)conf->workers;
	if (!sched_getaffinity(0, sizeof(mine), &mine))
		n = CPU_COUNT(&mine);
	return (size_t)(n < WORKERS_MAX ? n : WORKERS_MAX);
}

bool relayd_conf_takeover(char path[RELAYD_PATH_MAX],
			  const struct relayd_conf *conf)
{
	const char *dir = getenv("RUNTIME_DIRECTORY");

	if (strcmp(conf->takeover, automatic)) {
		snprintf(path, RELAYD_PATH_MAX, "%s", conf->takeover);
		return *path;
	}
	/* systemd may name several, with colons between them */
	if (!dir || !*dir)
		return false;
	snprintf(path, RELAYD_PATH_MAX, "%.*s/relayd.takeover",
		 (int)strcspn(dir, ":"), dir);
	return true;
}

int relayd_conf_check(const void *conf, char err[CONF_ERRLEN])
{
	const struct relayd_conf *c = conf;

	if (c->listen.n == 0) {
		snprintf(err, CONF_ERRLEN,
			 "listen: empty, give at least one address");
		return -EINVAL;
	}
	if (c->pool_redirect.n > JOINING_REDIRECTS_MAX) {
		snprintf(err, CONF_ERRLEN,
			 "pool.redirect: expected at most %d addresses, "
			 "found %zu",
			 JOINING_REDIRECTS_MAX, c->pool_redirect.n);
		return -EINVAL;
	}
	if (((c->media_ports.lo + 1) & ~1) + 1 > c->media_ports.hi) {
		snprintf(err, CONF_ERRLEN,
			 "media.ports: no even port with the odd one above it "
			 "in [%lld, %lld]",
			 (long long)c->media_ports.lo,
			 (long long)c->media_ports.hi);
		return -EINVAL;
	}
	return relayd_conf_check_media(c, err);
}

struct session_limits relayd_conf_limits(const struct relayd_conf *conf)
{
	enum learn_policy policy = LEARN_STRICT;

	(void)learn_policy_parse(&policy, conf->media_learn); /* was checked */
	return (struct session_limits){
		.idle_ms = (uint32_t)conf->session_idle * 1000,
		.setup_ms = (uint32_t)conf->session_setup * 1000,
		.resequence_ms = (uint32_t)conf->media_resequence,
		.policy = policy,
		.silence = {(uint32_t)conf->media_silence * 1000,
			    (uint32_t)conf->media_silence_side * 1000},
	};
}

struct quota_limits relayd_conf_quotas(const struct relayd_conf *conf)
{
	return (struct quota_limits){
		.sessions = (size_t)conf->session_max,
		.rate = (uint32_t)conf->session_rate,
		.bandwidth = (uint64_t)conf->media_bandwidth * BITS_PER_KBIT,
	};
}

size_t relayd_conf_redirects(struct addr out[JOINING_REDIRECTS_MAX],
			     const struct relayd_conf *conf)
{
	const struct conf_strings *list = &conf->pool_redirect;
	size_t n = 0;

	while (n < list->n && !addr_parse(&out[n], list->v[n], REDIRECT_PORT))
		n++;
	return n;
}

static int trust_own(struct netset *set)
{
	uv_interface_address_t *ifs;
	char text[ADDR_STRLEN];
	struct addr a;
	int n, err;

	err = netset_add(set, "127.0.0.0/8");
	if (!err)
		err = netset_add(set, "::1");
	if (err || uv_interface_addresses(&ifs, &n))
		return err;
	for (int i = 0; !err && i < n; i++) {
		if (!addr_from_sa(&a, (const struct sockaddr *)&ifs[i].address))
			err = netset_add(set, addr_ip_str(text, &a));
	}
	uv_free_interface_addresses(ifs, n);
	return err;
}

int relayd_conf_trusted(struct netset **setp, const struct relayd_conf *conf)
{
	struct netset *set = NULL;
	int err = netset_alloc(&set);

	for (size_t i = 0; !err && i < conf->trusted.n; i++) {
		const char *one = conf->trusted.v[i];

		err = strcmp(one, automatic) ? netset_add(set, one)
					     : trust_own(set);
	}
	if (err)
		netset_free(set);
	else
		*setp = set;
	return err;
}
