#ifndef RELAYD_ADVICE_H
#define RELAYD_ADVICE_H

#include "common/advice.h"

struct relayd_conf;

/* What of this host would hurt relayd with this configuration
 * (daemon_class.advise), as the host is now. */
void relayd_advise(struct findings *f, const void *conf);

/* The same of a host that is passed in. */
void relayd_advise_on(struct findings *f, const struct relayd_conf *conf,
		      const struct advice_host *host);

/* How many files are open when all pairs of media ports are in use, at so many
 * addresses. */
size_t relayd_files(size_t pairs, size_t addresses);

#endif
