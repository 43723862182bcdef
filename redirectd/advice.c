#include "redirectd/advice.h"

#include "redirectd/conf.h"

void redirectd_advise_on(struct findings *f, const struct redirectd_conf *conf,
			 const struct advice_host *host)
{
	advice_buffers(f, host);
	advice_listen(f, host, conf->listen);
}

void redirectd_advise(struct findings *f, const void *conf)
{
	struct advice_host host;

	advice_read(&host);
	redirectd_advise_on(f, conf, &host);
}
