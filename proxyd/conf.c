#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/channel.h"
#include "common/strbuf.h"
#include "proto/pool.h"
#include "proto/relay_options.h"
#include "proxyd/proxy.h"

#include "proxyd/conf.h"

#define WORD_TEXT(word) " " word

enum { DNS_PORT = 53 };

static int check_optional_ip(const char *value, char *why, size_t len)
{
	return *value ? conf_check_ip(value, why, len) : 0;
}

static int check_learn(const char *value, char *why, size_t len)
{
	if (!*value || relay_options_learn_ok(value))
		return 0;
	(void)snprintf(why, len, "one of" RELAY_LEARN_WORDS(WORD_TEXT));
	return -EINVAL;
}

static int check_relay(const char *value, char *why, size_t len)
{
	if (proxyd_conf_is_auto(value) || !conf_check_addr(value, why, len))
		return 0;
	(void)snprintf(why, len, "an address like 203.0.113.4:5060, or auto");
	return -EINVAL;
}

static int check_method(const char *value, char *why, size_t len)
{
	if (!strcmp(value, "crlf") || !strcmp(value, "options"))
		return 0;
	(void)snprintf(why, len, "crlf or options");
	return -EINVAL;
}

/* As a browser says it: scheme and host, perhaps a port (RFC 6454 6.2). */
static int check_origin(const char *value, char *why, size_t len)
{
	const char *host = strstr(value, "://");

	if (host && host > value && host[3] && !strpbrk(host + 3, "/ "))
		return 0;
	(void)snprintf(why, len, "an origin like https://phone.example.com");
	return -EINVAL;
}

#define KEY(field) offsetof(struct proxyd_conf, field)

const struct conf_key proxyd_keys[] = {
	{"listen", CONF_STRINGS, KEY(listen), "[\"udp:auto:5060\"]", 0, 0,
	 conf_check_listen_any, false,
	 "where phones and the other daemons reach this proxy"},
	{"advertise", CONF_STRING, KEY(advertise), "\"\"", 0, 0,
	 check_optional_ip, false,
	 "the address others see, where it is not the bound one (1:1 NAT)"},
	{"tls.certificate", CONF_STRING, KEY(tls_certificate), "\"\"", 0, 0,
	 NULL, true, "PEM file for tls: and wss:, read again on SIGHUP"},
	{"tls.key", CONF_STRING, KEY(tls_key), "\"\"", 0, 0, NULL, true,
	 "PEM file of its private key"},
	{"tls.ca", CONF_STRING, KEY(tls_ca), "\"\"", 0, 0, NULL, true,
	 "PEM file to verify other servers by; empty: the system's"},
	{"websocket.origins", CONF_STRINGS, KEY(origins), "[]", 0, 0,
	 check_origin, false,
	 "whose pages may connect to ws: and wss:; empty: anybody's"},
	{"connections.max", CONF_INT, KEY(conns_max), "100000", 16, 1000000,
	 NULL, false, "of TCP, TLS and WebSocket, at one time"},
	{"connections.per_source", CONF_INT, KEY(conns_per_source), "1000", 1,
	 1000000, NULL, false,
	 "those accepted from one IPv4 address or IPv6 /64; the phones behind "
	 "one NAT share it"},
	{"connections.idle", CONF_INT, KEY(conns_idle), "3600", 10, 86400, NULL,
	 false, "seconds until a connection that is silent is closed"},
	{"domains", CONF_STRINGS, KEY(domains), "[]", 0, 0, NULL, true,
	 "domains served; empty: whatever the phones call themselves"},
	{"allow_foreign", CONF_BOOL, KEY(allow_foreign), "false", 0, 0, NULL,
	 true, "registered phones may call domains that are not served here"},
	{"resolver", CONF_STRINGS, KEY(resolver), "[]", 0, 0, conf_check_addr,
	 true, "name servers; empty: those of /etc/resolv.conf"},
	{"redirect", CONF_STRINGS, KEY(redirect), "[\"127.0.0.1:5062\"]", 0, 0,
	 conf_check_addr, false, "the redirectd, tried in this order"},
	{"relays", CONF_STRINGS, KEY(relays), "[\"127.0.0.1:5064\"]", 0, 0,
	 check_relay, false,
	 "the relayd; a call stays with one, chosen by its Call-ID; "
	 "\"auto\": those that join the cluster"},
	{"cluster", CONF_STRING, KEY(cluster), "\"pinhole\"", 0, 0,
	 pool_cluster_check, false,
	 "the pool of relays to learn from redirectd"},
	{"relay.resequence", CONF_INT, KEY(relay_resequence), "-1", -1,
	 RELAY_RESEQUENCE_MAX_MS, NULL, true,
	 "ms that RTP may wait to be put in order; -1: as the relay has it"},
	{"relay.learn", CONF_STRING, KEY(relay_learn), "\"\"", 0, 0,
	 check_learn, true,
	 "what media the relay believes, strict, signalled or open; empty: the "
	 "same"},
	{"trusted", CONF_STRINGS, KEY(trusted), "[]", 0, 0, conf_check_cidr,
	 true, "networks of the other proxies (CIDR)"},
	{"lan", CONF_STRINGS, KEY(lan), "[]", 0, 0, conf_check_cidr, true,
	 "private networks (CIDR) with phones, where `advertise` is public"},
	{"gateways", CONF_STRINGS, KEY(gateways), "[]", 0, 0, conf_check_cidr,
	 true,
	 "networks (CIDR) of carriers: without limits or credentials, their "
	 "P-Asserted-Identity is passed on"},
	{"limits.requests", CONF_INT, KEY(limits_requests), "200", 0, 1000000,
	 NULL, true,
	 "requests a second from one IP (IPv6: /64); 0: any number"},
	{"limits.burst", CONF_INT, KEY(limits_burst), "2000", 4, 10000000, NULL,
	 true, "how many of them at once, after a quiet time"},
	{"limits.failures", CONF_INT, KEY(limits_failures), "30", 0, 1000000,
	 NULL, true,
	 "failed authentications a minute from one IP; 0: any number"},
	{"limits.ban", CONF_INT, KEY(limits_ban), "300", 1, 86400, NULL, true,
	 "seconds for which an IP with more of them is answered 403"},
	{"limits.memory", CONF_INT, KEY(limits_memory), "0", 0, 1000000, NULL,
	 true, "MB; near it new calls are answered 503; 0: no limit"},
	{"dialogs.verify", CONF_BOOL, KEY(dialogs_verify), "true", 0, 0, NULL,
	 true,
	 "a request within a call has to come from where its party is known "
	 "to be"},
	{"secret", CONF_STRING, KEY(secret), "\"\"", 0, 0, conf_check_secret,
	 false,
	 "authenticates the Record-Route; empty: calls end with the process"},
	{"http", CONF_STRING, KEY(http), "\"127.0.0.1:8091\"", 0, 0,
	 conf_check_addr, false, "admin HTTP: /metrics /healthz /readyz /api/"},
	{"log", CONF_STRING, KEY(log), "\"info\"", 0, 0, NULL, true,
	 "debug, info, warn or error"},
	{"keepalive", CONF_INT, KEY(keepalive), "20", 0, 3600, NULL, false,
	 "seconds between two keepalives to a phone behind a NAT; 0: none"},
	{"pinhole.method", CONF_STRING, KEY(pinhole_method), "\"crlf\"", 0, 0,
	 check_method, false,
	 "what is sent over UDP: crlf, or options, which phones answer"},
	{"pinhole.missed", CONF_INT, KEY(pinhole_missed), "3", 0, 100, NULL,
	 false,
	 "keepalives unanswered in a row after which a phone is marked; 0: "
	 "never"},
	{"pinhole.wait", CONF_INT, KEY(pinhole_wait), "10", 0, 60, NULL, true,
	 "seconds that a call waits for a marked phone to be heard; 0: none"},
	{"forking.ring", CONF_INT, KEY(forking_ring), "20", 0, 180, NULL, true,
	 "seconds the contacts of one q ring before those of the next; 0: "
	 "until "
	 "they answer"},
	{"sessions.max", CONF_INT, KEY(sessions_max), "100000", 1, 10000000,
	 NULL, false, "calls with a relay resource at one time"},
	{"session.expires", CONF_INT, KEY(session_expires), "0", 0, 86400, NULL,
	 true,
	 "session timer asked for where a caller that knows it does not, "
	 "in seconds; 0: none"},
	{"session.min", CONF_INT, KEY(session_min), "90", 1, 86400, NULL, true,
	 "the shortest session timer let through, others are answered 422"},
	{"session.probe", CONF_INT, KEY(session_probe), "0", 0, 86400, NULL,
	 true,
	 "seconds between the OPTIONS that ask both parties of a call "
	 "whether they are there; 0: none"},
	{"drain", CONF_INT, KEY(drain), "5", 0, 600, NULL, true,
	 "seconds that SIGTERM gives to what has begun, ringing calls too"},
	{"trace.calls", CONF_INT, KEY(trace_calls), "200", 0, 100000, NULL,
	 false, "how many recent calls keep their messages for /api/trace"},
	{"refusals", CONF_INT, KEY(refusals), "100", 0, 100000, NULL, true,
	 "malformed requests answered in a second; the others are dropped"},
};
const size_t proxyd_nkeys = sizeof(proxyd_keys) / sizeof(proxyd_keys[0]);

bool proxyd_conf_is_auto(const char *relay)
{
	return !strcmp(relay, "auto");
}

/* The other daemons speak UDP. */
static int check_listen(const struct conf_strings *ends, char err[CONF_ERRLEN])
{
	struct channel c;
	size_t udp = 0;

	for (size_t i = 0; i < ends->n; i++) {
		(void)conf_listen_channel(&c, ends->v[i]);
		udp += c.transport == TRANSPORT_UDP;
	}
	if (udp && ends->n <= PROXY_ENDS_MAX)
		return 0;
	(void)snprintf(err, CONF_ERRLEN,
		       "listen: expected 1 to %d addresses, one of them udp:, "
		       "found %zu",
		       PROXY_ENDS_MAX, ends->n);
	return -EINVAL;
}

static int check_tls(const struct proxyd_conf *c, char err[CONF_ERRLEN])
{
	struct channel end;

	for (size_t i = 0; i < c->listen.n; i++) {
		(void)conf_listen_channel(&end, c->listen.v[i]);
		if (end.transport != TRANSPORT_TLS &&
		    end.transport != TRANSPORT_WSS)
			continue;
		if (*c->tls_certificate && *c->tls_key)
			continue;
		(void)snprintf(err, CONF_ERRLEN,
			       "listen: %s needs tls.certificate and tls.key, "
			       "the PEM files",
			       c->listen.v[i]);
		return -EINVAL;
	}
	return 0;
}

/* Which domains are foreign is known only where ours are. */
static int check_foreign(const struct proxyd_conf *c, char err[CONF_ERRLEN])
{
	if (c->allow_foreign && !c->domains.n) {
		(void)snprintf(err, CONF_ERRLEN,
			       "allow_foreign: needs \"domains\", for without "
			       "them every domain is served here");
		return -EINVAL;
	}
	if (c->resolver.n > PROXY_PEERS_MAX) {
		(void)snprintf(err, CONF_ERRLEN,
			       "resolver: expected at most %d addresses, "
			       "found %zu",
			       PROXY_PEERS_MAX, c->resolver.n);
		return -EINVAL;
	}
	return 0;
}

int proxyd_conf_servers(char out[PROXYD_SERVERS_LEN],
			const struct proxyd_conf *conf)
{
	const struct conf_strings *list = &conf->resolver;
	char text[ADDR_STRLEN];
	struct strbuf sb;
	struct addr a;

	strbuf_init(&sb, out, PROXYD_SERVERS_LEN);
	for (size_t i = 0; i < list->n; i++) {
		if (addr_parse(&a, list->v[i], DNS_PORT))
			return -EINVAL;
		strbuf_printf(&sb, "%s%s", i ? "," : "", addr_str(text, &a));
	}
	return strbuf_err(&sb);
}

int proxyd_conf_check(const void *conf, char err[CONF_ERRLEN])
{
	const struct proxyd_conf *c = conf;

	if (check_listen(&c->listen, err) || check_tls(c, err) ||
	    check_foreign(c, err))
		return -EINVAL;
	if (!c->redirect.n || c->redirect.n > PROXY_PEERS_MAX || !c->relays.n ||
	    c->relays.n > PROXY_PEERS_MAX) {
		(void)snprintf(err, CONF_ERRLEN,
			       "redirect, relays: expected 1 to %d addresses "
			       "each, found %zu and %zu",
			       PROXY_PEERS_MAX, c->redirect.n, c->relays.n);
		return -EINVAL;
	}
	return 0;
}
