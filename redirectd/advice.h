#ifndef REDIRECTD_ADVICE_H
#define REDIRECTD_ADVICE_H

#include "common/advice.h"

struct redirectd_conf;

/* What of this host would hurt redirectd with this configuration
 * (daemon_class.advise), as the host is now. */
void redirectd_advise(struct findings *f, const void *conf);

/* The same of a host that is passed in. */
void redirectd_advise_on(struct findings *f, const struct redirectd_conf *conf,
			 const struct advice_host *host);

#endif
