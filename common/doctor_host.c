#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/ask.h"
#include "common/conf.h"
#include "common/doctor_sockets.h"

#include "common/doctor_host.h"

void doctor_host_begin(struct doctor_host *h, struct findings *f,
		       const char *daemon, const char *http)
{
	char why[CONF_ERRLEN];
	int err = ask_ready(http, why);

	*h = (struct doctor_host){
		.f = f,
		.daemon = daemon,
		.http = http,
		.running = !err || err == -EAGAIN,
		.draining = err == -EAGAIN && strstr(why, "draining"),
	};
	if (!err)
		findings_add(f, FINDING_OK, "daemon", NULL,
			     "%s runs here, and is ready", daemon);
	else if (h->draining)
		findings_add(f, FINDING_WARN, "daemon",
			     "let it end, or take new calls again",
			     "%s runs here, and drains: it takes no new calls",
			     daemon);
	else if (err == -EAGAIN)
		findings_add(f, FINDING_FAIL, "daemon", "look into its log",
			     "%s runs here, but serves nobody: %s", daemon,
			     why);
	else
		findings_add(f, FINDING_WARN, "daemon",
			     "start it, or give the configuration that it "
			     "runs with",
			     "%s does not run here (http: %s): what it alone "
			     "knows was not looked at",
			     daemon, http);
}

bool doctor_host_has(const struct addr *a)
{
	struct ifaddrs *list = NULL;
	struct addr one;
	bool has = false;

	if (getifaddrs(&list))
		return false;
	for (const struct ifaddrs *i = list; i && !has; i = i->ifa_next)
		has = i->ifa_addr && !addr_from_sa(&one, i->ifa_addr) &&
		      addr_ip_eq(&one, a);
	freeifaddrs(list);
	return has;
}

/* Whether one could listen there now: 0 or -errno. */
static int try_bind(const struct channel *at)
{
	static const int on = 1;
	bool stream = transport_is_stream(at->transport);
	int fd = socket(addr_family(&at->addr),
			(stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	/* As the daemon does: what lingers of closed connections is nobody, and
	 * who has the port for IPv4 is not in the way of IPv6. */
	if (addr_family(&at->addr) == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
				 sizeof(on));
	if (stream)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &at->addr.u.sa, addr_len(&at->addr)) ||
	    (stream && listen(fd, 1)))
		err = -errno;
	close(fd);
	return err;
}

/* Whether the two cannot be bound to one port: our sockets of IPv6 leave IPv4
 * alone. */
static bool are_rivals(const struct addr *a, const struct addr *b)
{
	return addr_family(a) == addr_family(b) &&
	       (addr_ip_eq(a, b) || addr_class(a) == ADDR_ANY ||
		addr_class(b) == ADDR_ANY);
}

/* Who has it, of those at the very port. */
static bool find_owner(struct doctor_bound *out, const struct channel *at)
{
	uint16_t port = addr_port(&at->addr);
	struct doctor_bound *list = NULL;
	int n = doctor_sockets(&list, !transport_is_stream(at->transport), port,
			       port);
	bool found = false;

	for (int i = 0; i < n && !found; i++) {
		found = list[i].pid && are_rivals(&list[i].at, &at->addr);
		if (found)
			*out = list[i];
	}
	free(list);
	return found;
}

static void judge_taken(const struct doctor_host *h, const struct channel *at,
			const char *where)
{
	static const char advice[] =
		"stop the other one, or choose another port in listen";
	struct doctor_bound b;
	bool known = find_owner(&b, at);

	if (known ? !strcmp(b.owner, h->daemon) : h->running)
		findings_add(h->f, FINDING_OK, "listen", NULL,
			     "%s is served by %s", where, h->daemon);
	else if (known)
		findings_add(h->f, FINDING_FAIL, "listen", advice,
			     "%s is taken by %s (process %d)", where, b.owner,
			     b.pid);
	else
		findings_add(h->f, FINDING_FAIL, "listen", advice,
			     "%s is taken by another program", where);
}

void doctor_host_listen(const struct doctor_host *h, const struct channel *at)
{
	char where[CHANNEL_STRLEN];
	int err = try_bind(at);

	(void)channel_str(where, at);
	switch (err) {
	case 0:
		if (h->running)
			findings_add(h->f, FINDING_FAIL, "listen",
				     "restart it: listen is read at the start",
				     "%s runs, but does not listen at %s",
				     h->daemon, where);
		else
			findings_add(h->f, FINDING_OK, "listen", NULL,
				     "%s is free", where);
		break;
	case -EADDRINUSE:
		judge_taken(h, at, where);
		break;
	case -EADDRNOTAVAIL:
		findings_add(h->f, FINDING_FAIL, "listen",
			     "name an address of this host (ip addr), and the "
			     "one that others see in advertise",
			     "%s is no address of this host", where);
		break;
	case -EACCES: /* a low port; the daemon may have what we have not */
		break;
	default:
		findings_add(h->f, FINDING_FAIL, "listen",
			     "choose another one in listen",
			     "%s cannot be listened at: %s", where,
			     strerror(-err));
		break;
	}
}

void doctor_host_clock(const struct doctor_host *h)
{
	struct timex t = {.modes = 0};

	if (adjtimex(&t) >= 0 && t.status & STA_UNSYNC)
		findings_add(h->f, FINDING_WARN, "clock",
			     "run an NTP client (chrony, systemd-timesyncd)",
			     "nothing keeps the clock of this host in time");
}

void doctor_host_http(const struct doctor_host *h)
{
	struct addr a;

	if (addr_parse(&a, h->http, 0) || addr_class(&a) == ADDR_LOOPBACK)
		return;
	findings_add(h->f, FINDING_WARN, "http",
		     "bind it to 127.0.0.1, or let the firewall pass monitors "
		     "alone",
		     "http: %s can be asked from other hosts, and tells who "
		     "calls whom",
		     h->http);
}

static int end(struct findings *f, bool json, char err[CONF_ERRLEN])
{
	size_t failed = findings_count(f, FINDING_FAIL);
	int ret = findings_print(f, FINDING_OK, json);

	if (ret) {
		(void)snprintf(err, CONF_ERRLEN, "doctor: %s", strerror(-ret));
		return ret;
	}
	if (!failed)
		return 0;
	(void)fflush(stdout); /* before the line on stderr */
	(void)snprintf(err, CONF_ERRLEN,
		       "doctor: %zu thing%s would break calls", failed,
		       failed == 1 ? "" : "s");
	return -EINVAL;
}

int doctor_host_command(doctor_examine_h *examine, const void *conf, bool json,
			char err[CONF_ERRLEN])
{
	struct findings *f;
	int ret = findings_alloc(&f);

	if (!ret)
		ret = examine(f, conf);
	if (ret)
		(void)snprintf(err, CONF_ERRLEN, "doctor: listen: %s",
			       strerror(-ret));
	else
		ret = end(f, json, err);
	findings_free(f);
	return ret;
}
