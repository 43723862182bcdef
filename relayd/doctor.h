#ifndef RELAYD_DOCTOR_H
#define RELAYD_DOCTOR_H

#include <jansson.h>

#include "common/doctor_ask.h"
#include "common/doctor_host.h"
#include "relayd/conf.h"

/* What `relayd doctor` goes by. */
struct doctor {
	const struct relayd_conf *conf;
	struct doctor_host host;
	struct findings *f;
	struct addr control; /* the first control socket, as bound */
	/* that one, which joins pools; the first of each family, for proxies */
	struct doctor_ends joins, ends;
	/* What the running relayd says of itself (/api/relay); NULL: nothing */
	json_t *relay;
};

/* doctor_media.c: addresses, ports and the fast path of media. */
void doctor_media(const struct doctor *d);

/* doctor_peers.c: the directory of the pool, and the proxies. */
void doctor_peers(const struct doctor *d);

#endif
