#include "relayd/advice.h"

#include "relayd/conf.h"
#include "relayd/iface.h"
#include "relayd/learn.h"

enum {
	FDS_PER_PAIR = 2, /* twice that for sides at two addresses */
	FDS_OTHER = 64,
};

size_t relayd_files(size_t pairs, size_t addresses)
{
	return pairs * FDS_PER_PAIR * (addresses > 1 ? LEARN_SIDES : 1) +
	       FDS_OTHER;
}

/* Where they cannot be found out the start says so. */
static size_t addresses(const struct relayd_conf *conf)
{
	struct ifaces list;
	struct addr control;

	return !conf_listen_addr(&control, conf->listen.v[0]) &&
			       !relayd_conf_media(&list, conf, &control)
		       ? list.n
		       : 1;
}

void relayd_advise_on(struct findings *f, const struct relayd_conf *conf,
		      const struct advice_host *host)
{
	const struct conf_range *ports = &conf->media_ports;

	advice_buffers(f, host);
	advice_backlog(f, host);
	for (size_t i = 0; i < conf->listen.n; i++)
		advice_listen(f, host, conf->listen.v[i]);
	advice_ports(f, host, "media.ports", (uint16_t)ports->lo,
		     (uint16_t)ports->hi);
	advice_files(f, host, "media.ports",
		     relayd_files((size_t)(ports->hi - ports->lo + 1) / 2,
				  addresses(conf)));
}

void relayd_advise(struct findings *f, const void *conf)
{
	struct advice_host host;

	advice_read(&host);
	relayd_advise_on(f, conf, &host);
}
