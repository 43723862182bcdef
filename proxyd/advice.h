#ifndef PROXYD_ADVICE_H
#define PROXYD_ADVICE_H

#include "common/advice.h"

struct proxyd_conf;

/* What of this host would hurt proxyd with this configuration
 * (daemon_class.advise), as the host is now. */
void proxyd_advise(struct findings *f, const void *conf);

/* The same of a host that is passed in. */
void proxyd_advise_on(struct findings *f, const struct proxyd_conf *conf,
		      const struct advice_host *host);

#endif
