#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/udp.h"
#include "relayd/advice.h"
#include "relayd/conf.h"
#include "relayd/fastpath.h"
#include "relayd/port.h"
#include "relayd/relay.h"

static void on_datagram(struct udp *u, const struct addr *src, char *data,
			size_t len, void *arg)
{
	struct listener *l = arg;

	(void)u;
	if (joining_datagram(l->relay->joining, src, data, len,
			     uv_now(daemon_loop(l->relay->daemon))))
		return;
	if (!crew_datagram(l->relay->crew, &l->door, src, data, len))
		l->relay->api.own.overrun++;
}

/* The one of the relayd before, or a new one. */
static int listen_udp(struct listener *l, struct relay *r)
{
	int fd = fdbag_take(&r->succession.left.doors, SOCK_DGRAM,
			    &l->door.self, NULL);

	if (fd >= 0)
		return udp_adopt(&l->udp, daemon_loop(r->daemon), fd,
				 on_datagram, l);
	return udp_listen(&l->udp, daemon_loop(r->daemon), &l->door.self,
			  on_datagram, l);
}

int start_listeners(struct relay *r, char err[CONF_ERRLEN])
{
	const struct conf_strings *listen = &r->conf->listen;

	if (listen->n > LISTEN_MAX)
		return start_fail(err, -E2BIG, "listen",
				  "16 addresses at most");
	for (size_t i = 0; i < listen->n; i++) {
		struct listener *l = &r->listeners[i];
		int ret = conf_listen_addr(&l->door.self, listen->v[i]);

		if (ret)
			return start_fail(
				err, ret, listen->v[i],
				"give an address in listen instead of auto");
		l->relay = r;
		ret = listen_udp(l, r);
		if (ret)
			return start_fail(err, ret, listen->v[i],
					  "choose another address in listen");
		l->door = (struct engine_door){udp_fd(l->udp),
					       *udp_local(l->udp)};
		r->control[i] = &l->door;
		r->nlisteners++;
	}
	return 0;
}

static void add_own(struct relay *r, const struct addr *ip, uint16_t port)
{
	r->own[r->nown] = *ip;
	addr_set_port(&r->own[r->nown++], port);
}

/* A wildcard control socket is known by the media addresses. */
static void name_listener(struct relay *r, struct listener *l)
{
	uint16_t port = addr_port(&l->door.self);
	int family = addr_family(&l->door.self);
	const struct iface *first = iface_first(&r->ifaces, family);

	if (addr_class(&l->door.self) != ADDR_ANY) {
		add_own(r, &l->door.self, port);
		return;
	}
	l->door.self = first ? first->advertise : r->ifaces.v[0].advertise;
	addr_set_port(&l->door.self, port);
	for (size_t i = 0; i < r->ifaces.n; i++) {
		add_own(r, &r->ifaces.v[i].bind, port);
		add_own(r, &r->ifaces.v[i].advertise, port);
	}
}

int start_media(struct relay *r, char err[CONF_ERRLEN])
{
	const struct relayd_conf *c = r->conf;
	int ret = relayd_conf_media(&r->ifaces, c, &r->listeners[0].door.self);

	if (ret)
		return start_fail(
			err, ret, "media.address",
			"give this host's address, and media.advertise if "
			"phones see another");
	for (size_t i = 0; i < r->nlisteners; i++)
		name_listener(r, &r->listeners[i]);
	r->env.ifaces = &r->ifaces;
	r->env.own = r->own;
	r->env.nown = r->nown + relayd_conf_redirects(r->own + r->nown, c);
	r->env.trusted = r->trusted;
	r->env.dscp = (int)c->media_dscp;
	ret = ports_alloc(&r->ports, (uint16_t)c->media_ports.lo,
			  (uint16_t)c->media_ports.hi,
			  (uint32_t)c->media_quarantine * 1000);
	return ret ? start_fail(err, ret, "media.ports", "") : 0;
}

/* Too few descriptors show up as refused calls at the busiest hour: say so at
 * once. What is left over may be used for connected sockets. */
int start_descriptors(struct relay *r, char err[CONF_ERRLEN])
{
	size_t need = relayd_files(ports_total(r->ports), r->ifaces.n);
	struct rlimit limit;

	(void)err;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	if (limit.rlim_cur < need)
		log_warn("fewer file descriptors than media.ports needs",
			 LOG_I("limit", limit.rlim_cur), LOG_I("needed", need));
	else
		r->env.connect_below = (int)(limit.rlim_cur - need < INT_MAX
						     ? limit.rlim_cur - need
						     : INT_MAX);
	return 0;
}

/* Without it relayd works as well, so that only "on" insists. */
int start_fastpath(struct relay *r, char err[CONF_ERRLEN])
{
	struct fastpath_config cfg = {
		.naddresses = r->ifaces.n,
		.ports_lo = (uint16_t)r->conf->media_ports.lo,
		.ports_hi = (uint16_t)r->conf->media_ports.hi,
		.dscp = r->env.dscp,
		.dead_ms = (uint32_t)r->conf->fastpath_dead * 1000,
		.pin = r->conf->fastpath_pin,
	};
	enum relayd_fastpath mode = FASTPATH_OFF;
	char why[FASTPATH_WHY];
	int ret;

	relayd_fastpath_parse(&mode, r->conf->fastpath);
	if (mode == FASTPATH_OFF)
		return 0;
	for (size_t i = 0; i < r->ifaces.n; i++)
		cfg.addresses[i] = r->ifaces.v[i].bind;
	ret = fastpath_open(&r->fastpath, &cfg, why);
	if (!ret)
		return 0;
	if (mode == FASTPATH_ON) {
		snprintf(err, CONF_ERRLEN, "fastpath: %s", why);
		return ret;
	}
	log_info("fast path unavailable, relayd forwards by itself",
		 LOG_S("reason", why));
	return 0;
}
