#include "proxyd/advice.h"

#include "common/channel.h"
#include "proxyd/conf.h"

enum { FILES_OTHER = 256 /* what is open beside connections of phones */ };

static bool takes_connections(const struct proxyd_conf *conf)
{
	struct channel c;

	for (size_t i = 0; i < conf->listen.n; i++)
		if (!conf_listen_channel(&c, conf->listen.v[i]) &&
		    c.transport != TRANSPORT_UDP)
			return true;
	return false;
}

void proxyd_advise_on(struct findings *f, const struct proxyd_conf *conf,
		      const struct advice_host *host)
{
	advice_buffers(f, host);
	for (size_t i = 0; i < conf->listen.n; i++)
		advice_listen(f, host, conf->listen.v[i]);
	if (takes_connections(conf))
		advice_files(f, host, "connections.max",
			     (size_t)conf->conns_max + FILES_OTHER);
}

void proxyd_advise(struct findings *f, const void *conf)
{
	struct advice_host host;

	advice_read(&host);
	proxyd_advise_on(f, conf, &host);
}
